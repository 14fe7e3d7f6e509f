import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgan import losses

DIVERGENCES = ("kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon")
PAIRS = {
    name: getattr(losses, name)
    for name in (
        "minimax",
        "non_saturating",
        "least_squares",
        "hinge",
        "wasserstein",
        "relativistic",
        "relativistic_average",
    )
}
F_PAIRS = {name: losses.f_gan(name) for name in DIVERGENCES}
TRICKS = {f"{name}_trick": losses.f_gan(name, trick=True) for name in DIVERGENCES}
ALL = PAIRS | F_PAIRS | TRICKS
every_pair = pytest.mark.parametrize("name", ALL)
every_divergence = pytest.mark.parametrize("divergence", DIVERGENCES)


def sigmoid(v):
    return 1.0 / (1.0 + np.exp(-np.asarray(v, np.float64)))


# ---- the textbook pieces ----


def test_log_probability_of_nine_tenths_and_one_tenth():
    # log .9 = -.105361, log .1 = -2.302585, log 1 = 0
    got = losses.log_probability(jnp.array([0.9, 0.1, 1.0]))
    np.testing.assert_allclose(got, [-0.105361, -2.302585, 0.0], atol=1e-6)


def test_log_probability_stays_finite_at_zero_and_passes_nan():
    # the smallest normal float32 is 2^-126: -126 log 2 = -87.3365
    got = losses.log_probability(jnp.array([0.0, jnp.nan]))
    assert abs(float(got[0]) + 126 * np.log(2)) < 1e-4
    assert np.isnan(got[1])


def test_bernoulli_log_likelihood_weighs_both_outcomes():
    # y = .25, p = .9: .25 * -.105361 + .75 * -2.302585 = -1.753279
    y, p = jnp.array([1.0, 0.0, 0.25]), jnp.array([0.9, 0.9, 0.9])
    got = losses.bernoulli_log_likelihood(y, p)
    np.testing.assert_allclose(got, [-0.105361, -2.302585, -1.753279], atol=1e-6)


def test_bernoulli_log_likelihood_and_gradient_are_finite_at_certainty():
    y, p = (g.ravel() for g in jnp.meshgrid(*[jnp.array([0.0, 1e-38, 0.5, 1.0])] * 2))
    f = jax.value_and_grad(losses.bernoulli_log_likelihood, argnums=(0, 1))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.vmap(f)(y, p)))


def test_bernoulli_log_likelihood_has_the_gradient_of_finite_differences():
    y, p = jnp.array([0.0, 1.0, 0.3]), jnp.array([0.4, 0.5, 0.6])
    f = losses.bernoulli_log_likelihood
    check_grads(f, (y, p), 2, modes=["rev"], eps=1e-2, atol=1e-2, rtol=1e-2)


def test_binary_cross_entropy_by_hand():
    # sigmoid(log 3) = 3/4: -(log 3/4 + log 1/4) / 2 = (.287682 + 1.386294) / 2 = .836988
    logits, labels = jnp.log(jnp.array([3.0, 3.0])), jnp.array([1, 0])
    assert abs(float(losses.binary_cross_entropy(logits, labels)) - 0.836988) < 1e-6


def test_smoothing_is_one_sided():
    # label 1 becomes .9: -(.9 log 3/4 + .1 log 1/4) = .258914 + .138629 = .397543
    logit = jnp.log(jnp.array([3.0]))
    plain, smooth = (
        [losses.binary_cross_entropy(logit, jnp.array([y]), smoothing=s) for y in (0.0, 1.0)]
        for s in (0.0, 0.1)
    )
    assert smooth[0] == plain[0]
    assert abs(float(smooth[1]) - 0.397543) < 1e-6


