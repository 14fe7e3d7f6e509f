import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses

DIVERGENCES = ("kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon")
AVERAGES = tuple(f"relativistic_average{kind}" for kind in ("", "_hinge", "_least_squares"))
NO_THRESHOLD = ("wasserstein", "relativistic", *AVERAGES)
PAIRS = {
    name: getattr(losses, name)
    for name in ("minimax", "non_saturating", "least_squares", "hinge", *NO_THRESHOLD)
}
PAIRS["label_smoothing"] = losses.label_smoothing(0.1)
FAMILIES = PAIRS | {name: losses.f_gan(name) for name in DIVERGENCES}
PLAYERS = {name: pair[:2] for name, pair in FAMILIES.items()}
for name in DIVERGENCES:
    PLAYERS[name] += (losses.f_gan(name, trick=True).generator,)

every_family = pytest.mark.parametrize("name", PLAYERS)
every_divergence = pytest.mark.parametrize("divergence", DIVERGENCES)


def sigmoid(v):
    return 1.0 / (1.0 + np.exp(-np.asarray(v, np.float64)))


def check_two_derivatives(f, x):
    """Autodiff of f and of its gradient against finite differences, in one direction."""
    step = 1e-2 * jnp.array([0.6, -1.0, 0.8, 1.1])[: len(x)]
    f = jax.value_and_grad(f)
    for exact, after, before in zip(
        jax.jvp(f, (x,), (step,))[1], f(x + step), f(x - step), strict=True
    ):
        np.testing.assert_allclose(exact, (after - before) / 2, rtol=3e-3, atol=2e-6)


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
    got = losses.bernoulli_log_likelihood(jnp.array([1.0, 0.0, 0.25]), 0.9)
    np.testing.assert_allclose(got, [-0.105361, -2.302585, -1.753279], atol=1e-6)


def test_bernoulli_log_likelihood_and_gradient_are_finite_at_certainty():
    y, p = (g.ravel() for g in jnp.meshgrid(*[jnp.array([0.0, 1e-38, 0.5, 1.0])] * 2))
    f = jax.value_and_grad(losses.bernoulli_log_likelihood, argnums=(0, 1))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.vmap(f)(y, p)))


def test_textbook_pieces_have_the_derivatives_of_finite_differences():
    y = jnp.array([0.3, 1.0])
    for f, x in [
        (lambda p: jnp.sum(losses.bernoulli_log_likelihood(y, p)), [0.4, 0.5]),
        (lambda x: losses.binary_cross_entropy(x, y, smoothing=0.2), [-1.0, 2.0]),
    ]:
        check_two_derivatives(f, jnp.array(x))


def test_binary_cross_entropy_by_hand():
    # sigmoid(log 3) = 3/4: -(log 3/4 + log 1/4) / 2 = (.287682 + 1.386294) / 2 = .836988
    logits, labels = jnp.log(jnp.array([3.0, 3.0])), jnp.array([1, 0])
    assert abs(float(losses.binary_cross_entropy(logits, labels)) - 0.836988) < 1e-6


def test_smoothing_is_one_sided():
    # label 1 becomes .9: -(.9 log 3/4 + .1 log 1/4) = .258914 + .138629 = .397543
    logits, zeros = jnp.log(jnp.array([3.0, 3.0])), jnp.zeros(2)
    one = losses.binary_cross_entropy(logits, zeros + 1, smoothing=0.1)
    assert abs(float(one) - 0.397543) < 1e-6
    zero = losses.binary_cross_entropy(logits, zeros, smoothing=0.1)
    assert zero == losses.binary_cross_entropy(logits, zeros)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_smoothing_out_of_range_is_named(smoothing):
    with pytest.raises(ValueError, match="smoothing"):
        losses.binary_cross_entropy(jnp.zeros(1), jnp.zeros(1), smoothing=smoothing)
    with pytest.raises(ValueError, match="smoothing"):
        losses.label_smoothing(smoothing)


def test_value_function_by_hand():
    # D(x) = 3/4, 1/2; D(G(z)) = 1/4, 1/5 (logits log 3, 0, -log 3, -log 4)
    # (log .75 + log .5) / 2 + (log .75 + log .8) / 2 = -.490415 - .255413 = -.745828
    real, fake = jnp.array([np.log(3.0), 0.0]), -jnp.log(jnp.array([3.0, 4.0]))
    assert abs(float(losses.value_function(real, fake)) + 0.745828) < 1e-6
    np.testing.assert_allclose(losses.value_function(jnp.zeros(2), jnp.zeros(3)), -np.log(4))


# ---- the optimal discriminator, on a discrete space of 4 points ----

