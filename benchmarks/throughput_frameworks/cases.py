"""What every framework must train: networks, losses, data, and the work that a step is.

A case is a GAN of layers (`Case`) or one network for itself (`SuperResolution`).
"""

import math
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from jaxgan.data.toy import spiral
from jaxgan.training.rounds import CONVOLUTIONAL_ROUNDS_PER_CALL
from throughput_frameworks.networks import Layer, Layers, count_params, dense_layers, describe


class Case(NamedTuple):
    """Two networks and how they are trained: one update of each player a step.

    Attributes:
      name: for the command line and the table.
      batch: real samples a step; as many generated ones for each player.
      generator: layers from the latents to the samples. Its output tells what samples are:
        images of uint8 that become [0, 1] for a sigmoid, [-1, 1] for tanh; points without either.
      discriminator: layers from the samples to the one logit.
      learning_rate: of Adam, for both players.
      betas: of Adam.
      steps_a_call: steps that jaxgan runs in one jitted call on a CPU.
      loss: of both players.
      gradient_penalty: weight of WGAN-GP's penalty in the discriminator's loss; 0 for none.
    """

    name: str
    batch: int
    generator: Layers
    discriminator: Layers
    learning_rate: float
    betas: tuple[float, float]
    steps_a_call: int
    loss: Literal["non_saturating", "wasserstein", "hinge"] = "non_saturating"
    gradient_penalty: float = 0.0

    @property
    def latents(self) -> int:
        return self.generator[0].inputs[0]

    @property
    def sample_shape(self) -> tuple[int, ...]:
        return self.discriminator[0].inputs

    @property
    def images(self) -> bool:
        return self.generator[-1].activation is not None

    @property
    def convolutional(self) -> bool:
        return any(layer.kind != "dense" for layer in self.discriminator)

    @property
    def batch_norm(self) -> bool:
        return any(layer.batch_norm for layer in self.discriminator)

    @property
    def residual(self) -> bool:
        return any(layer.kind == "down_block" for layer in self.discriminator)

    @property
    def num_params(self) -> tuple[int, int]:
        return count_params(self.generator), count_params(self.discriminator)

    @property
    def description(self) -> str:
        penalty = f" with gradient penalty {self.gradient_penalty}" if self.gradient_penalty else ""
        return (
            f"{self.name}: batch {self.batch}, {self.loss.replace('_', '-')} loss{penalty}\n"
            f"  generator {describe(self.generator)}\n"
            f"  discriminator {describe(self.discriminator)}"
        )


class SuperResolution(NamedTuple):
    """SRResNet without batch norm, by mean squared error and Adam; no discriminator.

    A step is one update on low-resolution images and the true ones, both in [-1, 1].

    Attributes:
      name: for the command line and the table.
      batch: images a step.
      size: of the low-resolution images.
      scale: of enlargement, a power of 2.
      features: channels of all hidden layers.
      blocks: residual blocks.
      learning_rate: of Adam.
      betas: of Adam.
      steps_a_call: as of `Case`.
    """

    name: str
    batch: int
    size: int
    scale: int
    features: int
    blocks: int
    learning_rate: float
    betas: tuple[float, float]
    steps_a_call: int

    @property
    def doublings(self) -> int:
        return int(math.log2(self.scale))

    @property
    def weights(self) -> tuple[int, int, int, int]:
        """Of the first convolution, all of the body, each that doubles the size, the last."""
        n = self.features
        return 81 * 3 * n, (2 * self.blocks + 1) * 9 * n**2, 9 * n * 4 * n, 81 * n * 3

    @property
    def num_params(self) -> tuple[int]:
        n, (first, body, up, last) = self.features, self.weights
        weights = first + body + self.doublings * up + last
        biases = (2 * self.blocks + 2) * n + self.doublings * 4 * n + 3
        slopes = (1 + self.blocks + self.doublings) * n  # of the PReLUs
        return (weights + biases + slopes,)

    @property
    def description(self) -> str:
        return (
            f"{self.name}: batch {self.batch}, mean squared error, "
            f"{_side(self.size)} to {_side(self.size * self.scale)}\n"
            f"  SRResNet of {self.blocks} blocks, {self.features} channels, without batch norm"
        )


def _side(size: int) -> str:
    return f"{size}x{size}"


_MNIST_GENERATOR = dense_layers(100, 256, 1024, 784, activation="leaky_relu", output="sigmoid")

