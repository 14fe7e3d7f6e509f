"""A small game for tests of whole runs: compiled once, drawn in no time, compared to the bit.

Each GAN is made once, so that its compiled programs are found again, see `jaxgan.caching`.

Its fixtures are everyone's through conftest.py; modules that play it use `small`.
"""

import contextlib
import dataclasses
import functools
import json
import shutil
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import bits
from matplotlib.figure import Figure

import jaxgan
from jaxgan import cli, latents, losses, plots
from jaxgan.data import batch_indices, load
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.recipes import RECIPES, Recipe
from jaxgan.runs import train as runs
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.runs.settings.config import read_config
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.term_inputs import generator_term, penalty
from jaxgan.training.keys import run_keys, training_keys
from jaxgan.training.plan import Plan
from jaxgan.training.state import init_run

STEPS = 12
SIZE, BATCH = 256, 16
MARK = 7.0  # a coordinate of one sample


@functools.cache
def small_gan(shape, num_classes=None):
    return jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator(shape, (8,), output=None)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((8,), dropout=0.0)),
        latent=latents.normal(2),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(1e-2),
        discriminator_optimizer=optax.adam(1e-2),
    )


@functools.cache
def planted_gan(shape, num_classes=None):
    """Its discriminator's loss is NaN in a round that meets the marked sample."""
    planted = penalty(
        lambda real: jnp.where(jnp.any(real == MARK), jnp.nan, 0.0), 1.0, name="planted"
    )
    return dataclasses.replace(small_gan(shape), penalties=(planted,))


@functools.cache
def hopeless_gan(shape, num_classes=None):
    """Its generator's loss is NaN in any round."""
    term = generator_term(lambda fake: jnp.nan * fake.mean(), 1.0, name="hopeless")
    return dataclasses.replace(small_gan(shape), generator_terms=(term,))


@functools.cache
def overflowing_gan(shape, num_classes=None):
    """Its generator's parameters are infinite after round 8, by the optimizer alone."""
    return dataclasses.replace(
        small_gan(shape),
        generator_optimizer=optax.sgd(lambda count: jnp.where(count == 7, jnp.inf, 0.01)),
        penalties=(penalty(lambda real: jnp.zeros(()), 1.0, name="overflowing"),),
    )


COLLAPSED = 7  # the round whose update makes all samples of that game alike


@functools.cache
def collapsing_gan(shape, num_classes=None):
    """Its generator stands still, until its weights vanish."""
    rate = optax.sgd(lambda count: jnp.where(count < COLLAPSED - 1, 0.0, 0.9))
    return dataclasses.replace(
        small_gan(shape),
        generator_optimizer=optax.chain(optax.add_decayed_weights(1.0), rate),
        penalties=(penalty(lambda real: jnp.zeros(()), 1.0, name="collapsing"),),
    )


GANS = {
    "small": small_gan,
    "planted": planted_gan,
    "hopeless": hopeless_gan,
    "overflowing": overflowing_gan,
    "collapsing": collapsing_gan,
}


def order_of(key):
    """The samples of each round of a run with this key, [rounds, batch]."""
    words = np.asarray(jax.random.key_data(training_keys(key).order)).tolist()
    return batch_indices(words, 0, STEPS, BATCH, SIZE)


def run_key():
    return run_keys(0).training


PLANTED_ROUND = 7


def marked_sample():
    """A sample that is met in that round only, and after a rollback to round 4 not any more."""
    first, fresh = order_of(run_key()), order_of(jax.random.fold_in(run_key(), 1))
    return next(sample for sample in first[PLANTED_ROUND - 1] if sample not in fresh[4:])


