"""Codes: parts of the latents that a discriminator recognises in the generated samples.

With a one-hot code that chooses one of several generators, these are the terms of a mixture of
generators too (MGAN), see `jaxgan.adapters.bundle`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.checks import check_positive
from jaxgan.losses.likelihood import finite
from jaxgan.term_inputs import generator_term, penalty
from jaxgan.types import Array, DiscriminatorOutput, Schedule, Term

_LOG_SQRT_2_PI = 0.9189385332046727


def code_cross_entropy(
    codes: Array, recognized: Array, categories: tuple[int, ...] = (), std: float = 1.0
) -> Array:
    """Mean of -log Q(c | x), with an independent Q for each code.

    Args:
      codes: c, float [batch, n]: a one-hot vector for each number in categories, in their order,
        then numbers.
      recognized: of the same shape: class logits in place of each one-hot vector, and means in
        place of the numbers.
      categories: length of each one-hot vector.
      std: the standard deviation of Q for numbers, which is normal.
    Returns:
      float32 scalar, nats per sample. H(c) minus this is a lower bound L_I of the mutual
      information between codes and samples, equal to it if Q is the posterior.
    Raises:
      ValueError: if the shapes do not fit, or std is not positive.
    Source: Chen et al. 2016 (InfoGAN), equation 5 and section 6, https://arxiv.org/abs/1606.03657

    >>> one_hot, unsure = jnp.array([[0.0, 1.0, 0.0, 0.0]]), jnp.zeros((1, 4))
    >>> print(f"{code_cross_entropy(one_hot, unsure, categories=(4,)):.4f}")  # log 4
    1.3863
    """
    _check_codes(codes, recognized, categories, std)
    total = jnp.zeros(len(codes), jnp.float32)
    start = 0
    for size in categories:
        # -log Q(c | x) = -sum_k c_k log softmax(l)_k
        column = slice(start, start + size)
        log_q = jax.nn.log_softmax(finite(recognized[:, column]))
        total -= jnp.sum(codes[:, column].astype(jnp.float32) * log_q, axis=1)
        start += size
    # -log Q(c | x) = sum_j (c_j - mu_j)^2 / (2 std^2) + log(std sqrt(2 pi))
    error = (codes[:, start:].astype(jnp.float32) - recognized[:, start:]) / std
    total += jnp.sum(error**2 / 2 + jnp.log(std) + _LOG_SQRT_2_PI, axis=1)
    return jnp.mean(total)


def _check_codes(codes: Array, recognized: Array, categories: tuple[int, ...], std: float):
    if codes.ndim != 2 or codes.shape != recognized.shape or codes.shape[1] < sum(categories):
        raise ValueError(
            f"codes and recognized must be [batch, n] with n at least {sum(categories)}, the sum "
            f"of categories, got {codes.shape} and {recognized.shape}: the discriminator's head "
            "returns one class logit per class and one mean per continuous code"
        )
    if not std > 0:
        raise ValueError(f"std must be positive, got {std}")


def _features(output: DiscriminatorOutput) -> Array:
    if not hasattr(output.features, "ndim"):
        raise ValueError(
            "features must be one array [batch, codes] of the recognised codes, got "
            f"{type(output.features).__name__}: return a DiscriminatorOutput with it, or pass "
            "head=..., a function from the discriminator's output to that array"
        )
    return output.features


def mutual_information(
    categories: tuple[int, ...] = (),
    continuous: int = 0,
    weight: float | Schedule = 1.0,
    *,
    std: float = 1.0,
    head: Callable[[DiscriminatorOutput], Array] = _features,
) -> tuple[Term, Term]:
    """Both players' terms of InfoGAN: -L_I without its constant H(c).

    The codes are the last columns of the latents, as in `jaxgan.latents.concatenate(normal(62),
    one_hot(10), uniform(2))` for `mutual_information((10,), 2)`.

    Args:
      categories: number of classes of each one-hot code.
      continuous: number of continuous codes.
      weight: lambda of both terms, 1 in the paper; or a schedule of it.
      std: standard deviation of Q for continuous codes; a larger one is a smaller weight.
      head: from the discriminator's output to what it recognises, float [batch, codes]; its
        `features` by default. See `code_cross_entropy`.
    Returns:
      One of the GAN's `penalties` and one of its `generator_terms`, the mean of -log Q(c | G(z)).
    Raises:
      ValueError: if there are no codes. In training, if the latents are not one array, or the head
        returns another shape.
    Source: Chen et al. 2016, equation 6, https://arxiv.org/abs/1606.03657
    """
    check_positive(codes=sum(categories) + continuous)
    size = sum(categories) + continuous

    def minus_information(latents: Array, fake_output: DiscriminatorOutput) -> Array:
        if not hasattr(latents, "ndim"):
            raise ValueError(
                f"latents must be one array that ends in the codes, got {type(latents).__name__}: "
                "use jaxgan.latents.concatenate"
            )
        return code_cross_entropy(latents[:, -size:], head(fake_output), categories, std)

    return (
        penalty(minus_information, weight, name="infogan_discriminator"),
        generator_term(minus_information, weight, name="infogan_generator"),
    )
