import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import normal
from given import given

from jaxgan import losses
from jaxgan.terms import top_k, top_k_loss

REAL, FAKE = normal(8, seed=1), normal(8)
LOSSES = {
    name: getattr(losses, name)
    for name in ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein")
} | {"relativistic": losses.relativistic}


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("k", [1, 3, 8])
def test_top_k_loss_is_the_loss_of_the_best_samples_with_its_gradient(name, k):
    loss = LOSSES[name]
    best = np.argsort(-np.asarray(FAKE))[:k]

    def alone(fake):
        return loss.generator(REAL[best], fake[best])

    expected = jax.value_and_grad(alone)(FAKE)
    got = jax.jit(jax.value_and_grad(lambda fake: top_k_loss(loss, REAL, fake, k / 8)))(FAKE)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_map_of_patches_is_ranked_by_its_mean():
    fake = jnp.array([[9.0, -9.0], [1.0, 1.0], [-3.0, 2.0]])
    got = top_k_loss(losses.wasserstein, fake, fake, 1 / 3)
    assert got == -1.0


def test_at_least_one_sample_counts_and_ties_choose_k():
    same = jnp.zeros(4)
    slope = jax.grad(lambda fake: top_k_loss(losses.wasserstein, same, fake, 0.5))(same)
    np.testing.assert_array_equal(np.sort(slope), [-0.5, -0.5, 0, 0])
    slope = jax.grad(lambda fake: top_k_loss(losses.wasserstein, same, fake, 0.01))(same)
    np.testing.assert_array_equal(np.sort(slope), [-1, 0, 0, 0])


def test_the_fraction_follows_its_schedule_of_steps():
    schedule = optax.exponential_decay(1.0, 1, 0.5, end_value=0.25)
    term = top_k(losses.wasserstein, schedule)
    ordered = -np.sort(-np.asarray(FAKE))
    for step, k in enumerate([8, 4, 2, 2]):
        value = term.value(given(real_logits=REAL, fake_logits=FAKE, step=jnp.int32(step)))
        np.testing.assert_allclose(value, -ordered[:k].mean(), rtol=1e-5)
    assert (term.name, term.player, term.weight) == ("top_k", "generator", 1.0)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_top_k_loss_is_finite_with_its_gradient_at_extreme_logits(dtype):
    largest = float(jnp.finfo(dtype).max)
    fake = jnp.array([largest, -largest, 0.0, 1.0], dtype)
    value, slope = jax.value_and_grad(lambda x: top_k_loss(losses.non_saturating, x, x, 0.75))(fake)
    assert np.isfinite(value)
    assert np.isfinite(np.asarray(slope, np.float32)).all()


@pytest.mark.parametrize("fraction", [0.0, 1.5, -1.0])
def test_a_fraction_out_of_range_is_named(fraction):
    with pytest.raises(ValueError, match=r"fraction must lie in \(0, 1\]"):
        top_k(losses.hinge, fraction)
