import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal
from given import given
from jax.test_util import check_grads

from jaxgan import DiscriminatorOutput, losses, terms
from jaxgan.terms import class_cross_entropy


def output(class_logits=None, features=None):
    return DiscriminatorOutput(jnp.zeros(2), features, class_logits)


# ---- class cross-entropy ----

# softmax(log 3, 0) = (3/4, 1/4), softmax(0, 0) = (1/2, 1/2)
LOGITS, LABELS = jnp.array([[np.log(3.0), 0.0], [0.0, 0.0], [5.0, 1.0]]), jnp.array([0, 1, -1])


def test_class_cross_entropy_by_hand():
    # -(log 3/4 + log 1/2)/2 = (.287682 + .693147)/2; the third sample has no label
    np.testing.assert_allclose(class_cross_entropy(LOGITS, LABELS), 0.490415, rtol=1e-5)
    # the first label exchanged: -(log 1/4 + log 1/2)/2
    got = class_cross_entropy(LOGITS, LABELS.at[0].set(1))
    np.testing.assert_allclose(got, 1.039721, rtol=1e-5)


@pytest.mark.slow
def test_class_cross_entropy_has_its_closed_form_gradient():
    logits, labels = normal(5, 4), np.array([3, -1, 0, 0, -1])
    p = np.exp(np.asarray(logits, np.float64))
    p /= p.sum(axis=1, keepdims=True)
    expected = (p - np.eye(4)[labels]) / 3  # (softmax - one-hot) / labelled samples
    expected[labels == -1] = 0
    got = jax.grad(class_cross_entropy)(logits, labels)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_class_cross_entropy_has_the_derivatives_of_finite_differences():
    value = jax.jit(lambda x: class_cross_entropy(x, LABELS))
    check_grads(value, (LOGITS,), order=2, eps=0.1)


