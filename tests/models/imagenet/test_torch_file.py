import io
import pickle
import pickletools
import tracemalloc
import zipfile

import numpy as np
import pytest
from torch_cases import Malice, Storage, Tensor, contiguous, pickled, streamed, zipped

from jaxgan.models.imagenet.torch_file import read_tensors

ARRAYS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2) / 7,
    "bn.bias": np.linspace(-1, 1, 5),
    "bn.num_batches_tracked": np.array(17),
    "half": np.array([0.5, -2], np.float16),
    "nothing": np.zeros((0, 3), np.float32),
}
both_formats = pytest.mark.parametrize("write", [zipped, streamed])


@pytest.fixture
def read(tmp_path):
    def from_bytes(content):
        file = tmp_path / "weights.pth"
        file.write_bytes(content)
        return read_tensors(file)

    return from_bytes


@both_formats
def test_tensors_are_read_as_they_were_written(read, write):
    tensors = read(write(contiguous(ARRAYS)))
    assert list(tensors) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(tensors[name], array)
        assert tensors[name].dtype == array.dtype, name


@both_formats
def test_tensors_may_share_a_storage_and_have_any_strides(read, write):
    numbers = np.arange(12, dtype=np.float32)
    storage = Storage("0", numbers)
    tree = {
        "transposed": Tensor(storage, 0, (3, 4), (1, 3)),
        "part": Tensor(storage, 5, (2, 2), (4, 2)),
    }
    tensors = read(write(tree))
    np.testing.assert_array_equal(tensors["transposed"], numbers.reshape(4, 3).T)
    np.testing.assert_array_equal(tensors["part"], [[5, 7], [9, 11]])
    with pytest.raises(ValueError, match="read-only"):
        tensors["part"][:] = 0  # it would change the other one


@both_formats
@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (13,), (1,)),
        (1, (3, 4), (4, 1)),
        (-1, (2,), (1,)),
        (3, (2,), (-1,)),
        (12, (), ()),
        (0, (10**15,), (0,)),
    ],
)
def test_a_tensor_outside_its_storage_is_refused(read, write, offset, shape, strides):
    tensor = Tensor(Storage("0", np.zeros(12, np.float32)), offset, shape, strides)
    with pytest.raises(ValueError, match="exceeds its storage 0"):
        read(write({"x": tensor}))


# ---- malice ----


@both_formats
def test_many_names_of_one_storage_take_its_memory_once(read, write):
    numbers = np.zeros(2**18, np.float32)  # 1 MiB
    storage = Storage("0", numbers)
    content = write({str(i): Tensor(storage, i, (2**17,), (1,)) for i in range(300)})
    tracemalloc.start()
    tensors = read(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(tensors) == 300
    assert peak < 10 * 2**20  # 150 MiB as copies


def test_archives_whose_parts_overlap_are_refused(read):
    content = bytearray(zipped(contiguous(ARRAYS)))
    place = content.rindex(b"PK\x01\x02")  # the last part claims to be as long as all
    content[place + 20 : place + 28] = 2 * len(content).to_bytes(4, "little")
    with pytest.raises(ValueError, match="the parts of its archive overlap"):
        read(bytes(content))


@both_formats
def test_a_file_that_runs_a_command_is_refused(read, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"weights.pth is .* rejected \w+.system: only tensors"):
        read(write({"x": Malice()}))
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("place", range(5))
def test_no_pickle_of_a_stream_runs_a_command(read, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parts, rest = [], io.BytesIO(streamed(contiguous(ARRAYS)))
    for _ in range(5):
        start = rest.tell()
        for _operation in pickletools.genops(rest):
            pass
        parts.append(rest.getvalue()[start : rest.tell()])
    parts[place] = pickle.dumps(Malice(), 2)
    with pytest.raises(ValueError, match=r"rejected \w+.system"):
        read(b"".join(parts))
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    "reference", [b"cnumpy\nload\n", b"cbuiltins\neval\n", b"ctorch\nload\n", b"ctorch._utils\nx\n"]
)
def test_other_functions_are_refused_even_of_numpy_and_torch(read, reference):
    content, _ = pickled({})
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", content[:2] + reference + content[-1:])
    with pytest.raises(ValueError, match="rejected "):
        read(stream.getvalue())


def test_compressed_archives_are_refused_since_they_may_swell(read):
    with pytest.raises(ValueError, match="compressed"):
        read(zipped(contiguous(ARRAYS), zipfile.ZIP_DEFLATED))


# ---- damage ----


@both_formats
def test_files_that_are_cut_off_are_refused(read, write):
    content = write(contiguous(ARRAYS))
    for kept in (0, 1, 30, len(content) // 2, len(content) - 1):
        with pytest.raises(ValueError, match=r"weights.pth is not a PyTorch checkpoint"):
            read(content[:kept])


@both_formats
def test_damaged_files_give_tensors_or_a_value_error(read, write):
    content = bytearray(write(contiguous(ARRAYS)))
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 100):
        damaged = content.copy()
        damaged[place] ^= 1 << rng.integers(8)
        try:
            assert all(isinstance(t, np.ndarray) for t in read(bytes(damaged)).values())
        except ValueError as error:
            assert "is not a PyTorch checkpoint" in str(error)  # noqa: PT017


@pytest.mark.parametrize("tree", [[1, 2], {"x": 1}, 3.0, {"x": {"y": 2}}])
def test_what_is_no_dictionary_of_tensors_is_refused(read, tree):
    with pytest.raises(ValueError, match="does not hold a dictionary of tensors"):
        read(zipped(tree))


def test_a_missing_storage_is_named(read):
    content, _ = pickled(contiguous(ARRAYS))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    with pytest.raises(ValueError, match="archive/data/0"):
        read(stream.getvalue())


def test_a_storage_of_other_length_is_named(read):
    content, storages = pickled(contiguous(ARRAYS))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        for key, numbers in storages.items():
            archive.writestr(f"archive/data/{key}", numbers[: 23 if key == "0" else None].tobytes())
    with pytest.raises(ValueError, match="storage 0 has 23 of 24 numbers"):
        read(stream.getvalue())
