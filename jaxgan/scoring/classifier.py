"""A small classifier of a data set's own classes, trained once and cached with its accuracy.

Its hidden layer provides the features of scores such as `fd_classifier`, and its logits assign
classes to samples. Scores of different classifiers are not comparable: the data set, the seed and
VERSION identify a classifier.
"""

import functools
import json
import os
import warnings
import zlib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import safetensors
import safetensors.numpy

from jaxgan.atomic import replace_file
from jaxgan.checks import check_positive
from jaxgan.data import Dataset, to_model_range
from jaxgan.models.classifier import Classified, ImageClassifier
from jaxgan.types import Array, PyTree

VERSION = 1  # of the network and its training: cached files of other versions are ignored
STEPS, BATCH, HELD_OUT = 2_000, 128, 0.1
_SAMPLES_PER_CALL = 500


class Classifier(NamedTuple):
    """A trained classifier.

    Attributes:
      params: parameters of `ImageClassifier`.
      num_classes: number of classes.
      accuracy: fraction of the held-out real samples that it classifies correctly.
      held_out: number of held-out samples.
    """

    params: PyTree
    num_classes: int
    accuracy: float
    held_out: int


def train_classifier(key: Array, dataset: Dataset, steps: int | None = None) -> Classifier:
    """Train a classifier on nine tenths of a data set's labelled samples.

    Args:
      key: PRNG key of the split, the parameters, the order and the dropout.
      dataset: labelled images or signals; samples without a label are left out.
      steps: number of updates, by Adam on batches of 128 with a learning rate that decays from
        1e-3 to 0. None for STEPS.
    Raises:
      ValueError: if there are fewer than 2 classes or 20 labelled samples, or if the samples are
        neither images nor signals.
    """
    steps = STEPS if steps is None else steps
    check_positive(steps=steps)
    x, labels = _labelled(dataset)
    num_classes = int(labels.max()) + 1
    split_key, init_key, train_key = jax.random.split(key, 3)
    order = np.asarray(jax.random.permutation(split_key, len(x)))
    held_out, rest = np.split(order, [max(1, round(HELD_OUT * len(x)))])
    network = ImageClassifier(num_classes)
    example = jnp.zeros((1, *dataset.shape), jnp.float32)
    keys = jax.random.split(init_key, 2)
    params = network.init(keys[0], example, keys=keys[1:], train=False)["params"]
    params = _trained(train_key, network, params, (x[rest], labels[rest]), dataset, steps)
    classifier = Classifier(params, num_classes, 0.0, len(held_out))
    found = classify(classifier, _scaled(x[held_out], dataset)).logits.argmax(axis=1)
    return classifier._replace(accuracy=float(np.mean(found == labels[held_out])))