COUNTS_P, COUNTS_Q = np.array([1, 2, 3, 4]), np.array([4, 3, 1, 2])
P, Q = COUNTS_P / 10, COUNTS_Q / 10


def on_atoms(f):
    """f(real_logits, fake_logits) of one logit an atom, with real ~ P and fake ~ Q."""
    real, fake = (np.repeat(np.arange(4), counts) for counts in (COUNTS_P, COUNTS_Q))
    return lambda v: f(v[real], v[fake])


def test_optimal_discriminator_maximises_the_value_function():
    # On one atom V is p log d + q log(1 - d): its largest value on a fine grid of d.
    d = np.linspace(0, 1, 10_001)[1:-1, None]
    best = d[np.argmax(P * np.log(d) + Q * np.log(1 - d), axis=0), 0]
    got = losses.optimal_discriminator(P, Q)
    np.testing.assert_allclose(got, best, atol=1e-4)
    # The value there is twice the Jensen-Shannon divergence less log 4.
    m = (P + Q) / 2
    twice = P @ np.log(P / m) + Q @ np.log(Q / m)
    value, slope = jax.value_and_grad(on_atoms(losses.value_function))(jnp.log(got / (1 - got)))
    np.testing.assert_allclose(value, twice - np.log(4), rtol=1e-6)
    np.testing.assert_allclose(slope, 0.0, atol=1e-6)


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
    # (.9 s(0) + .1 s(0) + .9 s(-4) + .1 s(4))/2 + 1.220095, s(4) = 4.018150; as above
    "label_smoothing": (1.775744, 0.720095),
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
    # (1.5 + 0)/2 + (0 + 1)/2; (4 + 1)/2 + (0.5 + 4.5)/2
    "relativistic_average_hinge": (1.25, 5.0),
    # (2.25 + 6.25)/2 + (4 + 1)/2; (16 + 1)/2 + (.25 + 20.25)/2
    "relativistic_average_least_squares": (6.75, 18.75),
    # T = v, f* = e^(v-1): -2 + (e^-2 + e)/2; -(e^-2 + e)/2; trick: -.5
    "kl": (-0.573192, -1.426808, -0.5),
    # T = -e^-v, f* = v - 1: (1 + e^-4)/2 + (-2 + 1)/2; .5; trick: (e + e^-2)/2
    "reverse_kl": (0.009158, 0.5, 1.426808),
    # T = v, f* = v^2/4 + v: -2 + (-.75 + 3)/2; -1.125; trick: -.5
    "pearson": (-0.875, -1.125, -0.5),
    # T = 1 - e^-v, f* = e^v - 1 (e^-1 = .367879, e^2 = 7.389056):
    # -(0 + .981684)/2 + (-.632121 + 6.389056)/2; -2.878468; trick: (1.718282 - .864665)/2
    "squared_hellinger": (2.387626, -2.878468, 0.426809),
    # T = log 2 - s(-v), f* = s(v) - log 2: 1.575744 - 2 log 2; log 2 - 1.220095;
    # trick: .720095 - log 2
    "jensen_shannon": (0.189449, -0.526948, 0.026948),
}


@every_family
def test_players_by_hand(name):
    got = [player(REAL, FAKE) for player in PLAYERS[name]]
    np.testing.assert_allclose(got, BY_HAND[name], rtol=2e-6, atol=1e-6)


@every_family
def test_players_have_the_derivatives_of_finite_differences(name):
    def weighted(logits):
        values = [player(logits[:2], logits[2:]) for player in PLAYERS[name]]
        return sum(weight * value for weight, value in zip((1.0, 0.7, -0.4), values, strict=False))

    check_two_derivatives(weighted, jnp.array([-0.5, 2.0, 0.4, -1.5]))  # off the kinks


def relativistic_average_gradient(real, fake):
    to_real, to_fake = sigmoid(fake.mean() - real), sigmoid(fake - real.mean())
    return -to_real - to_fake.mean(), to_fake + to_real.mean()


