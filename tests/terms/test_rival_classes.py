"""TAC, ADC and the multi-hinge loss against NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal
from given import given
from jax.test_util import check_grads

from jaxgan import DiscriminatorOutput, parallel, terms

LABELS = jnp.array([2, 0, 1, 2])
REAL, FAKE = normal(4, 6), normal(4, 6, seed=1)
INPUTS = given(
    real_output=DiscriminatorOutput(jnp.zeros(4), None, REAL),
    fake_output=DiscriminatorOutput(jnp.zeros(4), None, FAKE),
    condition=LABELS,
)


def cross_entropy(logits, labels):
    logits = np.asarray(logits, np.float64)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(p)), labels]).mean()


def test_the_first_twin_learns_real_samples_and_the_second_generated_ones():
    of_discriminator, of_generator = terms.twin_classifiers(2.0)
    learnt = cross_entropy(REAL[:, :3], LABELS) + cross_entropy(FAKE[:, 3:], LABELS)
    np.testing.assert_allclose(of_discriminator.value(INPUTS), learnt, rtol=1e-6)
    difference = cross_entropy(FAKE[:, :3], LABELS) - cross_entropy(FAKE[:, 3:], LABELS)
    np.testing.assert_allclose(of_generator.value(INPUTS), difference, rtol=1e-5)
    assert of_discriminator.weight == of_generator.weight == 2.0


def test_the_discriminative_classifier_has_generated_classes():
    of_discriminator, of_generator = terms.discriminative_classifier()
    learnt = cross_entropy(REAL, LABELS) + cross_entropy(FAKE, LABELS + 3)
    np.testing.assert_allclose(of_discriminator.value(INPUTS), learnt, rtol=1e-6)
    difference = cross_entropy(FAKE, LABELS) - cross_entropy(FAKE, LABELS + 3)
    np.testing.assert_allclose(of_generator.value(INPUTS), difference, rtol=1e-5)
    # The normaliser cancels: mean of l_(c, generated) - l_(c, real).
    rows = np.arange(4)
    np.testing.assert_allclose(difference, np.mean(FAKE[rows, LABELS + 3] - FAKE[rows, LABELS]))


def test_unlabelled_samples_count_in_neither_half():
    labels = LABELS.at[1].set(-1)
    known = np.array([0, 2, 3])
    inputs = INPUTS.__class__(**{**vars(INPUTS), "condition": labels})
    for make, shift in ((terms.twin_classifiers, None), (terms.discriminative_classifier, 3)):
        real, fake = (REAL[:, :3], FAKE[:, 3:]) if shift is None else (REAL, FAKE)
        expected = cross_entropy(real[known], labels[known]) + cross_entropy(
            fake[known], labels[known] + (shift or 0)
        )
        np.testing.assert_allclose(make()[0].value(inputs), expected, rtol=1e-6)


def hinge(logits, labels):
    logits = np.asarray(logits, np.float64)
    wrong = [max(np.delete(row, label)) for row, label in zip(logits, labels, strict=True)]
    return np.maximum(0, 1 + np.array(wrong) - logits[np.arange(len(logits)), labels]).mean()


def test_multi_hinge_is_the_margin_to_the_best_wrong_class():
    logits = 2.0 * REAL
    np.testing.assert_allclose(terms.multi_hinge(logits, LABELS), hinge(logits, LABELS), rtol=1e-6)
    assert terms.multi_hinge(jnp.array([[3.0, 1.9], [0.0, 0.0]]), jnp.array([0, 1])) == 0.5
    half = terms.multi_hinge(jnp.array([[3.0, 1.9], [0.0, 0.0]]), jnp.array([-1, 1]))
    assert half == 1.0  # the mean over labelled samples


def test_multi_hinge_terms_call_generated_samples_the_last_class():
    of_discriminator, of_generator = terms.multi_hinge_terms()
    expected = hinge(REAL, LABELS) + hinge(FAKE, [5] * 4)
    np.testing.assert_allclose(of_discriminator.value(INPUTS), expected, rtol=1e-6)
    np.testing.assert_allclose(of_generator.value(INPUTS), hinge(FAKE, LABELS), rtol=1e-6)
    assert (of_discriminator.weight, of_generator.weight) == (1.0, 0.05)
    output = terms.multi_hinge_output(REAL)
    np.testing.assert_allclose(output.logits, REAL[:, :5].max(axis=1) - REAL[:, 5])
    np.testing.assert_array_equal(output.class_logits, REAL)


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    [
        lambda x: terms.multi_hinge(x, LABELS),
        lambda x: terms.twin_classifiers()[1].value(given(
            fake_output=DiscriminatorOutput(jnp.zeros(4), None, x), condition=LABELS
        )),
        lambda x: terms.discriminative_classifier()[1].value(given(
            fake_output=DiscriminatorOutput(jnp.zeros(4), None, x), condition=LABELS
        )),
    ],
)  # fmt: skip
def test_terms_have_the_derivatives_of_finite_differences(value):
    check_grads(jax.jit(value), (FAKE,), order=1, modes="rev", eps=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_terms_are_finite_with_their_gradients_at_extreme_logits(dtype):
    largest = float(jnp.finfo(dtype).max)
    x = jnp.tile(jnp.array([largest, -largest, 0.0], dtype)[None], (4, 2))

    def total(x):
        output = DiscriminatorOutput(jnp.zeros(4), None, x)
        inputs = given(real_output=output, fake_output=output, condition=LABELS)
        pairs = (
            terms.twin_classifiers(),
            terms.discriminative_classifier(),
            terms.multi_hinge_terms(),
        )
        return sum(term.value(inputs) / 16 for pair in pairs for term in pair)

    value, gradient = jax.value_and_grad(total)(x)
    assert np.isfinite(value)
    assert np.isfinite(np.asarray(gradient, np.float32)).all()


def test_means_are_those_of_the_global_batch():
    labels = LABELS.at[1].set(-1)
    expected = terms.multi_hinge(REAL, labels)
    got = jax.pmap(
        lambda x, labels: terms.multi_hinge(x, labels, parallel.AXIS), parallel.AXIS, out_axes=None
    )(REAL.reshape(2, 2, 6), labels.reshape(2, 2))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("label", [3, -2])
@pytest.mark.parametrize("make", [terms.twin_classifiers, terms.discriminative_classifier])
def test_labels_of_the_second_half_are_out_of_range(make, label):
    def value(labels):
        return make()[0].value(INPUTS.__class__(**{**vars(INPUTS), "condition": labels}))

    labels = LABELS.at[1].set(label)
    with pytest.raises(ValueError, match=r"labels must lie in 0..2"):
        value(labels)
    assert np.isnan(jax.jit(value)(labels))


def test_outputs_without_the_right_class_logits_are_named():
    odd = DiscriminatorOutput(jnp.zeros(4), None, REAL[:, :5])
    inputs = given(real_output=odd, fake_output=odd, condition=LABELS)
    for make in (terms.twin_classifiers, terms.discriminative_classifier):
        for term in make():
            with pytest.raises(ValueError, match=r"\[batch, 2 classes\], got \(4, 5\)"):
                term.value(inputs)
    with pytest.raises(ValueError, match=r"\[batch, classes \+ 1\], got \(4,\)"):
        terms.multi_hinge_output(REAL[:, 0])