def _labelled(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    if dataset.labels is None or len(dataset.shape) < 2:
        raise ValueError(
            f"a classifier needs labelled images or signals; {dataset.name} has samples of shape "
            f"{dataset.shape} and {'no labels' if dataset.labels is None else 'labels'}"
        )
    labelled = dataset.labels >= 0
    x, labels = dataset.x[labelled], dataset.labels[labelled]
    if len(x) < 20 or len(np.unique(labels)) < 2:
        raise ValueError(
            f"a classifier needs at least 20 labelled samples of 2 classes; {dataset.name} has "
            f"{len(x)} of {len(np.unique(labels))}"
        )
    return x, labels


def _scaled(x: np.ndarray, dataset: Dataset) -> np.ndarray:
    return to_model_range(x, dataset.low, dataset.high, (-1.0, 1.0))


def _trained(
    key: Array,
    network: ImageClassifier,
    params: PyTree,
    samples: tuple[np.ndarray, np.ndarray],
    dataset: Dataset,
    steps: int,
) -> PyTree:
    order_key, dropout_key = jax.random.split(key)
    optimizer = optax.adam(optax.cosine_decay_schedule(1e-3, steps))
    opt_state = optimizer.init(params)

    @jax.jit
    def update(params, opt_state, x, labels, key):
        def loss(params):
            keys = jax.random.split(key, len(x))
            logits = _apply(network, params, x, keys, train=True).logits
            each = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
            return jnp.mean(each)

        updates, opt_state = optimizer.update(jax.grad(loss)(params), opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    batches = _batches(order_key, len(samples[0]), steps)
    for step, rows in enumerate(batches):
        x, labels = (part[rows] for part in samples)
        step_key = jax.random.fold_in(dropout_key, step)
        params, opt_state = update(params, opt_state, _scaled(x, dataset), labels, step_key)
    return params


def _batches(key: Array, size: int, steps: int) -> Iterator[np.ndarray]:
    """The rows of each batch; every epoch is a permutation of all samples."""
    batch, epoch = min(BATCH, size), 0
    while steps > 0:
        order = np.asarray(jax.random.permutation(jax.random.fold_in(key, epoch), size))
        for first in range(0, min(size // batch, steps) * batch, batch):
            yield order[first : first + batch]
        steps, epoch = steps - size // batch, epoch + 1


# --- Use


def classify(classifier: Classifier, x: np.ndarray) -> Classified:
    """Features [num, width] and logits [num, classes] of samples [num, ...] in [-1, 1]."""
    run = _make_run(classifier.num_classes)
    parts = []
    for first in range(0, len(x), _SAMPLES_PER_CALL):
        rows = np.asarray(x[first : first + _SAMPLES_PER_CALL], np.float32)
        # All calls have one shape, for one compilation.
        padded = np.pad(rows, [(0, _SAMPLES_PER_CALL - len(rows))] + [(0, 0)] * (rows.ndim - 1))
        parts.append(jax.device_get(run(classifier.params, padded)))
    return jax.tree.map(lambda *part: np.concatenate(part)[: len(x)], *parts)


@functools.cache
def _make_run(num_classes: int) -> Callable[[PyTree, np.ndarray], Classified]:
    network = ImageClassifier(num_classes)

    @jax.jit
    def run(params, x):
        keys = jax.random.split(jax.random.key(0), len(x))  # for the dropout, which is off
        return _apply(network, params, x, keys, train=False)

    return run


def _apply(
    network: ImageClassifier, params: PyTree, x: Array, keys: Array, train: bool
) -> Classified:
    found = network.apply({"params": params}, x, keys=keys, train=train)
    assert isinstance(found, Classified)  # and not a pair of it and a changed state
    return found


# --- Caching


def classifier_for(dataset: Dataset, cache: Path | None = None, seed: int = 0) -> Classifier:
    """The cached classifier of a data set, or a new one, which is then cached.

    Args:
      dataset: labelled images or signals.
      cache: folder for trained classifiers; None for JAXGAN_CACHE, or .cache/jaxgan in the home
        folder. If it cannot be written, a warning is issued and the classifier is not cached.
      seed: random seed of the training.
    Raises:
      ValueError: as `train_classifier`.
    """
    if cache is None:
        named = os.environ.get("JAXGAN_CACHE") or "~/.cache/jaxgan"
        cache = Path(os.path.expanduser(named))
    file = cache / f"classifier-{_name(dataset, seed)}.safetensors"
    found = _read(file)
    if found is None:
        found = train_classifier(jax.random.key(seed), dataset)
        try:
            _write(file, found, dataset.name)
        except OSError as error:
            warnings.warn(
                f"the classifier of {dataset.name} cannot be cached ({error}) and will be trained "
                "again next time: set JAXGAN_CACHE to a folder that can be written",
                stacklevel=2,
            )
    return found


def _name(dataset: Dataset, seed: int) -> str:
    x, labels = _labelled(dataset)
    facts = f"{x.shape} {x.dtype} {dataset.low} {dataset.high} {VERSION} {seed}".encode()
    checks = [zlib.crc32(np.ascontiguousarray(part).data) for part in (x, labels)]
    return f"{checks[0]:08x}{checks[1]:08x}{zlib.crc32(facts):08x}"


def _write(file: Path, classifier: Classifier, data: str):
    leaves = jax.tree_util.tree_leaves_with_path(classifier.params)
    arrays = {"/".join(key.key for key in path): np.asarray(leaf) for path, leaf in leaves}
    facts = classifier._replace(params=None)._asdict() | {"data": data, "jax": version("jax")}
    content = safetensors.numpy.save(arrays, metadata={"classifier": json.dumps(facts)})
    replace_file(file, lambda beside: beside.write_bytes(content))


def _read(file: Path) -> Classifier | None:
    """The classifier in a file; None if the file is missing or damaged."""
    try:
        with safetensors.safe_open(file, "np") as opened:
            facts = json.loads(opened.metadata()["classifier"])
            params: dict[str, PyTree] = {}
            for name in opened.keys():  # noqa: SIM118 (it is not a dict)
                layer, _, parameter = name.rpartition("/")
                params.setdefault(layer, {})[parameter] = opened.get_tensor(name)
            fields = ("num_classes", "accuracy", "held_out")
            return Classifier(params, *(facts[field] for field in fields))
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError):
        return None