def test_binary_cross_entropy_is_minus_the_bernoulli_log_likelihood():
    logits, labels = jnp.linspace(-6.0, 6.0, 13), jnp.linspace(0.0, 1.0, 13)
    expected = -jnp.mean(losses.bernoulli_log_likelihood(labels, jax.nn.sigmoid(logits)))
    np.testing.assert_allclose(losses.binary_cross_entropy(logits, labels), expected, rtol=1e-5)


def test_binary_cross_entropy_has_the_gradient_of_finite_differences():
    def f(x):
        return losses.binary_cross_entropy(x, jnp.array([1.0, 0.0, 1.0]), smoothing=0.2)

    x = jnp.array([-1.0, 0.5, 2.0])
    check_grads(f, (x,), 2, modes=["rev"], eps=1e-2, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_smoothing_out_of_range_is_named(smoothing):
    with pytest.raises(ValueError, match="smoothing"):
        losses.binary_cross_entropy(jnp.zeros(1), jnp.zeros(1), smoothing=smoothing)


def test_value_function_by_hand():
    # D(x) = 3/4, 1/2; D(G(z)) = 1/4, 1/5 (logits log 3, 0, -log 3, -log 4)
    # (log .75 + log .5) / 2 + (log .75 + log .8) / 2 = -.490415 - .255413 = -.745828
    real, fake = jnp.array([np.log(3.0), 0.0]), -jnp.log(jnp.array([3.0, 4.0]))
    assert abs(float(losses.value_function(real, fake)) + 0.745828) < 1e-6


def test_value_function_at_equilibrium_is_minus_log_4():
    np.testing.assert_allclose(losses.value_function(jnp.zeros(3), jnp.zeros(5)), -np.log(4))


# ---- the optimal discriminator, on a discrete space of 4 points ----

COUNTS_P, COUNTS_Q = np.array([1, 2, 3, 4]), np.array([4, 3, 1, 2])
P, Q = COUNTS_P / 10, COUNTS_Q / 10


def on_atoms(f):
    """f(real_logits, fake_logits) as a function of one logit an atom, real ~ P and fake ~ Q."""
    return lambda v: f(jnp.repeat(v, COUNTS_P), jnp.repeat(v, COUNTS_Q))


def test_optimal_discriminator_maximises_the_value_function():
    # On one atom V is p log d + q log(1 - d): its largest value on a fine grid of d.
    d = np.linspace(0, 1, 10_001)[1:-1, None]
    best = d[np.argmax(P * np.log(d) + Q * np.log(1 - d), axis=0), 0]
    got = losses.optimal_discriminator(P, Q)
    np.testing.assert_allclose(got, best, atol=1e-4)
    v = on_atoms(losses.value_function)
    np.testing.assert_allclose(jax.grad(v)(jax.scipy.special.logit(got)), 0.0, atol=1e-6)


def test_value_at_the_optimum_is_twice_the_jensen_shannon_divergence_less_log_4():
    m = (P + Q) / 2
    js = (P @ np.log(P / m) + Q @ np.log(Q / m)) / 2
    optimum = jax.scipy.special.logit(losses.optimal_discriminator(P, Q))
    got = on_atoms(losses.value_function)(optimum)
    np.testing.assert_allclose(got, 2 * js - np.log(4), rtol=1e-6)


def test_optimal_discriminator_at_the_edges_of_float32():
    tiny, huge = np.finfo(np.float32).tiny, np.finfo(np.float32).max
    p, q = np.array([0, 1, 0, tiny, huge, huge]), np.array([0, 0, 1, tiny, huge, 0])
    got = losses.optimal_discriminator(p, q)
    np.testing.assert_array_equal(got, [0.5, 1.0, 0.0, 0.5, 0.5, 1.0])


# ---- adversarial pairs by hand ----

# With s = softplus: s(-4) = .018150, s(-2) = .126928, s(-1) = .313262, s(0) = .693147,
# s(1) = 1.313262, s(2) = 2.126928; log 2 = .693147; e^-4 = .018316, e^-2 = .135335, e = 2.718282.
REAL, FAKE = np.array([0.0, 4.0], np.float32), np.array([-1.0, 2.0], np.float32)
BY_HAND = {
    # (s(0) + s(-4))/2 + (s(-1) + s(2))/2 = .355649 + 1.220095; -1.220095
    "minimax": (1.575744, -1.220095),
    # the same; (s(1) + s(-2))/2
    "non_saturating": (1.575744, 0.720095),
    # 1/2 (1 + 9)/2 + 1/2 (1 + 4)/2; 1/2 (4 + 1)/2
    "least_squares": (3.75, 1.25),
    # (1 + 0)/2 + (0 + 3)/2; -(-1 + 2)/2
    "hinge": (2.0, -0.5),
    # .5 - 2; -.5
    "wasserstein": (-1.5, -0.5),
    # real - fake is 1 and 2: (s(-1) + s(-2))/2; (s(1) + s(2))/2
    "relativistic": (0.220095, 1.720095),
    # real - mean fake is -.5, 3.5; fake - mean real is -3, 0
    # (s(.5) + s(-3.5) + s(-3) + s(0))/2 = (.974077 + .029750 + .048587 + .693147)/2
    # (s(-.5) + s(3.5) + s(3) + s(0))/2 = (.474077 + 3.529750 + 3.048587 + .693147)/2
    "relativistic_average": (0.872781, 3.872781),
    # T = v, f* = e^(v-1): -2 + (e^-2 + e)/2; -(e^-2 + e)/2; trick: -.5
    "kl": (-0.573192, -1.426808),
    "kl_trick": (-0.573192, -0.5),
    # T = -e^-v, f* = v - 1: (1 + e^-4)/2 + (-2 + 1)/2; .5; trick: (e + e^-2)/2
    "reverse_kl": (0.009158, 0.5),
    "reverse_kl_trick": (0.009158, 1.426808),
    # T = v, f* = v^2/4 + v: -2 + (-.75 + 3)/2; -1.125; trick: -.5
    "pearson": (-0.875, -1.125),
    "pearson_trick": (-0.875, -0.5),
    # T = 1 - e^-v, f* = e^v - 1 (e^-1 = .367879, e^2 = 7.389056):
    # -(0 + .981684)/2 + (-.632121 + 6.389056)/2; -2.878468; trick: (1.718282 - .864665)/2
    "squared_hellinger": (2.387626, -2.878468),
    "squared_hellinger_trick": (2.387626, 0.426809),
    # T = log 2 - s(-v), f* = s(v) - log 2: 1.575744 - 2 log 2; log 2 - 1.220095;
    # trick: .720095 - log 2
    "jensen_shannon": (0.189449, -0.526948),
    "jensen_shannon_trick": (0.189449, 0.026948),
}


@every_pair
def test_pair_by_hand(name):
    got = [player(REAL, FAKE) for player in ALL[name][:2]]
    np.testing.assert_allclose(got, BY_HAND[name], rtol=2e-6, atol=1e-6)


@every_pair
def test_first_and_second_derivatives_are_those_of_finite_differences(name):
    def both(logits):
        return jnp.stack([player(logits[:3], logits[3:]) for player in ALL[name][:2]])

    @jax.jit
    def derivatives(x, along):
        slope = jax.jacrev(both)
        first, second = jax.jvp(slope, (x,), (along,))
        before, after = x - 1e-2 * along, x + 1e-2 * along
        differences = [(f(after) - f(before)) / 2e-2 for f in (both, slope)]
        return (first @ along, second), differences

    x = jnp.array([-0.5, 0.3, 2.0, 0.4, -1.5, 0.7])  # no kink of the hinge
    exact, differences = derivatives(x, jnp.array([0.6, -1.0, 0.8, 1.1, 0.5, -0.7]))
    for got, expected in zip(exact, differences, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-3, rtol=1e-3)


def relativistic_average_gradient(real, fake):
    to_real, to_fake = sigmoid(fake.mean() - real), sigmoid(fake - real.mean())
    return -to_real - to_fake.mean(), to_fake + to_real.mean()


# J_D's gradients with respect to each real and each fake logit, J_G's to each fake one, times n.
GRADIENTS = {
    "minimax": lambda r, f: (-sigmoid(-r), sigmoid(f), -sigmoid(f)),
    "non_saturating": lambda r, f: (-sigmoid(-r), sigmoid(f), -sigmoid(-f)),
    "least_squares": lambda r, f: (r - 1, f, f - 1),
    "hinge": lambda r, f: (-1.0 * (r < 1), 1.0 * (f > -1), -np.ones_like(f)),
    "wasserstein": lambda r, f: (-np.ones_like(r), np.ones_like(f), -np.ones_like(f)),
    "relativistic": lambda r, f: (-sigmoid(f - r), sigmoid(f - r), -sigmoid(r - f)),
    "relativistic_average": lambda r, f: (
        *relativistic_average_gradient(r, f),
        relativistic_average_gradient(f, r)[0],
    ),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_pair_has_its_closed_form_gradient(name):
    real, fake = np.array([-2.0, 0.5, 1.5, 9.0]), np.array([-3.0, -0.5, 0.25, 4.0])
    in_jax = jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32)
    discriminator = jax.grad(PAIRS[name].discriminator, (0, 1))(*in_jax)
    generator = jax.grad(PAIRS[name].generator, 1)(*in_jax)
    expected = np.stack(GRADIENTS[name](real, fake)) / len(real)
    np.testing.assert_allclose([*discriminator, generator], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("minimax", [-0.018, -0.5, -0.982]), ("non_saturating", [-0.982, -0.5, -0.018])],
)
def test_only_minimax_generator_gradient_vanishes_where_d_is_sure(name, expected):
    gradient = jax.vmap(jax.grad(PAIRS[name].generator, argnums=1))
    got = gradient(jnp.zeros((3, 1)), jnp.array([[-4.0], [0.0], [4.0]]))
    np.testing.assert_allclose(got[:, 0], expected, atol=5e-4)