def recipes_on(file):
    """The recipes of small games on the points of a file, also for processes of their own."""
    plan = Plan(batch_size=BATCH, devices=1, rounds_per_call=2)
    return {name: Recipe(name, "", f"npz:{file}", gan, STEPS, plan) for name, gan in GANS.items()}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A recipe that is compiled once for all runs here, and drawn in no time."""
    file = tmp_path_factory.mktemp("data") / "points.npz"
    x = np.random.default_rng(0).normal(size=(SIZE, 3)).astype(np.float32)
    x[marked_sample(), 0] = MARK
    np.savez(file, x=x)
    with pytest.MonkeyPatch.context() as patch:
        for name, chosen in recipes_on(file).items():
            patch.setitem(RECIPES, name, chosen)
        patch.setattr(plots, "training_curves", lambda rows: Figure((1, 1)))
        patch.setattr(plots, "sample_image", lambda *arguments: np.zeros((9, 9, 3), np.uint8))
        yield file


def small_options(**changes):
    options = options_from_recipe("small", STEPS)._replace(log_every=1, sample_every=4)
    return options._replace(saving=options.saving._replace(every=4))._replace(**changes)


def begin(run, **changes):
    return runs.train_run(small_options(**changes), run)


def go_on(run, **changes):
    return runs.train_run(read_config(run).options._replace(**changes), run)


def command(*arguments):
    """The status of a command and what it says on stderr."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(sys, "argv", ["jaxgan", *map(str, arguments)])
        errors = stack.enter_context(contextlib.redirect_stderr(Said()))
        stack.enter_context(contextlib.redirect_stdout(Said()))
        status = stack.enter_context(pytest.raises(SystemExit))
        cli.main()
    return status.value.code, "".join(errors.said)


class Said:
    """A stream that remembers."""

    def __init__(self):
        self.said = []

    def write(self, text):
        self.said.append(text)

    def flush(self):
        pass


def state_at(run, number):
    """The arrays of a checkpoint of a run."""
    config = read_config(run)
    gan = RECIPES[config.options.recipe].gan(config.data.shape, config.data.num_classes)
    data = load(config.options.input.source, max_bad_fraction=1.0)
    target = jax.eval_shape(lambda: init_run(jax.random.key(0), gan, data, config.options.plan))
    return checkpoint.restore(run / "checkpoints", number, target)


def saved(run):
    """The numbers of the checkpoints of a run, and the arrays of the last one as bytes."""
    numbers = checkpoint.numbers(run / "checkpoints")
    return numbers, bits(state_at(run, numbers[-1]))


def events(run, kind=None):
    path = run / "events.jsonl"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [event for event in found if kind in (None, event["kind"])]


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


OWN = {"config.json", "checkpoints", "metrics.jsonl", "samples", "curves.png", "result.json"}
OWN |= {".lock"}


def assert_as_undisturbed(run, undisturbed):
    assert saved(run) == saved(undisturbed)
    assert (run / "metrics.jsonl").read_bytes() == (undisturbed / "metrics.jsonl").read_bytes()
    for name in ("samples", "checkpoints"):
        names = [{path.name for path in (each / name).iterdir()} for each in (run, undisturbed)]
        assert {name for name in names[0] if not name.startswith("damaged-")} == names[1]
    names = {path.name for path in run.iterdir() if not path.name.startswith("events.")}
    assert names == OWN  # nothing half-written; the lock stays, free


@pytest.fixture(scope="module")
def undisturbed(small, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "undisturbed"
    begin(run)
    assert [row["round"] for row in metrics_rows(run)] == list(range(1, STEPS + 1))
    assert saved(run)[0] == [4, 8, 12]
    return run


@pytest.fixture(scope="module")
def third(undisturbed, tmp_path_factory):
    """A run with one checkpoint, of round 4, that was stopped in round 6."""

    def stop(row):
        if row["round"] == 6:
            raise KeyboardInterrupt

    run = tmp_path_factory.mktemp("runs") / "third"
    with pytest.raises(KeyboardInterrupt):
        runs.train_run(small_options(), run, on_start=lambda run, step: stop)
    assert saved(run)[0] == [4]
    return run


@pytest.fixture
def begun(third, tmp_path):
    return shutil.copytree(third, tmp_path / "run")


@pytest.fixture
def ended(undisturbed, tmp_path):
    return shutil.copytree(undisturbed, tmp_path / "ended")


def finite(run):
    numbers = checkpoint.numbers(run / "checkpoints")
    return numbers, all(
        np.isfinite(x).all()
        for number in numbers
        for x in jax.tree.leaves(state_at(run, number).gan)
    )
