"""What every framework must build: layer sizes, data, and the work that a step is."""

import itertools
import os
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgan.data.toy import spiral


class Case(NamedTuple):
    """Two networks of dense layers and how they are trained.

    Attributes:
      name: for the command line and the table.
      batch: real samples a step; as many generated ones for each player.
      generator: widths from the latents to the samples.
      discriminator: widths from the samples to the one logit.
      slope: of the leaky ReLU after each hidden layer; 0 is plain ReLU.
      dropout: share dropped after each hidden layer of the discriminator.
      images: samples are uint8 that become [0, 1], and the generator ends in a sigmoid.
      learning_rate: of Adam, for both players.
      betas: of Adam.
      steps_a_call: steps that jaxgan runs in one jitted call.
    """

    name: str
    batch: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    slope: float
    dropout: float
    images: bool
    learning_rate: float
    betas: tuple[float, float]
    steps_a_call: int


CASES = {
    case.name: case
    for case in (
        Case(
            name="mnist-mlp",
            batch=128,
            generator=(100, 256, 1024, 784),
            discriminator=(784, 1024, 512, 1),
            slope=0.2,
            dropout=0.3,
            images=True,
            learning_rate=2e-4,
            betas=(0.5, 0.9),
            steps_a_call=20,
        ),
        Case(
            name="toy",
            batch=512,
            generator=(2, 128, 128, 2),
            discriminator=(2, 128, 128, 1),
            slope=0.0,
            dropout=0.0,
            images=False,
            learning_rate=1e-3,
            betas=(0.5, 0.9),
            steps_a_call=250,
        ),
    )
}


class Runner(NamedTuple):
    """A framework's training, ready to run.

    Attributes:
      framework: whose row it is; of several variants the fastest counts.
      variant: what tells it from the framework's other forms, or nothing.
      run_steps: runs at least so many steps and waits for them; gives the losses of every step,
        [steps, 2], the discriminator's (real plus fake) and the generator's.
      num_params: of the generator and the discriminator.
      compile_seconds: of the step; 0 where nothing is compiled.
      xla_flop: floating-point operations of a step as XLA counts them, if it can tell.
    """

    framework: str
    variant: str
    run_steps: Callable[[int], np.ndarray]
    num_params: tuple[int, int]
    compile_seconds: float = 0.0
    xla_flop: float | None = None


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def first_minus_later(step: Callable[[], object]) -> float:
    """Seconds that the first call of a step took beyond the fastest of some later ones."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds[0] - min(seconds)


def make_data(case: Case, seed: int = 0) -> np.ndarray:
    """The training set: uint8 [60000, 784] made up like digits, or float32 points [60000, 2]."""
    rng = np.random.default_rng(seed)
    if not case.images:
        return spiral(rng, 60_000)
    # A few smooth factors under a sigmoid: mostly black or white pixels that go together.
    factors = rng.standard_normal((60_000, 12)).astype(np.float32)
    maps = rng.standard_normal((12, case.discriminator[0])).astype(np.float32)
    logits = factors @ maps - 3.0
    return np.uint8(255.0 / (1.0 + np.exp(-logits)))


def count_params(widths: tuple[int, ...]) -> int:
    """Weights and biases of a stack of dense layers."""
    return sum((m + 1) * n for m, n in itertools.pairwise(widths))


def flop_per_step(case: Case) -> int:
    """Floating-point operations of a step's matrix products; everything else is left out.

    A layer m -> n costs 2 m n a sample three times: forward, for the gradient of its weights, and
    for that of its input. A network's first layer needs the last only if gradients pass through.

      discriminator's turn: G forward; D forward, weights, inputs but the first; for 2 batches
      generator's turn:     G forward, weights, inputs but the first; D forward, all inputs
    """
    g, g_first = _products(case.generator)
    d, d_first = _products(case.discriminator)
    discriminator_turn = g + 2 * (3 * d - d_first)
    generator_turn = (3 * g - g_first) + 2 * d
    return 2 * case.batch * (discriminator_turn + generator_turn)


def _products(widths: tuple[int, ...]) -> tuple[int, int]:
    """The sum of m n over all layers, and that of the first."""
    products = [m * n for m, n in itertools.pairwise(widths)]
    return sum(products), products[0]
