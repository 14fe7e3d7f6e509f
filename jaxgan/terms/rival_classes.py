"""Auxiliary classifiers that know generated samples too: TAC-GAN, ADC-GAN and the multi-hinge loss.

The classifier of an AC-GAN drives the generator towards samples that are easy to classify. These
have more class logits than classes, and the generator is held to those of both kinds.

>>> import jax.numpy as jnp
>>> print(multi_hinge(jnp.array([[2.0, 1.5, 0.0]]), jnp.array([0])))  # 1 + 1.5 - 2
0.5
"""

import jax.numpy as jnp

from jaxgan.losses.likelihood import finite
from jaxgan.parallel.global_batch import gather
from jaxgan.term_inputs import generator_term, penalty
from jaxgan.terms.classes import (
    at_labels,
    check_labels,
    class_cross_entropy,
    class_logits_of,
    labelled_mean,
)
from jaxgan.types import Array, DiscriminatorOutput, PyTree, Term

# --- TAC-GAN


def tac_discriminator(
    condition: PyTree,
    real_output: DiscriminatorOutput,
    fake_output: DiscriminatorOutput,
    axis_name: str | None = None,
) -> Array:
    """The losses of both twin classifiers: one learns real samples, the other generated ones.

    -E log P(c | x) - E log Q(c | G(z, c)), with P the softmax of the first half of the class logits
    and Q that of the second.

    Args:
      condition: the labels of both the real and the generated samples.
      real_output: the discriminator's on the real samples here, with class logits
        [batch, 2 classes].
      fake_output: the same on the generated samples.
      axis_name: mapped device axis.
    Returns:
      float32 scalar, nats.
    Raises:
      ValueError: if there are no class logits or labels, or they do not fit.
    Source: Gong et al. 2019, section 3, https://arxiv.org/abs/1907.02690, as in the authors' code,
      https://github.com/batmanlab/twin-auxiliary-classifiers-gan
    """
    real, _ = _halves(real_output)
    _, fake = _halves(fake_output)
    return class_cross_entropy(real, condition, axis_name) + class_cross_entropy(
        fake, condition, axis_name
    )


def tac_generator(
    condition: PyTree, fake_output: DiscriminatorOutput, axis_name: str | None = None
) -> Array:
    """What the generator minimises: -E log P(c | G(z, c)) + E log Q(c | G(z, c)).

    Args:
      condition: the labels that the samples were generated for.
      fake_output: the discriminator's on them, with class logits [batch, 2 classes].
      axis_name: mapped device axis.
    Returns:
      float32 scalar, nats; see `tac_discriminator`.
    """
    first, second = _halves(fake_output)
    return class_cross_entropy(first, condition, axis_name) - class_cross_entropy(
        second, condition, axis_name
    )


def twin_classifiers(weight: float = 1.0) -> tuple[Term, Term]:
    """Both players' terms of TAC-GAN, for a discriminator with twice as many class logits.

    Args:
      weight: of each term; 1 in the authors' code.
    Returns:
      One of the GAN's `penalties` and one of its `generator_terms`.
    Source: see `tac_discriminator`.
    """
    return penalty(tac_discriminator, weight), generator_term(tac_generator, weight)


# --- ADC-GAN


def adc_discriminator(
    condition: PyTree,
    real_output: DiscriminatorOutput,
    fake_output: DiscriminatorOutput,
    axis_name: str | None = None,
) -> Array:
    """The discriminative classifier's loss, whose classes are "real c" and "generated c".

    -E log C(c, real | x) - E log C(c, generated | G(z, c)), with C the softmax of all class logits,
    the first half for real classes and the second for generated ones.

    Args:
      condition: the labels of both the real and the generated samples.
      real_output: the discriminator's on the real samples here, with class logits
        [batch, 2 classes].
      fake_output: the same on the generated samples.
      axis_name: mapped device axis.
    Returns:
      float32 scalar, nats.
    Raises:
      ValueError: if there are no class logits or labels, or they do not fit.
    Source: Hou et al. 2022, https://arxiv.org/abs/2107.10060; the authors' code,
      https://github.com/houliangict/adcgan
    """
    real = class_cross_entropy(*_of_kind(real_output, condition, False), axis_name)
    return real + class_cross_entropy(*_of_kind(fake_output, condition, True), axis_name)


def adc_generator(
    condition: PyTree, fake_output: DiscriminatorOutput, axis_name: str | None = None
) -> Array:
    """What the generator minimises: -E log C(c, real | G(z, c)) + E log C(c, generated | G(z, c)).

    Args:
      condition: the labels that the samples were generated for.
      fake_output: the discriminator's on them, with class logits [batch, 2 classes].
      axis_name: mapped device axis.
    Returns:
      float32 scalar, nats; see `adc_discriminator`.
    """
    real = class_cross_entropy(*_of_kind(fake_output, condition, False), axis_name)
    return real - class_cross_entropy(*_of_kind(fake_output, condition, True), axis_name)


def discriminative_classifier(weight: float = 1.0) -> tuple[Term, Term]:
    """Both players' terms of ADC-GAN, for a discriminator with twice as many class logits.

    Args:
      weight: lambda, of each term; 1 in the authors' code.
    Returns:
      One of the GAN's `penalties` and one of its `generator_terms`.
    Source: see `adc_discriminator`.
    """
    return penalty(adc_discriminator, weight), generator_term(adc_generator, weight)


