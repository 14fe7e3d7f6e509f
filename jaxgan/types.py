"""The parts of a GAN and its state: plain tuples of functions and of arrays."""

import dataclasses
import numbers
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import optax

Array = jax.Array
PyTree = Any
Metrics = dict[str, Array]
Range = tuple[float, float]
"""The lowest and the highest value of samples."""
Schedule = Callable[[Array], Array]
"""From the number of updates made so far, an int scalar, to a number."""


class Network(NamedTuple):
    """A pair of pure functions; what flax, or anything else, is reduced to.

    `init(key, *inputs) -> (params, model_state)` makes the trainable parameters and whatever else
    the network carries along (batch statistics, spectral-norm vectors; an empty dict if nothing).

    `apply(params, model_state, *inputs, keys, train, axis_name=None) -> (output, model_state)`
    runs it. `keys` holds one PRNG key a sample, shape [batch]; `axis_name` names the mapped device
    axis over which batch statistics reduce, None outside `pmap`.

    `pack` is the number of samples that a discriminator judges together, with one logit for all of
    them. `jaxgan.packed` sets it. Keep it with `network._replace(apply=...)` when you wrap one.
    """

    init: Callable[..., tuple[PyTree, PyTree]]
    apply: Callable[..., tuple[Any, PyTree]]
    pack: int = 1


class Batch(NamedTuple):
    """Real samples x [batch, ...] and what they are conditioned on (labels, images or nothing)."""

    x: Array
    condition: PyTree = None


class Task(NamedTuple):
    """What the players see of whole images, and how a sample becomes an image again.

    Both functions treat each sample by itself. See `jaxgan.images.tasks`.

    Attributes:
      prepare: `batch -> Batch`; from images x [batch, ...] in the model's range, with labels or
        nothing as their condition, to samples and their condition.
      restore: `(x, condition) -> images`; the images that samples stand for.
    """

    prepare: Callable[[Batch], Batch]
    restore: Callable[[Array, PyTree], Array]


class DiscriminatorOutput(NamedTuple):
    """What a discriminator may return beside its logits [batch].

    One that judges patches has a map of logits a sample, [batch, height, width]: losses and
    metrics are means over all patches, and a penalty's D(x) is the mean over those of a sample.
    One that judges packs (`jaxgan.packed`) has a logit, or map, for each m neighbours, [batch / m].
    `features` are arrays [batch, ...], `class_logits` [batch, classes].
    """

    logits: Array
    features: PyTree = None
    class_logits: Array | None = None


class AdversarialLoss(NamedTuple):
    """One loss a player, each `(real_logits, fake_logits) -> scalar`.

    `threshold` is the logit at which real and fake balance, so that accuracy can be taken; None
    where only differences of logits mean something (critics, relativistic losses).
    `probability` says that sigmoid(logit) is the probability D(x) of being real.
    """

    discriminator: Callable[[Array, Array], Array]
    generator: Callable[[Array, Array], Array]
    threshold: float | None = None
    probability: bool = False


@dataclasses.dataclass(frozen=True)
class PenaltyInputs:
    """All that a penalty on the discriminator may look at; it takes by name what it needs.

    `critic` maps samples to logits [batch] (or one per pack), of a map of logits to its mean, with
    the dropout and the augmentation that the loss drew for real samples, and `fake_critic` with
    those that it drew for generated ones; `condition` is the batch's, `real_output` and
    `fake_output` are the `DiscriminatorOutput` of the samples here, and `index` their global
    indices [batch]; `real_logits` and `fake_logits` are those of the global batch; `memory` is the
    penalty's own entry in `GANState.extras`; `pack` is the number of samples per logit.
    """

    key: Array
    critic: Callable[[Array], Array]
    fake_critic: Callable[[Array], Array]
    real: Array
    fake: Array
    condition: PyTree
    real_output: DiscriminatorOutput
    fake_output: DiscriminatorOutput
    real_logits: Array
    fake_logits: Array
    index: Array
    memory: PyTree
    axis_name: str | None
    pack: int = 1


Coupled = Literal["refuse", "own_gradient", "allow"]
"""What a penalty does with a discriminator whose samples see each other, see `Penalty`."""


