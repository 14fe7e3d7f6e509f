"""Whatever is asked for either trains, or is refused in our own words and leaves nothing behind.

Networks are narrow and data small, since nearly all the time goes into compiling. The few examples
of the plain run are always the same; the slow ones are many, and other ones with another FUZZ_SEED.
"""

import functools
import json
import os
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from commands import invoke
from fuzz_data import any_data, good_data
from fuzzing import a_folder, check_explained, error_of, few_or_many, run_examples
from hypothesis import strategies as st
from outputs import sample_run

from jaxgan import choices, recipes
from jaxgan.data import Dataset
from jaxgan.data.sources import load
from jaxgan.nonfinite import NonFiniteError
from jaxgan.runs import train as runs
from jaxgan.runs.settings.config import read_config
from jaxgan.runs.settings.options import Options
from jaxgan.runs.settings.resolve import options_for
from jaxgan.settings import declared

pytestmark = pytest.mark.usefixtures("narrow_recipes")

# --- Data


def loads_or_explains(write, max_bytes, max_bad_fraction):
    with a_folder() as root:
        found = []
        spec = write(root)
        error = error_of(
            lambda: found.append(load(spec, max_bytes=max_bytes, max_bad_fraction=max_bad_fraction))
        )
        if error is not None:
            return
        (data,) = found
        assert data.size >= 1
        assert min(data.shape) >= 1
        if isinstance(data, Dataset):
            assert np.isfinite(data.x).all()


@few_or_many(150, 4000)
def test_any_data_loads_or_the_error_says_what_is_wrong(number):
    shares = st.sampled_from([0.01, 0.01, 0.0, 1.0, 0.5, -1.0, 2.0, np.nan])
    run_examples(number, loads_or_explains, any_data, st.sampled_from([0, 2**31, -1]), shares)


# --- Options


WRONG = (None, "x", 1.5, -1, 0, [], {}, True, 2**31, 2**40, 10**30, np.nan, np.inf, "", b"x")
wrong = st.sampled_from(WRONG)


def some_of(values):
    """Dictionaries of some of the names, each with one of its values."""
    return st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(found) for name, found in values.items()}
    )


VALUES = {
    "seed": (0, 7, 2**32 - 1),
    "log_every": (1, 2, 10**9),
    "sample_every": (1, 2, 10**9),
    "plan.batch_size": (1, 2, 3, 4, 8, 12),
    "plan.n_critic": (1, 2),
    "plan.n_generator": (1, 2),
    "plan.alternation": get_args(choices.Alternation),
    "plan.update": ("alternating", "simultaneous", "extragradient", "optimistic"),
    "plan.first": get_args(choices.Player),
    "plan.accumulate": (1, 2, 3),
    "plan.flip": (False, True),
    "plan.crop": (0, 1, 8),
    "plan.precision": get_args(choices.Precision),
    "plan.nonfinite": get_args(choices.NonfinitePolicy),
    "plan.parallel": get_args(choices.Parallelization),
    "plan.devices": (1, 2, 9),
    "plan.rounds_per_call": (1, 2, 7),
    "input.max_memory": (0.0, 2.0),
    "input.reading.workers": (0,),
    "input.reading.max_bad_fraction": (0.0, 0.01, 0.5),
    "saving.every": (1, 2, 100),
    "saving.minutes": (0.0, 10.0),
    "saving.keep.last": (1, 3),
    "saving.keep.best": ("diversity", "generator_loss:min", "nothing", "step", "generator_tensor"),
}
NAMES = sorted({each.path for each in declared(Options)} - {"recipe", "input.source"})


@st.composite
def wanted(draw, data):
    """Options by name, of which at most two are nonsense, and what writes the data."""
    name = draw(st.sampled_from([*recipes.RECIPES, *recipes.RECIPES, "nothing", "", "di/gits"]))
    overrides = {"plan.batch_size": 4, "plan.devices": 1} | draw(some_of(VALUES))
    overrides |= {"recipe": name, "steps": 2}
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        overrides[draw(st.sampled_from(NAMES))] = draw(wrong)
    return overrides, draw(st.none() | data)


def trains_or_explains(asked, trains):
    overrides, write = asked
    with a_folder() as root:
        if write is not None:
            overrides["input.source"] = write(root)
        out = root / "new" / "run"

        def train():
            runs.train_run(options_for(out, overrides), out)

        error = error_of(train)
        if error is None:
            if trains:
                check_complete(out)
        elif isinstance(error, NonFiniteError) or "records" in str(error):  # while it trained
            assert not out.exists() or read_config(out)
        else:
            assert not (root / "new").exists()


