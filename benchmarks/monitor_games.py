"""Small games whose failures are planted, to judge the monitor by: 20 healthy, 40 failing.

Each failing game goes wrong in one of eight ways, five games per way, on three sizes of networks
and data. Its failure begins in the first round, or halfway in a game that went well before.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan
from jaxgan import latents, losses
from jaxgan.data import built_in
from jaxgan.models import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from jaxgan.regularizers import gradient_penalty, r1, r2
from jaxgan.types import GAN, Array, GANState, Network, PlayerState

SIZES = "points", "digits", "convolutional"
STEPS, HALF = 2400, 1440
SCORED_EVERY = 30  # rounds: a multiple of those between two rows that the monitor reads
SAMPLES, DIRECTIONS = 512, 64
HEALTHY = "healthy"
History = dict[str, np.ndarray]


class Rates(NamedTuple):
    """What both players learn with: Adam, whose numbers are in the state and may change midway.

    Attributes:
      generator, discriminator: the learning rates.
      b1: decay rate of Adam's momentum, of both.
      decay: weight decay of the discriminator, as a fraction per update.
    """

    generator: float = 1e-3
    discriminator: float = 1e-3
    b1: float = 0.5
    decay: float = 0.0


class Game(NamedTuple):
    """A game to be played.

    Attributes:
      way: "healthy", or the way in which it fails.
      size: networks and data, one of `SIZES`.
      name: what is special about it.
      onset: the round in which the failure begins, 0 or `HALF`; None if the game is healthy.
      loss: a name in `jaxgan.losses`.
      penalty: "zero-centred" (R1 and R2), "gradient" (of WGAN-GP) or "none".
      rates: from the first round on.
      later: from round `HALF` on, if others.
      pull: growth per step, from `HALF` on, of a term's weight that pulls samples together.
      batch_size, n_critic: of all its rounds.
    """

    way: str
    size: str
    name: str
    onset: int | None = None
    loss: str = "non_saturating"
    penalty: str = "zero-centred"
    rates: Rates = Rates()
    later: Rates | None = None
    pull: float = 0.0
    batch_size: int = 64
    n_critic: int = 1


# --- Playing


def play(game: Game, seed: int) -> History:
    """The metrics of all rounds, with the distance to the data as "score" in every 30th."""
    x = data_of(game.size)
    scores, draw = {}, drawn(game.size)

    def on_call(progress: Any):
        if progress.round % SCORED_EVERY == 0:
            scores[progress.round] = distance(draw(progress.state.gan), x[:SAMPLES])

    # Calls of convolutions compile longer with more rounds, and do not get faster.
    per_call = 1 if game.size == "convolutional" else SCORED_EVERY
    plan = jaxgan.Plan(
        batch_size=game.batch_size,
        n_critic=game.n_critic,
        rounds_per_call=per_call,
        nonfinite="skip",
        devices=1,
    )
    gan = gan_of(game.size, game.loss, game.penalty, game.pull)
    init_key, run_key = jax.random.split(jax.random.key(seed))
    state, parts = jaxgan.init(init_key, gan, jnp.asarray(x[: game.batch_size])), []
    for rates, steps in ((game.rates, HALF), (game.later or game.rates, STEPS - HALF)):
        state = with_rates(state, rates)
        state, part = jaxgan.fit(run_key, gan, x, steps, plan, state, on_call)
        parts.append(part)
    history = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    history["score"] = np.full(STEPS, np.nan)
    for played, value in scores.items():
        history["score"][played - 1] = value
    return history


@functools.cache
def drawn(size: str) -> Callable[[GANState], Array]:
    """The samples of a state; all games of a size have the same generator."""
    return jax.jit(lambda state: jaxgan.sample(jax.random.key(0), gan_of(size), state, SAMPLES))


def distance(fake: Array, real: np.ndarray) -> float:
    """Squared sliced 2-Wasserstein distance of equally many samples."""
    real, fake = real.reshape(len(real), -1), np.asarray(fake).reshape(len(real), -1)
    directions = np.random.default_rng(0).normal(size=(real.shape[1], DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    apart = np.sort(real @ directions, axis=0) - np.sort(fake @ directions, axis=0)
    return float(np.mean(np.square(apart)))


@functools.cache
def data_of(size: str) -> np.ndarray:
    """Samples in [-2, 2]: a ring of 8 Gaussians, or handwritten digits in [-1, 1]."""
    if size == "points":
        chance = np.random.default_rng(0)
        angles = 2 * np.pi * chance.integers(8, size=4096) / 8
        centres = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return (centres + chance.normal(0, 0.15, (4096, 2))).astype(np.float32)
    order = np.random.default_rng(0).permutation(1797)
    return (built_in.digits().x / 8 - 1).astype(np.float32)[order]


# --- Parts


@functools.cache
def networks(size: str) -> tuple[Network, Network]:
    """Generator and discriminator."""
    generator, discriminator = {
        "points": (MLPGenerator((2,), (64, 64), output=None), MLPDiscriminator((64, 64), 0.0)),
        "digits": (
            MLPGenerator((8, 8, 1), (128,), output=jnp.tanh),
            MLPDiscriminator((128,), 0.0),
        ),
        "convolutional": (
            DCGANGenerator((8, 8, 1), features=(16,)),
            DCGANDiscriminator((16,), norm="none"),
        ),
    }[size]
    return jaxgan.from_linen(generator), jaxgan.from_linen(discriminator)


@functools.cache
def gan_of(
    size: str,
    loss: str = "non_saturating",
    penalty: str = "zero-centred",
    pull: float = 0.0,
) -> GAN:
    """The GAN of a game, whose learning rates are yet to be set."""
    generator, discriminator = networks(size)
    penalties = {
        "zero-centred": tuple(jaxgan.penalty(f, gamma=0.5) for f in (r1, r2)),
        "gradient": (jaxgan.penalty(gradient_penalty, 1.0),),
        "none": (),
    }

    def growing(step: Array) -> Array:
        return pull * jnp.maximum(0.0, step - HALF)

    adam = optax.inject_hyperparams(optax.adamw)(0.0, b1=0.0, b2=0.99, weight_decay=0.0)
    return GAN(
        generator=generator,
        discriminator=discriminator,
        latent=latents.normal(4 if size == "points" else 16),
        loss=getattr(losses, loss),
        penalties=penalties[penalty],
        generator_terms=(jaxgan.generator_term(spread, growing),) if pull else (),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def spread(fake: Array) -> Array:
    """Mean squared distance of generated samples from their mean."""
    return jnp.mean(jnp.square(fake - jnp.mean(fake, axis=0, keepdims=True)))


def with_rates(state: GANState, rates: Rates) -> GANState:
    """The state with other learning rates."""

    def player(state: PlayerState, rate: float, decay: float) -> PlayerState:
        # Weight decay is multiplied by the learning rate.
        numbers = {
            "learning_rate": rate,
            "b1": rates.b1,
            "weight_decay": decay / rate if rate else 0,
        }
        numbers = {name: jnp.float32(value) for name, value in numbers.items()}
        kept = state.opt_state
        return state._replace(opt_state=kept._replace(hyperparams=kept.hyperparams | numbers))

    return state._replace(
        generator=player(state.generator, rates.generator, 0.0),
        discriminator=player(state.discriminator, rates.discriminator, rates.decay),
    )


# --- The games


def games() -> list[Game]:
    """All games, those with the same compiled program next to each other."""
    found = [*healthy_games(), *failing_games()]
    return sorted(found, key=_program)


def _program(game: Game) -> tuple:
    """Games with the same one share their compiled program."""
    size = SIZES.index(game.size)
    return size, game.loss, game.penalty, game.pull, game.batch_size, game.n_critic


def healthy_games() -> Iterator[Game]:
    """Games that go well, though some look odd for a while."""
    for size in SIZES:
        yield Game(HEALTHY, size, "plain")
        yield Game(HEALTHY, size, "relativistic", loss="relativistic")
        yield Game(HEALTHY, size, "batch of 16", batch_size=16)
        yield Game(HEALTHY, size, "WGAN-GP", loss="wasserstein", penalty="gradient", n_critic=3)
    for size in SIZES[:2]:
        yield Game(HEALTHY, size, "hinge", loss="hinge")
        yield Game(HEALTHY, size, "least squares", loss="least_squares")
        yield Game(HEALTHY, size, "low rates", rates=Rates(3e-4, 3e-4))
        yield Game(HEALTHY, size, "fast discriminator", rates=Rates(1e-3, 4e-3))


def failing_games() -> Iterator[Game]:
    """Five games for each way to fail: two on points, two on digits and one convolutional."""
    points, digits, convolutional = SIZES

    strong = functools.partial(Game, "strong discriminator", onset=0, penalty="none")
    rates = Rates(1e-5, 3e-3)
    yield strong(points, "non-saturating", rates=rates)
    yield strong(points, "hinge", loss="hinge", rates=rates)
    yield strong(digits, "non-saturating", rates=rates)
    yield strong(digits, "relativistic", loss="relativistic", rates=rates)
    yield strong(convolutional, "non-saturating", rates=rates)

    blind, dying = functools.partial(Game, "blind discriminator"), Rates(1e-3, 1e-4, decay=0.05)
    yield blind(points, "frozen", onset=0, rates=Rates(1e-3, 0.0))
    yield blind(digits, "frozen", onset=0, rates=Rates(1e-3, 0.0))
    yield blind(points, "dies midway", onset=HALF, later=dying)
    yield blind(digits, "dies midway", onset=HALF, later=dying, loss="relativistic")
    yield blind(convolutional, "dies", onset=0, rates=dying)

    collapse = functools.partial(Game, "collapse", onset=HALF, later=Rates(3e-3, 0.0))
    yield collapse(points, "non-saturating")
    yield collapse(points, "relativistic", loss="relativistic")
    yield collapse(digits, "non-saturating")
    yield collapse(digits, "hinge", loss="hinge")
    yield collapse(convolutional, "non-saturating")

    slow = functools.partial(Game, "slow collapse", onset=HALF)
    yield slow(points, "pulled together", pull=1e-3)
    yield slow(points, "pulled together slowly", pull=3e-4)
    yield slow(digits, "pulled together", pull=2e-2)
    yield slow(digits, "pulled together slowly", pull=1e-2)
    yield slow(convolutional, "pulled together", pull=1e-2)

    swinging = functools.partial(Game, "oscillation", penalty="none")
    wild = Rates(1e-2, 1e-2, b1=0.9)
    wilder = Rates(5e-2, 5e-2, b1=0.9)
    yield swinging(points, "non-saturating", onset=0, rates=wilder)
    yield swinging(points, "hinge", loss="hinge", onset=HALF, later=wilder)
    yield swinging(digits, "non-saturating", onset=0, rates=wild)
    yield swinging(digits, "relativistic", loss="relativistic", onset=HALF, later=wild)
    yield swinging(convolutional, "non-saturating", onset=0, rates=wild)

    worse = functools.partial(Game, "deterioration", onset=HALF)
    for size in SIZES:
        yield worse(size, "generator too fast", later=Rates(5e-2, 1e-3))
    for size in SIZES[:2]:
        yield worse(size, "both too fast", later=Rates(5e-2, 5e-2))

    exploding = functools.partial(
        Game, "exploding logits", onset=0, loss="wasserstein", penalty="none"
    )
    yield exploding(points, "WGAN without penalty", rates=Rates(1e-3, 1e-2))
    yield exploding(points, "WGAN without penalty, five updates", n_critic=5)
    yield exploding(digits, "WGAN without penalty", rates=Rates(1e-3, 1e-2))
    yield exploding(digits, "WGAN without penalty, five updates", n_critic=5)
    yield exploding(convolutional, "WGAN without penalty", rates=Rates(1e-3, 1e-2))

    saturated = functools.partial(
        Game, "saturation", onset=0, loss="minimax", penalty="none", rates=Rates(1e-5, 3e-3)
    )
    yield saturated(points, "minimax")
    yield saturated(points, "minimax, five updates", n_critic=5)
    yield saturated(digits, "minimax")
    yield saturated(digits, "minimax, five updates", n_critic=5)
    yield saturated(convolutional, "minimax")
