import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal
from given import given

from jaxgan import regularizers
from jaxgan.parallel.global_batch import sample_index
from jaxgan.regularizers import (
    LecamAverages,
    dragan,
    gradient_penalty,
    lecam,
    make_balanced_consistency,
    make_consistency,
    make_dragan,
    make_gradient_penalty,
    r1,
    r2,
)
from jaxgan.term_inputs import penalty
from jaxgan.types import DiscriminatorOutput

KEY = jax.random.key(0)
# The gradient penalties with one signature.
GRADIENT_PENALTIES = {
    "r1": lambda critic, x: r1(critic, x),
    "r2": lambda critic, x: r2(critic, x),
    "gradient_penalty": lambda critic, x: gradient_penalty(KEY, critic, x, x + 1.0),
    "one_sided": lambda critic, x: make_gradient_penalty(one_sided=True)(KEY, critic, x, x + 1.0),
    "dragan": lambda critic, x: dragan(KEY, critic, x),
}
every_penalty = pytest.mark.parametrize("name", GRADIENT_PENALTIES)


def quadratic(params, x):
    # D(x) = x'Ax/2 + b'x, whose gradient is Sx + b with S = (A + A')/2
    a, b = params
    return 0.5 * jnp.einsum("ni,ij,nj->n", x, a, x) + x @ b


def squares(x):
    return jnp.sum(x**2, axis=-1)


# ---- gradient penalties ----


def test_gradient_penalties_by_hand():
    # D(x) = |x|^2 has gradient 2x: (6, 8) at (3, 4), of norm 10, and 0 at 0.
    x = jnp.array([[3.0, 4.0], [0.0, 0.0]])
    assert r1(squares, x) == r2(squares, x) == 50.0  # (100 + 0)/2
    got = [
        gradient_penalty(KEY, squares, x, x),  # ((10 - 1)^2 + (0 - 1)^2)/2
        make_gradient_penalty(one_sided=True)(KEY, squares, x, x),  # (81 + 0)/2
        make_gradient_penalty(12.0)(KEY, squares, x, x),  # (4 + 144)/2
        make_gradient_penalty(12.0, one_sided=True)(KEY, squares, x, x),
        make_gradient_penalty(0.0)(KEY, squares, x, x),
        make_dragan(strength=0.0)(KEY, squares, x),
        make_dragan(strength=0.0, target=4.0)(KEY, squares, x),  # (36 + 16)/2
    ]
    np.testing.assert_allclose(got, [41.0, 40.5, 74.0, 0.0, 50.0, 41.0, 26.0], rtol=1e-5)


