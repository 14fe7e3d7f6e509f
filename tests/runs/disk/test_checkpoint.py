"""Damage to checkpoints on disk: noticed, said, got round, and nothing lost by it."""

import errno
import os
import resource
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.checkpoint import CheckpointError
from jaxgan.runs.disk.orbax_errors import reason
from jaxgan.runs.settings.options import Keep

KEEP = Keep(last=3, best="score")


def state(number):
    """What checkpoint `number` holds: arrays of several kinds."""
    key = jax.random.key(number)
    return {
        "w": jax.random.normal(key, (40, 50)),
        "half": jnp.full(3, number, jnp.bfloat16),
        "key": key,
        "flag": jnp.asarray(True),
        "count": jnp.int32(number),
    }


def target():
    return jax.eval_shape(lambda: state(0))


def save(directory, *numbers, keep=KEEP):
    with checkpoint.open_manager(directory, keep) as manager:
        for number in numbers:
            checkpoint.save(manager, number, state(number), {"score": float(number)})


def assert_is(found, number):
    def data(x):
        is_key = jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(x) if is_key else x)

    jax.tree.map(lambda a, b: np.testing.assert_array_equal(data(a), data(b)), found, state(number))


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sound") / "checkpoints"
    save(directory, 1, 2, 3)
    return directory


@pytest.fixture
def directory(three, tmp_path):
    return shutil.copytree(three, tmp_path / "checkpoints")


# --- Ways to damage a file


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def fill_with_zeros(path):
    path.write_bytes(bytes(path.stat().st_size))


def empty(path):
    path.write_bytes(b"")


def delete(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_file(path):
    shutil.rmtree(path)
    path.write_text("no checkpoint")


def empty_folder(path):
    shutil.rmtree(path)
    path.mkdir()


def biggest(path):
    """The file of a checkpoint that holds most of the arrays."""
    return max(path.rglob("ocdbt.process_0/d/*"), key=lambda file: file.stat().st_size)


def part(name):
    return lambda path: path / name


DAMAGES = [
    *((biggest, how) for how in (cut_off, flip, fill_with_zeros, empty, delete, replace_by_folder)),
    *((part("default/manifest.ocdbt"), how) for how in (cut_off, flip, fill_with_zeros, delete)),
    *((part("default/_METADATA"), how) for how in (cut_off, fill_with_zeros, empty)),
    *((part("default/array_metadatas/process_0"), how) for how in (cut_off, empty)),
    *((part("metrics/metrics"), how) for how in (cut_off, fill_with_zeros, delete)),
    *((part("default"), how) for how in (delete, empty_folder, replace_by_file)),
    *((part("."), how) for how in (empty_folder, replace_by_file)),
]


@pytest.mark.parametrize(("where", "damage"), DAMAGES)
def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(directory, where, damage):
    damage(where(directory / "3"))
    found = checkpoint.restore_latest(directory, target())
    assert found.number == 2
    assert_is(found.state, 2)
    ((number, message),) = found.damaged
    assert number == 3
    assert message.startswith(f"checkpoint 3 in {directory} ")
    assert len(message.splitlines()) == 1
    assert len(message) < 500 + len(str(directory))
    assert (directory / "3").exists()  # looked at only
    place = checkpoint.quarantine(directory, 3)
    assert place.exists()
    assert not (directory / "3").exists()
    save(directory, 3, 4)
    assert checkpoint.numbers(directory) == [2, 3, 4]
    assert_is(checkpoint.restore(directory, 3, target()), 3)
    assert checkpoint.restore_latest(directory, target()).damaged == ()
    assert place.exists()


@pytest.mark.parametrize("damage", [empty, delete])
@pytest.mark.parametrize(
    "name", ["_CHECKPOINT_METADATA", "default/_sharding", "commit_success.txt"]
)
def test_what_only_describes_a_checkpoint_may_go(directory, name, damage):
    # The digest says that every bit came back: nothing is gained by an older state.
    place = directory / "3" / name
    if not place.exists():
        pytest.skip(f"this version of Orbax writes no {name}")
    damage(place)
    found = checkpoint.restore_latest(directory, target())
    assert (found.number, found.damaged) == (3, ())
    assert_is(found.state, 3)
    save(directory, 4)
    assert_is(checkpoint.restore_latest(directory, target()).state, 4)


@pytest.mark.parametrize("damage", [cut_off, fill_with_zeros, delete, replace_by_folder])
def test_damaged_metrics_of_an_older_checkpoint_are_found_too(directory, damage):
    damage(directory / "2" / "metrics" / "metrics")
    found = checkpoint.restore_latest(directory, target())
    assert found.number == 3
    ((number, message),) = found.damaged
    assert number == 2
    assert "its metrics cannot be read" in message
    checkpoint.quarantine(directory, 2)
    save(directory, 4)
    assert checkpoint.numbers(directory) == [1, 3, 4]
    assert checkpoint.best_number(directory, KEEP) == 4


def test_metrics_of_no_row_are_sound(tmp_path):
    with checkpoint.open_manager(tmp_path, KEEP) as manager:
        checkpoint.save(manager, 1, state(1), {})
    found = checkpoint.restore_latest(tmp_path, target())
    assert (found.number, found.damaged) == (1, ())
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* has the metric"):
        checkpoint.best_number(tmp_path, KEEP)


def test_only_damaged_checkpoints_are_an_error_and_stay(directory):
    for number in (1, 2, 3):
        flip(biggest(directory / str(number)))
    before = sorted(path.relative_to(directory) for path in directory.rglob("*"))
    message = r"none of the 3 checkpoints in .*checkpoints can be read.*checkpoint 3 in"
    with pytest.raises(CheckpointError, match=message):
        checkpoint.restore_latest(directory, target())
    assert sorted(path.relative_to(directory) for path in directory.rglob("*")) == before


def test_a_changed_bit_of_any_array_changes_the_digest():
    plain = state(1)
    changed = [
        plain | {"flag": jnp.asarray(False)},
        plain | {"key": jax.random.key(2)},
        plain | {"w": plain["w"].T.reshape(40, 50)},  # the same words in another order
    ]
    for name in ("w", "half", "count"):
        raw = np.atleast_1d(np.array(plain[name]))
        for place in {0, 1 % raw.size, raw.size - 1}:
            for byte, bit in ((0, 1), (-1, 0x80)):  # the highest: an even factor would lose it
                other = raw.copy().view(np.uint8).reshape(raw.size, -1)
                other[place, byte] ^= bit
                bits = other.reshape(-1).view(raw.dtype).reshape(plain[name].shape)
                changed.append(plain | {name: jnp.asarray(bits)})
    digest = jax.jit(checkpoint.digest)
    assert int(digest(plain)) not in [int(digest(each)) for each in changed]
    assert len(changed) == 3 + 2 * (3 + 3 + 1)


def test_two_flipped_signs_do_not_cancel_in_the_digest():
    x = np.ones(10, np.float32)
    digest = jax.jit(checkpoint.digest)
    assert int(digest({"x": x})) != int(digest({"x": np.where(np.arange(10) < 2, -x, x)}))


def test_other_names_than_numbers_are_no_checkpoints(directory):
    for name in ("07", "²", "5.orbax-checkpoint-tmp", "damaged-4-x", "-1"):
        (directory / name).mkdir()
    assert checkpoint.numbers(directory) == [1, 2, 3]
    assert checkpoint.restore_latest(directory, target()).number == 3


def test_another_structure_is_an_error_of_one_line(directory):
    other = target() | {"more": jax.ShapeDtypeStruct((2,), jnp.float32)}
    with pytest.raises(CheckpointError, match=r"checkpoint 3 in .* cannot be read") as caught:
        checkpoint.restore(directory, 3, other)
    assert len(str(caught.value).splitlines()) == 1


# --- The disk refuses


@pytest.mark.parametrize("size", [0, 100, 3000])  # folders only, some of the metadata, arrays
def test_a_save_that_fails_is_an_error_and_what_was_there_stays(
    directory, limit_files, capfd, size
):
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}

    def failing_save():
        with checkpoint.open_manager(directory, KEEP) as manager:
            limit_files(size)
            checkpoint.save(manager, 4, state(4), {"score": 4.0})
            checkpoint.finish(manager)

    with pytest.raises(CheckpointError, match="a checkpoint cannot be written: ") as caught:
        failing_save()
    limit_files(resource.RLIM_INFINITY)
    assert caught.value.filename == str(directory)
    assert caught.value.errno == errno.EFBIG
    assert "File too large" in caught.value.strerror
    assert len(str(caught.value).splitlines()) == 1
    assert capfd.readouterr().err == ""  # no tracebacks of Orbax' threads
    assert {path: path.read_bytes() for path in before} == before
    assert checkpoint.numbers(directory) == [1, 2, 3]
    save(directory, 4)
    assert sorted(path.name for path in directory.iterdir()) == ["2", "3", "4"]
    assert_is(checkpoint.restore_latest(directory, target()).state, 4)


