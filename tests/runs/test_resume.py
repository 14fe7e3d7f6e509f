"""Runs that are cut short at any moment and go on: to the bit what they would have been."""

import dataclasses
import os
import signal
import subprocess
import sys

import numpy as np
import optax
import pytest
from arrays import bits
from interruption import (
    Cut,
    arrays,
    assert_resumed_from_later_and_later_rounds,
    assert_same_runs,
    cut_at,
    killed_again_and_again,
    plain_process,
    saved_rounds,
    small_process,
    stopped_by,
)
from paths import HELPERS
from PIL import Image
from small_game import (
    BATCH,
    SIZE,
    begin,
    contents,
    events,
    go_on,
    small_gan,
    small_options,
    state_at,
)

from jaxgan.data import load
from jaxgan.environment import environment
from jaxgan.recipes import RECIPES
from jaxgan.runs import train as runs
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.runs.settings.compare import differences
from jaxgan.runs.settings.config import Config, read_config
from jaxgan.runs.settings.fingerprint import data_facts
from jaxgan.runs.settings.options import Keep
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.settings import with_values

pytestmark = pytest.mark.usefixtures("small")


def test_a_run_that_was_killed_ends_as_the_one_that_was_not(small, tmp_path):
    steps, run = 600, tmp_path / "killed"
    options = small_options(steps=steps, sample_every=1000)
    options = options._replace(saving=options.saving._replace(every=steps))
    runs.train_run(options, tmp_path / "whole")
    asked = ["--steps", steps, "--log-every", 1, "--sample-every", 1000, "--save-every", 25]
    command = small_process(small, "train", "small", *asked, "--out", run)
    killed_again_and_again(run, command, kills=1, seed=0)
    go_on(run)
    assert_resumed_from_later_and_later_rounds(run, 1)
    assert_same_runs(run, tmp_path / "whole")
    assert [row["round"] for row in metrics_rows(run)] == list(range(1, steps + 1))
    assert not list(run.glob("checkpoints/*tmp*"))


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_as_the_one_that_was_not(tmp_path):
    """A shipped recipe, compiled as users compile it."""
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    asked = ["--steps", 4_000, "--batch-size", 64, "--rounds-per-call", 5, "--log-every", 1]
    asked += ["--save-every", 50, "--sample-every", 2_000]
    whole, killed = (
        plain_process(None, "train", "spiral", *asked, "--out", tmp_path / name)
        for name in ("whole", "killed")
    )
    subprocess.run(whole, check=True, capture_output=True, env=environment)
    killed_again_and_again(tmp_path / "killed", killed, 20, 1, environment)
    subprocess.run(killed, check=True, capture_output=True, env=environment)
    assert_resumed_from_later_and_later_rounds(tmp_path / "killed", 20)
    assert_same_runs(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
)
def test_a_run_told_to_stop_saves_where_it_is_and_goes_on(small, tmp_path, number, status):
    asked = ["--steps", 50_000, "--save-every", 50, "--log-every", 1, "--sample-every", 50_000]
    command = small_process(small, "train", "small", *asked, "--out", tmp_path / "stopped")
    assert stopped_by(number, tmp_path / "stopped", command, 0.1) == status
    (stopped,) = events(tmp_path / "stopped", "signal")
    assert stopped["round"] == saved_rounds(tmp_path / "stopped")[-1]
    assert not (tmp_path / "stopped" / "result.json").exists()
    end = stopped["round"] + 31
    go_on(tmp_path / "stopped", steps=end)
    options = small_options(steps=end)
    runs.train_run(options._replace(saving=options.saving._replace(every=end)), tmp_path / "whole")
    ends = [state_at(tmp_path / name, end) for name in ("stopped", "whole")]
    assert bits(ends[0]) == bits(ends[1])


# --- Not stopped at all


def test_calls_that_end_at_sampling_points_are_pictured(undisturbed):
    options = small_options()
    assert (options.plan.rounds_per_call, options.sample_every) == (2, 4)
    names = sorted(path.name for path in (undisturbed / "samples").iterdir())
    assert names == [f"step_00000{step:02}.png" for step in (4, 8, 12)]


