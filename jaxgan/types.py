"""The parts of a GAN and its state: plain tuples of functions and of arrays."""

import dataclasses
import numbers
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import jax
import optax

from jaxgan.choices import Player

Array = jax.Array
PyTree = Any
Metrics = dict[str, Array]
Range = tuple[float, float]
"""The lowest and the highest value of samples."""
Schedule = Callable[[Array], Array]
"""From the number of updates made so far, an int scalar, to a number."""


class Network(NamedTuple):
    """A network as a pair of pure functions; flax modules become one by `jaxgan.from_linen`.

    Keep `pack` by `network._replace(apply=...)` when you wrap a network.

    Attributes:
      init: `(key, *inputs) -> (params, model_state)`; the trainable parameters, and whatever else
        the network carries along (batch statistics, spectral-norm vectors; else an empty dict).
      apply: `(params, model_state, *inputs, keys, train, axis_name=None) -> (output, model_state)`;
        keys [batch] has one PRNG key per sample, and axis_name is the mapped device axis over which
        batch statistics reduce, None outside `pmap`.
      pack: number of samples that a discriminator judges together with one logit, see
        `jaxgan.packed`.
    """

    init: Callable[..., tuple[PyTree, PyTree]]
    apply: Callable[..., tuple[Any, PyTree]]
    pack: int = 1


class Batch(NamedTuple):
    """Real samples x [batch, ...] and their condition: labels, images, any pytree, or nothing.

    Samples are one array, or a pytree of arrays for networks that take and return such trees.
    Augmentation, packing, plots and the loaders of `jaxgan.data` take one array only.
    """

    x: PyTree
    condition: PyTree = None


class Task(NamedTuple):
    """What the players see of whole images, and how a sample becomes an image again.

    Both functions treat each sample by itself. See `jaxgan.images.tasks`.

    Attributes:
      prepare: `batch -> Batch`; from images x [batch, ...] in the model's range, with labels or
        nothing as their condition, to samples and their condition.
      restore: `(x, condition) -> images`; the images that samples stand for.
      way_back: `x -> condition`; the condition under which the generator leads samples back to
        where they came from. None where no way leads back.
    """

    prepare: Callable[[Batch], Batch]
    restore: Callable[[PyTree, PyTree], Array]
    way_back: Callable[[PyTree], PyTree] | None = None


class DiscriminatorOutput(NamedTuple):
    """What a discriminator may return instead of plain logits [batch].

    Attributes:
      logits: [batch]; or a map of patches [batch, height, width], over which losses and metrics
        average; or one logit or map per pack, [batch / pack, ...], see `jaxgan.packed`.
      features: a tree of arrays [batch, ...].
      class_logits: [batch, classes].
    """

    logits: Array
    features: PyTree = None
    class_logits: Array | None = None


class AdversarialLoss(NamedTuple):
    """One loss per player, each a function `(real_logits, fake_logits) -> scalar`.

    Attributes:
      discriminator: its adversarial loss.
      generator: its adversarial loss.
      threshold: the decision threshold of the accuracy metrics, a logit; None if only differences
        of logits have a meaning (critics, relativistic losses).
      probability: whether sigmoid(logit) is the probability D(x) that a sample is real.
    """

    discriminator: Callable[[Array, Array], Array]
    generator: Callable[[Array, Array], Array]
    threshold: float | None = None
    probability: bool = False


Coupled = Literal["refuse", "own_gradient", "allow"]
"""What a gradient penalty does with a discriminator whose samples see each other, see `Term`."""


class Term(NamedTuple):
    """A weighted term of one player's loss, made by `jaxgan.penalty` or `jaxgan.generator_term`.

    Gradient penalties differentiate the sum of all logits with respect to all samples. That gives
    each logit's gradient with respect to its own sample only if no logit depends on another sample,
    as it does with batch norm. `coupled` says what happens if the discriminator is not of this
    kind; set it with `term._replace(coupled=...)`:

    - "refuse": `jaxgan.init` raises an error.
    - "own_gradient": the gradient of each logit is computed in a pass of its own, so the penalty
      costs as many passes as there are logits.
    - "allow": the gradient of the sum is used as it is, as in StyleGAN2, whose discriminator has a
      minibatch standard deviation.

    Attributes:
      name: of the metric, `penalty_NAME` or `term_NAME`.
      player: the player whose loss it is part of.
      value: maps `jaxgan.term_inputs.TermInputs` to a scalar.
      weight: a number, or a schedule of the generator's updates so far (`GANState.step`).
      every: the term is computed in every n-th update of its player, with n times the weight.
      init: returns the state that the term keeps; None for a term without state.
      update: maps `TermInputs` to the next state.
      coupled: see above.
    """

    name: str
    player: Player
    value: Callable[[Any], Array]
    weight: float | Schedule
    every: int = 1
    init: Callable[[], PyTree] | None = None
    update: Callable[[Any], PyTree] | None = None
    coupled: Coupled = "refuse"