def check_complete(out):
    config = read_config(out)
    assert (out / "result.json").is_file()
    classes = config.data.num_classes
    labels = None if classes is None else np.zeros(2, int)
    drawn = sample_run(out, 2, 0, labels=labels)
    recipe, (*size, channels) = config.options.recipe, config.data.shape
    channels //= 2 if recipe in ("pix2pix", "cyclegan") else 1  # one of two images
    if "/" not in recipe:  # levels draw samples of their own size
        assert drawn.shape == (2, *size, channels)


@pytest.mark.slow
@few_or_many(4, 300)
def test_any_options_train_or_the_error_says_what_is_wrong(number):
    def holds(asked):
        trains_or_explains(asked, trains=True)

    run_examples(number, holds, wanted(good_data | good_data | any_data))


@pytest.mark.slow
@few_or_many(10, 4000)
def test_any_options_are_sound_or_the_error_says_what_is_wrong(number, untrained):
    def holds(asked):
        trains_or_explains(asked, trains=False)

    run_examples(number, holds, wanted(any_data | good_data | good_data))


# --- Text


NUMBERS = (
    "0", "-1", "1", "2", "1.5", "nan", "inf", "-inf", "x", "", "1e400", "9" * 25, "²", "1000",
)  # fmt: skip
TEXTS = {
    "--keep-best": ("diversity:big", ":max", "diversity:", "step:max", "a:b:c", "[/]", "", "no"),
    "--coordinator": ("nonsense", "h:99999999", "h:²", ":1", "h:", "[::1]:x", "h:0"),
    "--data": ("[/]", "npz:[/red]", "digits:", "folder:~nobody-here", "nul\0", "n" * 300),
    "--precision": ("float16", "bfloat16"),
    "--tfds-manual-dir": ("nowhere",),
}
NUMERIC = (
    "--steps", "--seed", "--batch-size", "--n-critic", "--n-generator", "--accumulate", "--crop",
    "--devices", "--rounds-per-call", "--log-every", "--sample-every", "--save-every",
    "--save-minutes", "--keep", "--workers", "--max-memory", "--max-bad-share",
    "--num-processes", "--process-id",
)  # fmt: skip


@st.composite
def train_arguments(draw):
    texts = [draw(st.sampled_from([*recipes.RECIPES, "nothing", "[/]", "n" * 300, "nul\0", ".."]))]
    texts = texts if draw(st.booleans()) else ["digits"]
    found = {"--devices": "1", "--steps": "2", "--batch-size": "4"}
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            name = draw(st.sampled_from(NUMERIC))
            found[name] = draw(st.sampled_from(NUMBERS))
        else:
            name = draw(st.sampled_from(sorted(TEXTS)))
            found[name] = draw(st.sampled_from(TEXTS[name]))
    if {"--coordinator", "--num-processes", "--process-id"} <= set(found):
        del found["--process-id"]
    # These go round before they end: too long for here, and no mistake.
    if found.get("--steps") == "1000" or found.get("--n-critic") == "1000":
        found["--steps"] = found["--n-critic"] = "1"
    if found.get("--n-generator") == "1000":
        found["--n-generator"] = "1"
    return texts + [text for pair in found.items() for text in pair]


def train_by_text(arguments, out, trains):
    with a_folder() as root:
        os.chdir(root)
        result = invoke("train", *arguments, *([] if out is None else ["--out", out]))
        if result.exit_code == 0:
            if trains:
                check_complete(Path(out or f"runs/{arguments[0]}"))
            return
        if isinstance(result.exception, SystemExit):
            assert result.exit_code == 2, result.output  # of typer
            assert "Traceback" not in result.output
        else:
            check_explained(result.exception)
        if not isinstance(result.exception, NonFiniteError):
            assert not list(root.iterdir())


outs = st.sampled_from(["run", "run", "a/b", None, "n" * 300, "nul\0", "[/]"])


@pytest.mark.slow
def test_what_is_typed_is_sound_or_the_error_says_what_is_wrong(untrained, monkeypatch):
    monkeypatch.chdir("/")
    holds = functools.partial(train_by_text, trains=False)
    run_examples(60, lambda arguments, out: holds(arguments, out), train_arguments(), outs)


@pytest.mark.slow
def test_what_is_typed_trains_or_the_error_says_what_is_wrong(monkeypatch):
    monkeypatch.chdir("/")
    holds = functools.partial(train_by_text, trains=True)
    run_examples(1500, lambda arguments, out: holds(arguments, out), train_arguments(), outs)