def test_minimax_is_zero_sum():
    value = losses.value_function(REAL, FAKE)
    assert losses.minimax.discriminator(REAL, FAKE) == -value
    gradient = jax.grad(losses.minimax.generator, 1)(REAL, FAKE)
    np.testing.assert_array_equal(gradient, jax.grad(losses.value_function, 1)(REAL, FAKE))


# ---- every pair ----


@every_pair
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_pair_and_gradients_are_finite_at_extreme_logits(name, dtype):
    largest = float(jnp.finfo(dtype).max)
    sizes = jnp.array([1.0, 81.0, 1e19, largest], dtype)
    logits = jnp.concatenate([-sizes, jnp.zeros(1, dtype), sizes])
    quadruples = jnp.array(list(itertools.product(range(len(logits)), repeat=4)))
    real, fake = logits[quadruples[:, :2]], logits[quadruples[:, 2:]]

    @jax.vmap
    def both(real, fake):
        return [jax.value_and_grad(player, (0, 1))(real, fake) for player in ALL[name][:2]]

    for leaf in jax.tree.leaves(both(real, fake)):
        assert np.isfinite(np.asarray(leaf, np.float32)).all()


@every_pair
def test_pair_computes_in_float32(name):
    rng = np.random.default_rng(0)
    real, fake = (jnp.asarray(rng.normal(size=33) * 3, jnp.bfloat16) for _ in range(2))
    for player in ALL[name][:2]:
        got = player(real, fake)
        assert (got.dtype, got.shape) == (jnp.float32, ())
        assert got == player(real.astype(jnp.float32), fake.astype(jnp.float32))