class Augmentation(NamedTuple):
    """A change of the samples that the discriminator sees, real or generated: `jaxgan.augment`.

    Attributes:
      apply: `(keys, x, strength) -> x`; augments each sample with its own key, keys [batch].
      strength: a number or a schedule of `GANState.step`, used if `init` is None.
      init: for adaptive augmentation, returns its state, which has an attribute `strength`.
      update: `(state, margins) -> state`, called after each discriminator update. Margins
        [batch, ...] are the real logits minus the loss's threshold, or minus the fake logits if the
        loss has no threshold.
      model_range: (low, high) of the samples that `apply` is made for; None for any.
      pseudo: show the discriminator generated samples in place of real ones, with the strength as
        the probability, see `jaxgan.augment.adaptive_pseudo`.
    """

    apply: Callable[[Array, Array, Array | float], Array]
    strength: float | Schedule = 1.0
    init: Callable[[], Any] | None = None
    update: Callable[[Any, Array], Any] | None = None
    model_range: Range | None = None
    pseudo: bool = False


class Weights(NamedTuple):
    """A network's parameters and model state."""

    params: PyTree
    model_state: PyTree


class Params(NamedTuple):
    """Both players' parameters, or anything else that each player has one of."""

    generator: PyTree
    discriminator: PyTree


class PlayerState(NamedTuple):
    """Everything that an update of one player changes.

    Attributes:
      params: the network's trainable parameters.
      model_state: whatever else the network carries along, see `Network`.
      opt_state: of the optimizer.
      terms: the states of this player's terms that keep one, by name.
    """

    params: PyTree
    model_state: PyTree
    opt_state: PyTree
    terms: dict[str, PyTree]


class GANState(NamedTuple):
    """Everything that training changes, as one pytree of arrays.

    Attributes:
      step: number of generator updates, int32 scalar.
      generator: what its updates change.
      discriminator: what its updates change.
      ema: weights of the EMA generator; None if the GAN has none.
      augmentation: the state of an adaptive augmentation, else None.
      update: what the update rule keeps from round to round, else None.
      pool: earlier generated samples, a `jaxgan.pools.Pool`; None if the GAN keeps none.
    """

    step: Array
    generator: PlayerState
    discriminator: PlayerState
    ema: Weights | None = None
    augmentation: PyTree = None
    update: PyTree = None
    pool: PyTree = None


@dataclasses.dataclass(frozen=True)
class GAN:
    """Two networks, a latent distribution, a loss and two optimizers.

    Attributes:
      generator: maps latents [batch, ...] (and the condition) to samples [batch, ...].
      discriminator: maps samples (and the condition) to logits [batch] or `DiscriminatorOutput`.
      latent: `(key, index) -> latents`, see `jaxgan.latents`; index holds the samples'
        indices, int [batch], from which each sample's own key is folded. Latents are one array or a
        pytree of arrays.
      loss: the adversarial loss of each player, see `jaxgan.losses`.
      generator_optimizer: any optax transformation; its learning rate may be a schedule.
      discriminator_optimizer: the same. Two time scales (TTUR) are two learning rates.
      penalties: terms of the discriminator's loss, made by `jaxgan.penalty`.
      generator_terms: terms of the generator's loss, made by `jaxgan.generator_term`.
      ema_decay: decay of the EMA generator, in [0, 1), warmed up by `jaxgan.ema.ema_warmup`; or a
        schedule of `GANState.step`, without warm-up. None for no EMA generator.
      joint_pass: run the discriminator once on real and fake samples together. Faster for small
        networks. Rejected for networks with a model state, whose statistics it would mix. Do not
        use it with layers that compare the samples of a batch (minibatch standard deviation or
        discrimination), which would compare real with fake samples.
      real: what the discriminator is shown of real samples, as a part of the generator's player:
        a function with the arguments of `Network.apply`, which is given the generator's parameters
        and model state, and real samples in place of latents. None for the samples as they are.
        BiGAN's is x -> (x, E(x)); see `jaxgan.adapters.bundle`.
      latent_step: `(latents, score) -> latents`, which moves the latents of both players' updates
        before generation, as `jaxgan.latents.natural_gradient_step` does; `score` maps latents to
        the logits of their samples. Gradients flow through it. None for latents as drawn.
      task: what the players see of whole images, see `jaxgan.images.tasks`; `init` and the steps
        then take whole images. None if the players see samples as they are.
      augmentation: of the discriminator's inputs in both players' updates, see `jaxgan.augment`.
        Gradient penalties are taken with respect to the samples before augmentation.
      pool_size: number of earlier generated samples in a pool, with which half of those that the
        discriminator is shown in its updates change places, see `jaxgan.pools`; 0 for none. Their
        conditions stay behind, so the discriminator must not look at the condition.
    """

    generator: Network
    discriminator: Network
    latent: Callable[[Array, Array], PyTree]
    loss: AdversarialLoss
    generator_optimizer: optax.GradientTransformation
    discriminator_optimizer: optax.GradientTransformation
    penalties: tuple[Term, ...] = ()
    generator_terms: tuple[Term, ...] = ()
    ema_decay: float | Schedule | None = 0.999
    joint_pass: bool = False
    real: Callable[..., tuple[PyTree, PyTree]] | None = None
    latent_step: Callable[[PyTree, Callable[[PyTree], Array]], PyTree] | None = None
    task: Task | None = None
    augmentation: Augmentation | None = None
    pool_size: int = 0

    def __post_init__(self):
        for player in get_args(Player):
            _check_network(player, getattr(self, player))
            _check_optimizer(f"{player}_optimizer", getattr(self, f"{player}_optimizer"))
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
        for name in ("penalties", "generator_terms"):
            _check_terms(name, getattr(self, name))
            object.__setattr__(self, name, tuple(getattr(self, name)))  # hashable
        _check_names(self.penalties + self.generator_terms)
        _check_decay(self.ema_decay)
        for name in ("real", "latent_step"):
            given = getattr(self, name)
            if given is not None and not callable(given):
                raise ValueError(f"{name} must be a function or None, got {given!r}")
        if self.task is not None and not isinstance(self.task, Task):
            raise ValueError(f"task must be a Task, got {self.task!r}")
        if self.augmentation is not None and not isinstance(self.augmentation, Augmentation):
            raise ValueError(f"augmentation must be an Augmentation, got {self.augmentation!r}")
        if not isinstance(self.pool_size, numbers.Integral) or self.pool_size < 0:
            raise ValueError(f"pool_size must be an int, 0 or more, got {self.pool_size!r}")