# --- A run's config.json, edited


@pytest.fixture(scope="module")
def trained(tmp_path_factory, narrow_recipes):
    out = tmp_path_factory.mktemp("fuzz") / "run"
    result = invoke("train", "cgan", "--steps", "2", "--batch-size", "4", "--devices", "1",
                    "--keep-best", "diversity:max", "--out", str(out))  # fmt: skip
    assert result.exit_code == 0, result.output
    return out


JSON_VALUES = (
    None, True, False, 0, -1, 1, 2, 3, 1.5, 10**30, 2**40, -0.0, 1e300, "x", "", "max", "float32",
    [], [0], [8, 8, 1], [-1, 2], [0, 0, 0], [2**40, 2], {}, {"a": 1}, float("nan"), float("inf"),
)  # fmt: skip


def _places(value, place=()):
    yield place
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _places(part, (*place, name))


@st.composite
def edits(draw, places):
    place = draw(st.sampled_from(places))
    return place, draw(st.sampled_from(["set", "set", "set", "drop", "add"])), draw(
        st.sampled_from(JSON_VALUES)
    )  # fmt: skip


def edited(config, place, how, value):
    if not place:
        return value if how == "set" else config | ({"more": value} if how == "add" else {})
    config = json.loads(json.dumps(config))
    part = config
    for name in place[:-1]:
        part = part[name] if isinstance(part, dict) and name in part else {}
    if not isinstance(part, dict):  # an edit before this one
        return config
    if how == "drop":
        part.pop(place[-1], None)
    elif how == "add" and isinstance(part.get(place[-1]), dict):
        part[place[-1]]["more"] = value
    else:
        part[place[-1]] = value
    return config


@pytest.mark.slow
@few_or_many(8, 1500)
def test_an_edited_config_goes_on_or_the_error_says_what_is_wrong(number, trained):
    text = (trained / "config.json").read_text()
    places = list(_places(json.loads(text)))

    def holds(changes, raw):
        with a_folder() as root:
            run = root / "run"
            shutil.copytree(trained, run)
            config = json.loads(text)
            for place, how, value in changes:
                config = edited(config, place, how, value) if isinstance(config, dict) else config
            content = json.dumps(config).encode() if raw is None else raw
            (run / "config.json").write_bytes(content)
            for arguments in (
                ("resume", str(run)),
                ("sample", str(run), "--num", "10", "--out", str(root / "s.npz")),
                ("sample", str(run), "--label", "3", "--out", str(root / "s.png")),
                ("sample", str(run), "--checkpoint", "best", "--out", str(root / "b.png")),
            ):
                result = invoke(*arguments)
                if result.exit_code:
                    check_explained(result.exception)
            assert sorted(path.name for path in run.iterdir())

    broken = [b"", b"{", b"\xff\xfe", b"[]", b"[" * 10**5, b'"\\ud800"']
    raws = st.sampled_from([None] * 12 + broken)
    run_examples(number, holds, st.lists(edits(places), min_size=1, max_size=2), raws)


SAMPLE_TEXTS = {
    "--num": ("0", "-1", "1", "7", "20", "9" * 20, "x"),
    "--seed": ("0", "-1", "4294967295", "4294967296", "9" * 30, "nan"),
    "--label": ("0", "9", "10", "-1", "9" * 20, "x"),
    "--checkpoint": ("latest", "best", "2", "02", "99", "²", "-1", "x", "", "9" * 30),
}
FILES = ("s.png", "s.npz", "a/b.png", "s.jpg", "s", "", "n" * 300 + ".png", "nul\0.npz",
         "folder.png", "file/s.npz", "[/].png")  # fmt: skip


@pytest.mark.slow
@few_or_many(8, 500)
def test_samples_are_written_or_the_error_says_what_is_wrong(number, trained):
    def holds(texts, file):
        with a_folder() as root:
            (root / "folder.png").mkdir()
            (root / "file").touch()
            arguments = [text for pair in texts.items() for text in pair]
            result = invoke("sample", str(trained), *arguments, "--out", str(root / file))
            if result.exit_code == 0:
                assert (root / file).is_file()
            elif isinstance(result.exception, SystemExit):
                assert result.exit_code == 2  # of typer
            else:
                check_explained(result.exception)
                assert {path.name for path in root.iterdir()} == {"folder.png", "file"}

    run_examples(number, holds, some_of(SAMPLE_TEXTS), st.sampled_from(FILES))
