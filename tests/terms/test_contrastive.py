"""2C and D2D-CE against loops in float64, over samples and over pairs of them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal
from given import given
from jax.test_util import check_grads

from jaxgan import DiscriminatorOutput, parallel
from jaxgan.models.layers.labels import unit_vectors
from jaxgan.terms import (
    contrastive_loss,
    contrastive_terms,
    data_to_data_cross_entropy,
    data_to_data_terms,
)

LABELS = jnp.array([0, 2, 0, 1, 2, 0, 1, 1])
EMBEDDING, PROXIES = normal(8, 5), normal(3, 5, seed=1)
LOSSES = (contrastive_loss, data_to_data_cross_entropy)
both = pytest.mark.parametrize("loss", LOSSES)


def cosines(embedding, proxies=PROXIES):
    return unit_vectors(embedding) @ unit_vectors(proxies).T


def of(loss, embedding, labels=LABELS, **options):
    return loss(unit_vectors(embedding), cosines(embedding), labels, **options)


def cosine(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def by_loops(loss, temperature, margin=None):
    total = 0.0
    for i in range(8):
        own = cosine(EMBEDDING[i], PROXIES[LABELS[i]])
        if margin is not None:
            own = min(own - margin, 0.0)
        positive, every = np.exp(own / temperature), np.exp(own / temperature)
        for j in set(range(8)) - {i}:
            pair, same = cosine(EMBEDDING[i], EMBEDDING[j]), LABELS[i] == LABELS[j]
            if loss is contrastive_loss:
                every += np.exp(pair / temperature)
                positive += same * np.exp(pair / temperature)
            elif not same:
                every += np.exp(max(pair - (1 - margin), 0.0) / temperature)
        total -= np.log(positive / every) / 8
    return total


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_losses_are_those_of_loops_over_pairs(temperature):
    expected = by_loops(contrastive_loss, temperature)
    got = of(contrastive_loss, EMBEDDING, temperature=temperature)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    for margin in (0.98, 0.6):
        expected = by_loops(data_to_data_cross_entropy, temperature, margin)
        got = of(data_to_data_cross_entropy, EMBEDDING, temperature=temperature, margin=margin)
        np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.slow
@both
def test_losses_have_the_derivatives_of_finite_differences(loss):
    with jax.enable_x64(True):  # for a step that crosses no margin
        x = jnp.asarray(EMBEDDING, jnp.float64)
        check_grads(jax.jit(lambda x: of(loss, x)), (x,), order=1, modes="rev", eps=1e-5)


@pytest.mark.slow
def test_easy_samples_exert_no_force():
    # Each sample is at its own proxy, and those of other classes are opposite or at right angles.
    embedding = jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    labels = jnp.arange(3)

    def loss(scale):
        h = unit_vectors(embedding + scale * normal(3, 2))
        easy = data_to_data_cross_entropy
        return easy(h, h @ embedding.T, labels, temperature=0.5, margin=0.7)

    value, slope = jax.value_and_grad(loss)(0.0)
    np.testing.assert_allclose(value, np.log(3.0), rtol=1e-6)  # every exponent is 0
    assert slope == 0.0
    assert jax.grad(loss)(2.0) != 0.0


def test_a_batch_of_one_class_leaves_only_the_attraction():
    labels = jnp.zeros(8, int)
    assert of(contrastive_loss, EMBEDDING, labels) == pytest.approx(0.0, abs=1e-6)
    assert of(data_to_data_cross_entropy, EMBEDDING, labels) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.slow
@both
def test_samples_are_compared_across_devices(loss):
    w = normal(5, 5, seed=2)
    value = jax.value_and_grad(lambda w, x, labels, axis=None: of(
        functools.partial(loss, axis_name=axis), x @ w, labels
    ))  # fmt: skip
    expected = value(w, EMBEDDING, LABELS)

    def local(w, x, labels):
        return jax.lax.pmean(value(w, x, labels, parallel.AXIS), parallel.AXIS)

    shards = EMBEDDING.reshape(4, 2, 5), LABELS.reshape(4, 2)
    got = jax.pmap(local, parallel.AXIS, in_axes=(None, 0, 0), out_axes=None)(w, *shards)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@both
@pytest.mark.parametrize("label", [3, -1])
def test_labels_out_of_range_are_an_error_or_nan(loss, label):
    labels = LABELS.at[1].set(label)
    with pytest.raises(ValueError, match="labels must"):
        of(loss, EMBEDDING, labels)
    with pytest.raises(ValueError, match="labels must"):  # known in a compiled function too
        jax.jit(lambda x: of(loss, x, labels))(EMBEDDING)
    assert np.isnan(jax.jit(lambda labels: of(loss, EMBEDDING, labels))(labels))


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_embeddings_of_any_length_have_finite_gradients(size):
    x = jnp.concatenate([size * EMBEDDING[:7], jnp.zeros((1, 5))])
    for loss in LOSSES:
        value, gradient = jax.value_and_grad(lambda x, loss=loss: of(loss, x))(x)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("make", "loss"), [(contrastive_terms, LOSSES[0]), (data_to_data_terms, LOSSES[1])]
)
def test_the_discriminator_compares_real_samples_and_the_generator_its_own(make, loss):
    of_discriminator, of_generator = make(0.25, temperature=0.7)
    outputs = [
        DiscriminatorOutput(jnp.zeros(8), unit_vectors(x), cosines(x))
        for x in (EMBEDDING, EMBEDDING + 1.0)
    ]
    inputs = given(real_output=outputs[0], fake_output=outputs[1], condition=LABELS)
    expected = [of(loss, x, temperature=0.7) for x in (EMBEDDING, EMBEDDING + 1.0)]
    assert of_discriminator.value(inputs) == expected[0]
    assert of_generator.value(inputs) == expected[1]
    assert (of_discriminator.player, of_generator.player) == ("discriminator", "generator")
    assert of_discriminator.weight == of_generator.weight == 0.25


def test_outputs_that_cannot_be_compared_are_named():
    term = data_to_data_terms()[0]
    without = DiscriminatorOutput(jnp.zeros(8), EMBEDDING)
    with pytest.raises(ValueError, match="class_logits are None"):
        term.value(given(real_output=without, condition=LABELS))
    without = DiscriminatorOutput(jnp.zeros(8), None, cosines(EMBEDDING))
    with pytest.raises(ValueError, match="one array of unit vectors"):
        term.value(given(real_output=without, condition=LABELS))
    for make in (contrastive_terms, data_to_data_terms):
        with pytest.raises(ValueError, match="temperature must be positive and finite, got 0"):
            make(temperature=0.0)
