"""Unpaired data: two sides, each in an order of its own, whichever way they are read."""

import os
import pickle

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import data
from jaxgan.data.order import side_words
from jaxgan.data.sources import absolute, side_specs
from jaxgan.data.summary import summary
from jaxgan.training.batches import batch_of, make_batch_source
from jaxgan.training.plan import ReadOptions

SIZES = (5, 8)


def side(count, mark, channels=1, name=None):
    """Images that tell their number and their side."""
    x = np.full((count, 4, 4, channels), mark, np.uint8)
    x[..., 0] += np.arange(count, dtype=np.uint8)[:, None, None]
    return data.from_arrays(x, name=name or f"side{mark}")


def records_of(dataset):
    return data.Records(
        dataset.x.__getitem__, dataset.size, dataset.shape, dataset.x.dtype, None, 0.0, 255.0,
        dataset.name,
    )  # fmt: skip


class Row:
    """Reads rows; picklable."""

    def __init__(self, x):
        self.x = x

    def __call__(self, number):
        return self.x[number], None


def streamed(dataset):
    return records_of(dataset)._replace(read=Row(dataset.x))


def batches(source_data, first=0, calls=3, rounds=2, batch_size=3):
    plan = jaxgan.Plan(batch_size=batch_size, devices=1)
    key = jax.random.key(3)
    source = make_batch_source(source_data, key, first, plan, ReadOptions(), False)
    found = []
    for _ in range(calls):
        payload = source.draw((rounds,)).payload
        for number in range(rounds):
            one = jax.tree.map(lambda x, number=number: x[number], payload)
            found.append(np.asarray(batch_of(one, source.records, source_data.shape).x))
    source.close()
    return np.concatenate(found)


