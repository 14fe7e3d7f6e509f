"""Projection: the latents or styles, and the noise, from which a generator makes a given image.

Adam moves them from the average style until the generator's image is near the target, by any
distance, such as `jaxgan.models.make_lpips`:

    step = jax.jit(make_projection_step(distance, spread(w)))
    start = init_projection(noise_key, mean, noise)
    state, distances = project(key, step, start, steps=1000)

Source: Karras et al. 2020, appendix D, https://arxiv.org/abs/1912.04958, and projector.py of
  https://github.com/NVlabs/stylegan2-ada-pytorch
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.checks import check_key, check_positive
from jaxgan.types import Array, PyTree


class ProjectionOptions(NamedTuple):
    """Settings of a projection; the defaults are those of the official code.

    Attributes:
      steps: their number, over which the ramps extend.
      learning_rate: of Adam.
      noise: standard deviation of the noise added to w at first, in units of the spread of w.
      noise_until: the fraction of the steps after which no noise is added to w.
      ramp_up: the fraction of the steps in which the learning rate grows from 0.
      ramp_down: the fraction of the steps in which it falls to 0.
      regularization: weight of the regularization of the noise maps.
    """

    steps: int = 1000
    learning_rate: float = 0.1
    noise: float = 0.05
    noise_until: float = 0.75
    ramp_up: float = 0.05
    ramp_down: float = 0.25
    regularization: float = 1e5


class ProjectionState(NamedTuple):
    """A projection between two steps.

    Attributes:
      w: latents or styles, float32 [1, ...].
      noise: the generator's noise maps, a tree of float32 [*size], or () for none.
      moments: Adam's.
      step: number of steps, int32.
    """

    w: Array
    noise: PyTree
    moments: PyTree
    step: Array


class ProjectionMetrics(NamedTuple):
    """What a step measures, before it moves w.

    Attributes:
      distance: to the target, with noise added to w.
      regularization: of the noise maps, without its weight.
      learning_rate: of the step.
    """

    distance: Array
    regularization: Array
    learning_rate: Array


Step = Callable[[Array, ProjectionState], tuple[ProjectionState, ProjectionMetrics]]
_SMALLEST = 8  # noise maps are halved down to this size
_ADAM = optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)


def init_projection(key: Array, start: Array, noise: PyTree = ()) -> ProjectionState:
    """The state before the first step.

    Args:
      key: PRNG key of the noise maps, which start from normal noise.
      start: w, float [1, ...]: the average style, or one per layer.
      noise: a tree of maps in the shapes of the generator's, or () for none.
    """
    check_key(key)
    leaves, tree = jax.tree.flatten(noise)
    keys = jax.random.split(key, max(len(leaves), 1))
    drawn = [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=False)]
    w, maps = start.astype(jnp.float32), jax.tree.unflatten(tree, drawn)
    return ProjectionState(w, maps, _ADAM.init((w, maps)), jnp.int32(0))


def make_projection_step(
    distance: Callable[[Array, PyTree], Array],
    spread: Array | float,
    options: ProjectionOptions = ProjectionOptions(),  # noqa: B008 (it is immutable)
) -> Step:
    """Make one step of a projection, not compiled.

    Args:
      distance: `(w, noise) -> scalar`, the distance of the generator's image from the target.
      spread: of w, see `spread`, in units of w.
      options: see `ProjectionOptions`.
    Returns:
      `step(key, state) -> (state, ProjectionMetrics)`, with a new key for each step.
    Raises:
      ValueError: if options are out of range.
    """
    _check(options)

    def step(key: Array, state: ProjectionState) -> tuple[ProjectionState, ProjectionMetrics]:
        t = state.step / options.steps
        added = jax.random.normal(key, state.w.shape) * noise_scale(t, options) * spread

        def loss(moved: tuple[Array, PyTree]) -> tuple[Array, tuple[Array, Array]]:
            w, maps = moved
            d, r = distance(w + added, maps), noise_correlation(maps)
            return d + options.regularization * r, (d, r)

        moved = (state.w, state.noise)
        gradient, (d, r) = jax.grad(loss, has_aux=True)(moved)
        updates, moments = _ADAM.update(gradient, state.moments)
        rate = projection_rate(t, options)
        w, maps = jax.tree.map(lambda x, u: x - rate * u, moved, updates)
        new = ProjectionState(w, jax.tree.map(standardized, maps), moments, state.step + 1)
        return new, ProjectionMetrics(d, r, rate)

    return step


def project(
    key: Array,
    step: Step,
    state: ProjectionState,
    steps: int,
    report: Callable[[ProjectionState, ProjectionMetrics], None] | None = None,
) -> tuple[ProjectionState, np.ndarray]:
    """Project by a number of steps.

    Args:
      key: PRNG key of the noise that is added to w.
      step: from `make_projection_step`, best compiled by `jax.jit`.
      state: from `init_projection`.
      steps: number of steps, usually that of the options.
      report: called after each step.
    Returns:
      The last state, and the distance measured in each step, float32 [steps].
    Raises:
      ValueError: if steps is not positive, or key is no PRNG key.
    """
    check_key(key)
    check_positive(steps=steps)
    distances = []
    for one in jax.random.split(key, steps):
        state, metrics = step(one, state)
        distances.append(metrics.distance)
        if report is not None:
            report(state, metrics)
    return state, np.asarray(distances, np.float32)


# --- Parts


def spread(w: Array) -> Array:
    """The root of the mean squared distance of samples w [num, dim] from their mean, a scalar."""
    return jnp.sqrt(jnp.mean(jnp.sum((w - jnp.mean(w, axis=0, keepdims=True)) ** 2, axis=1)))


def noise_scale(t: Array | float, options: ProjectionOptions) -> Array:
    """The factor of the noise added to w after a fraction t of the steps."""
    # s max(0, 1 - t / u)^2,  s = noise,  u = noise_until
    return options.noise * jnp.maximum(0.0, 1.0 - t / options.noise_until) ** 2


def projection_rate(t: Array | float, options: ProjectionOptions) -> Array:
    """The learning rate after a fraction t of the steps."""
    # r (1 - cos(pi min(1, (1 - t) / d))) / 2 min(1, t / u),  d = ramp_down,  u = ramp_up
    down = jnp.minimum(1.0, (1.0 - t) / options.ramp_down)
    up = jnp.minimum(1.0, t / options.ramp_up)
    return options.learning_rate * (0.5 - 0.5 * jnp.cos(math.pi * down)) * up


def noise_correlation(noise: PyTree) -> Array:
    """The regularization of noise maps: how much neighbours agree, at all scales.

      sum over maps, scales and axes of mean(n shifted(n))^2

    Scales are halved until a side has at most 8 positions.

    Args:
      noise: a tree of float arrays [*size].
    """
    total = jnp.zeros(())
    for n in jax.tree.leaves(noise):
        while True:
            for axis in range(n.ndim):
                total = total + jnp.mean(n * jnp.roll(n, 1, axis)) ** 2
            if min(n.shape) <= _SMALLEST:
                break
            n = halved(n, tuple(range(n.ndim)))
    return total


def standardized(x: Array) -> Array:
    """An array with mean 0 and mean square 1."""
    x = x - jnp.mean(x)
    return x * jax.lax.rsqrt(jnp.mean(x**2))


def halved(x: Array, axes: tuple[int, ...]) -> Array:
    """Means of neighbouring pairs along axes; what is left over at an odd end is dropped."""
    for axis in axes:
        even = jax.lax.slice_in_dim(x, 0, x.shape[axis] // 2 * 2, axis=axis)
        pairs = (*x.shape[:axis], x.shape[axis] // 2, 2, *x.shape[axis + 1 :])
        x = jnp.mean(even.reshape(pairs), axis=axis + 1)
    return x


def _check(options: ProjectionOptions):
    check_positive(steps=options.steps)
    for name in ("learning_rate", "noise_until", "ramp_up", "ramp_down"):
        if not 0 < getattr(options, name) < math.inf:
            raise ValueError(f"{name} must be positive, got {getattr(options, name)}")
    for name in ("noise", "regularization"):
        if not 0 <= getattr(options, name) < math.inf:
            raise ValueError(f"{name} must be at least 0, got {getattr(options, name)}")