# J_D's gradients with respect to each real and each fake logit, J_G's to each fake one, times n.
GRADIENTS = {
    "minimax": lambda r, f: (-sigmoid(-r), sigmoid(f), -sigmoid(f)),
    "non_saturating": lambda r, f: (-sigmoid(-r), sigmoid(f), -sigmoid(-f)),
    "label_smoothing": lambda r, f: (sigmoid(r) - 0.9, sigmoid(f), -sigmoid(-f)),
    "least_squares": lambda r, f: (r - 1, f, f - 1),
    "hinge": lambda r, f: (-1.0 * (r < 1), 1.0 * (f > -1), -np.ones_like(f)),
    "wasserstein": lambda r, f: (-np.ones_like(r), np.ones_like(f), -np.ones_like(f)),
    "relativistic": lambda r, f: (-sigmoid(f - r), sigmoid(f - r), -sigmoid(r - f)),
    "relativistic_average": lambda r, f: (
        *relativistic_average_gradient(r, f),
        relativistic_average_gradient(f, r)[0],
    ),
    # with d = E D(x) - E D(G(z)): each mean moves all terms of the other kind
    "relativistic_average_least_squares": lambda r, f: (
        2 * (r - r.mean()) + 4 * (r.mean() - f.mean() - 1),
        2 * (f - f.mean()) - 4 * (r.mean() - f.mean() - 1),
        2 * (f - f.mean()) + 4 * (f.mean() - r.mean() - 1),
    ),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_pair_has_its_closed_form_gradient(name):
    real, fake = np.array([-2.0, 1.5]), np.array([-3.0, 0.25])
    discriminator, generator = PLAYERS[name]
    got = *jax.grad(discriminator, (0, 1))(real, fake), jax.grad(generator, 1)(real, fake)
    expected = np.stack(GRADIENTS[name](real, fake)) / len(real)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


def test_only_minimax_generator_gradient_vanishes_where_d_is_sure():
    logits, slopes = jnp.array([[-4.0], [0.0], [4.0]]), np.array([-0.018, -0.5, -0.982])
    for pair, expected in [(losses.minimax, slopes), (losses.non_saturating, slopes[::-1])]:
        got = jax.vmap(jax.grad(pair.generator, 1))(logits, logits)
        np.testing.assert_allclose(got[:, 0], expected, atol=5e-4)


def test_minimax_is_zero_sum():
    value = losses.value_function(REAL, FAKE)
    assert losses.minimax.discriminator(REAL, FAKE) == -value
    gradient = jax.grad(losses.minimax.generator, 1)(REAL, FAKE)
    np.testing.assert_array_equal(gradient, jax.grad(losses.value_function, 1)(REAL, FAKE))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_label_smoothing_shrinks_the_optimal_discriminator(smoothing):
    # (1 - s) p_data / (p_data + p_model)
    loss = on_atoms(losses.label_smoothing(smoothing).discriminator)
    optimum = jax.scipy.special.logit((1 - smoothing) * P / (P + Q))
    np.testing.assert_allclose(jax.grad(loss)(jnp.float32(optimum)), 0.0, atol=1e-6)


def test_label_smoothing_of_zero_is_the_non_saturating_pair():
    plain = losses.label_smoothing(0.0)
    assert plain.threshold == 0.0
    got = [player(REAL, FAKE) for player in plain[:2]]
    np.testing.assert_allclose(got, BY_HAND["non_saturating"], rtol=2e-6)


def test_the_bidirectional_generator_plays_the_discriminators_loss_with_exchanged_labels():
    real, fake = jnp.array([2.0, -1.0]), jnp.array([0.5, 3.0])
    pair = losses.bidirectional(losses.non_saturating)
    # E softplus(D(x, E(x))) + E softplus(-D(G(z), z))
    expected = np.mean(np.logaddexp(0, real)) + np.mean(np.logaddexp(0, -fake))
    np.testing.assert_allclose(pair.generator(real, fake), expected, rtol=1e-6)
    assert pair.discriminator(real, fake) == losses.non_saturating.discriminator(real, fake)
    assert pair.threshold == losses.non_saturating.threshold


def test_pair_without_generator_keeps_its_discriminator():
    pair = losses.without_generator(losses.hinge)
    assert (pair.discriminator, pair[2:]) == (losses.hinge.discriminator, losses.hinge[2:])
    value, gradient = jax.value_and_grad(pair.generator, (0, 1))(REAL, FAKE)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, 0.0)


# ---- every pair ----


@every_family
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_players_and_gradients_are_finite_at_extreme_logits(name, dtype):
    sizes = jnp.array([0.0, 1.0, 81.0, 1e19, float(jnp.finfo(dtype).max)], dtype)
    logits = jnp.concatenate([-sizes[1:], sizes])
    quadruples = jnp.array(list(itertools.product(range(len(logits)), repeat=4)))
    real, fake = logits[quadruples[:, :2]], logits[quadruples[:, 2:]]

    @jax.vmap
    def run(real, fake):
        return [jax.value_and_grad(player, (0, 1))(real, fake) for player in PLAYERS[name]]

    for leaf in jax.tree.leaves(run(real, fake)):
        assert np.isfinite(np.asarray(leaf, np.float32)).all()
    assert np.isfinite(PLAYERS[name][0](-sizes[-1:].repeat(64), sizes[-1:].repeat(64)))