def _described(value: Any) -> str:
    """A value as errors show it; a function by its name."""
    if callable(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)!r}"
    return repr(value)


def _check_network(player: Player, network: Any):
    if not isinstance(network, Network):
        raise ValueError(
            f"{player} must be a Network, got {type(network).__name__}: wrap a flax module in "
            "jaxgan.from_linen or jaxgan.from_nnx"
        )


def _check_optimizer(name: str, optimizer: Any):
    """Raises a ValueError unless an optimizer has the two functions of an optax transformation."""
    if all(callable(getattr(optimizer, part, None)) for part in ("init", "update")):
        return
    rate = optimizer if isinstance(optimizer, numbers.Real) else "learning_rate"
    raise ValueError(
        f"{name} must be an optax transformation, got {_described(optimizer)}: pass "
        f"optax.adam({rate}), for example; the learning rate may be a schedule"
    )


_MAKERS = {
    "penalties": ("discriminator", "jaxgan.penalty(function, gamma=10.0)"),
    "generator_terms": ("generator", "jaxgan.generator_term(function, weight)"),
}


def _check_terms(name: str, terms: Any):
    """Raises a ValueError unless terms are a tuple, or list, of one player's terms."""
    player, make = _MAKERS[name]
    if isinstance(terms, Term):
        raise ValueError(f"{name} must be a tuple of terms, got one term: add a comma, (term,)")
    if not isinstance(terms, tuple | list):
        raise ValueError(
            f"{name} must be a tuple of terms, got {_described(terms)}: pass ({make},), or () "
            "for none"
        )
    for term in terms:
        if not isinstance(term, Term):
            raise ValueError(
                f"{name} must be a tuple of terms, got {_described(term)} in it: wrap functions, "
                f"{make}"
            )
        if term.coupled not in get_args(Coupled):
            raise ValueError(
                f"coupled must be one of {', '.join(get_args(Coupled))}, got {term.coupled!r}"
            )
        if term.player != player:
            raise ValueError(
                f"{name} are terms of the {player}'s loss, but {term.name} is one of the "
                f"{term.player}'s: make it with {make}"
            )


def _check_names(terms: tuple[Term, ...]):
    names = [term.name for term in terms]
    if len(set(names)) < len(names):
        raise ValueError(
            f"penalties and generator_terms need distinct names, got {names}: pass name=... to "
            "jaxgan.penalty or jaxgan.generator_term"
        )


def _check_decay(decay: Any):
    if decay is None or callable(decay) or isinstance(decay, jax.core.Tracer):
        return
    is_number = isinstance(decay, numbers.Real | jax.Array)
    if not is_number or not 0.0 <= decay < 1.0:
        raise ValueError(f"ema_decay must lie in [0, 1), or be a schedule or None, got {decay!r}")