def numbers(x):
    """The numbers of the images of both sides in a batch."""
    return x[:, 0, 0, 0].astype(int) - 10, x[:, 0, 0, x.shape[-1] // 2].astype(int) - 100


A, B = side(SIZES[0], 10), side(SIZES[1], 100)


def test_each_side_is_drawn_in_epochs_of_its_own():
    both = data.unpaired(A, B)
    assert (both.size, both.shape, both.sides) == (8, (4, 4, 2), SIZES)
    x = batches(both, calls=7, rounds=2, batch_size=6)  # 84 samples
    own = numbers(x)
    words = np.asarray(jax.random.key_data(jax.random.key(3))).tolist()
    for place, (drawn, size) in enumerate(zip(own, SIZES, strict=True)):
        epochs = drawn[: 84 - 84 % size].reshape(-1, size)
        np.testing.assert_array_equal(
            np.sort(epochs, axis=1), np.tile(np.arange(size), (len(epochs), 1))
        )
        order = [
            data.epoch_permutation(side_words(words, place), e, size) for e in range(len(epochs))
        ]
        np.testing.assert_array_equal(epochs, order)
    assert len(set(zip(*own, strict=True))) > 30  # of 40 pairs: they are not tied to each other


@pytest.mark.parametrize("pair", [(streamed(A), streamed(B)), (A, streamed(B)), (streamed(A), B)])
def test_streams_draw_what_arrays_draw_from_any_batch_on(pair):
    found, memory = data.unpaired(*pair), data.unpaired(A, B)
    assert isinstance(found, data.Records)
    assert (found.size, found.shape) == (8, (4, 4, 2))
    np.testing.assert_array_equal(batches(found), batches(memory))
    np.testing.assert_array_equal(batches(found, first=4, calls=1), batches(memory)[12:18])
    for number in (0, 6):
        np.testing.assert_array_equal(found.read(number)[0], memory.x[number])
    np.testing.assert_array_equal(data.decode(found).x, memory.x)
    assert data.decode(found).sides == SIZES
    assert pickle.loads(pickle.dumps(found)).read(7)[0].tolist() == memory.x[7].tolist()


def test_each_process_reads_its_own_rows():
    found = data.unpaired(streamed(A), streamed(B))
    whole = next(data.stream(found, [1, 2], 5, 1, 4)).x
    halves = [next(data.stream(found, [1, 2], 5, 1, 4, start=i, stop=i + 2)).x for i in (0, 2)]
    np.testing.assert_array_equal(np.concatenate(halves), whole)


def test_a_bad_image_is_left_out_on_its_side_alone():
    class Bad(Row):
        def __call__(self, number):
            if number == 2:
                raise ValueError("image 2 cannot be read")
            return super().__call__(number)

    found = data.unpaired(streamed(A), streamed(B)._replace(read=Bad(B.x)))
    kept = data.decode(found, max_bad_fraction=0.2)
    assert (kept.sides, kept.bad) == ((5, 7), ("image 2 cannot be read",))


def test_grey_beside_colours_becomes_three_channels():
    colour = side(3, 100, channels=3)
    for pair in ((A, colour), (streamed(A), colour)):
        found = data.unpaired(*pair)
        assert found.shape == (4, 4, 6)
        x = batches(found)
        assert (x[..., :1] == x[..., :3]).all()
        assert (x[..., 4] == 100).all()


@pytest.mark.parametrize(
    ("b", "text"),
    [
        (
            data.from_arrays(np.zeros((4, 4, 8, 1), np.uint8) + 9),
            "one size: side10 has 4x4, arrays",
        ),
        (data.from_arrays(np.eye(4, dtype=np.float32)), r"arrays has samples of shape \(4,\)"),
        (data.digits(), r"one range and dtype|one size"),
        (A._replace(low=0.0, high=16.0), r"0\.0\.\.255\.0 \(uint8\).*0\.0\.\.16\.0"),
    ],
)
def test_sides_that_do_not_fit_are_named(b, text):
    with pytest.raises(ValueError, match=text):
        data.unpaired(A, b)


def test_the_summary_counts_both_sides():
    for found in (data.unpaired(A, B), data.unpaired(streamed(A), B)):
        assert summary(found) == "5 + 8 unpaired images 4x4x1"


# --- As a spec


@pytest.fixture
def folders(tmp_path):
    for name, count in (("a", 4), ("b", 6)):
        (tmp_path / name).mkdir()
        for number in range(count):
            pixels = np.full((8, 12, 3), 20 * number + 50, np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_folders_are_read_and_named_so_that_they_are_found_again(folders, monkeypatch):
    monkeypatch.chdir(folders)
    found = data.load("unpaired:a,b@8")
    assert (found.shape, found.sides) == ((8, 8, 6), (4, 6))
    again = data.load(found.name)
    np.testing.assert_array_equal(again.x, found.x)
    assert absolute("unpaired:a,b@8") == (
        f"unpaired:folder:{folders / 'a'}@8,folder:{folders / 'b'}@8"
    )
    monkeypatch.chdir(os.sep)
    np.testing.assert_array_equal(
        data.load(absolute(f"unpaired:{folders}/a,{folders}/b@8")).x, found.x
    )
    large = data.load(f"unpaired:{folders}/a,{folders}/b@8", max_bytes=1)
    assert isinstance(large, data.Records)
    np.testing.assert_array_equal(batches(large), batches(found))


def test_named_data_are_sides_too():
    found = data.load("unpaired:digits,slanted-digits")
    digits = data.digits()
    np.testing.assert_array_equal(found.x[..., :1], digits.x)
    built_in = data.load("digit-domains")
    assert (built_in.name, built_in.sides) == ("digit-domains", (1797, 1797))
    np.testing.assert_array_equal(built_in.x, found.x)
    # the middle rows move by half a pixel, rounded to none; the first by 1.75, rounded to 2
    ink = 16.0 - found.x[..., 1:]
    np.testing.assert_array_equal(ink[:, 0, 2:], digits.x[:, 0, :-2])
    np.testing.assert_array_equal(ink[:, 7, :-2], digits.x[:, 7, 2:])
    np.testing.assert_array_equal(ink[:, 3:5], digits.x[:, 3:5])
    assert (ink[:, 0, :2] == 0).all()


@pytest.mark.parametrize(
    ("path", "sides"),
    [
        ("a,b", ("folder:a", "folder:b")),
        ("a,b@64", ("folder:a@64", "folder:b@64")),
        ("a@32,b@64", ("folder:a@32", "folder:b@64")),
        ("a,idx:b", ("folder:a", "idx:b")),
        ("folder:a@64,white,folder:b@64,white", ("folder:a@64,white", "folder:b@64,white")),
        ("npz:f@x,y,digits", ("npz:f@x,y", "digits")),
    ],
)
def test_sides_are_told_apart(path, sides):
    assert side_specs(path) == sides


@pytest.mark.parametrize("path", ["a", "a,", ",b", "a,b,c", "pairs:a,b,c"])
def test_what_names_no_two_sides_is_refused(path):
    with pytest.raises(ValueError, match="must name two sides, as in unpaired:A,B"):
        data.load(f"unpaired:{path}")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        data.load(f"unpaired:digits,{tmp_path}/nowhere")
