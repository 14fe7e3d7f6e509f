import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import start

import jaxgan
from jaxgan import losses, nonfinite, regularizers
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.step_metrics import mean_pairwise_distance
from jaxgan.types import Network

# --- Conditions, terms, metrics


class ConditionalPlayer(nn.Module):
    outputs: tuple[int, ...]

    @nn.compact
    def __call__(self, x, labels):
        x = jnp.concatenate([x.reshape(len(x), -1), jax.nn.one_hot(labels, 3)], axis=1)
        return nn.Dense(int(np.prod(self.outputs)))(x).reshape(len(x), *self.outputs)


@pytest.mark.slow
def test_condition_reaches_both_players(key, make_gan):
    gan = make_gan(
        generator=jaxgan.from_linen(ConditionalPlayer((2,))),
        discriminator=jaxgan.from_linen(ConditionalPlayer(())),
    )
    x = jnp.ones((6, 2))
    labels = jnp.array([0, 1, 2, 0, 1, 2])
    state = start(key, gan, jaxgan.Batch(x, labels))
    state, metrics = jax.jit(jaxgan.make_train_step(gan))(key, state, jaxgan.Batch(x, labels))
    assert np.isfinite(metrics["discriminator_loss"])
    same = jaxgan.sample(key, gan, state, 6, labels)
    other = jaxgan.sample(key, gan, state, 6, (labels + 1) % 3)
    assert float(jnp.min(jnp.max(jnp.abs(same - other), axis=1))) > 1e-3


@pytest.mark.slow
def test_generator_term_adds_its_weighted_value(key, batch, make_gan):
    term = jaxgan.generator_term(lambda fake: jnp.mean(fake), 3.0, name="mean")
    plain, with_term = make_gan(), make_gan(generator_terms=(term,))
    state = start(key, plain, batch)
    _, metrics = jax.jit(jaxgan.make_generator_step(plain))(key, state, batch)
    _, more = jax.jit(jaxgan.make_generator_step(with_term))(key, state, batch)
    added = more["generator_loss"] - metrics["generator_loss"]
    np.testing.assert_allclose(added, 3.0 * more["term_mean"], rtol=1e-5)


@pytest.mark.slow
def test_lecam_averages_start_at_the_mean_logits(key, batch, make_gan):
    gan = make_gan(penalties=(regularizers.lecam_penalty(0.1, decay=0.75),))
    state, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(
        key, start(key, gan, batch), batch
    )
    averages = state.discriminator.terms["lecam"]
    wanted = metrics["logit_real"], metrics["logit_fake"], 0.25
    np.testing.assert_allclose(averages, wanted, rtol=1e-5)


COMMON = {
    "discriminator_loss", "generator_loss", "value", "diversity", "logit_real", "logit_fake",
    "logit_std", "discriminator_grad_norm", "generator_grad_norm", *nonfinite.COUNTS,
}  # fmt: skip
ACCURACY = {"accuracy_real", "accuracy_fake"}
PROBABILITY = {"prob_real", "prob_fake"}


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("loss", "names"),
    [
        (losses.minimax, ACCURACY | PROBABILITY),
        (losses.non_saturating, ACCURACY | PROBABILITY),
        (losses.f_gan("jensen_shannon"), ACCURACY | PROBABILITY),
        (losses.least_squares, ACCURACY),
        (losses.hinge, ACCURACY),
        (losses.wasserstein, {"accuracy_pairs"}),
        (losses.relativistic, {"accuracy_pairs"}),
    ],
)
def test_metrics_have_stable_names_and_finite_values(key, batch, make_gan, loss, names):
    gan = make_gan(
        generator=jaxgan.from_linen(MLPGenerator((4, 4, 1), ())),
        discriminator=jaxgan.from_linen(MLPDiscriminator((), dropout=0.0)),
        loss=loss,
        penalties=(jaxgan.penalty(regularizers.r1, gamma=1.0),),
    )
    _, metrics = jax.jit(jaxgan.make_train_step(gan))(key, start(key, gan, batch), batch)
    assert set(metrics) == COMMON | names | {"penalty_r1"}
    assert all(value.shape == () and np.isfinite(value) for value in metrics.values())


@pytest.mark.slow
def test_a_constant_discriminator_is_right_half_the_time(key, batch, make_gan):
    constant = Network(
        lambda key, x: (jnp.float32(0), {}),
        lambda params, state, x, *, keys, train, axis_name=None: (
            params * jnp.ones(len(x)),
            state,
        ),
    )
    gan = make_gan(discriminator=constant)
    _, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(key, start(key, gan, batch), batch)
    assert metrics["accuracy_real"] + metrics["accuracy_fake"] == 1.0
    assert metrics["logit_std"] == 0.0
    np.testing.assert_allclose(metrics["prob_real"], 0.5)


@pytest.mark.slow
def test_mean_pairwise_distance_equals_the_double_loop():
    x = np.random.default_rng(0).normal(size=(20, 3, 2)).astype(np.float32)
    pairs = [np.linalg.norm(x[i] - x[j]) for i in range(20) for j in range(20) if i != j]
    np.testing.assert_allclose(mean_pairwise_distance(jnp.asarray(x)), np.mean(pairs), rtol=1e-5)


def test_one_sample_has_no_pairwise_distance():
    assert np.isnan(mean_pairwise_distance(jnp.ones((1, 4))))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "alike", "accumulate", "known"),
    [(1, False, 1, False), (4, True, 1, False), (4, False, 4, False), (4, False, 2, True)],
    ids=["batch of one", "equal samples", "accumulate as the batch", "micro-batches of two"],
)
def test_diversity_is_not_a_number_where_real_samples_have_none(
    key, batch, make_gan, size, alike, accumulate, known
):
    x = jnp.full((size, 4, 4, 1), 0.7) if alike else batch[:size]
    gan = make_gan()
    step = jaxgan.make_discriminator_step(gan, accumulate=accumulate)
    _, metrics = jax.jit(step)(key, start(key, gan, x), x)
    assert jnp.isfinite(metrics["diversity"]) == known
    assert jnp.isfinite(metrics["discriminator_loss"])


@pytest.mark.slow
def test_diversity_of_a_collapsed_generator_is_zero(key, batch, make_gan):
    collapsed = Network(
        lambda key, z: (jnp.float32(0), {}),
        lambda params, state, z, *, keys, train, axis_name=None: (
            params + jnp.full((len(z), 4, 4, 1), 0.3),
            state,
        ),
    )
    gan = make_gan(generator=collapsed)
    _, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(key, start(key, gan, batch), batch)
    assert float(metrics["diversity"]) < 1e-3
