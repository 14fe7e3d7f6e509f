"""A generator as a function of plain arrays, for exports.

All ranges are those of the data. A generator may take labels, an image, or both; the levels of a
pyramid become one function.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.choices import Domain
from jaxgan.data import to_data_range, to_model_range
from jaxgan.images.pyramid import Level, crop_to, sample_pyramid
from jaxgan.images.tasks import condition_image
from jaxgan.players import PassOptions, generate
from jaxgan.runs.disk.generator import TrainedGenerator, takes_images
from jaxgan.runs.outputs.image_files import DOMAINS
from jaxgan.types import Array, Batch, PyTree, Weights

Program = Callable[[Sequence[Weights], Array, Array, Mapping[str, Array]], Array]
Draw = Callable[[int, Array, PyTree], PyTree]  # (level, key, condition) -> samples


class Argument(NamedTuple):
    """An argument of a program.

    Attributes:
      name: its name.
      shape: for one sample.
      dtype: such as "float32".
      of: what it is, with its range.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    of: str

    def described(self) -> dict[str, Any]:
        """The argument [b, *shape] of any number b of samples, for a JSON header."""
        return self._asdict() | {"shape": ["b", *self.shape]}


# --- Arguments


def conditions(generator: TrainedGenerator, domain: Domain | None) -> list[Argument]:
    """The condition of a program's samples, as far as it has one.

    They are "image", and "labels" or "attributes".
    """
    data, found = generator.data, []
    if not generator.coarser and takes_images(generator):
        shape = _condition_shape(generator)
        source = {"a": ", of domain b", "b": ", of domain a", None: ""}[domain]
        found.append(Argument("image", shape, "float32", f"an image{source}, {_range(generator)}"))
    if data.num_classes is not None:
        classes = f"0 to {data.num_classes - 1}; others give NaN"
        found.append(Argument("labels", (), "int32", classes))
    if data.attributes:
        names = f"{', '.join(data.attributes)}, as in the training data"
        found.append(Argument("attributes", (len(data.attributes),), "float32", names))
    return found


def latents(generator: TrainedGenerator) -> list[Argument]:
    """The latents of a program's samples: "latents", or "latents_0" and so on for a pyramid."""
    found = []
    for level, each in enumerate(generator.levels):
        shape = latent_shape(each)
        if 0 not in shape:
            name = _latents_name(generator, level)
            found.append(Argument(name, shape, "float32", "latents, as in training"))
    return found


def draw_latents(generator: TrainedGenerator, key: Array, num: int) -> dict[str, Array]:
    """Latents [num, ...] as drawn in training, by the names of `latents`."""
    wanted, drawn = {each.name for each in latents(generator)}, {}
    for level, each in enumerate(generator.levels):
        name = _latents_name(generator, level)
        if name in wanted:
            drawn[name] = each.gan.latent(jax.random.fold_in(key, level), jnp.arange(num))
    return drawn


def latent_shape(generator: TrainedGenerator) -> tuple[int, ...]:
    """The shape of one latent; for a pyramid, of its finest level."""
    index = jax.ShapeDtypeStruct((1,), jnp.int32)
    return jax.eval_shape(generator.gan.latent, jax.random.key(0), index).shape[1:]


def chosen_domain(generator: TrainedGenerator, domain: Domain | None) -> Domain | None:
    """The domain of a program's result, for a generator of two domains; None for any other.

    Args:
      generator: the generator.
      domain: "a" or "b", the first or the second one in the run's data; None for "b".
    Raises:
      ValueError: if a domain is given for a generator that makes one kind of image only.
    """
    task = generator.gan.task
    if task is not None and task.way_back is not None:
        check_choice(domain=(domain or "b", DOMAINS))
        return domain or "b"
    if domain is not None:
        raise ValueError(
            f"--domain {domain}: a run of the recipe {generator.config.options.recipe} has no two "
            "domains; leave --domain out"
        )
    return None