# --- Cut in this process, in all the ways that training goes


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "images.npz"
    chance = np.random.default_rng(0)
    x = chance.integers(0, 256, (SIZE, 8, 8), np.uint8)
    np.savez(file, x=x, y=np.arange(SIZE) % 3)
    return f"npz:{file}"


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("recipe", "plan"),
    [
        ("small", {"alternation": "epochs", "batch_size": SIZE // 5}),
        ("small", {"n_critic": 3, "n_generator": 2}),
        pytest.param("small", {"parallel": "pmap", "devices": 2}, marks=pytest.mark.slow),
        pytest.param(
            *("dcgan", {"precision": "bfloat16", "flip": True, "crop": 2}), marks=pytest.mark.slow
        ),
        pytest.param("conditional-dcgan", {"accumulate": 2}, marks=pytest.mark.slow),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_two_parts_of_a_run_equal_the_whole_to_the_bit(
    narrow_recipes, images, tmp_path, recipe, plan
):
    plan = {"batch_size": BATCH, "devices": 1, "rounds_per_call": 2} | plan
    changes = {"log_every": 1, "sample_every": 1000, "saving.every": 4, "saving.minutes": 1e9}
    changes |= {f"plan.{name}": value for name, value in plan.items()}
    changes |= {} if recipe == "small" else {"input.source": images}
    chosen = with_values(options_from_recipe(recipe, 12), changes)
    runs.train_run(chosen, tmp_path / "whole")
    rounds = [row["round"] for row in metrics_rows(tmp_path / "whole")]
    with pytest.raises(Cut):
        runs.train_run(chosen, tmp_path / "cut", on_start=cut_at(rounds[-2]))
    assert 0 < saved_rounds(tmp_path / "cut")[-1] < rounds[-1]
    runs.train_run(chosen, tmp_path / "cut")
    assert_same_runs(tmp_path / "cut", tmp_path / "whole")


@pytest.mark.slow
def test_a_run_in_epochs_keeps_the_picture_that_it_goes_on_from(tmp_path):
    options = small_options(sample_every=3)
    plan = options.plan._replace(alternation="epochs", batch_size=SIZE // 5)
    options = options._replace(plan=plan, saving=options.saving._replace(every=6))
    runs.train_run(options, tmp_path / "whole")
    with pytest.raises(Cut):  # in the discriminator's epoch, which leaves the step as it is
        runs.train_run(options, tmp_path / "cut", on_start=cut_at(14))
    assert saved_rounds(tmp_path / "cut") == [12]
    runs.train_run(options, tmp_path / "cut")
    assert_same_runs(tmp_path / "cut", tmp_path / "whole")


@pytest.mark.slow
def test_a_run_cut_before_its_first_checkpoint_begins_again(undisturbed, tmp_path):
    with pytest.raises(Cut):
        runs.train_run(small_options(), tmp_path / "cut", on_start=cut_at(2))
    assert len(metrics_rows(tmp_path / "cut")) >= 2
    assert saved_rounds(tmp_path / "cut") == []
    runs.train_run(small_options(), tmp_path / "cut")
    assert_same_runs(tmp_path / "cut", undisturbed)


@pytest.mark.slow
def test_a_longer_run_goes_on_as_if_it_had_been_asked_for(undisturbed, tmp_path):
    begin(tmp_path / "longer", steps=7)  # ends within a call
    go_on(tmp_path / "longer", steps=12)
    ends = [state_at(run, 12) for run in (tmp_path / "longer", undisturbed)]
    assert bits(ends[0]) == bits(ends[1])


@pytest.mark.slow
def test_one_device_then_eight_then_one_gives_the_numbers_of_one(undisturbed, tmp_path):
    run, plan = tmp_path / "moved", small_options().plan
    begin(run, steps=4)
    go_on(run, steps=8, plan=plan._replace(devices=8))
    go_on(run, steps=12, plan=plan)
    moved, stayed = metrics_rows(run), metrics_rows(undisturbed)
    assert [row["round"] for row in moved] == list(range(1, 13))
    for row, other in zip(moved, stayed, strict=True):
        assert row == pytest.approx(other, rel=1e-5, abs=1e-6)
    for x, y in zip(arrays(run), arrays(undisturbed), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)
    (changed, back) = events(run, "settings")
    assert "plan.devices: 1 -> 8" in changed["message"]
    assert "plan.devices: 8 -> 1" in back["message"]


# --- What may change, and what not


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plan.batch_size": 8}, "batch_size 16 -> 8"),
        ({"plan.n_critic": 2}, "n_critic 1 -> 2"),
        ({"seed": 1}, "seed 0 -> 1"),
        ({"recipe": "planted"}, "was trained with recipe small, not planted: use a new --out"),
        ({"input.source": "ring8"}, "the contents of the data"),
    ],
)
def test_settings_that_change_the_results_are_refused(ended, change, message):
    before = contents(ended)
    with pytest.raises(ValueError, match=message):
        runs.train_run(with_values(small_options(steps=14), change), ended)
    assert contents(ended) == before


def test_another_learning_rate_of_the_same_recipe_is_refused(ended, monkeypatch):
    faster = dataclasses.replace(small_gan((3,)), generator_optimizer=optax.adam(2e-2))
    changed = dataclasses.replace(RECIPES["small"], gan=lambda shape, num_classes: faster)
    monkeypatch.setitem(RECIPES, "small", changed)
    with pytest.raises(ValueError, match="the recipe's networks, losses or optimizers"):
        begin(ended, steps=14)


def test_data_in_memory_and_streamed_are_the_same_data(tmp_path):
    for number in range(5):
        image = np.full((4, 4), 40 * number, np.uint8)
        (tmp_path / str(number % 2)).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / str(number % 2) / f"{number}.png")
    in_memory, streamed = (
        data_facts(load(f"folder:{tmp_path}", max_bytes=size), conditional=True)
        for size in (2**30, 0)
    )
    assert in_memory.checksum is not None
    assert in_memory._replace(checksum=None) == streamed
    config = read_config_of(small_options(), in_memory)
    assert not differences(config, config._replace(data=streamed))


def read_config_of(options, data):
    return Config(options, gan="", data=data, **environment())


@pytest.mark.slow
def test_forced_settings_go_on_and_are_noted(ended):
    options = small_options(steps=14)
    options = options._replace(plan=options.plan._replace(batch_size=8))
    assert runs.train_run(options, ended, force=True).step == 14
    assert "plan.batch_size: 16 -> 8" in events(ended, "settings")[-1]["message"]
    assert read_config(ended).options.plan.batch_size == 8


def test_a_finished_run_is_left_as_it_is(ended):
    before = contents(ended)
    assert begin(ended).step == 12
    assert contents(ended) == before


@pytest.mark.slow
def test_the_last_checkpoints_and_the_best_one_stay(tmp_path):
    options = small_options(steps=40)
    keep = Keep(last=2, best="logit_real:min")
    options = options._replace(saving=options.saving._replace(keep=keep))
    runs.train_run(options, tmp_path / "r")
    rows = metrics_rows(tmp_path / "r")
    means = {n: np.mean([r["logit_real"] for r in rows[n - 4 : n]]) for n in range(4, 41, 4)}
    best = min(means, key=means.get)
    assert saved_rounds(tmp_path / "r") == sorted({best, 36, 40})
    assert load_generator(tmp_path / "r", which="best").step == best


def test_checkpoints_come_by_the_clock_too(tmp_path):
    options = small_options(steps=6)
    options = options._replace(saving=options.saving._replace(every=1000, minutes=0.0))
    runs.train_run(options, tmp_path / "r")
    assert saved_rounds(tmp_path / "r") == [2, 4, 6]


UNPICKLES = """
import sys
found = []
sys.addaudithook(lambda event, args: found.append(args) if event == "pickle.find_class" else None)
sys.path.insert(0, sys.argv[1])
import small_game
from jaxgan.recipes import RECIPES
RECIPES.update(small_game.recipes_on(sys.argv[2]))
from pathlib import Path
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.outputs import export, samples
run = Path(sys.argv[3])
found.clear()  # of imports
generator = load_generator(run)
samples.draw_samples(generator, 3, 0)
export.export_generator(generator, run / "export")
export.load_safetensors(run / "export")
small_game.go_on(run, steps=14)
print(len(found), found[:3], end="")
"""


@pytest.mark.slow
def test_nothing_that_loads_a_run_unpickles(small, ended):
    arguments = [str(HELPERS), str(small), str(ended)]
    told = subprocess.run(
        [sys.executable, "-c", UNPICKLES, *arguments], check=True, capture_output=True, text=True
    )
    assert told.stdout == "0 []"