class Penalty(NamedTuple):
    """A weighted term of the discriminator's loss; `init` and `update` only if it remembers.

    The weight may be a schedule, called with the generator's updates so far (`GANState.step`).

    Gradient penalties differentiate the sum of all logits by all samples. That gives each logit's
    gradient by its own sample only if no logit depends on another sample, as it does with batch
    norm. `coupled` says what happens with a discriminator that is not of this kind:

    - "refuse": `jaxgan.init` raises an error.
    - "own_gradient": each logit's gradient by its own sample is computed in a pass of its own. The
      penalty then costs as many passes as there are logits.
    - "allow": the gradient of the sum is used as it is, as StyleGAN2 does with its minibatch
      standard deviation.
    """

    name: str
    value: Callable[[PenaltyInputs], Array]
    weight: float | Schedule
    init: Callable[[], PyTree] | None = None
    update: Callable[[PenaltyInputs], PyTree] | None = None
    coupled: Coupled = "refuse"


class GeneratorTerm(NamedTuple):
    """A weighted term of the generator's own: `(fake, batch, fake_output, real_output) -> scalar`.

    `fake_output` and `real_output` are the `DiscriminatorOutput` of the two batches. All four are
    of the global batch, on every device, so that a term may look across samples.
    """

    name: str
    value: Callable[[Array, Batch, DiscriminatorOutput, DiscriminatorOutput], Array]
    weight: float


class Augmentation(NamedTuple):
    """A change of what the discriminator sees of real and generated samples, see `jaxgan.augment`.

    `apply(keys, x, strength) -> x` takes one key a sample [batch] and treats each by itself. The
    strength is the number here, or a schedule of it, called with `GANState.step`; or where it
    adapts `memory.strength` of what `init() -> memory` makes and `update(memory, margins) ->
    memory` moves after each discriminator turn; margins [batch, ...] say by how much the logits on
    real samples are on the real side: of the loss's threshold, or of the logits on generated ones
    if it has none. `model_range` is that of the samples that apply takes; None for any.
    """

    apply: Callable[[Array, Array, Array | float], Array]
    strength: float | Schedule = 1.0
    init: Callable[[], Any] | None = None
    update: Callable[[Any, Array], Any] | None = None
    model_range: Range | None = None


class PlayerState(NamedTuple):
    """All that one player's turn changes."""

    params: PyTree
    model_state: PyTree
    opt_state: PyTree


class Average(NamedTuple):
    """The generator's averaged parameters and model state."""

    params: PyTree
    model_state: PyTree


class GANState(NamedTuple):
    """All that training changes, as one pytree of arrays.

    `step` counts generator updates (int32 scalar); `ema` is None if the GAN keeps no average;
    `extras` maps a penalty's name to what it remembers; "augmentation" to what that does.
    """

    step: Array
    generator: PlayerState
    discriminator: PlayerState
    ema: Average | None
    extras: dict[str, PyTree]


