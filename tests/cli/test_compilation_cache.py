import json
import os
import subprocess
import sys

import pytest

from jaxgan.cli.compilation_cache import DEFAULTS, FOLDER, SWITCH, use_compilation_cache


@pytest.fixture
def variables(monkeypatch, tmp_path):
    """The environment of a user who has set nothing, with a cache folder of its own."""
    for name in (SWITCH, FOLDER, *DEFAULTS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return monkeypatch


def test_programs_are_cached_in_the_users_folder_within_half_a_gibibyte(variables, tmp_path):
    use_compilation_cache()
    assert os.environ[FOLDER].startswith(str(tmp_path / "jaxgan"))
    assert os.path.isdir(os.environ[FOLDER])
    assert os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"] == str(512 * 1024**2)


def test_variables_that_are_set_stay(variables, tmp_path):
    variables.setenv(*(name := "JAX_COMPILATION_CACHE_MAX_SIZE", "1000"))
    use_compilation_cache()
    assert os.environ[name] == "1000"
    variables.setenv(FOLDER, "elsewhere")
    use_compilation_cache()
    assert os.environ[FOLDER] == "elsewhere"


@pytest.mark.parametrize("value", ["0", "false", "False"])
def test_a_cache_that_is_switched_off_makes_no_folder(variables, tmp_path, value):
    variables.setenv(SWITCH, value)
    use_compilation_cache()
    assert FOLDER not in os.environ
    assert not any(tmp_path.iterdir())


def test_where_no_folder_can_be_made_nothing_is_cached(variables, tmp_path):
    (tmp_path / "jaxgan").write_text("a file")
    use_compilation_cache()
    assert not {FOLDER, *DEFAULTS} & os.environ.keys()


def test_processors_of_another_kind_have_another_folder(variables, monkeypatch):
    folders = set()
    for features in ("flags: avx2", "flags: avx2 avx512f"):
        monkeypatch.setattr("jaxgan.cli.compilation_cache._processor", lambda found=features: found)
        os.environ.pop(FOLDER, None)
        use_compilation_cache()
        folders.add(os.environ[FOLDER])
    assert len(folders) == 2


def test_a_program_whose_writer_was_killed_is_removed(variables):
    use_compilation_cache()
    folder = os.environ.pop(FOLDER)
    for name in ("whole-cache", "whole-atime", "half-cache"):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"x")
    use_compilation_cache()
    assert {"whole-cache", "whole-atime"} == set(os.listdir(folder)) - {".lockfile"}


@pytest.mark.slow
def test_a_run_with_cached_programs_has_the_same_bits(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in (SWITCH, "XLA_FLAGS")}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "home")
    rows, programs = [], []
    for name in ("first", "second"):
        options = ["--steps", "40", "--log-every", "40", "--out", str(tmp_path / name)]
        command = [sys.executable, "-m", "jaxgan", "train", "spiral", *options]
        subprocess.run(command, env=environment, check=True)
        rows.append(json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[-1]))
        programs.append({file.name for file in (tmp_path / "home").rglob("*-cache")})
    assert rows[0] == rows[1]
    assert programs[0] == programs[1] != set()
