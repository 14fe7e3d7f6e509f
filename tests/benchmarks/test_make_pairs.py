"""The benchmark's script that makes pairs of folders out of real images."""

import importlib.util

import numpy as np
import pytest
from paths import ROOT
from PIL import Image

from jaxgan import data
from jaxgan.metrics import luma

FILE = ROOT / "benchmarks" / "make_pairs.py"
SPEC = importlib.util.spec_from_file_location("make_pairs", FILE)
make_pairs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_pairs)


@pytest.fixture
def photos(tmp_path):
    """A folder of five small colour pictures, and their pixels."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5, 6, 9, 3), np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    return tmp_path, pixels


def test_edges_are_where_a_square_ends():
    square = np.zeros((9, 9, 1), np.uint8)
    square[3:7, 3:7] = 200
    found = make_pairs.edges(square, 100.0) == 255
    expected = np.zeros((9, 9), bool)
    expected[2:8, 2:8] = True
    expected[4:6, 4:6] = False  # two pixels within, all is even again
    # at a corner outside both differences are 200 / 4: too little
    for place in ((2, 2), (2, 7), (7, 2), (7, 7)):
        expected[place] = False
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("slope", [10, 25])
def test_the_threshold_is_of_the_change_within_two_pixels(slope):
    ramp = np.broadcast_to((slope * np.arange(8, dtype=np.uint8))[:, None, None], (8, 5, 1))
    for image in (ramp, ramp.swapaxes(0, 1), np.repeat(ramp, 3, axis=2)):
        found = make_pairs.edges(image, 2 * slope - 1.0)[1:-1, 1:-1]
        axis = image.shape.index(8)
        inner = found if axis == 0 else found.T
        assert inner[:, 1].all()
        assert not make_pairs.edges(image, 2 * slope + 1.0).any()


def test_grey_is_luma(photos):
    # full range, where the metrics' luma has 16 to 235
    expected = (np.asarray(luma(photos[1][0])) - 16) * 255 / 219
    np.testing.assert_allclose(make_pairs.grey(photos[1][0]), expected[..., 0], atol=1.0)


@pytest.mark.parametrize("kind", ["edges", "grey"])
def test_pairs_have_the_same_names_and_are_data(kind, photos, tmp_path, capsys):
    folder, pixels = photos
    out = tmp_path / "made" / kind
    make_pairs.main([kind, f"folder:{folder}", str(out), "--num", "3"])
    spec = capsys.readouterr().out.split("--data ")[1].strip()
    assert spec == f"pairs:{out / 'source'},{out / 'target'}"
    found = data.load(spec)
    assert found.x.shape == (3, 6, 9, 6)
    make = make_pairs.grey if kind == "grey" else lambda image: make_pairs.edges(image, 96.0)
    for pair, image in zip(found.x, pixels[[0, 2, 4]], strict=True):  # evenly spread
        np.testing.assert_array_equal(pair[..., :3], image)
        np.testing.assert_array_equal(pair[..., 3:], np.repeat(make(image)[..., None], 3, axis=2))
    assert found.x[..., 3:].std() > 0


@pytest.mark.slow
def test_data_of_another_range_are_brought_to_that_of_files(tmp_path):
    make_pairs.main(["edges", "digits", str(tmp_path), "--num", "1797"])
    pairs, digits = (data.load(s) for s in (f"pairs:{tmp_path}/source,{tmp_path}/target", "digits"))
    np.testing.assert_allclose(pairs.x[..., :1], digits.x * 255 / 16, atol=0.51)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("grey", "digits"), ValueError, "grey needs images in colour, these are grey already"),
        (("edges", "spiral"), ValueError, r"spiral holds samples of shape \(2,\), no images"),
        (("edges", "digits", "--num", "0"), ValueError, "--num must be 1 to 1797, .* got 0"),
        (("edges", "digits", "--num", "1798"), ValueError, "--num must be 1 to 1797"),
        (("edges", "digits", "--threshold", "255"), ValueError, "--threshold must be 0 or more"),
        (("edges", "folder:no/such"), FileNotFoundError, "there is no directory no/such"),
    ],
)
def test_what_makes_no_pairs_is_named_and_writes_nothing(arguments, error, text, tmp_path):
    kind, spec, *options = arguments
    with pytest.raises(error, match=text):
        make_pairs.main([kind, spec, str(tmp_path / "out"), *options])
    assert not (tmp_path / "out").exists()


def test_folders_that_are_there_are_left_alone(tmp_path):
    (tmp_path / "target").mkdir()
    with pytest.raises(FileExistsError, match="target is there already: give another OUT"):
        make_pairs.main(["edges", "digits", str(tmp_path), "--num", "2"])
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
