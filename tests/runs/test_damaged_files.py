"""Damaged checkpoints, settings, metrics and images: got round, or a clear error."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
from outputs import sample_run
from PIL import Image
from small_game import (
    STEPS,
    assert_as_undisturbed,
    begin,
    command,
    contents,
    events,
    finite,
    go_on,
    saved,
    small_gan,
    small_options,
)

import jaxgan
from jaxgan.models import MLPGenerator
from jaxgan.recipes import RECIPES, Recipe
from jaxgan.runs import train as runs
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.settings.config import read_config
from jaxgan.settings import with_values

pytestmark = pytest.mark.usefixtures("small")

# --- Checkpoints are damaged


def array_files(checkpoint):
    found = list(checkpoint.rglob("d/*"))
    assert found
    return found


def flip(checkpoint):
    """Changes a bit in the middle of each file that holds arrays."""
    for path in array_files(checkpoint):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["a bit", "cut off", "a file"])
def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(ended, undisturbed, damage):
    newest = ended / "checkpoints" / "12"
    if damage == "a bit":
        flip(newest)
    elif damage == "cut off":
        for path in array_files(newest):
            os.truncate(path, path.stat().st_size // 2)
    else:
        shutil.rmtree(newest)
        newest.write_text("")
    go_on(ended)
    assert_as_undisturbed(ended, undisturbed)
    (event,) = events(ended, "damaged")
    assert event["round"] == 12
    assert event["message"].startswith(f"checkpoint 12 in {ended}/checkpoints ")
    (place,) = (ended / "checkpoints").glob("damaged-12-*")
    assert event["message"].endswith(f"it is now {place.name}")
    assert [event["round"] for event in events(ended, "resume")] == [8]


@pytest.mark.slow
def test_damaged_metrics_of_a_checkpoint_that_stays_do_not_stop_a_run(tmp_path):
    run = tmp_path / "run"
    best = small_options().saving.keep._replace(best="generator_loss")
    saving = small_options().saving._replace(keep=best)
    begin(run, saving=saving, steps=8)
    (run / "checkpoints" / "4" / "metrics" / "metrics").write_text("{")
    result = runs.train_run(read_config(run).options._replace(steps=STEPS), run)
    assert result.round == STEPS
    assert [event["round"] for event in events(run, "damaged")] == [4]
    assert checkpoint.numbers(run / "checkpoints") == [8, 12]


@pytest.mark.slow
def test_samples_are_drawn_from_the_checkpoint_before_a_damaged_one(ended, tmp_path):
    before = sample_run(ended, 5, 0, which="8")
    flip(ended / "checkpoints" / "12")
    files = contents(ended)
    np.testing.assert_array_equal(sample_run(ended, 5, 0), before)
    status, error = command("sample", ended, "--out", tmp_path / "x.npz", "--checkpoint", "12")
    assert status == 2
    assert "checkpoint 12 in" in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "x.npz").exists()
    assert contents(ended) == files  # looked at only


def assert_refused(run, tmp_path, beginning):
    """Whatever reads the run ends in one line that begins so, and leaves all as it is."""
    before = contents(run)
    for arguments in (
        ("resume", run),
        ("train", "small", "--out", run),
        ("sample", run, "--out", tmp_path / "x.npz"),
    ):
        status, error = command(*arguments)
        assert status == 2
        assert error.startswith(beginning), error
        assert len(error.splitlines()) == 1
        assert contents(run) == before


def test_a_run_without_a_sound_checkpoint_is_an_error_and_all_of_it_stays(ended, tmp_path):
    for number in (4, 8, 12):
        flip(ended / "checkpoints" / str(number))
    assert_refused(ended, tmp_path, "Error: none of the 3 checkpoints in ")


# --- The configuration is damaged


def with_changed(text, *places, value=None):
    config = json.loads(text)
    part = config
    for place in places[:-1]:
        part = part[place]
    if value is None:
        del part[places[-1]]
    else:
        part[places[-1]] = value
    return json.dumps(config)


BAD_CONFIGS = {
    "the file: invalid JSON": lambda text: text[: len(text) // 2],
    "the file: invalid JSON: EOF": lambda text: "",
    "sizes: extra inputs are not permitted, got 1": lambda t: with_changed(t, "sizes", value=1),
    "data.size: field required": lambda text: with_changed(text, "data", "size"),
    "data.shape.0 should be greater than or equal to 1, got -3": lambda text: with_changed(
        text, "data", "shape", value=[-3]
    ),
    "data.low and data.high must be a lower and a higher number, got": lambda text: with_changed(
        text, "data", "low", value=2.5
    ),
}
BAD_OPTIONS = {
    "recipe: field required": ("recipe", None),
    "plan.sizes: extra inputs are not permitted, got 1": ("plan.sizes", 1),
    "steps should be a valid integer, got '12'": ("steps", "12"),
    "plan.first should be 'discriminator' or 'generator', got 'me'": ("plan.first", "me"),
    "plan.batch_size should be greater than or equal to 1, got -1": ("plan.batch_size", -1),
    "log_every should be greater than or equal to 1, got 0": ("log_every", 0),
    "saving.minutes should be a finite number, got nan": ("saving.minutes", float("nan")),
    "saving.keep.last should be greater than or equal to 1, got 0": ("saving.keep.last", 0),
    "saving.keep.best must be METRIC:max or METRIC:min": ("saving.keep.best", "score:large"),
    "plan.model_range must be finite (low, high) with low < high": ("plan.model_range", [1.0, 1.0]),
    "input.reading.max_bad_fraction should be less than or equal to 1, got 1.5": (
        *("input.reading.max_bad_fraction", 1.5),
    ),
}
BAD_CONFIGS |= {
    f"options.{message}": lambda text, path=path, value=value: with_changed(
        text, "options", *path.split("."), value=value
    )
    for message, (path, value) in BAD_OPTIONS.items()
}


@pytest.mark.parametrize("message", BAD_CONFIGS)
def test_a_damaged_configuration_is_an_error_that_names_file_and_field(ended, tmp_path, message):
    file = ended / "config.json"
    file.write_text(BAD_CONFIGS[message](file.read_text()))
    wanted = f"Error: {file} is not a run's configuration: {message}"
    assert_refused(ended, tmp_path, wanted)


# --- The metrics are damaged


def lose(path):
    path.unlink()


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-40])


def add_garbage(path):
    path.write_bytes(path.read_bytes() + b"\x00\xff\xfe{\n[1, 2]\n7\n{}\n" + bytes(100))


def add_rows_of_other_types(path):
    row = json.loads(path.read_bytes().splitlines()[-1])
    values = ("a text", [1.0], True, 10**400, float("inf"))
    rows = [row | {"generator_loss": value} for value in values]
    path.write_bytes(path.read_bytes() + "".join(json.dumps(row) + "\n" for row in rows).encode())


def add_rows_of_later_rounds(path):
    lines = path.read_bytes().splitlines(keepends=True)
    later = json.dumps(json.loads(lines[-1]) | {"round": 11, "step": 11}).encode()
    path.write_bytes(b"".join(lines[::-1] + lines[:2]) + later)


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", [add_rows_of_other_types, cut_off, add_garbage, add_rows_of_later_rounds]
)
def test_a_damaged_metrics_file_is_mended(begun, undisturbed, damage):
    damage(begun / "metrics.jsonl")
    go_on(begun)
    assert_as_undisturbed(begun, undisturbed)


@pytest.mark.parametrize("damage", [add_garbage, add_rows_of_other_types])
def test_garbage_in_the_metrics_is_counted(begun, damage):
    damage(begun / "metrics.jsonl")
    go_on(begun)
    (event,) = events(begun, "metrics")
    assert event["message"] == "5 invalid line(s) of metrics.jsonl are left out"


def test_lost_metrics_begin_anew_and_that_is_said(begun, undisturbed):
    lose(begun / "metrics.jsonl")
    go_on(begun)
    whole = (undisturbed / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    assert (begun / "metrics.jsonl").read_bytes() == b"".join(whole[4:])
    assert saved(begun) == saved(undisturbed)
    (event,) = events(begun, "metrics")
    assert event["message"] == "metrics.jsonl is missing: a new one is started"


def test_a_line_of_events_that_was_cut_off_stays_apart(begun):
    (begun / "events.jsonl").write_text('{"time": "2')
    go_on(begun)
    lines = (begun / "events.jsonl").read_text().splitlines()
    assert lines[0] == '{"time": "2'
    assert [json.loads(line)["kind"] for line in lines[1:]] == ["resume"]


# --- Images cannot be read


IMAGES = 40


@pytest.fixture
def images(tmp_path):
    """Images in a folder, of which one is cut off and one is none."""
    folder = tmp_path / "images"
    folder.mkdir()
    chance = np.random.default_rng(0)
    for number in range(IMAGES):
        picture = Image.fromarray(chance.integers(0, 256, (4, 4), np.uint8))
        picture.save(folder / f"{number:02d}.png")
    content = (folder / "07.png").read_bytes()
    (folder / "07.png").write_bytes(content[: len(content) - 30])
    (folder / "23.png").write_bytes(b"no image")
    return folder


def image_options(images, max_memory, max_bad_fraction):
    options = small_options(recipe="images", steps=8, plan=RECIPES["images"].plan)
    changes = {"source": f"folder:{images}", "max_memory": max_memory}
    changes |= {"reading.max_bad_fraction": max_bad_fraction}
    return with_values(options, {f"input.{name}": value for name, value in changes.items()})


@pytest.fixture
def image_recipe(monkeypatch):
    def gan(shape, num_classes=None):
        return dataclasses.replace(
            small_gan(shape), generator=jaxgan.from_linen(MLPGenerator(shape, (8,)))
        )

    plan = RECIPES["small"].plan._replace(model_range=(0.0, 1.0))
    monkeypatch.setitem(RECIPES, "images", Recipe("images", "", "", gan, 8, plan))


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "max_memory",
    [pytest.param(0.1, id="in memory", marks=pytest.mark.slow), pytest.param(0.0, id="streamed")],
)
def test_unreadable_images_are_named_and_counted_and_the_run_goes_on(
    tmp_path, images, image_recipe, max_memory
):
    run = tmp_path / "run"
    result = runs.train_run(image_options(images, max_memory, 0.05), run)
    assert result.round == 8  # three epochs
    messages = [event["message"] for event in events(run, "record")]
    assert len(messages) == 2  # each once
    assert sorted(name for name in ("07.png", "23.png") for m in messages if name in m) == [
        "07.png",
        "23.png",
    ]
    assert finite(run) == ([4, 8], True)


@pytest.mark.slow
@pytest.mark.parametrize("max_memory", [0.1, 0.0], ids=["in memory", "streamed"])
@pytest.mark.parametrize("share", [0.0, 0.03])
def test_too_many_unreadable_images_are_refused(tmp_path, images, image_recipe, max_memory, share):
    run = tmp_path / "run"
    with pytest.raises(ValueError, match=rf"images: . of 40 records .*max_bad_fraction={share} is"):
        runs.train_run(image_options(images, max_memory, share), run)
    if run.exists():  # streamed: it had begun
        assert finite(run)[1]


def test_a_checkpoint_that_came_late_does_not_block_its_number(begun, undisturbed, monkeypatch):
    shutil.copytree(undisturbed / "checkpoints" / "8", begun / "late")
    found = runs.checkpoint.restore_latest

    def restored_before(directory, *arguments):
        state = found(directory, *arguments)
        if (begun / "late").exists():  # a save of another attempt ends now
            (begun / "late").rename(directory / "8")
        return state

    monkeypatch.setattr(runs.checkpoint, "restore_latest", restored_before)
    go_on(begun)
    assert_as_undisturbed(begun, undisturbed)
    assert [event["round"] for event in events(begun, "later")] == [8]