@pytest.mark.parametrize("function", [r1, r2])
def test_zero_centred_penalty_of_a_quadratic_critic_has_its_closed_form(function):
    a, b, x = normal(3, 3), normal(3, seed=1), normal(8, 3, seed=2)
    a, b, x = (np.asarray(v, np.float64) for v in (a, b, x))
    g = x @ (a + a.T) / 2 + b
    value, (to_a, to_b) = jax.value_and_grad(lambda p: function(lambda y: quadratic(p, y), x))(
        (jnp.float32(a), jnp.float32(b))
    )
    # mean |g|^2; with respect to b: mean 2g; to A: mean (g x' + x g')
    np.testing.assert_allclose(value, np.mean(np.sum(g**2, axis=1)), rtol=1e-5)
    np.testing.assert_allclose(to_b, 2 * g.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(to_a, (g.T @ x + x.T @ g) / len(x), rtol=1e-4)


@pytest.mark.parametrize("one_sided", [False, True])
def test_gradient_penalty_of_a_quadratic_critic_has_its_closed_form(one_sided):
    a, b, x = (np.asarray(normal(*s, seed=4)) for s in [(3, 3), (3,), (8, 3)])
    g = x @ (a + a.T) / 2 + b
    norm = np.linalg.norm(g, axis=1)
    excess = norm - 2.0
    assert (excess < 0).any()
    assert (excess > 0).any()
    if one_sided:
        excess = np.maximum(excess, 0)

    def value(b):
        critic = functools.partial(quadratic, (a, b))
        return make_gradient_penalty(2.0, one_sided)(KEY, critic, x, x)

    got, to_b = jax.value_and_grad(value)(b)
    # mean (|g| - 2)^2; with respect to b: mean 2 (|g| - 2) g/|g|
    np.testing.assert_allclose(got, np.mean(excess**2), rtol=1e-4)
    expected = np.mean(2 * (excess / norm)[:, None] * g, axis=0)
    np.testing.assert_allclose(to_b, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.one_quick_case
@every_penalty
def test_second_derivatives_are_those_of_finite_differences(name):
    x = normal(4, 3)

    def value(w):
        w = w.reshape(3, 6)
        return GRADIENT_PENALTIES[name](lambda y: jnp.sum(jnp.tanh(y @ w) ** 2, axis=1), x)

    @jax.jit
    def derivatives(w, step):
        slope = jax.grad(value)
        exact = jax.jvp(slope, (w,), (step,))
        after, before = w + step, w - step
        return (exact[0] @ step, exact[1]), [(f(after) - f(before)) / 2 for f in (value, slope)]

    for got, expected in zip(*derivatives(normal(18), 5e-3 * normal(18, seed=1)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-2, atol=1e-4)


@pytest.mark.one_quick_case
@every_penalty
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_penalty_of_a_constant_critic_is_finite_with_its_gradient(name, dtype):
    x = normal(4, 2, 3).astype(dtype)

    @jax.jit
    def derivatives(w):
        def value(w):
            return GRADIENT_PENALTIES[name](lambda y: jnp.einsum("nij,ij->n", y, w) + 7, x)

        return value(w), jax.grad(value)(w), jax.hessian(value)(w)

    value, *rest = derivatives(jnp.zeros((2, 3), dtype))
    assert value.dtype == jnp.float32
    assert value == (name in ("gradient_penalty", "dragan"))  # (0 - 1)^2
    assert all(np.isfinite(np.asarray(leaf, np.float32)).all() for leaf in rest)


@pytest.mark.one_quick_case
@every_penalty
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_penalty_is_finite_with_its_gradient_at_extreme_logits(name, dtype):
    # Logits near the largest number, of either sign, from a steep slope and a huge offset.
    x = jnp.array([[-1.0, 1.0], [1.0, 1.0], [0.0, -1.0]], dtype)

    @jax.jit
    def value(w):
        offset = jnp.asarray(3e38, dtype) * jnp.sign(w[0])
        return GRADIENT_PENALTIES[name](lambda y: y.astype(dtype) @ w + offset, x)

    for sign in (-1, 1):
        got = jax.value_and_grad(value)(jnp.array([sign * 1e17, 1e17], dtype))
        assert all(np.isfinite(np.asarray(leaf, np.float32)).all() for leaf in got)


@every_penalty
def test_critic_of_a_wrong_shape_is_named(name):
    with pytest.raises(
        ValueError,
        match=r"critic must return floating logits of shape \(4,\), got float32 of shape \(4, 1\)",
    ):
        GRADIENT_PENALTIES[name](lambda x: x[:, :1], normal(4, 3))


def test_real_and_fake_of_different_shapes_are_named():
    with pytest.raises(ValueError, match="real and fake"):
        gradient_penalty(KEY, squares, normal(4, 3), normal(1, 3))


# ---- what is drawn ----

SAMPLES = 4000


def drawn(sample):
    """Penalties [SAMPLES, 4] of critics (x'_p - offset_p)^2 / 2 on single samples of 2 x 2 pixels.

    With target 0 such a penalty is (x'_p - offset_p)^2: it shows what the critic is given.
    """

    def one(index, pixel):
        def critic(x, offset=0.0):
            return 0.5 * (x - offset).reshape(1, 4)[:, pixel] ** 2

        return sample(critic, index[None])

    both = jax.vmap(jax.vmap(one, (None, 0)), (0, None))
    return np.sqrt(np.asarray(jax.jit(both)(jnp.arange(SAMPLES), jnp.arange(4)), np.float64))


def test_gradient_penalty_mixes_with_one_uniform_weight_a_sample():
    real, fake = jnp.ones((1, 2, 2)), jnp.zeros((1, 2, 2))  # x' = u
    at_zero = make_gradient_penalty(target=0.0)
    u = drawn(lambda c, i: at_zero(KEY, c, real, fake, i))
    np.testing.assert_allclose(u, np.tile(u[:, :1], 4), rtol=1e-6)  # the same for each pixel
    # Kolmogorov-Smirnov distance from U(0, 1), at the level .01
    empirical = np.arange(1, SAMPLES + 1) / SAMPLES
    assert np.max(np.abs(np.sort(u[:, 0]) - empirical)) < 1.63 / np.sqrt(SAMPLES)
    exchanged = drawn(lambda c, i: at_zero(KEY, c, fake, real, i))
    np.testing.assert_allclose(exchanged, 1 - u, rtol=1e-5, atol=1e-6)


def test_dragan_perturbs_by_one_amplitude_a_sample_and_noise_a_pixel():
    # Pixels 1 and 5 deviate by 2 from their mean: x' - x = 2 a s n, with a, n ~ U(0, 1).
    x = jnp.array([[[1.0, 5.0], [5.0, 1.0]]])
    d = drawn(lambda c, i: make_dragan(3.0, 0.0)(KEY, functools.partial(c, offset=x), x, i))
    d = d / 6
    assert d.max() < 1
    # E an = 1/4, E a^2 n^2 = 1/9, and E a^2 n n' = 1/12 (1/16 if a were one a pixel)
    np.testing.assert_allclose(d.mean(axis=0), 1 / 4, atol=0.015)
    np.testing.assert_allclose((d**2).mean(axis=0), 1 / 9, atol=0.01)
    np.testing.assert_allclose((d[:, 0] * d[:, 1:].T).mean(axis=1), 1 / 12, atol=0.006)


@pytest.mark.parametrize("name", ["gradient_penalty", "dragan"])
def test_what_is_drawn_depends_on_the_global_sample_index_only(name):
    half = normal(4, 3)  # twice the same, so that DRAGAN's deviation is that of a half
    whole, index = jnp.concatenate([half, half]), jnp.arange(8)

    def value(x, index):
        if name == "dragan":
            return dragan(KEY, squares, x, index=index)
        return gradient_penalty(KEY, squares, x, 1.0 - x, index=index)

    first, second = value(half, index[:4]), value(half, index[4:])
    assert abs(float(first - second)) > 1e-3
    np.testing.assert_allclose((first + second) / 2, value(whole, index), rtol=1e-5)
    np.testing.assert_allclose(value(whole, None), value(whole, index), rtol=1e-6)


@pytest.mark.slow
def test_dragan_over_eight_devices_is_that_of_the_whole_batch():
    x = normal(8, 3) * jnp.arange(1.0, 9.0)[:, None]

    def local(x):
        index = sample_index(1, "devices")
        return dragan(KEY, squares, x, index=index, axis_name="devices")

    shards = jax.pmap(local, axis_name="devices")(x[:, None])
    np.testing.assert_allclose(jnp.mean(shards), dragan(KEY, squares, x), rtol=1e-5)


# ---- LeCam ----


def averages(real, fake):
    return LecamAverages(jnp.float32(real), jnp.float32(fake), jnp.float32(1.0))


@pytest.mark.parametrize("one_sided", [True, False])
def test_lecam_by_hand(one_sided):
    logits = jnp.array([1.0, -3.0]), jnp.array([-1.0, 4.0])
    f = jax.value_and_grad(lecam, (0, 1, 2))
    value, (to_real, to_fake, to_state) = f(*logits, averages(2.0, -1.0), one_sided)
    if one_sided:
        # ((1 + 1)^2 + 0)/2 + ((2 + 1)^2 + 0)/2 = 2 + 4.5
        assert value == 6.5
        np.testing.assert_array_equal([to_real, to_fake], [[2.0, 0.0], [-3.0, 0.0]])
    else:
        # ((1 + 1)^2 + (-3 + 1)^2)/2 + ((2 + 1)^2 + (2 - 4)^2)/2 = 4 + 6.5
        assert value == 10.5
        np.testing.assert_array_equal([to_real, to_fake], [[2.0, -2.0], [-3.0, 2.0]])
    assert not any(map(jnp.any, to_state))  # the averages are constants


@pytest.mark.one_quick_case
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_lecam_is_finite_with_its_gradient_at_extreme_logits(dtype):
    grid = jnp.array([-1.0, 0.0, 1.0], dtype) * jnp.asarray(float(jnp.finfo(dtype).max), dtype)
    real, fake = (g.reshape(-1, 1) for g in jnp.meshgrid(grid, grid))
    f = jax.value_and_grad(lecam, (0, 1))
    got = jax.vmap(f, (0, 0, None))(real, fake, averages(0.0, 0.0))
    assert got[0].dtype == jnp.float32
    assert all(np.isfinite(np.asarray(v, np.float32)).all() for v in jax.tree.leaves(got))


def inputs(state=None):
    x, real_logits, fake_logits = normal(8, 3), jnp.full(4, 3.0), jnp.full(4, -1.0)
    return given(
        squares,
        key=KEY,
        real=x,
        fake=2.0 - x,
        condition=jnp.arange(8) % 3,
        real_output=DiscriminatorOutput(squares(x)),
        fake_output=DiscriminatorOutput(squares(2.0 - x)),
        real_logits=real_logits,
        fake_logits=fake_logits,
        index=jnp.arange(8, 16),
        state=state,
    )


def test_lecam_averages_are_weighted_means_of_all_logits_with_the_present_ones():
    term = regularizers.lecam_penalty(0.3, decay=0.9)
    assert (term.name, term.weight) == ("lecam", 0.3)
    assert term.value(inputs(state=term.init())) == 32.0  # (3 + 1)^2 twice: a_R = 3, a_F = -1
    state, seen = term.init(), jnp.array([5.0, -2.0, 4.0, 4.0])
    for mean in seen:
        logits = jnp.array([mean - 1, mean + 1])
        state = term.update(dataclasses.replace(inputs(state=state), real_logits=logits))
    weights = 0.9 ** np.arange(4)[::-1]
    np.testing.assert_allclose(state.real, weights @ seen / weights.sum(), rtol=1e-6)
    np.testing.assert_allclose(state.fake, -1.0, rtol=1e-6)
    np.testing.assert_allclose(state.total, 1 - 0.9**4, rtol=1e-6)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_lecam_decay_out_of_range_is_named(decay):
    with pytest.raises(ValueError, match="decay"):
        regularizers.lecam_penalty(0.1, decay=decay)


# ---- attaching ----


@pytest.mark.parametrize(
    ("term", "name", "weight"),
    [
        (penalty(r1, gamma=3.0), "r1", 1.5),
        (penalty(r2, 3.0), "r2", 3.0),
        (penalty(make_dragan(strength=1.0), weight=2.0), "dragan", 2.0),
        (penalty(r1, 1.0, name="smooth"), "smooth", 1.0),
    ],
)
def test_penalty_has_the_name_and_weight_given(term, name, weight):
    assert (term.name, term.weight) == (name, weight)
    assert term.init is None


def test_penalty_fills_parameters_by_name():
    given = inputs()
    x, index = given.real, given.index
    expected = {
        r1: r1(squares, x),
        r2: r2(squares, 2.0 - x),
        make_gradient_penalty(target=0.0): make_gradient_penalty(target=0.0)(
            KEY, squares, x, 2.0 - x, index
        ),
        dragan: dragan(KEY, squares, x, index=index),
        (lambda real_logits, scale=2.0: scale * jnp.sum(real_logits)): 24.0,
        (lambda condition: jnp.sum(condition)): 7.0,
        (lambda real_output, real: jnp.sum(real_output.logits - squares(real))): 0.0,
        (lambda fake_output, fake: jnp.sum(fake_output.logits - squares(fake))): 0.0,
    }
    for function, value in expected.items():
        np.testing.assert_allclose(penalty(function, 1.0).value(given), value, rtol=1e-6)


@pytest.mark.parametrize("weights", [{}, {"weight": 1.0, "gamma": 1.0}])
def test_penalty_needs_either_weight_or_gamma(weights):
    with pytest.raises(ValueError, match="either weight or gamma"):
        penalty(r1, **weights)


def test_unknown_parameter_of_a_penalty_is_named():
    with pytest.raises(ValueError, match="has a parameter 'speed', which no term is given"):
        penalty(lambda real, speed: 0.0, 1.0)


def test_a_stateful_penalty_needs_what_makes_its_state():
    with pytest.raises(ValueError, match=r"lecam is stateful: pass state=TermState\("):
        penalty(regularizers.lecam, 0.1)


# ---- consistency ----


def drawn_shift(keys, x):
    return x + jax.vmap(lambda key: jax.random.normal(key, x.shape[1:]))(keys)


def test_consistency_by_hand():
    # D(x) = |x|^2 of x, and of 2x: 25 to 100 at (3, 4), 0 to 0 at 0
    x = jnp.array([[3.0, 4.0], [0.0, 0.0]])
    value = make_consistency(lambda keys, x: 2 * x)(KEY, squares, x)
    assert value == 75.0**2 / 2


def test_balanced_consistency_is_the_sum_over_real_and_fake_with_changes_of_their_own():
    x = normal(8, 3)
    one = make_consistency(drawn_shift)
    both = make_balanced_consistency(drawn_shift)(KEY, squares, x, x + 1.0)
    first, second = jax.random.split(KEY)
    wanted = one(first, squares, x) + one(second, squares, x + 1.0)
    np.testing.assert_allclose(both, wanted, rtol=1e-6)
    assert one(first, squares, x) != one(second, squares, x)


def test_both_sides_of_consistency_move_the_critic():
    # D(x) = a x with x = 1 and T(x) = 3: (a - 3a)^2 = 4 a^2, whose slope is 8 a
    x = jnp.ones((4, 1))

    def value(a):
        return make_consistency(lambda keys, x: 3 * x)(KEY, lambda x: a * x[:, 0], x)

    np.testing.assert_allclose(jax.grad(value)(0.5), 4.0, rtol=1e-6)


def test_changes_of_consistency_depend_on_the_global_sample_index_only():
    x = normal(8, 3)
    halves = [
        make_consistency(drawn_shift)(KEY, squares, x[half], sample_index(8)[half])
        for half in (slice(0, 4), slice(4, 8))
    ]
    whole = make_consistency(drawn_shift)(KEY, squares, x)
    np.testing.assert_allclose(sum(halves) / 2, whole, rtol=1e-6)


def test_consistency_attaches_as_a_penalty():
    attached = penalty(make_balanced_consistency(drawn_shift), 10.0)
    assert (attached.name, attached.weight) == ("balanced_consistency", 10.0)


def test_transform_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="keep the shape \\(8, 3\\), got \\(8, 2\\)"):
        make_consistency(lambda keys, x: x[:, :2])(KEY, squares, normal(8, 3))
