"""The GANs in Keras 3 on JAX, as the textbook notebooks write them, with `train_on_batch`."""

import os

os.environ["KERAS_BACKEND"] = "jax"

from collections.abc import Callable

import keras
import numpy as np

from throughput_frameworks.cases import Case, Runner, first_minus_later, to_range
from throughput_frameworks.networks import SLOPE, Layers


def make(case: Case, data: np.ndarray) -> list[Runner]:
    """The notebook's loop.

    Raises:
      NotImplementedError: for a case that `train_on_batch` alone cannot train.
    """
    if case.batch_norm:
        raise NotImplementedError("train_on_batch would mix batch statistics of real and fake")
    if case.residual:
        raise NotImplementedError("its residual blocks are written in jaxgan and PyTorch alone")
    if case.gradient_penalty:
        raise NotImplementedError("train_on_batch has no gradient penalty")
    generator, discriminator, gan = make_models(case)
    step = make_step(case, data, generator, discriminator, gan)
    compile_seconds = first_minus_later(step)
    _check_turns(case, generator, discriminator, gan)

    def run_steps(num: int) -> np.ndarray:
        return np.array([step() for _ in range(num)])

    num_params = (generator.count_params(), discriminator.count_params())
    return [Runner("Keras 3 on JAX", "train_on_batch", run_steps, num_params, compile_seconds)]


def make_models(case: Case, seed: int = 0) -> tuple[keras.Model, keras.Model, keras.Model]:
    """The generator, the discriminator, and both in a row, to train the generator by."""
    keras.utils.set_random_seed(seed)
    generator, discriminator = _network(case.generator), _network(case.discriminator)
    discriminator.compile(_adam(case), _cross_entropy())
    gan = keras.Sequential([generator, discriminator])
    gan.compile(_adam(case), _cross_entropy())
    return generator, discriminator, gan


def _network(layers: Layers) -> keras.Model:
    network = keras.Sequential([keras.Input(layers[0].inputs)])
    for layer in layers:
        network.add(keras.layers.Dense(layer.outputs[0]))
        if layer.activation == "leaky_relu":
            network.add(keras.layers.LeakyReLU(SLOPE))
        elif layer.activation is not None:
            network.add(keras.layers.Activation(layer.activation))
        if layer.dropout:
            network.add(keras.layers.Dropout(layer.dropout))
    return network


def _adam(case: Case) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(case.learning_rate, *case.betas)


def _cross_entropy() -> keras.losses.Loss:
    return keras.losses.BinaryCrossentropy(from_logits=True)


def make_step(
    case: Case,
    data: np.ndarray,
    generator: keras.Model,
    discriminator: keras.Model,
    gan: keras.Model,
) -> Callable[[], tuple[float, float]]:
    """One turn of each player on random rows of data [N, values]; gives both losses."""
    rng = np.random.default_rng(0)
    shape = (case.batch, case.latents)
    ones = np.ones((case.batch, 1), np.float32)
    labels = np.concatenate([ones, 0.0 * ones])

    def step() -> tuple[float, float]:
        real = data[rng.integers(len(data), size=case.batch)]
        real = to_range(case, real.astype(np.float32)) if case.images else real
        fake = generator.predict_on_batch(rng.standard_normal(shape, np.float32))
        # Keras 3 looks at `trainable` when it trains, no longer when it compiles: left False, as
        # Keras 2 would have it, the discriminator would silently learn nothing.
        discriminator.trainable = True
        d_loss = discriminator.train_on_batch(np.concatenate([real, fake]), labels)
        discriminator.trainable = False
        g_loss = gan.train_on_batch(rng.standard_normal(shape, np.float32), ones)
        return 2.0 * float(d_loss), float(g_loss)  # the mean of both batches, made their sum

    return step


def _check_turns(
    case: Case, generator: keras.Model, discriminator: keras.Model, gan: keras.Model
) -> None:
    """Raises a RuntimeError unless each model trains its own player, and only that."""
    labels = np.ones((case.batch, 1), np.float32)
    turns = ((discriminator, discriminator, generator), (gan, generator, discriminator))
    for model, moving, resting in turns:
        discriminator.trainable = model is discriminator
        before = [network.get_weights() for network in (moving, resting)]
        x = np.full((case.batch, model.input_shape[1]), 0.5, np.float32)
        model.train_on_batch(x, labels)
        same = [
            all(map(np.array_equal, old, network.get_weights()))
            for old, network in zip(before, (moving, resting), strict=True)
        ]
        if same != [False, True]:
            raise RuntimeError(f"Keras trained the wrong weights: unchanged {same}")