@every_family
def test_players_compute_in_float32(name):
    real, fake = jnp.array([-0.7, 4.1], jnp.bfloat16), jnp.array([2.3, 0.6], jnp.bfloat16)
    for player in PLAYERS[name]:
        got = player(real, fake)
        assert (got.dtype, got.shape) == (jnp.float32, ())
        assert got == player(real.astype(jnp.float32), fake.astype(jnp.float32))


@every_family
def test_discriminator_loss_does_not_hide_nan_or_infinite_mistakes(name):
    fine = jnp.ones(2)
    nan, low, high = (fine.at[1].set(x) for x in (jnp.nan, -jnp.inf, jnp.inf))
    for real, fake in [(nan, fine), (fine, nan), (low, fine), (fine, high), (low, high)]:
        assert not np.isfinite(PLAYERS[name][0](real, fake))


@every_family
def test_threshold_is_where_real_and_fake_balance(name):
    # with one-sided smoothing D(x) = .45 at the equilibrium
    known = {"least_squares": 0.5, "kl": 1.0, "label_smoothing": np.log(0.45 / 0.55)}
    expected = (known | dict.fromkeys(NO_THRESHOLD)).get(name, 0.0)
    assert FAMILIES[name].threshold == (None if expected is None else pytest.approx(expected))
    if name in DIVERGENCES:
        at_one = F_SLOPE[name](1.0)
        np.testing.assert_allclose(ACTIVATION[name](FAMILIES[name].threshold), at_one, atol=1e-15)


def test_probability_is_that_of_the_optimal_discriminator():
    names = {name for name, pair in FAMILIES.items() if pair.probability}
    assert names == {"minimax", "non_saturating", "label_smoothing", "jensen_shannon"}
    optimum = jax.scipy.special.logit(losses.optimal_discriminator(P, Q))
    for loss in (losses.minimax, FAMILIES["jensen_shannon"]):
        gradient = jax.grad(on_atoms(loss.discriminator))(optimum)
        np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


# ---- f-GAN ----

# Independent of the library, in float64: f (Nowozin et al. 2016, table 1) and f', and the
# activation g_f (table 2) and f*(g_f(v)) worked out.
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
ACTIVATION = {
    "kl": lambda v: v,
    "reverse_kl": lambda v: -np.exp(-v),
    "pearson": lambda v: v,
    "squared_hellinger": lambda v: -np.expm1(-v),
    "jensen_shannon": lambda v: np.log(2) - np.logaddexp(0, -v),
}
CONJUGATE = {
    "kl": lambda v: np.exp(v - 1),
    "reverse_kl": lambda v: v - 1,
    "pearson": lambda v: v**2 / 4 + v,
    "squared_hellinger": np.expm1,
    "jensen_shannon": lambda v: np.logaddexp(0, v) - np.log(2),
}


@every_divergence
def test_f_gan_discriminator_loss_at_the_optimum_is_minus_the_divergence(divergence):
    loss = on_atoms(losses.f_gan(divergence).discriminator)
    v = np.linspace(-4, 4, 100_001)  # on which the activation is inverted
    optimum = np.interp(F_SLOPE[divergence](P / Q), ACTIVATION[divergence](v), v)
    optimum = optimum.astype(np.float32)
    expected = -np.sum(Q * F[divergence](P / Q))
    np.testing.assert_allclose(loss(optimum), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.grad(loss)(optimum), 0.0, atol=1e-6)


@every_divergence
@pytest.mark.parametrize(("trick", "exact"), [(False, CONJUGATE), (True, ACTIVATION)])
def test_f_gan_is_exact_up_to_logit_80_and_linear_beyond(divergence, trick, exact):
    exact, v = exact[divergence], np.linspace(-160, 160, 6561)
    edge, h = np.clip(v, -80, 80), 1e-5
    slope = (exact(edge + h) - exact(edge - h)) / (2 * h)
    got = -jax.vmap(losses.f_gan(divergence, trick).generator)(*[np.stack([v, v], axis=1)] * 2)
    np.testing.assert_allclose(got, exact(edge) + slope * (v - edge), rtol=5e-6, atol=1e-7)
    if not trick:
        # f*(t) = sup_u (u t - f(u)), on a grid of u, at v = -1.46, 0 and 1.46
        near, u = np.array([3250, 3280, 3310]), np.geomspace(1e-6, 1e4, 400_001)
        supremum = [np.max(u * t - F[divergence](u)) for t in ACTIVATION[divergence](v[near])]
        np.testing.assert_allclose(got[near], supremum, atol=2e-5)


def test_unknown_divergence_is_named():
    with pytest.raises(ValueError, match="divergence must be one of kl"):
        losses.f_gan("total_variation")