@every_pair
def test_discriminator_loss_does_not_hide_nan_or_infinite_mistakes(name):
    fine = jnp.ones(3)
    nan, low, high = (fine.at[1].set(x) for x in (jnp.nan, -jnp.inf, jnp.inf))
    for real, fake in [(nan, fine), (fine, nan), (low, fine), (fine, high), (low, high)]:
        assert not np.isfinite(ALL[name].discriminator(real, fake))


@every_pair
def test_threshold_is_where_real_and_fake_balance(name):
    # There the losses of calling one sample a little more real and a little less fake are equal.
    known = {"least_squares": 0.5, "kl": 1.0, "kl_trick": 1.0}
    none = {"wasserstein", "relativistic", "relativistic_average"}
    assert ALL[name].threshold == (None if name in none else known.get(name, 0.0))
    if name not in none:
        at = jnp.full(1, ALL[name].threshold)
        to_real, to_fake = jax.grad(ALL[name].discriminator, (0, 1))(at, at)
        np.testing.assert_allclose(to_real, -to_fake, rtol=1e-6)


@every_pair
def test_probability_says_that_the_best_logit_is_that_of_the_optimal_discriminator(name):
    optimum = jnp.log(P / Q)
    gradient = jax.grad(on_atoms(ALL[name].discriminator))(optimum)
    if ALL[name].probability:
        np.testing.assert_allclose(gradient, 0.0, atol=1e-6)
    assert ALL[name].probability == (
        name in {"minimax", "non_saturating", "jensen_shannon", "jensen_shannon_trick"}
    )