CASES: dict[str, Case | SuperResolution] = {
    case.name: case
    for case in (
        Case(
            name="mnist-mlp",
            batch=128,
            generator=_MNIST_GENERATOR,
            discriminator=dense_layers(784, 1024, 512, 1, activation="leaky_relu", dropout=0.3),
            learning_rate=2e-4,
            betas=(0.5, 0.9),
            steps_a_call=20,
        ),
        Case(
            name="toy",
            batch=512,
            generator=dense_layers(2, 128, 128, 2, activation="relu"),
            discriminator=dense_layers(2, 128, 128, 1, activation="relu"),
            learning_rate=1e-3,
            betas=(0.5, 0.9),
            steps_a_call=250,
        ),
        Case(
            name="toy-small",
            batch=64,
            generator=dense_layers(2, 32, 32, 2, activation="relu"),
            discriminator=dense_layers(2, 32, 32, 1, activation="relu"),
            learning_rate=1e-3,
            betas=(0.5, 0.9),
            steps_a_call=250,
        ),
        Case(
            name="mnist-dcgan",
            batch=64,
            generator=(
                Layer("dense", (100,), (7, 7, 128), 1, True, "relu"),
                Layer("transposed", (7, 7, 128), (14, 14, 128), 4, True, "relu"),
                Layer("transposed", (14, 14, 128), (28, 28, 64), 4, True, "relu"),
                Layer("conv", (28, 28, 64), (28, 28, 1), 5, False, "tanh"),
            ),
            discriminator=(
                Layer("conv", (28, 28, 1), (14, 14, 64), 4, False, "leaky_relu"),
                Layer("conv", (14, 14, 64), (7, 7, 128), 4, True, "leaky_relu"),
                Layer("dense", (7, 7, 128), (1,)),
            ),
            learning_rate=2e-4,
            betas=(0.5, 0.999),
            steps_a_call=CONVOLUTIONAL_ROUNDS_PER_CALL,
        ),
        Case(
            name="mnist-wgan-gp",
            batch=128,
            generator=_MNIST_GENERATOR,
            discriminator=dense_layers(784, 1024, 512, 1, activation="leaky_relu"),
            learning_rate=1e-4,
            betas=(0.0, 0.9),
            steps_a_call=20,
            loss="wasserstein",
            gradient_penalty=10.0,
        ),
        Case(
            name="sngan",
            batch=64,
            generator=(
                Layer("dense", (128,), (4, 4, 64)),
                Layer("up_block", (4, 4, 64), (8, 8, 64)),
                Layer("up_block", (8, 8, 64), (16, 16, 64)),
                Layer("up_block", (16, 16, 64), (32, 32, 64)),
                Layer("norm", (32, 32, 64), (32, 32, 64), batch_norm=True, activation="relu"),
                Layer("conv", (32, 32, 64), (32, 32, 3), 3, activation="tanh"),
            ),
            discriminator=(
                Layer("down_block", (32, 32, 3), (16, 16, 64)),
                Layer("down_block", (16, 16, 64), (8, 8, 64)),
                Layer("down_block", (8, 8, 64), (8, 8, 64)),
                Layer("down_block", (8, 8, 64), (8, 8, 64)),
                Layer("sum", (8, 8, 64), (64,)),
                Layer("dense", (64,), (1,), spectral_norm=True),
            ),
            learning_rate=2e-4,
            betas=(0.0, 0.9),
            steps_a_call=CONVOLUTIONAL_ROUNDS_PER_CALL,
            loss="hinge",
        ),
        Case(
            name="dcgan-64",
            batch=128,
            generator=(
                Layer("dense", (100,), (4, 4, 512), 1, True, "relu"),
                Layer("transposed", (4, 4, 512), (8, 8, 256), 4, True, "relu"),
                Layer("transposed", (8, 8, 256), (16, 16, 128), 4, True, "relu"),
                Layer("transposed", (16, 16, 128), (32, 32, 64), 4, True, "relu"),
                Layer("transposed", (32, 32, 64), (64, 64, 3), 4, False, "tanh"),
            ),
            discriminator=(
                Layer("conv", (64, 64, 3), (32, 32, 64), 4, False, "leaky_relu"),
                Layer("conv", (32, 32, 64), (16, 16, 128), 4, True, "leaky_relu"),
                Layer("conv", (16, 16, 128), (8, 8, 256), 4, True, "leaky_relu"),
                Layer("conv", (8, 8, 256), (4, 4, 512), 4, True, "leaky_relu"),
                Layer("dense", (4, 4, 512), (1,)),
            ),
            learning_rate=2e-4,
            betas=(0.5, 0.999),
            steps_a_call=CONVOLUTIONAL_ROUNDS_PER_CALL,
        ),
        SuperResolution(
            name="srresnet",
            batch=16,
            size=16,
            scale=4,
            features=32,
            blocks=8,
            learning_rate=1e-3,
            betas=(0.9, 0.999),
            steps_a_call=CONVOLUTIONAL_ROUNDS_PER_CALL,
        ),
    )
}


