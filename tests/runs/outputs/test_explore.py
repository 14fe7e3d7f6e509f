"""Pictures that explain a generator."""

import numpy as np
import pytest
from commands import invoke, succeed
from PIL import Image

from jaxgan import plots
from jaxgan.data import load
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.outputs import explore
from jaxgan.scoring.extractors import make_extractor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    succeed("train", "digits", "--steps", 2, "--out", out, "--devices", 1)
    return out


@pytest.mark.parametrize("method", ["sefa", "ganspace"])
def test_a_row_of_a_traversal_goes_through_the_same_sample(run, tmp_path, monkeypatch, method):
    shown = []
    grid = plots.sample_grid
    monkeypatch.setattr(plots, "sample_grid", lambda x, *given: shown.append(x) or grid(x, *given))
    out = tmp_path / "rows.png"
    text = succeed("traverse", run, "--out", out, "--by", method, "--num", 3).output
    assert f"3 directions by {method}, from -3 to 3" in text
    with Image.open(out) as image:
        assert image.size[0] > 9 * 8
    rows = shown[0].reshape(3, 9, 8, 8)
    np.testing.assert_allclose(rows[:, 4], np.stack([rows[0, 4]] * 3), atol=1e-4)
    assert (np.abs(rows[:, 0] - rows[:, 8]).max(axis=(1, 2)) > 0.5).all()
    assert np.abs(rows[0, 8] - rows[1, 8]).max() > 0.5


def test_the_nearest_real_samples_are_those_of_all_distances(run, tmp_path):
    out, digits = tmp_path / "near.png", load("digits")
    succeed("neighbours", run, "--out", out, "--num", 2, "--nearest", 3, "--features", "pixels")
    assert out.exists()
    generator = load_generator(run)
    found = explore.write_neighbours(generator, digits, make_extractor("pixels", digits), out, 2, 3)
    samples = explore.draw_samples(generator, 2, 0).reshape(2, 1, -1)
    distances = np.linalg.norm(samples - digits.x.reshape(1, len(digits.x), -1), axis=2)
    for row, own in zip(found, distances, strict=True):
        np.testing.assert_allclose(own[row], np.sort(own)[:3], rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("traverse", "--by", "pca"), "method must be one of sefa, ganspace, got 'pca'"),
        (("traverse", "--out", "x.jpg"), "--out must end in .png"),
        (("traverse", "--label", "3"), "the run is not conditional"),
        (("neighbours", "--nearest", "5000"), "the number of real samples, 1797"),
    ],
)
def test_mistakes_are_explained(run, tmp_path, arguments, message):
    command, *options = arguments
    out = () if "--out" in options else ("--out", tmp_path / "x.png")
    options = ("--features", "pixels", *options) if command == "neighbours" else options
    result = invoke(command, run, *out, *options)
    assert result.exit_code != 0
    assert message in str(result.exception)


def test_first_layers_are_found_by_the_length_of_the_latents():
    one, other = np.ones((4, 3)), np.ones((4, 5))
    params = {"Block_0": {"style": one}, "Block_1": {"style": other}, "Dense": np.ones((3, 4))}
    assert [kernel.shape for kernel in explore.first_kernels(params, 4)] == [(4, 3), (4, 5)]
    with pytest.raises(ValueError, match="kernels of that length are: none; use ganspace"):
        explore.first_kernels(params, 7)
    with pytest.raises(ValueError, match="Block_0/style, Block_1/style, Out"):
        explore.first_kernels(params | {"Out": one}, 4)
