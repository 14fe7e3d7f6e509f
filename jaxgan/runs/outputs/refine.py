"""Samples of a run that its discriminator has corrected: what `jaxgan sample --refine` draws."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import refinement
from jaxgan.calls import parse_call, parse_number
from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.runs.disk.generator import TrainedGenerator, takes_images
from jaxgan.runs.outputs.judge import Judge, chunks_of, joined, make_judge
from jaxgan.training.sampling import SAMPLES_PER_CALL
from jaxgan.types import Array, PlayerState, PyTree

BOUND = 10_000
"""Number of samples from which the bound of rejection sampling is estimated."""


class RefinedSamples(NamedTuple):
    """Samples that the discriminator has corrected.

    Attributes:
      samples: float32 [num, ...] in the range of the data.
      facts: sentences about the acceptance rate, the effective size and the calibration.
    """

    samples: np.ndarray
    facts: tuple[str, ...]


Method = Callable[..., tuple[Array, str]]


def make_refine(
    generator: TrainedGenerator, discriminator: PlayerState, method: str
) -> Callable[..., RefinedSamples]:
    """Make a function that draws samples corrected by the discriminator.

    Args:
      generator: from `load_players`.
      discriminator: likewise.
      method: "drs" (rejection sampling), "mh" (Metropolis-Hastings), "ddls" (Langevin dynamics in
        the latents) or "dgflow" (gradient flow in the latents), with numbers if need be, such as
        "drs:percentile=80".
    Returns:
      `(held_out, num, seed, labels) -> RefinedSamples`. Held-out real samples, which the run
      should not have been trained on, calibrate the discriminator. Labels int [num] are the classes
      of a conditional run's samples, else None. Sample i depends only on the seed, i and its class.
    Raises:
      ValueError: if the method is unknown, or the run's players cannot be used for it.
    """
    draw, texts = parse_call("refine", method, METHODS)
    numbers = {name: _number(method, name, text) for name, text in texts.items()}
    _check_players(generator)
    if draw in (ddls, dgflow):
        _check_latents(generator.gan.latent, normal=draw is ddls)

    def refine(
        held_out: Dataset | Records, num: int, seed: int, labels: np.ndarray | None
    ) -> RefinedSamples:
        judge_key, draw_key = jax.random.split(jax.random.key(seed))
        judge, calibrated = make_judge(judge_key, generator, discriminator, held_out)
        own = None if labels is None else jnp.asarray(labels, jnp.int32)
        x, found = draw(judge, draw_key, num, own, **numbers)
        facts, task = generator.data, generator.gan.task
        x = x if task is None else task.restore(x, own)
        samples = to_data_range(np.asarray(x), facts.low, facts.high, generator.model_range)
        return RefinedSamples(samples, (found, calibrated))

    return refine


def _number(method: str, name: str, text: str) -> Any:
    return text if name == "divergence" else parse_number(f"refine {method}: {name}", text)


def _check_players(generator: TrainedGenerator):
    if takes_images(generator):
        raise ValueError("refinement is for generators that take no images")
    if generator.data.attributes:
        raise ValueError(
            "refinement compares samples of one class, and this run is conditioned on attributes: "
            "leave it out"
        )
    if generator.gan.discriminator.pack > 1 or generator.gan.real is not None:
        raise ValueError("refinement needs a discriminator of single samples alone")


# --- The methods


def drs(
    judge: Judge, key: Array, num: int, labels: Array | None, /, percentile: float | None = None
) -> tuple[Array, str]:
    """Discriminator rejection sampling; percentile 80 accepts more."""
    burn_in_key, key = jax.random.split(key)
    log_ratios, burn_in = _burn_in(judge, burn_in_key)
    bounds = [
        refinement.rejection_bound(log_ratios[own], percentile)
        for own in _by_class(judge.num_classes, burn_in)
    ]
    bound = jax.tree.map(lambda *parts: jnp.stack(parts), *bounds)
    bound = jax.tree.map(lambda part: part[0] if labels is None else part[labels], bound)
    found = refinement.rejection_sample(
        key,
        lambda key, index: judge.propose(key, index, _of(labels, index)),
        sample_index(num),
        bound,
        chunk=SAMPLES_PER_CALL,
    )
    worth = float(refinement.weights_effective_size(log_ratios))
    return found.x, (
        f"{found.acceptance:.1%} of {found.proposals:,} proposals accepted; by their weights, "
        f"{len(log_ratios):,} samples are worth {worth:,.0f} of the data"
    )


def mh(
    judge: Judge, key: Array, num: int, labels: Array | None, /, steps: int = 640
) -> tuple[Array, str]:
    """Metropolis-Hastings: chains that start at real samples, with `steps` proposals each."""
    start_key, key = jax.random.split(key)
    found, sizes, accepted = [], [], 0.0
    for index in chunks_of(num):
        refined, trace = refinement.metropolis_hastings(
            key,
            lambda key, index: judge.propose(key, index, _of(labels, index)),
            index,
            _some(start_key, judge.real, index),
            steps,
        )
        found.append(refined.x)
        accepted += refined.acceptance / len(chunks_of(num))
        sizes.append(_worth(trace))
    return joined(found, num), (
        f"{accepted:.1%} of {steps:,} proposals per sample accepted; each chain is worth "
        f"{np.mean(sizes):,.0f} independent samples"
    )


def ddls(
    judge: Judge,
    key: Array,
    num: int,
    labels: Array | None,
    /,
    steps: int = 300,
    step_size: float = 0.001,
    adjusted: bool = True,
) -> tuple[Array, str]:
    """Langevin dynamics in the latents."""

    def log_density(z: PyTree, labels: Array | None) -> Array:
        return refinement.normal_log_density(z) + judge.log_ratio(judge.generate(z, labels), labels)

    @jax.jit
    def step(key, index, z, labels):
        own = refinement.make_langevin_step(lambda z: log_density(z, labels), step_size, adjusted)
        z, accepted = own(key, index, z)
        return z, accepted, judge.log_ratio(judge.generate(z, labels), labels)

    latents_key, key = jax.random.split(key)
    found, traces, accepted = [], [], []
    for index in chunks_of(num):
        own, trace = _of(labels, index), []
        z = judge.latents(latents_key, index)
        for number in range(steps):
            z, moved, d = step(jax.random.fold_in(key, number), index, z, own)
            trace.append(np.asarray(d))
            accepted.append(float(moved.mean()))
        found.append(judge.generate(z, own))
        traces.append(np.stack(trace))
    size = _worth(np.concatenate(traces, axis=1))
    return joined(found, num), (
        f"{np.mean(accepted):.1%} of {steps:,} steps per sample accepted; each chain is worth "
        f"{size:,.0f} independent samples"
    )


def dgflow(
    judge: Judge,
    key: Array,
    num: int,
    labels: Array | None,
    /,
    steps: int = 25,
    step_size: float = 0.001,
    noise: float = 0.01,
    divergence: refinement.Divergence = "kl",
) -> tuple[Array, str]:
    """The discriminator gradient flow in the latents."""

    @jax.jit
    def step(key, index, z, labels):
        flow = refinement.make_gradient_flow_step(
            lambda z: judge.log_ratio(judge.generate(z, labels), labels),
            step_size,
            noise,
            divergence,
        )
        return flow(key, index, z)

    latents_key, key = jax.random.split(key)
    found, before, after = [], [], []
    for index in chunks_of(num):
        own = _of(labels, index)
        z = judge.latents(latents_key, index)
        before.append(judge.log_ratio(judge.generate(z, own), own))
        for number in range(steps):
            z = step(jax.random.fold_in(key, number), index, z, own)
        found.append(judge.generate(z, own))
        after.append(judge.log_ratio(found[-1], own))
    means = [float(jnp.concatenate(each)[:num].mean()) for each in (before, after)]
    return joined(found, num), (
        f"{steps} steps per sample, all accepted; the mean log density ratio went from "
        f"{means[0]:.2f} to {means[1]:.2f}"
    )


METHODS: dict[str, Method] = {each.__name__: each for each in (drs, mh, ddls, dgflow)}


def _worth(trace: np.ndarray) -> float:
    """The number of independent samples per chain; 1 for chains too short to tell."""
    return refinement.chain_effective_size(trace) if len(trace) > 3 else 1.0


def _burn_in(judge: Judge, key: Array) -> tuple[Array, Array | None]:
    """Log ratios of many samples, and their labels."""
    classes = judge.num_classes
    labels = None if classes is None else jnp.arange(BOUND, dtype=jnp.int32) % classes
    found = [judge.propose(key, index, _of(labels, index))[1] for index in chunks_of(BOUND)]
    return jnp.concatenate(found), labels


def _some(key: Array, values: Array, index: Array) -> Array:
    """One of the values for each sample, by its index."""
    draw = jax.vmap(lambda key: jax.random.randint(key, (), 0, len(values)))
    return values[draw(sample_keys(key, index))]


def _by_class(num_classes: int | None, labels: Array | None) -> list[Any]:
    """The rows of each class; all rows, if there are no classes."""
    if num_classes is None or labels is None:
        return [slice(None)]
    return [np.flatnonzero(np.asarray(labels) == number) for number in range(num_classes)]


def _check_latents(latent: Callable[[Array, Array], PyTree], normal: bool):
    """Raise a ValueError unless latents can be moved, and are standard normal if need be."""
    for leaf in jax.tree.leaves(latent(jax.random.key(0), sample_index(1_000))):
        z = np.asarray(leaf).reshape(1_000, -1)
        fewest = min((len(np.unique(column)) for column in z.T), default=0)
        if not np.issubdtype(z.dtype, np.floating) or fewest < 900:
            raise ValueError(
                "ddls and dgflow move the latents, which must be continuous numbers; some of this "
                "run's are not: use drs or mh"
            )
        if normal and not (abs(z.mean()) < 0.1 and 0.95 < z.std() < 1.05):
            raise ValueError(
                f"ddls needs standard normal latents, and those of this run have mean "
                f"{z.mean():.2f} and standard deviation {z.std():.2f}: use drs, mh or dgflow"
            )


def _of(labels: Array | None, index: Array) -> Array | None:
    """The labels of samples; those beyond the last start over."""
    return None if labels is None else labels[index % len(labels)]