def _halves(output: DiscriminatorOutput) -> tuple[Array, Array]:
    logits = class_logits_of(output)
    if logits.ndim != 2 or logits.shape[1] % 2:
        raise ValueError(
            f"class_logits must be [batch, 2 classes], got {logits.shape}: set auxiliary_classes "
            "to twice the number of classes"
        )
    first, second = jnp.split(logits, 2, axis=1)
    return first, second


def _of_kind(output: DiscriminatorOutput, labels: PyTree, generated: bool) -> tuple[Array, Array]:
    """All class logits, and labels among them of the classes of real or of generated samples."""
    check_labels(_halves(output)[0], labels)
    logits = class_logits_of(output)
    classes = logits.shape[1] // 2
    # -1 stays; what is out of range stays so.
    shifted = jnp.where(labels < classes, labels + generated * classes, 2 * classes)
    return logits, jnp.where(labels < 0, labels, shifted)


# --- Multi-hinge


def multi_hinge(class_logits: Array, labels: Array, axis_name: str | None = None) -> Array:
    """Crammer and Singer's multi-class hinge loss, E max(0, 1 + max_{k != c} l_k - l_c).

    Args:
      class_logits: float [batch, classes], of the samples here.
      labels: int [batch] in 0..classes - 1, or -1 for a sample without a label.
      axis_name: mapped device axis over which the mean is taken.
    Returns:
      float32 scalar, the mean over the labelled samples of the global batch; NaN for labels out of
      range that are traced.
    Raises:
      ValueError: if the shapes or dtypes do not fit, or concrete labels are out of range.
    Source: Kavalerov et al. 2021, https://arxiv.org/abs/1912.04216, after Crammer & Singer 2001
    """
    check_labels(class_logits, labels)
    logits = finite(gather(class_logits, axis_name))
    labels = gather(jnp.asarray(labels, jnp.int32), axis_name)
    classes = logits.shape[1]
    own = jnp.arange(classes)[None, :] == labels[:, None]
    wrong = jnp.max(jnp.where(own, -jnp.inf, logits), axis=1)
    hinge = jnp.maximum(0.0, 1.0 + wrong - at_labels(logits, labels))
    return labelled_mean(hinge, labels, classes)


def multi_hinge_discriminator(
    condition: PyTree,
    real_output: DiscriminatorOutput,
    fake_output: DiscriminatorOutput,
    axis_name: str | None = None,
) -> Array:
    """The multi-hinge loss of real samples as their class and of generated ones as the last class.

    Args:
      condition: the labels of the real samples, below the number of the last class.
      real_output: the discriminator's on the real samples here, with class logits
        [batch, classes + 1].
      fake_output: the same on the generated samples.
      axis_name: mapped device axis.
    Returns:
      float32 scalar, in units of logits: the sum of both sides' means.
    Raises:
      ValueError: if there are no class logits or labels, or they do not fit.
    Source: see `multi_hinge`; the authors' code, https://github.com/ilyakava/BigGAN-PyTorch
    """
    real, fake = class_logits_of(real_output), class_logits_of(fake_output)
    generated = jnp.full(len(fake), fake.shape[1] - 1, jnp.int32)
    return multi_hinge(real, condition, axis_name) + multi_hinge(fake, generated, axis_name)


def multi_hinge_generator(
    condition: PyTree, fake_output: DiscriminatorOutput, axis_name: str | None = None
) -> Array:
    """The multi-hinge loss of generated samples as the class that they were generated for.

    Args:
      condition: the labels that the samples were generated for.
      fake_output: the discriminator's on them, with class logits [batch, classes + 1].
      axis_name: mapped device axis.
    Returns:
      float32 scalar, in units of logits; see `multi_hinge_discriminator`.
    """
    return multi_hinge(class_logits_of(fake_output), condition, axis_name)


def multi_hinge_terms(
    discriminator_weight: float = 1.0, generator_weight: float = 0.05
) -> tuple[Term, Term]:
    """Both players' terms of the multi-hinge GAN, for a discriminator with one more class logit.

    They replace the adversarial loss (`jaxgan.losses.terms_only`), whose logits are those of
    `multi_hinge_output`. The authors add `feature_matching` to the generator, with weight 1.

    Args:
      discriminator_weight: of its term.
      generator_weight: of the generator's; 0.05 in the authors' code.
    Returns:
      One of the GAN's `penalties` and one of its `generator_terms`.
    Source: see `multi_hinge_discriminator`.
    """
    return (
        penalty(multi_hinge_discriminator, discriminator_weight),
        generator_term(multi_hinge_generator, generator_weight),
    )


def multi_hinge_output(class_logits: Array, features: PyTree = None) -> DiscriminatorOutput:
    """A discriminator's output from class logits of which the last one means "generated".

    Args:
      class_logits: float [batch, classes + 1].
      features: arrays [batch, ...] for `feature_matching`, if wanted.
    Returns:
      Logits [batch], by how much the largest real class exceeds the last one, with what was given.
    Raises:
      ValueError: if class_logits are not [batch, classes + 1].

    >>> print(multi_hinge_output(jnp.array([[2.0, 0.5, -1.0]])).logits)
    [3.]
    """
    if class_logits.ndim != 2 or class_logits.shape[1] < 2:
        raise ValueError(f"class_logits must be [batch, classes + 1], got {class_logits.shape}")
    logits = jnp.max(class_logits[:, :-1], axis=1) - class_logits[:, -1]
    return DiscriminatorOutput(logits, features, class_logits)
