"""Sampling after training, on distributions whose density ratio is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan import refinement
from jaxgan.parallel.global_batch import sample_keys

# --- Choosing among samples: p_generator = N(0, 2), p_data = N(1, 1)

INDEX = jnp.arange(2_000)
DATA = stats.norm(1, 1)


def exact(x):
    """Log p_data(x) / p_generator(x)."""
    return -((x - 1) ** 2) / 2 + x**2 / 8 + jnp.log(2.0)


@jax.jit
def propose(key, index):
    x = 2.0 * jax.vmap(jax.random.normal)(sample_keys(key, index))
    return x, exact(x)


LARGEST = float(exact(jnp.array(4 / 3)))  # where the derivative of `exact` is 0


def bound(shift=0.0):
    return refinement.Bound(jnp.float32(LARGEST), jnp.float32(shift))


def differs(samples, distribution=DATA):
    """Whether a Kolmogorov-Smirnov test tells samples from a distribution."""
    return stats.kstest(np.asarray(samples), distribution.cdf).pvalue < 1e-3


def test_rejection_gives_samples_of_the_data_at_the_rate_of_the_bound(key):
    assert differs(propose(key, INDEX)[0])
    found = refinement.rejection_sample(key, propose, INDEX, bound())
    assert not differs(found.x)
    assert found.acceptance == pytest.approx(np.exp(-LARGEST), rel=0.05)
    assert found.proposals == round(len(INDEX) / found.acceptance)
    np.testing.assert_allclose(found.log_ratios, exact(found.x), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_sample_depends_on_the_key_and_its_index_alone(key):
    whole = refinement.rejection_sample(key, propose, INDEX[:40], bound(), chunk=7)
    part = refinement.rejection_sample(key, propose, INDEX[30:40], bound(), chunk=250)
    np.testing.assert_array_equal(whole.x[30:], part.x)
    start = exact(jnp.linspace(0, 2, 40))
    chains = refinement.metropolis_hastings(key, propose, INDEX[:40], start, 5)[0]
    some = refinement.metropolis_hastings(key, propose, INDEX[30:40], start[30:], 5)[0]
    np.testing.assert_array_equal(chains.x[30:], some.x)


def test_probability_is_the_ratio_to_the_bound_and_a_shift_changes_its_odds(key):
    d = propose(key, INDEX)[1]
    p = refinement.acceptance_probability(d, bound())
    np.testing.assert_allclose(p, jnp.exp(d - LARGEST), rtol=1e-4, atol=1e-6)
    shifted = refinement.acceptance_probability(d, bound(-1.0))
    odds = [np.asarray(each / (1 - each))[d < LARGEST - 0.1] for each in (p, shifted)]
    np.testing.assert_allclose(odds[1], np.e * odds[0], rtol=1e-3)
    assert (refinement.acceptance_probability(jnp.array([99.0]), bound()) == 1).all()


def test_half_of_the_samples_at_the_percentile_are_accepted(key):
    d = propose(key, INDEX)[1]
    found = refinement.rejection_bound(d, 80)
    p = refinement.acceptance_probability(d, found)
    assert jnp.mean(p > 0.5) == pytest.approx(0.2, abs=0.01)
    assert refinement.rejection_bound(d).log_max == d.max()
    with pytest.raises(ValueError, match="percentile must lie between 0 and 100, got 100"):
        refinement.rejection_bound(d, 100)


def test_samples_that_are_never_accepted_are_an_error(key):
    far = refinement.Bound(jnp.float32(LARGEST + 50), jnp.float32(0))
    with pytest.raises(ValueError, match="7 of 7 samples had no accepted proposal in 3"):
        refinement.rejection_sample(key, propose, INDEX[:7], far, most=3)


def test_metropolis_hastings_gives_samples_of_the_data_from_any_start(key):
    start = jnp.full(len(INDEX), LARGEST)
    found, trace = refinement.metropolis_hastings(key, propose, INDEX, start, 40)
    assert not differs(found.x)
    assert trace.shape == (40, len(INDEX))
    np.testing.assert_array_equal(trace[-1], found.log_ratios)
    # E min(1, w(x') / w(x)) for x of the data and x' of the generator
    x = DATA.rvs(100_000, random_state=0)
    other = 2.0 * np.random.default_rng(1).standard_normal(100_000)
    expected = np.minimum(1, np.exp(exact(other) - exact(x))).mean()
    assert found.acceptance == pytest.approx(expected, abs=0.01)


def test_a_chain_that_never_moves_is_started_again_from_its_first_proposal(key):
    start = jnp.full(5, 1e6)  # of real samples of which the generator knows nothing
    found, trace = refinement.metropolis_hastings(key, propose, INDEX[:5], start, 3)
    assert found.acceptance == 0
    first = propose(jax.random.split(jax.random.fold_in(key, 0))[0], INDEX[:5])[1]
    np.testing.assert_array_equal(trace[0], first)
    np.testing.assert_allclose(found.log_ratios, exact(found.x), rtol=1e-4, atol=1e-5)


# --- Moved latents: standard normal latents are the samples


def ratio(z):
    """Log p_data / p_generator for p_data = N(1, 1 / 2), p_generator = N(0, 1)."""
    return jnp.sum(-((z - 1) ** 2) + z**2 / 2, axis=1)


def log_density(z):
    return refinement.normal_log_density(z) + ratio(z)


def moved(step, key, z, steps):
    for number in range(steps):
        z = step(jax.random.fold_in(key, number), jnp.arange(len(z)), z)
    return z


def test_adjusted_langevin_steps_of_any_size_end_in_the_data_distribution(key):
    step = jax.jit(refinement.make_langevin_step(log_density, 0.5))
    z = jax.random.normal(key, (2_000, 1))
    z = moved(lambda *inputs: step(*inputs)[0], key, z, 60)
    assert not differs(z[:, 0], stats.norm(1, np.sqrt(0.5)))


def test_plain_langevin_steps_have_the_variance_of_their_discretisation(key):
    # z' = (1 - eps) z + eps + sqrt(eps) n has variance eps / (1 - (1 - eps)^2)
    step = jax.jit(refinement.make_langevin_step(log_density, 0.5, adjusted=False))
    z = moved(lambda *inputs: step(*inputs)[0], key, jax.random.normal(key, (4_000, 1)), 30)
    assert float(z.var()) == pytest.approx(0.5 / (1 - 0.25), rel=0.08)
    assert bool(step(key, jnp.arange(3), z[:3])[1].all())


@pytest.mark.slow
def test_the_flow_follows_the_derivative_of_the_divergence(key):
    z = jnp.linspace(-1, 2, 7)[:, None]
    d, slope = ratio(z)[:, None], -2 * (z - 1) + z
    factor = {"kl": 1.0, "js": jax.nn.sigmoid(d), "log_d": jax.nn.sigmoid(-d)}
    for divergence, own in factor.items():
        step = refinement.make_gradient_flow_step(ratio, 0.1, 0.0, divergence)
        np.testing.assert_allclose(
            step(key, jnp.arange(7), z), z + 0.1 * own * slope, rtol=1e-5, atol=1e-6
        )


def test_the_flows_noise_has_its_variance(key):
    step = refinement.make_gradient_flow_step(lambda z: 0 * z[:, 0], 0.1, 0.2)
    z = step(key, jnp.arange(4_000), jnp.zeros((4_000, 2)))
    assert float(z.var()) == pytest.approx(2 * 0.2 * 0.1, rel=0.05)
    assert abs(np.corrcoef(np.asarray(z).T)[0, 1]) < 0.05


# --- The density ratio


@functools.cache
def two_normals():
    rng = np.random.default_rng(0)
    real = np.stack([rng.normal(1, 1, 4_000), rng.normal(0, 1, 4_000)], axis=1)
    fake = rng.normal(0, 1, (4_000, 2))
    return jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32)


def test_logistic_regression_finds_the_ratio_of_two_normal_distributions():
    found, calibration = refinement.fit_density_ratio(*two_normals())
    x = jnp.array([[-1.0, 0.0], [0.5, 2.0], [2.0, -2.0]])
    np.testing.assert_allclose(refinement.log_ratio(found, x), x[:, 0] - 0.5, atol=0.2)
    assert calibration.accuracy == pytest.approx(stats.norm.cdf(0.5), abs=0.03)
    assert abs(calibration.z) < 3


def test_calibration_sees_a_ratio_that_is_too_sure_of_one_side():
    real, fake = (x[:, 0] - 0.5 for x in two_normals())
    assert abs(refinement.calibration(real, fake).z) < 3
    assert refinement.calibration(real + 1, fake + 1).z < -10
    assert refinement.calibration(real - 1, fake - 1).z > 10
    with pytest.raises(ValueError, match="with the same num"):
        refinement.calibration(real, fake[:-1])


def test_too_few_or_unsound_outputs_are_refused():
    real, fake = two_normals()
    with pytest.raises(ValueError, match="at least 20 samples"):
        refinement.fit_density_ratio(real[:10], fake[:10])
    with pytest.raises(ValueError, match="of the same shape"):
        refinement.fit_density_ratio(real, fake[:-1])
    with pytest.raises(ValueError, match="fake has values that are not finite"):
        refinement.fit_density_ratio(real, fake.at[0, 0].set(jnp.nan))


# --- Effective sizes


def test_weights_are_worth_the_square_of_their_sum_over_the_sum_of_squares():
    log_weights = jnp.log(jnp.array([1.0, 2.0, 3.0])) + 100
    assert refinement.weights_effective_size(log_weights) == pytest.approx(36 / 14, rel=1e-4)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_a_chain_is_worth_its_length_over_its_autocorrelation_time(correlation):
    rng, x = np.random.default_rng(0), [np.zeros(200)]
    for _ in range(3_000):
        x.append(correlation * x[-1] + rng.standard_normal(200))
    expected = 2_901 * (1 - correlation) / (1 + correlation)
    found = refinement.chain_effective_size(np.stack(x[100:]))
    assert found == pytest.approx(expected, rel=0.1)
    with pytest.raises(ValueError, match="at least 4 steps"):
        refinement.chain_effective_size(np.zeros((3, 5)))