def result_shape(generator: TrainedGenerator, domain: Domain | None) -> tuple[int, ...]:
    """The shape of one sample of a program."""
    given = {
        each.name: jax.ShapeDtypeStruct((1, *each.shape), each.dtype)
        for each in conditions(generator, domain)
    }
    weights = all_weights(generator)
    program = make_program(generator, domain)
    index = jax.ShapeDtypeStruct((1,), jnp.int32)
    return jax.eval_shape(program, weights, jax.random.key(0), index, given).shape[1:]


def _latents_name(generator: TrainedGenerator, level: int) -> str:
    return f"latents_{level}" if generator.coarser else "latents"


def _condition_shape(generator: TrainedGenerator) -> tuple[int, ...]:
    task, data = generator.gan.task, generator.data
    assert task is not None  # it makes the images
    labels = None if data.num_classes is None else jnp.zeros(1, jnp.int32)

    def image(x: Array) -> Array | None:
        return condition_image(task.prepare(Batch(x, labels)).condition)

    return jax.eval_shape(image, jax.ShapeDtypeStruct((1, *data.shape), jnp.float32)).shape[1:]


def _range(generator: TrainedGenerator) -> str:
    data = generator.data
    return "unbounded" if data.low is None else f"{data.low:g} to {data.high:g}"


# --- Programs


def all_weights(generator: TrainedGenerator) -> tuple[Weights, ...]:
    """The weights of a generator; for a pyramid, of each level."""
    return tuple(Weights(each.params, each.model_state) for each in generator.levels)


def make_program(generator: TrainedGenerator, domain: Domain | None) -> Program:
    """Make a pure function that draws one sample.

    Args:
      generator: the generator.
      domain: of the result, from `chosen_domain`.
    Returns:
      `(weights, key, index, given) -> sample`: `all_weights`, a key, int32 [1], and arrays
      [1, ...] by the names of `conditions`, to float32 [1, ...] in the range of the data. Latents
      that are not among the arrays are drawn from the key, as `generate` draws them.
    """
    data, model_range = generator.data, generator.model_range

    def program(
        weights: Sequence[Weights], key: Array, index: Array, given: Mapping[str, Array]
    ) -> Array:
        def draw(level: int, key: Array, condition: PyTree) -> PyTree:
            z = given.get(_latents_name(generator, level))
            move = None if z is None else (lambda drawn, keys: z)
            gan, options = generator.levels[level].gan, PassOptions(condition)
            return generate(key, gan, weights[level], index, options, move).x

        labels = given.get("labels", given.get("attributes"))
        if generator.coarser:
            x = _of_pyramid(generator, draw, key, index, labels)
        else:
            image = given.get("image")
            if image is not None:
                image = to_model_range(image, data.low, data.high, model_range)
            x = _of_one(generator, draw, key, _condition(image, labels), domain)
        return to_data_range(x, data.low, data.high, model_range)

    return program


def _of_one(
    generator: TrainedGenerator, draw: Draw, key: Array, condition: PyTree, domain: Domain | None
) -> Array:
    """A sample outside of pyramids, in the range of the model."""
    task = generator.gan.task
    if domain is not None:
        # The generator takes and makes both; either side depends on one of them only.
        return draw(0, key, (condition, condition))[DOMAINS.index(domain)]
    x = draw(0, key, condition)
    return x if task is None else task.restore(x, condition)


def _of_pyramid(
    generator: TrainedGenerator, draw: Draw, key: Array, index: Array, labels: Array | None
) -> Array:
    """A sample of a pyramid, in the range of the model."""

    def level(number: int) -> Level:
        return lambda key, low, index: draw(number, key, _condition(low, labels))

    levels = [level(number) for number in range(len(generator.levels))]
    height, width = generator.data.shape[:2]
    return crop_to(sample_pyramid(key, levels, index)[-1], (height, width))


def _condition(*parts: Array | None) -> PyTree:
    """One condition of those that are there; None if there is none."""
    given = tuple(part for part in parts if part is not None)
    return given if len(given) > 1 else next(iter(given), None)