def test_what_a_failed_save_still_writes_is_removed(directory, monkeypatch):
    left = directory / "4.orbax-checkpoint-tmp"
    (left / "deep").mkdir(parents=True)
    times, remove = [], shutil.rmtree

    def remove_while_written(path):
        remove(path)
        times.append(path)
        if path == left and len(times) < 3:  # as a late writer does
            (left / "deep").mkdir(parents=True)
            raise OSError(errno.ENOTEMPTY, "Directory not empty", str(path))

    monkeypatch.setattr(checkpoint.shutil, "rmtree", remove_while_written)
    save(directory, 4)
    assert times[:4].count(left) == 3
    assert not left.exists()
    assert checkpoint.numbers(directory) == [2, 3, 4]


def test_a_full_disk_is_called_one():
    deep = ValueError(
        "RESOURCE_EXHAUSTED: Error writing\n: No space left on device [os_error_code='28']"
    )
    outer = RuntimeError("pages")
    outer.__cause__ = deep
    error = checkpoint._unwritten("there", outer)
    assert error.errno == errno.ENOSPC
    assert error.strerror == "a checkpoint cannot be written: No space left on device"
    assert reason(outer) == " ".join(str(deep).split())


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CheckpointError, match=r"a checkpoint cannot be written.*file/checkpoints"),
        checkpoint.open_manager(tmp_path / "file" / "checkpoints", KEEP),
    ):
        pass


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.ENOMEM])
def test_what_the_system_refuses_to_read_is_not_called_damaged(directory, monkeypatch, code):
    def refuse(*arguments, **options):
        raise ValueError("at length") from OSError(code, os.strerror(code))

    monkeypatch.setattr(checkpoint.ocp.StandardCheckpointer, "restore", refuse)
    with pytest.raises(OSError, match="a checkpoint cannot be read now") as caught:
        checkpoint.restore_latest(directory, target())
    assert not isinstance(caught.value, checkpoint.CheckpointError)
    assert caught.value.errno == code