class Runner(NamedTuple):
    """A framework's training, ready to run.

    Attributes:
      framework: whose row it is; of several variants the fastest counts.
      variant: what tells it from the framework's other forms, or nothing.
      run_steps: runs at least so many steps and waits for them; gives the losses of every step,
        [steps, 2], the discriminator's (real plus fake) and the generator's; [steps, 1] of a
        single network.
      num_params: of the generator and the discriminator, or of the single network.
      compile_seconds: of the step; 0 where nothing is compiled.
      xla_flop: floating-point operations of a step as XLA counts them, if it can tell.
    """

    framework: str
    variant: str
    run_steps: Callable[[int], np.ndarray]
    num_params: tuple[int, ...]
    compile_seconds: float = 0.0
    xla_flop: float | None = None


def first_minus_later(step: Callable[[], object]) -> float:
    """Seconds that the first call of a step took beyond the fastest of some later ones."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds[0] - min(seconds)


def make_data(case: Case | SuperResolution, seed: int = 0) -> np.ndarray:
    """The training set: uint8 [num, values] made up like digits, or float32 points [60000, 2].

    Of super-resolution: uint8 [1000, height, width, 3], made up of waves.
    """
    rng = np.random.default_rng(seed)
    if isinstance(case, SuperResolution):
        return _waves(rng, 1_000, case.size * case.scale)
    if not case.images:
        return spiral(rng, 60_000)
    # A few smooth factors under a sigmoid: mostly black or white pixels that go together.
    size = math.prod(case.sample_shape)
    factors = rng.standard_normal((min(60_000, 50_000_000 // size), 12)).astype(np.float32)
    maps = rng.standard_normal((12, size)).astype(np.float32)
    logits = factors @ maps - 3.0
    return np.uint8(255.0 / (1.0 + np.exp(-logits)))


def _waves(rng: np.random.Generator, num: int, size: int) -> np.ndarray:
    """Images whose channels are products of a wave along each axis, uint8."""
    phase, frequency = rng.uniform(0, 2 * np.pi, (2, num, 3, 1)), rng.uniform(1, 4, (2, num, 3, 1))
    across, down = np.sin(phase + 2 * np.pi * frequency * np.arange(size) / size)
    waves = np.einsum("ich,icw->ihwc", down, across)
    return np.uint8(np.rint(127.5 * (1.0 + waves)))


def low_resolution(case: SuperResolution, images: np.ndarray) -> np.ndarray:
    """Means of the blocks of pixels that one small pixel stands for, uint8."""
    shape = (len(images), case.size, case.scale, case.size, case.scale, 3)
    return np.uint8(np.rint(images.reshape(shape).mean((2, 4))))


def to_range(case: Case, pixels: Any) -> Any:
    """Float pixels in [0, 255], an array of any library, in the range of the generator's output.

    Changes the array itself where it can be changed.
    """
    if case.generator[-1].activation == "sigmoid":
        pixels /= 255.0
        return pixels
    pixels /= 127.5
    pixels -= 1.0
    return pixels


def flop_per_step(case: Case | SuperResolution) -> int:
    """Floating-point operations of a step's matrix products and convolutions; nothing else.

    A layer's products are done up to three times: forward, for the gradient of its weights, and
    for that of its input. A network's first layer needs the last only if gradients pass through.

      discriminator's turn: G forward; D forward, weights, inputs but the first; for 2 batches
      generator's turn:     G forward, weights, inputs but the first; D forward, all inputs
      gradient penalty:     D forward but the last, all inputs; and back through the latter:
                            weights, and all but the last layer for the rest of the chain

    Nothing goes back through the penalty's forward pass: leaky ReLUs have no second derivative.
    (PyTorch does send zeros back through it, 2 products a layer more, which are not counted.)
    """
    if isinstance(case, SuperResolution):
        return _flop_of_super_resolution(case)
    g, d = (
        sum(layer.products for layer in player) for player in (case.generator, case.discriminator)
    )
    discriminator_turn = g + 2 * (3 * d - case.discriminator[0].products_of_input)
    generator_turn = (3 * g - case.generator[0].products) + 2 * d
    penalty = 4 * d - 2 * case.discriminator[-1].products if case.gradient_penalty else 0
    return 2 * case.batch * (discriminator_turn + generator_turn + penalty)


def _flop_of_super_resolution(case: SuperResolution) -> int:
    """Forward, weights, inputs but the first."""
    first, body, up, last = case.weights
    places = [(case.size * 2**level) ** 2 for level in range(case.doublings + 1)]
    first_products = first * places[0]
    products = first_products + body * places[0] + up * sum(places[:-1]) + last * places[-1]
    return 2 * case.batch * (3 * products - first_products)