@dataclasses.dataclass(frozen=True)
class GAN:
    """Two networks, a latent distribution, a loss and two optimizers: the setting of a method.

    Attributes:
      generator: takes latents [batch, ...] (and the condition) to samples [batch, ...].
      discriminator: takes samples (and the condition) to logits [batch] or `DiscriminatorOutput`.
      latent: `(key, index) -> latents`, see `jaxgan.latents`.
      loss: the adversarial pair, see `jaxgan.losses`.
      generator_optimizer: any optax transformation, schedules included.
      discriminator_optimizer: the same for the other player; two time scales are two rates.
      penalties: terms added to the discriminator's loss, see `jaxgan.regularizers`.
      generator_terms: terms added to the generator's loss.
      ema_decay: of the generator's average, in [0, 1), warmed up by `jaxgan.ema.ema_warmup`; or
        a schedule of `GANState.step`, used as it is. None keeps no average.
      joint_pass: run the discriminator once on real and fake samples together. Faster on small
        networks; refused for one with a model state, whose statistics it would mix. Do not use it
        with layers that compare the samples of a batch (minibatch standard deviation or
        discrimination): they would compare real with fake ones.
      view: what of each image the players see, and what they are conditioned on: `init` and the
        steps take whole images then. None: they see samples as they are.
      augmentation: what the discriminator sees of samples in both players' turns, see
        `jaxgan.augment`; penalties look at the discriminator behind it. None: samples as they are.
    """

    generator: Network
    discriminator: Network
    latent: Callable[[Array, Array], Array]
    loss: AdversarialLoss
    generator_optimizer: optax.GradientTransformation
    discriminator_optimizer: optax.GradientTransformation
    penalties: tuple[Penalty, ...] = ()
    generator_terms: tuple[GeneratorTerm, ...] = ()
    ema_decay: float | Schedule | None = 0.999
    joint_pass: bool = False
    task: Task | None = None
    augmentation: Augmentation | None = None

    def __post_init__(self):
        for name in ("generator", "discriminator"):
            if not isinstance(getattr(self, name), Network):
                raise ValueError(
                    f"{name} must be a Network, got {type(getattr(self, name)).__name__}: wrap a "
                    "flax module in jaxgan.from_linen or jaxgan.from_nnx"
                )
            _check_optimizer(f"{name}_optimizer", getattr(self, f"{name}_optimizer"))
        if not callable(self.latent):
            raise ValueError(
                "latent must be a function (key, index) -> latents, got "
                f"{self.latent!r}: pass jaxgan.latents.normal(100), for example"
            )
        if not isinstance(self.loss, AdversarialLoss):
            raise ValueError(
                f"loss must be an AdversarialLoss, got {_described(self.loss)}: use one of "
                "jaxgan.losses, such as losses.wasserstein"
            )
        for name, kind, wrap in (
            ("penalties", Penalty, "jaxgan.penalty(function, gamma=10.0)"),
            ("generator_terms", GeneratorTerm, "jaxgan.GeneratorTerm(name, function, weight)"),
        ):
            _check_terms(name, getattr(self, name), kind, wrap)
            object.__setattr__(self, name, tuple(getattr(self, name)))  # hashable
        _check_names(self.penalties, self.generator_terms)
        decay = self.ema_decay
        number = isinstance(decay, numbers.Real | jax.Array)
        if decay is not None and not callable(decay) and not (number and 0.0 <= decay < 1.0):
            raise ValueError(
                f"ema_decay must lie in [0, 1), or be a schedule or None, got {decay!r}"
            )
        if self.task is not None and not isinstance(self.task, Task):
            raise ValueError(f"task must be a Task, got {self.task!r}")
        if self.augmentation is not None and not isinstance(self.augmentation, Augmentation):
            raise ValueError(f"augmentation must be an Augmentation, got {self.augmentation!r}")


def _described(value: Any) -> str:
    """A value as errors show it; a function by its name."""
    if callable(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)!r}"
    return repr(value)


def _check_optimizer(name: str, optimizer: Any):
    """Raises a ValueError unless an optimizer has the two functions of an optax transformation."""
    if all(callable(getattr(optimizer, part, None)) for part in ("init", "update")):
        return
    rate = optimizer if isinstance(optimizer, numbers.Real) else "learning_rate"
    raise ValueError(
        f"{name} must be an optax transformation, got {_described(optimizer)}: pass "
        f"optax.adam({rate}), for example; the learning rate may be a schedule"
    )


def _check_terms(name: str, terms: Any, kind: type, wrap: str):
    """Raises a ValueError unless terms are a tuple, or list, of that kind."""
    if isinstance(terms, kind):
        raise ValueError(
            f"{name} must be a tuple of {kind.__name__}, got one {kind.__name__}: "
            "add a comma, (term,)"
        )
    if not isinstance(terms, tuple | list):
        raise ValueError(
            f"{name} must be a tuple of {kind.__name__}, got {_described(terms)}: "
            f"pass ({wrap},), or () for none"
        )
    for term in terms:
        if not isinstance(term, kind):
            raise ValueError(
                f"{name} must be a tuple of {kind.__name__}, got {_described(term)} in it: "
                f"wrap functions, {wrap}"
            )


def _check_names(penalties: tuple[Penalty, ...], terms: tuple[GeneratorTerm, ...]):
    names = [penalty.name for penalty in penalties] + [term.name for term in terms]
    if len(set(names)) < len(names) or "augmentation" in names:
        raise ValueError(
            "penalties and generator_terms need distinct names, and none may be "
            f"'augmentation', got {names}"
        )
