"""Class labels: the auxiliary classifier, and semi-supervised classes.

>>> import jax.numpy as jnp
>>> print(f"{class_cross_entropy(jnp.zeros((2, 10)), jnp.array([3, -1])):.4f}")  # log 10
2.3026
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.losses.likelihood import finite
from jaxgan.parallel.global_batch import gather
from jaxgan.term_inputs import generator_term, penalty
from jaxgan.types import Array, DiscriminatorOutput, PyTree, Term

_UNLABELLED = -1


def class_cross_entropy(class_logits: Array, labels: Array, axis_name: str | None = None) -> Array:
    """Mean of -log softmax(class_logits)[label] over the labelled samples of the global batch.

    Args:
      class_logits: float [batch, classes], of the samples here.
      labels: int [batch] in 0..classes - 1, or -1 for a sample without a label.
      axis_name: mapped device axis over which the mean is taken; None when the batch is here.
    Returns:
      float32 scalar, nats per labelled sample; 0 if there are none. NaN, with its gradient, for
      labels out of range that are traced.
    Raises:
      ValueError: if the shapes or dtypes do not fit, or concrete labels are out of range.
    """
    check_labels(class_logits, labels)
    class_logits = gather(class_logits, axis_name)
    labels = gather(jnp.asarray(labels, jnp.int32), axis_name)
    log_softmax = jax.nn.log_softmax(finite(class_logits))
    log_p = at_labels(log_softmax, labels)
    return labelled_mean(-log_p, labels, class_logits.shape[1])


def at_labels(x: Array, labels: Array) -> Array:
    """The entries [batch] of x [batch, classes] at labels; any one where there is no label."""
    column = jnp.clip(labels, 0, x.shape[1] - 1)[:, None]
    return jnp.take_along_axis(x, column, axis=1)[:, 0]


def labelled_mean(x: Array, labels: Array, classes: int) -> Array:
    """The mean of x [batch] over the labelled samples; see `class_cross_entropy`."""
    labelled = labels != _UNLABELLED
    in_range = (labels >= 0) & (labels < classes)
    # The root is NaN for labels out of range only: a NaN constant would set off `jax_debug_nans`.
    valid = jnp.sqrt(jnp.where(labelled & ~in_range, -1.0, 1.0).astype(jnp.float32))
    weights = valid * labelled
    count = jnp.sum(weights)
    # sum_i w_i x_i / sum_i w_i, divided before summed so as not to overflow
    return jnp.sum(x * weights / jnp.where(count == 0, 1.0, count))


def check_labels(class_logits: Array, labels: PyTree):
    """Check that labels fit class logits.

    Raises:
      ValueError: if the shapes or dtypes do not fit, or concrete labels are out of range.
    """
    if labels is None:
        raise ValueError("labels are None: classes need a batch whose condition holds its labels")
    if not hasattr(labels, "dtype") or not jnp.issubdtype(labels.dtype, jnp.integer):
        kind = getattr(labels, "dtype", type(labels).__name__)
        raise ValueError(
            f"labels must be an integer array [batch], got {kind}; attributes have no classes to "
            "tell apart: use a discriminator that receives them, such as that of cgan or biggan"
        )
    if class_logits.ndim != 2 or labels.shape != class_logits.shape[:1]:
        raise ValueError(
            "class_logits must be [batch, classes] and labels [batch], "
            f"got {class_logits.shape} and {labels.shape}"
        )
    if isinstance(labels, jax.core.Tracer):
        return
    known, classes = np.asarray(labels), class_logits.shape[1]
    if ((known < _UNLABELLED) | (known >= classes)).any():
        raise ValueError(
            f"labels must lie in 0..{classes - 1}, or be -1 (unlabelled), "
            f"got {known.min()}..{known.max()}"
        )


def class_logits_of(output: DiscriminatorOutput) -> Array:
    """The class logits of an output.

    Raises:
      ValueError: if there are none.
    """
    if output.class_logits is None:
        raise ValueError(
            "class_logits are None: the discriminator must return a DiscriminatorOutput with them"
        )
    return output.class_logits


def real_classification(
    condition: PyTree, real_output: DiscriminatorOutput, axis_name: str | None = None
) -> Array:
    """Class cross-entropy of the real samples; a penalty.

    With `semi_supervised_output` it is the supervised part of the loss, else the auxiliary
    classifier's on real samples only.

    Args:
      condition: the labels, see `class_cross_entropy`.
      real_output: the discriminator's on the real samples here, with class logits.
      axis_name: mapped device axis.
    Returns:
      float32 scalar, nats per labelled sample.
    Raises:
      ValueError: if there are no class logits or labels, or they do not fit.
    Source: Salimans et al. 2016, section 5 (L_supervised), https://arxiv.org/abs/1606.03498
    """
    return class_cross_entropy(class_logits_of(real_output), condition, axis_name)


def acgan_discriminator(
    condition: PyTree,
    real_output: DiscriminatorOutput,
    fake_output: DiscriminatorOutput,
    axis_name: str | None = None,
) -> Array:
    """The auxiliary classifier's loss on real and on generated samples, -L_C; a penalty.

    Args:
      condition: the labels of the real samples, which the generated ones were asked for too.
      real_output: the discriminator's on the real samples here, with class logits.
      fake_output: the same on the generated samples.
      axis_name: mapped device axis.
    Returns:
      float32 scalar, nats: the sum of both sides' mean cross-entropies.
    Raises:
      ValueError: if there are no class logits or labels, or they do not fit.
    Source: Odena et al. 2017, equation 3, https://arxiv.org/abs/1610.09585
    """
    # -L_C = -E log P(C = c | x) - E log P(C = c | G(z, c))
    real = class_cross_entropy(class_logits_of(real_output), condition, axis_name)
    return real + class_cross_entropy(class_logits_of(fake_output), condition, axis_name)


def acgan_generator(
    condition: PyTree, fake_output: DiscriminatorOutput, axis_name: str | None = None
) -> Array:
    """The auxiliary classifier's loss on generated samples, which the generator minimises too.

    Args:
      condition: the labels that the samples were generated for.
      fake_output: the discriminator's on the generated samples, with class logits.
      axis_name: mapped device axis.
    Returns:
      float32 scalar, nats per labelled sample.
    Raises:
      ValueError: if there are no class logits or labels, or they do not fit.
    Source: Odena et al. 2017, equation 3: G maximises L_C - L_S.
    """
    return class_cross_entropy(class_logits_of(fake_output), condition, axis_name)


def auxiliary_classifier(weight: float = 1.0, real_only: bool = False) -> tuple[Term, Term]:
    """Both players' terms of the AC-GAN.

    Args:
      weight: of each term; 1 in the paper.
      real_only: let the discriminator learn the classes from real samples alone.
    Returns:
      One of the GAN's `penalties` and one of its `generator_terms`.
    Source: Odena et al. 2017, equations 2 and 3, https://arxiv.org/abs/1610.09585
    """
    function = real_classification if real_only else acgan_discriminator
    return penalty(function, weight), generator_term(acgan_generator, weight)


def semi_supervised_output(class_logits: Array, features: PyTree = None) -> DiscriminatorOutput:
    """A discriminator's output from class logits: "generated" is one class more, of logit 0.

    Return it from a discriminator, and add `penalty(real_classification, 1.0)` for the labelled
    samples; any pair whose logit is that of D(x) is the unsupervised part.

    Args:
      class_logits: float [batch, classes].
      features: arrays [batch, ...] for `feature_matching`, if wanted.
    Returns:
      Logits float32 [batch], with what was given.
    Raises:
      ValueError: if class_logits are not [batch, classes].
    Source: Salimans et al. 2016, section 5, https://arxiv.org/abs/1606.03498

    >>> print(semi_supervised_output(jnp.zeros((1, 3))).logits)  # log 3: D(x) = 3/4
    [1.0986123]
    """
    if class_logits.ndim != 2:
        raise ValueError(f"class_logits must be [batch, classes], got {class_logits.shape}")
    # D(x) = Z / (Z + 1), Z = sum_k exp l_k, so that logit D(x) = log Z
    logits = jax.nn.logsumexp(class_logits.astype(jnp.float32), axis=1)
    return DiscriminatorOutput(logits, features, class_logits)
