"""A run's discriminator as a density ratio, calibrated on real samples."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import refinement
from jaxgan.data import Dataset, Records, to_model_range
from jaxgan.parallel.global_batch import num_samples, sample_index, sample_keys
from jaxgan.players import (
    PassOptions,
    generate,
    prepared_batch,
    run_discriminator,
    run_generator,
)
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.scoring.reference import real_rows
from jaxgan.training.sampling import SAMPLES_PER_CALL
from jaxgan.types import GAN, Array, Batch, PlayerState, PyTree, Weights

CALIBRATION = 5_000
"""Number of real samples for the calibration, if the data have that many."""


class Judge(NamedTuple):
    """A calibrated discriminator and its generator.

    Attributes:
      num_classes: of a conditional run, else None.
      propose: `(key, index, labels) -> (samples, log ratios)`.
      latents: `(key, index) -> latents`.
      generate: `(latents, labels) -> samples`.
      log_ratio: `(samples, labels) -> log ratios`.
      real: log ratios of the real samples of the calibration.
    """

    num_classes: int | None
    propose: Callable[[Array, Array, Array | None], tuple[Array, Array]]
    latents: Callable[[Array, Array], PyTree]
    generate: Callable[[PyTree, Array | None], Array]
    log_ratio: Callable[[Array, Array | None], Array]
    real: Array


def make_judge(
    key: Array,
    generator: TrainedGenerator,
    discriminator: PlayerState,
    held_out: Dataset | Records,
) -> tuple[Judge, str]:
    """The judge of a run, and a sentence about its calibration.

    Args:
      key: PRNG key of the samples for the calibration.
      generator: from `load_players`.
      discriminator: likewise.
      held_out: real samples, in the format of the run's data.
    Raises:
      ValueError: if there are too few real samples, or they do not fit the run.
    """
    noise_key, draw_key, rows_key = jax.random.split(key, 3)
    gan, weights = generator.gan, Weights(generator.params, generator.model_state)
    see, draw, make = _compiled(noise_key, gan)
    rows, labels = _real(generator, held_out, int(jax.random.bits(rows_key)))
    real, fake = [], []
    for index in chunks_of(len(rows)):
        at = np.asarray(index) % len(rows)
        own = None if labels is None else jnp.asarray(labels[at])
        real.append(see(discriminator, prepared_batch(gan, Batch(rows[at], own)).x, own))
        fake.append(see(discriminator, draw(weights, draw_key, index, own), own))
    real_inputs = joined(real, len(rows))
    ratio, found = refinement.fit_density_ratio(real_inputs, joined(fake, len(rows)))

    def log_ratio(x: Array, labels: Array | None) -> Array:
        return refinement.log_ratio(ratio, see(discriminator, x, labels))

    def propose(key: Array, index: Array, labels: Array | None) -> tuple[Array, Array]:
        x = draw(weights, key, index, labels)
        return x, log_ratio(x, labels)

    judge = Judge(
        num_classes=generator.data.num_classes,
        propose=propose,
        latents=jax.jit(gan.latent),
        generate=lambda z, labels: make(weights, z, labels),
        log_ratio=log_ratio,
        real=refinement.log_ratio(ratio, real_inputs),
    )
    off = "" if abs(found.z) <= 2 else ": not well calibrated"
    return judge, (
        f"density ratios fitted to {len(rows):,} real samples of {held_out.name}, accuracy "
        f"{found.accuracy:.1%}, z {found.z:.1f}{off}"
    )


def _compiled(key: Array, gan: GAN) -> tuple[Callable, Callable, Callable]:
    """The discriminator's outputs, samples by index, and samples of latents."""

    @jax.jit
    def see(discriminator: PlayerState, x: Array, labels: Array | None) -> Array:
        keys = sample_keys(key, sample_index(len(x)))
        output = run_discriminator(gan, discriminator, x, keys, PassOptions(labels))[0]
        return refinement.head_inputs(output)

    @jax.jit
    def draw(weights: Weights, key: Array, index: Array, labels: Array | None) -> Array:
        return generate(key, gan, weights, index, PassOptions(labels)).x

    @jax.jit
    def make(weights: Weights, latents: PyTree, labels: Array | None) -> Array:
        keys = sample_keys(key, sample_index(num_samples(latents)))
        return run_generator(gan, weights, latents, keys, PassOptions(labels))[0]

    return see, draw, make


def _real(
    generator: TrainedGenerator, held_out: Dataset | Records, seed: int
) -> tuple[Array, np.ndarray | None]:
    """Real samples in the generator's range, and their labels for a conditional run."""
    facts = generator.data
    if tuple(held_out.shape) != tuple(facts.shape) or held_out.high != facts.high:
        raise ValueError(
            f"{held_out.name} has samples of shape {tuple(held_out.shape)} up to {held_out.high}, "
            f"and the run was trained on {tuple(facts.shape)} up to {facts.high}"
        )
    x, labels = real_rows(held_out, CALIBRATION, seed)
    if facts.num_classes is not None:
        if labels is None:
            raise ValueError(f"{held_out.name} has no labels, which this conditional run needs")
        known = (labels >= 0) & (labels < facts.num_classes)
        x, labels = x[known], labels[known].astype(np.int32)
    x = to_model_range(x, held_out.low, held_out.high, generator.model_range)
    return jnp.asarray(x), labels if facts.num_classes is not None else None


# --- Chunks


def chunks_of(num: int) -> list[Array]:
    """Indices in chunks of one size, so that functions compile once."""
    size = min(num, SAMPLES_PER_CALL)
    return [first + sample_index(size) for first in range(0, num, size)]


def joined(chunks: list[Array], num: int) -> Array:
    """The chunks as one array, without what is beyond the last sample."""
    return jnp.concatenate(chunks)[:num]