# ---- f-GAN ----

# Independent of the library, in float64: f and f' (Nowozin et al. 2016, tables 1 and 2 with f' by
# hand), and the logit v at which g_f(v) = t.
F = {
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "pearson": lambda u: (u - 1) ** 2,
    "squared_hellinger": lambda u: (np.sqrt(u) - 1) ** 2,
    "jensen_shannon": lambda u: -(u + 1) * np.log((1 + u) / 2) + u * np.log(u),
}
F_SLOPE = {
    "kl": lambda u: 1 + np.log(u),
    "reverse_kl": lambda u: -1 / u,
    "pearson": lambda u: 2 * (u - 1),
    "squared_hellinger": lambda u: 1 - 1 / np.sqrt(u),
    "jensen_shannon": lambda u: np.log(2 * u / (1 + u)),
}
LOGIT_OF_T = {
    "kl": lambda t: t,
    "reverse_kl": lambda t: -np.log(-t),
    "pearson": lambda t: t,
    "squared_hellinger": lambda t: -np.log(1 - t),
    "jensen_shannon": lambda t: -np.log(2 * np.exp(-t) - 1),
}


@every_divergence
def test_f_gan_discriminator_loss_at_the_optimum_is_minus_the_divergence(divergence):
    loss = on_atoms(losses.f_gan(divergence).discriminator)
    optimum = jnp.asarray(LOGIT_OF_T[divergence](F_SLOPE[divergence](P / Q)), jnp.float32)
    expected = -np.sum(Q * F[divergence](P / Q))
    np.testing.assert_allclose(loss(optimum), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.grad(loss)(optimum), 0.0, atol=1e-6)
    others = optimum[None] + np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    assert (jax.vmap(loss)(others) > expected).all()


@every_divergence
def test_f_gan_conjugate_is_the_supremum(divergence):
    # f*(t) = sup_u (u t - f(u)), on a grid of u; -J_G is f*(T) and the trick's -J_G is T
    u = np.geomspace(1e-6, 1e4, 400_001)
    zero = jnp.zeros(1)
    for v in np.array([-1.0, 0.0, 0.75, 1.5], np.float32):
        conjugate, t = (
            -float(losses.f_gan(divergence, trick).generator(zero, v[None]))
            for trick in (False, True)
        )
        np.testing.assert_allclose(LOGIT_OF_T[divergence](t), v, atol=1e-5)
        np.testing.assert_allclose(conjugate, np.max(u * t - F[divergence](u)), atol=2e-5)
