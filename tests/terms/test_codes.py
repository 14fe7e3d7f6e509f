import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal
from given import given
from jax.test_util import check_grads

from jaxgan import DiscriminatorOutput, latents
from jaxgan.terms import code_cross_entropy, mutual_information

CODES = jnp.array([[1.0, 0.0, 0.0, 1.0, 0.0, 0.3, -1.0], [0.0, 0.0, 1.0, 0.0, 1.0, 2.0, 0.0]])


def log_q(codes, recognized, std):
    """The log Q of one sample, in float64: categories of 3 and 2, then normal numbers."""
    log_p = 0.0
    for part in (slice(0, 3), slice(3, 5)):
        p = np.exp(recognized[part])
        log_p += np.log(p / p.sum())[np.argmax(codes[part])]
    density = np.exp(-((codes[5:] - recognized[5:]) ** 2) / (2 * std**2))
    return log_p + np.log(density / (std * np.sqrt(2 * np.pi))).sum()


@pytest.mark.parametrize("std", [1.0, 0.4])
def test_code_cross_entropy_is_minus_the_log_likelihood_of_the_codes(std):
    recognized = normal(2, 7)
    pairs = zip(np.asarray(CODES, float), np.asarray(recognized, float), strict=True)
    expected = -np.mean([log_q(c, r, std) for c, r in pairs])
    got = code_cross_entropy(CODES, recognized, (3, 2), std)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.slow
def test_code_cross_entropy_has_the_derivatives_of_finite_differences():
    value = jax.jit(lambda x: code_cross_entropy(CODES, x, (3, 2), 0.7))
    check_grads(value, (normal(2, 7),), order=2, eps=0.1)


def test_the_bound_is_reached_by_the_posterior():
    # x = the code with probability 0.8, else the other: I = log 2 + 0.8 log 0.8 + 0.2 log 0.2
    right = jnp.arange(10) < 8
    codes = jnp.eye(2)[jnp.zeros(10, int)]
    seen = jnp.where(right, 0, 1)
    posterior = jnp.log(jnp.array([[0.8, 0.2], [0.2, 0.8]]))[seen]
    information = np.log(2) + 0.8 * np.log(0.8) + 0.2 * np.log(0.2)
    got = np.log(2) - code_cross_entropy(codes, posterior, (2,))
    np.testing.assert_allclose(got, information, rtol=1e-5)
    assert np.log(2) - code_cross_entropy(codes, 2 * posterior, (2,)) < information - 0.01


@pytest.mark.one_quick_case
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_code_cross_entropy_is_finite_with_its_gradient_at_extreme_class_logits(dtype):
    largest = float(jnp.finfo(dtype).max)
    logits = jnp.array([[largest, -largest], [-largest, largest]], dtype)
    both = jax.value_and_grad(lambda x: code_cross_entropy(jnp.eye(2)[:1].repeat(2, 0), x, (2,)))
    value, gradient = both(logits)
    assert np.isfinite(value)
    assert np.isfinite(np.asarray(gradient, np.float32)).all()


def test_both_players_see_the_last_columns_of_the_latents():
    z, recognized = jnp.concatenate([normal(2, 4), CODES], axis=1), normal(2, 7, seed=1)
    expected = code_cross_entropy(CODES, recognized, (3, 2))
    terms = mutual_information((3, 2), 2, 0.5, head=lambda output: output.features["codes"])
    for term, player in zip(terms, ("discriminator", "generator"), strict=True):
        output = DiscriminatorOutput(jnp.zeros(2), {"codes": recognized})
        assert term.value(given(latents=z, fake_output=output)) == expected
        assert (term.name, term.player) == (f"infogan_{player}", player)
        assert term.weight == 0.5


def test_codes_that_do_not_fit_are_named():
    term = mutual_information((3,), 1)[0]
    output = DiscriminatorOutput(jnp.zeros(2), jnp.zeros((2, 5)))
    with pytest.raises(ValueError, match=r"at least 3.*got \(2, 4\) and \(2, 5\)"):
        term.value(given(latents=jnp.zeros((2, 9)), fake_output=output))
    with pytest.raises(ValueError, match=r"features must be one array.*got NoneType"):
        term.value(given(latents=jnp.zeros((2, 9)), fake_output=DiscriminatorOutput(jnp.zeros(2))))
    with pytest.raises(ValueError, match=r"latents must be one array.*got tuple"):
        term.value(given(latents=(jnp.zeros((2, 9)),), fake_output=output))
    with pytest.raises(ValueError, match="codes must be a positive int, got 0"):
        mutual_information()
    with pytest.raises(ValueError, match="std must be positive, got 0"):
        code_cross_entropy(CODES, CODES, (3, 2), 0.0)


def test_one_hot_latents_choose_each_class_equally_often():
    drawn = latents.one_hot(4)(jax.random.key(0), jnp.arange(4000))
    assert drawn.shape == (4000, 4)
    np.testing.assert_array_equal(jnp.sort(drawn, axis=1), np.tile([0, 0, 0, 1], (4000, 1)))
    # Each count has mean 1,000 and a standard deviation of 27.
    np.testing.assert_allclose(drawn.sum(axis=0), 1000, atol=4 * 27.4)