@pytest.mark.slow
def test_class_cross_entropy_without_labels_is_zero():
    value, gradient = jax.value_and_grad(class_cross_entropy)(LOGITS, jnp.full(3, -1))
    assert value == 0.0
    np.testing.assert_array_equal(gradient, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_class_cross_entropy_is_finite_with_its_gradient_at_extreme_logits(dtype):
    largest = float(jnp.finfo(dtype).max)
    rows = [[largest, -largest], [-largest, largest], [0.0, largest], [1.0, 2.0]] * 16
    logits, labels = jnp.array(rows, dtype), jnp.array([1, 1, 0, -1] * 16)
    value, gradient = jax.value_and_grad(class_cross_entropy)(logits, labels)
    assert value.dtype == jnp.float32
    assert 1e36 < value < 1e38
    assert np.isfinite(np.asarray(gradient, np.float32)).all()
    assert class_cross_entropy(logits[3:4], labels[:1]) == class_cross_entropy(
        jnp.array([[1.0, 2.0]]), labels[:1]
    )


@pytest.mark.parametrize("bad", [jnp.nan, jnp.inf])
def test_class_cross_entropy_does_not_hide_nan_or_infinite_logits(bad):
    assert np.isnan(class_cross_entropy(LOGITS.at[1, 0].set(bad), LABELS))


@pytest.mark.parametrize("label", [2, -2])
def test_labels_out_of_range_are_named_where_known_and_give_nan_where_not(label):
    labels = LABELS.at[1].set(label)
    message = r"labels must lie in 0..1, or be -1 \(unlabelled\), got"
    with pytest.raises(ValueError, match=message):
        class_cross_entropy(LOGITS, labels)
    with pytest.raises(ValueError, match=message):  # known in a compiled function too
        jax.jit(lambda x: class_cross_entropy(x, labels))(LOGITS)
    value, gradient = jax.jit(jax.value_and_grad(class_cross_entropy))(LOGITS, labels)
    assert np.isnan(value)
    assert np.isnan(gradient[1]).all()


@pytest.mark.parametrize(
    ("class_logits", "labels", "message"),
    [
        (LOGITS, None, "labels are None"),
        (LOGITS, jnp.zeros(3), "integer array .batch., got float32"),
        (LOGITS, [0, 1, 0], "integer array .batch., got list"),
        (LOGITS, jnp.zeros((3, 1), int), r"got \(3, 2\) and \(3, 1\)"),
        (LOGITS, jnp.zeros(2, int), r"got \(3, 2\) and \(2,\)"),
        (LOGITS[:, 0], LABELS, r"got \(3,\) and \(3,\)"),
    ],
)
def test_labels_that_do_not_fit_are_named(class_logits, labels, message):
    with pytest.raises(ValueError, match=message):
        class_cross_entropy(class_logits, labels)


@pytest.mark.slow
def test_class_cross_entropy_over_eight_devices_is_that_of_the_whole_batch():
    x, w = normal(16, 3), normal(3, 4, seed=1)
    # devices with 2, 1 and 0 labelled samples
    labels = jnp.array([0, 1, 2, -1, -1, -1, 3, 3, -1, 0, -1, -1, -1, -1, -1, 2])

    def local(w, x, labels, axis_name=None):
        return jax.value_and_grad(lambda w: class_cross_entropy(x @ w, labels, axis_name))(w)

    def averaged(w, x, labels):
        return jax.lax.pmean(local(w, x, labels, "batch"), "batch")

    split = [v.reshape(8, 2, *v.shape[1:]) for v in (x, labels)]
    got = jax.pmap(averaged, axis_name="batch", in_axes=(None, 0, 0), out_axes=None)(w, *split)
    for a, b in zip(got, local(w, x, labels), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


# ---- auxiliary classifier ----


def test_auxiliary_classifier_by_hand():
    real, fake = output(LOGITS), output(LOGITS[::-1])
    # real as above; fake has (5, 1) for label 0 and (0, 0) for 1: (log(1 + e^-4) + log 2)/2
    fake_part = (np.log1p(np.exp(-4.0)) + np.log(2.0)) / 2
    both = terms.acgan_discriminator(LABELS, real, fake)
    np.testing.assert_allclose(both, 0.490415 + fake_part, rtol=1e-5)
    np.testing.assert_allclose(terms.real_classification(LABELS, real), 0.490415, rtol=1e-5)
    # the generator's side looks at the labels asked for and at the generated samples alone
    got = terms.acgan_generator(LABELS, fake)
    np.testing.assert_allclose(got, fake_part, rtol=1e-5)


@pytest.mark.parametrize(("real_only", "name"), [(False, "acgan_discriminator"), (True, "real_cl")])
def test_auxiliary_classifier_gives_both_players_terms(real_only, name):
    for_discriminator, for_generator = terms.auxiliary_classifier(0.3, real_only=real_only)
    assert for_discriminator.name.startswith(name)
    assert for_generator.name == "acgan_generator"
    assert for_discriminator.weight == for_generator.weight == 0.3


def test_missing_class_logits_and_labels_are_named():
    some, none = output(LOGITS), output()
    for run in (
        lambda o, labels: terms.real_classification(labels, o),
        lambda o, labels: terms.acgan_discriminator(labels, some, o),
        lambda o, labels: terms.acgan_generator(labels, o),
    ):
        with pytest.raises(ValueError, match="class_logits are None: the discriminator must"):
            run(none, LABELS)
        with pytest.raises(ValueError, match="labels are None"):
            run(some, None)


# ---- semi-supervised classes ----


@pytest.mark.slow
def test_semi_supervised_losses_are_those_of_one_class_more():
    # Independent, in float64: a softmax over K + 1 classes, the last of logit 0 meaning generated.
    real, fake, labels = normal(4, 3), normal(4, 3, seed=1), np.array([2, 0, 1, 2])

    def log_softmax(logits):
        logits = np.concatenate([np.asarray(logits, np.float64), np.zeros((4, 1))], axis=1)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    log_real, log_fake = log_softmax(real), log_softmax(fake)
    is_real = np.log1p(-np.exp(log_real[:, 3]))  # log p(y < K + 1 | x)
    unsupervised = -is_real.mean() - log_fake[:, 3].mean()
    supervised = -(log_real[np.arange(4), labels] - is_real).mean()
    outputs = [terms.semi_supervised_output(v) for v in (real, fake)]
    got = losses.non_saturating.discriminator(*(o.logits for o in outputs))
    np.testing.assert_allclose(got, unsupervised, rtol=1e-5)
    got = terms.real_classification(jnp.array(labels), outputs[0])
    np.testing.assert_allclose(got, supervised, rtol=1e-5)


def test_semi_supervised_output_keeps_what_it_is_given():
    class_logits, features = normal(4, 3), {"deep": normal(4, 5)}
    got = terms.semi_supervised_output(class_logits, features)
    assert got.class_logits is class_logits
    assert got.features is features


@pytest.mark.one_quick_case
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_semi_supervised_logits_are_finite_with_their_gradient_at_extreme_logits(dtype):
    largest = float(jnp.finfo(dtype).max)
    logits = jnp.array([[largest, -largest], [-largest, -largest], [largest, largest]], dtype)
    f = jax.value_and_grad(lambda x: jnp.sum(terms.semi_supervised_output(x).logits[0]))
    for value in jax.tree.leaves(jax.vmap(f)(logits[:, None])):
        assert np.isfinite(np.asarray(value, np.float32)).all()
    assert terms.semi_supervised_output(logits).logits.dtype == jnp.float32


def test_class_logits_without_an_axis_of_classes_are_named():
    with pytest.raises(ValueError, match=r"must be \[batch, classes\], got \(4,\)"):
        terms.semi_supervised_output(jnp.zeros(4))


# ---- feature matching ----


def test_feature_matching_by_hand():
    # mean features (2, 0) and (0, 3): 4 + 9, a sum over features; (1, 1, 1, 1) apart: 4
    real = {"a": jnp.array([[1.0, 0.0], [3.0, 0.0]]), "b": jnp.ones((2, 2, 2))}
    fake = {"a": jnp.array([[0.0, 2.0], [0.0, 4.0]]), "b": jnp.zeros((2, 2, 2), jnp.bfloat16)}
    got = terms.feature_matching(output(features=real), output(features=fake))
    assert got == 17.0
    assert got.dtype == jnp.float32


@pytest.mark.slow
def test_feature_matching_has_its_closed_form_gradient():
    real, fake = normal(4, 3), normal(4, 3, seed=1)

    def value(fake):
        return terms.feature_matching(output(features=real), output(features=fake))

    # 2 (E f(G(z)) - E f(x)) / batch, the same for each sample
    expected = np.tile(2 * (fake.mean(axis=0) - real.mean(axis=0)) / 4, (4, 1))
    np.testing.assert_allclose(jax.grad(value)(fake), expected, rtol=1e-5)
    check_grads(jax.jit(value), (fake,), order=2, eps=1e-2)


def test_missing_features_are_named():
    some, none = output(features=normal(2, 3)), output()
    for pair in [(some, none), (none, some)]:
        with pytest.raises(ValueError, match="features are None: the discriminator must"):
            terms.feature_matching(*pair)


# ---- distances from the real samples ----


def test_distances_from_the_real_samples_by_hand():
    x = jnp.array([[1.0, 2.0], [0.0, -1.0]])
    fake = x + jnp.array([[3.0, -1.0], [0.0, 2.0]])
    assert terms.mean_squared_error(fake, x) == 14 / 4
    assert terms.mean_absolute_error(fake, x) == 6 / 4


def test_distances_are_taken_in_float32():
    x = jnp.full((4, 1), 256.0, jnp.bfloat16)
    fake = (x + 2.0).astype(jnp.bfloat16)
    for term in (terms.mean_squared_error, terms.mean_absolute_error):
        assert term(fake, x).dtype == jnp.float32


def test_content_loss_adds_up_the_squared_distances_of_all_features():
    def extractor(x):
        return {"double": 2 * x, "sum": jnp.sum(x, axis=1)}

    term = terms.content_loss(extractor, 5.0, scale=0.5)
    x = jnp.array([[1.0, 2.0], [0.0, -1.0]])
    fake = x + jnp.array([[3.0, -1.0], [0.0, 2.0]])
    # features differ by 2 (3, -1, 0, 2), and by (2, 2); halved: mean (9, 1, 0, 4), mean (1, 1)
    np.testing.assert_allclose(term.value(given(fake=fake, real=x)), 3.5 + 1.0)
    assert (term.name, term.weight) == ("content", 5.0)


def test_content_loss_moves_the_generated_samples_alone():
    term = terms.content_loss(lambda x: x**2, 1.0, scale=1.0)
    x, fake = jnp.array([[2.0]]), jnp.array([[3.0]])
    # d/df (f^2 - x^2)^2 = 4 f (f^2 - x^2)
    slope = jax.grad(lambda fake: term.value(given(fake=fake, real=x)))(fake)
    np.testing.assert_allclose(slope, 4 * 3 * 5)
