import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import normal
from given import given

import jaxgan
from jaxgan import parallel
from jaxgan.terms import PathLength, path_length, path_lengths
from jaxgan.types import Params

KEY, INDEX = jax.random.key(0), jnp.arange(4)
W = normal(3, 2)


@pytest.mark.slow
def test_path_lengths_of_a_linear_generator_are_those_of_projected_noise():
    # G(w) = w W: J^T y = W y, so that E ||J^T y||^2 = ||W||^2
    z = normal(4, 3)
    keys = jax.random.split(KEY, 1000)
    lengths = jax.vmap(lambda key: path_lengths(key, lambda z: z @ W, z, INDEX))(keys)
    np.testing.assert_allclose(np.mean(lengths**2), np.sum(W**2), rtol=0.06)
    # One direction only: ||W y|| = |y| ||W||, and E |y| = sqrt(2 / pi)
    one = W[:, :1]
    lengths = jax.vmap(lambda key: path_lengths(key, lambda z: z @ one, z, INDEX))(keys)
    expected = np.sqrt(2 / np.pi) * np.linalg.norm(one)
    np.testing.assert_allclose(np.mean(lengths), expected, rtol=0.04)


def test_path_lengths_are_scaled_by_the_pixels_and_averaged_over_layers():
    # Two layers of styles, G = 3 w_1 as an image of 2 x 2 pixels: the mean over layers halves the
    # square, the pixels divide it by 4.
    w = normal(4, 2, 4)

    def generate(w):
        return 3 * w[:, 0].reshape(-1, 2, 2, 1)

    keys = jax.random.split(KEY, 1000)
    lengths = jax.vmap(lambda key: path_lengths(key, generate, w, INDEX))(keys)
    np.testing.assert_allclose(np.mean(lengths**2), 9 * 4 / 4 / 2, rtol=0.06)


def test_a_generator_without_latents_has_no_paths_and_finite_gradients():
    def total(a):
        return jnp.sum(path_lengths(KEY, lambda z: 0 * z + a, normal(4, 3), INDEX))

    value, slope = jax.value_and_grad(total)(1.0)
    assert value == 0.0
    assert slope == 0.0


def inputs(state, z=None, **others):
    own = {"key": KEY, "index": INDEX, "latents": normal(4, 3) if z is None else z}
    return given(generate=lambda z, condition=None: z @ W, state=state, **(own | others))


def test_the_term_is_the_squared_distance_from_the_running_mean():
    term = path_length(decay=0.75)
    lengths = np.asarray(path_lengths(KEY, lambda z: z @ W, normal(4, 3), INDEX))
    state = PathLength(jnp.float32(2.0))
    mean = 0.75 * 2.0 + 0.25 * lengths.mean()
    np.testing.assert_allclose(term.update(inputs(state)).mean, mean, rtol=1e-6)
    np.testing.assert_allclose(term.value(inputs(state)), np.mean((lengths - mean) ** 2), rtol=1e-5)
    assert term.init().mean == 0.0
    assert (term.name, term.weight, term.every) == ("path_length", 2.0, 4)


def test_paths_may_start_at_styles():
    term = path_length(styles=lambda params, z: z * params)
    styled = inputs(PathLength(1.0), params=Params(3.0, None))
    same = inputs(PathLength(1.0), 3.0 * normal(4, 3))
    assert term.value(styled) == path_length().value(same)


@pytest.mark.parametrize(
    ("name", "bad"), [("decay", 1.0), ("decay", -0.1), ("every", 0), ("weight", np.nan)]
)
def test_bad_settings_are_named(name, bad):
    with pytest.raises(ValueError, match=name):
        path_length(**{name: bad})


def linear_gan(make_gan, **parts):
    def apply(params, state, z, *, keys, train, axis_name=None):
        return (z @ params).reshape(-1, 4, 4, 1), state

    init = lambda key, z: (0.3 * jax.random.normal(key, (5, 16)), {})  # noqa: E731
    network = jaxgan.Network(init, apply)
    return make_gan(generator=network, generator_optimizer=optax.sgd(0.02), **parts)


@pytest.mark.slow
def test_the_lazy_term_keeps_its_mean_in_the_state_and_equals_its_pmap_form(make_gan, batch):
    gan = linear_gan(make_gan, generator_terms=(path_length(0.5, every=2, decay=0.5),))
    start = jaxgan.init(KEY, gan, batch)
    ends = []
    for wrap, axis_name in (
        (jax.jit, None),
        (lambda step: parallel.pmap_step(step, 8), parallel.AXIS),
    ):
        step, state = wrap(jaxgan.make_generator_step(gan, axis_name=axis_name)), start
        means = []
        for key in jax.random.split(KEY, 3):
            state, metrics = step(key, state, batch)
            means.append(float(state.generator.terms["path_length"].state.mean))
        ends.append((state, metrics))
        assert means[0] == means[1] != means[2]
        assert means[0] > 0
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6, equal_nan=True), *ends
    )


@pytest.mark.slow
def test_path_lengths_become_equal_under_the_term_alone(make_gan, batch):
    gan = linear_gan(make_gan, generator_terms=(path_length(1.0, every=1, decay=0.9),))
    loss = jaxgan.losses.without_generator(gan.loss)
    gan = dataclasses.replace(gan, loss=loss, generator_optimizer=optax.adam(0.01))
    state, step = jaxgan.init(KEY, gan, batch), jax.jit(jaxgan.make_generator_step(gan))

    def spread(state):
        w = np.asarray(state.generator.params)  # all directions y alike: W orthogonal, but a factor
        sizes = np.linalg.svd(w)[1]
        return sizes.std() / sizes.mean()

    before = spread(state)
    for key in jax.random.split(KEY, 400):
        state, _ = step(key, state, batch)
    assert spread(state) < 0.5 * before
