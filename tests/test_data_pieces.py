"""Patches cut out of images of any size, and pairs of folders."""

import pickle

import numpy as np
import pytest
from PIL import Image

from jaxgan import data


def write(path, height, width, seed=0, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels.reshape(height, width, -1)


def test_patches_cover_images_of_any_size_from_edge_to_edge(tmp_path):
    first = write(tmp_path / "a.png", 8, 11)
    write(tmp_path / "b.png", 3, 20)  # too small: no patch of 4 fits
    second = write(tmp_path / "c.png", 4, 4, seed=1)
    found = data.load(f"patches:{tmp_path}@4")
    # 8 = 4 + 2 * 2: tops 0, 2, 4; 11: lefts 0, 2, 4 (of 3.5 steps 1.75 each), 5, 7
    lefts = [0, 2, 4, 5, 7]
    expected = [first[top : top + 4, left : left + 4] for top in (0, 2, 4) for left in lefts]
    np.testing.assert_array_equal(found.x, np.stack([*expected, second]))
    assert (found.low, found.high, found.condition) == (0.0, 255.0, None)


def test_patches_too_large_for_all_images_are_refused(tmp_path):
    write(tmp_path / "a.png", 8, 8)
    with pytest.raises(ValueError, match="too small for patches of 9x9"):
        data.load(f"patches:{tmp_path}@9")
    with pytest.raises(ValueError, match="lacks the size of a patch"):
        data.load(f"patches:{tmp_path}")


def test_pairs_have_the_target_first_and_grey_sources_in_colour(tmp_path):
    names = ("one", "two")
    photos = [write(tmp_path / "photos" / f"{name}.png", 6, 6, i) for i, name in enumerate(names)]
    sketches = [
        write(tmp_path / "sketches" / f"{name}.bmp", 6, 6, 9 + i, "L")
        for i, name in enumerate(names)
    ]
    found = data.load(f"pairs:{tmp_path / 'sketches'},{tmp_path / 'photos'}")
    assert found.x.shape == (2, 6, 6, 6)
    for x, photo, sketch in zip(found.x, photos, sketches, strict=True):
        np.testing.assert_array_equal(x[..., :3], photo)
        np.testing.assert_array_equal(x[..., 3:], np.repeat(sketch, 3, axis=2))


def test_pairs_that_do_not_match_are_refused(tmp_path):
    write(tmp_path / "a" / "x.png", 6, 6)
    write(tmp_path / "a" / "y.png", 6, 6)
    write(tmp_path / "b" / "x.png", 6, 8)
    with pytest.raises(ValueError, match="same names; 'y' is in one only"):
        data.load(f"pairs:{tmp_path / 'a'},{tmp_path / 'b'}")
    write(tmp_path / "b" / "y.png", 6, 8)
    with pytest.raises(ValueError, match="differ in size"):
        data.load(f"pairs:{tmp_path / 'a'},{tmp_path / 'b'}")
    assert data.load(f"pairs:{tmp_path / 'a'},{tmp_path / 'b'}@4").x.shape == (2, 4, 4, 6)
    with pytest.raises(ValueError, match="must name two folders"):
        data.load(f"pairs:{tmp_path / 'a'}")


def test_records_of_pieces_can_be_handed_to_workers(tmp_path):
    for name in "ab":
        for image in "xy":
            write(tmp_path / name / f"{image}.png", 6, 6)
    for records in (
        data.patch_records(tmp_path, 4),
        data.pair_records(tmp_path / "a", tmp_path / "b"),
    ):
        copy = pickle.loads(pickle.dumps(records))
        np.testing.assert_array_equal(copy.read(1)[0], records.read(1)[0])


def test_built_in_photos_and_outlines_are_what_they_say():
    photos = data.load("photos")
    assert photos.x.shape == (208, 96, 96, 3)
    assert photos.x.dtype == np.uint8
    np.testing.assert_array_equal(photos.x[0][:, 45:], photos.x[1][:, :51])  # 544 px in 12 steps
    outlines = data.load("digit-outlines")
    digit, outline = outlines.x[0, ..., 0] > 8, outlines.x[0, ..., 1] > 8
    edges = np.diff(digit, axis=0, prepend=False) | np.diff(digit, axis=1, prepend=False)
    np.testing.assert_array_equal(outline, edges)
    np.testing.assert_array_equal(outlines.x[..., 0], data.load("digits").x[..., 0])
