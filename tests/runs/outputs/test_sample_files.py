"""Samples as one image, as an image each, and as videos."""

import dataclasses
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from outputs import untrained
from PIL import Image

from jaxgan import data, latents
from jaxgan.runs.outputs import sample_files, video
from jaxgan.runs.outputs.sample_files import wanted_num, write_samples
from jaxgan.runs.outputs.samples import draw_samples
from jaxgan.runs.outputs.video import VideoOptions, walk, write_video
from jaxgan.training.sampling import Drawn

NAMES = ("cat", "a/b", "dog")


@pytest.fixture(scope="module")
def plain():
    return untrained("digits")


@pytest.fixture(scope="module")
def conditional():
    return untrained("cgan", class_names=NAMES)


# --- An image each


def test_a_folder_of_samples_is_read_as_the_samples(plain, tmp_path):
    x = draw_samples(plain, 12, 0)
    write_samples(Drawn(x), plain, tmp_path / "out")
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == [f"{i:02}.png" for i in range(12)]
    found = data.load(f"folder:{tmp_path}/out")
    np.testing.assert_array_equal(found.x, np.rint(x * (255 / 16)).astype(np.uint8))


def test_a_folder_of_samples_of_classes_has_a_folder_for_each(conditional, tmp_path):
    labels = np.array([0, 0, 1, 1, 2, 2], np.int32)
    x = draw_samples(conditional, 6, 0, labels)
    write_samples(Drawn(x), conditional, tmp_path / "out", labels)
    found = data.load(f"folder:{tmp_path}/out")
    assert found.class_names == ("1", "cat", "dog")  # no folder can be called a/b
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]
    whole = np.rint(x * (255 / 16)).astype(np.uint8)
    np.testing.assert_array_equal(found.x, whole[[2, 3, 0, 1, 4, 5]])


def test_samples_of_sixteen_bits_are_written_with_them(tmp_path):
    generator = untrained("digits", high=65535.0)
    x = draw_samples(generator, 2, 0)
    write_samples(Drawn(x), generator, tmp_path / "out")
    np.testing.assert_array_equal(data.load(f"folder:{tmp_path}/out").x, np.rint(x))


def test_transparent_samples_keep_their_opacity(tmp_path):
    generator = untrained("dcgan", (8, 8, 4), high=255.0)
    x = draw_samples(generator, 2, 0)
    write_samples(Drawn(x), generator, tmp_path / "out")
    found = data.load(f"folder:{tmp_path}/out@alpha")
    np.testing.assert_array_equal(found.x, np.rint(x).astype(np.uint8))


def test_a_folder_that_holds_files_is_left_alone(plain, tmp_path):
    (tmp_path / "x.png").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="exists: give a new folder"):
        write_samples(Drawn(draw_samples(plain, 2, 0)), plain, tmp_path)
    assert (tmp_path / "x.png").read_bytes() == b"mine"


def test_an_interrupted_folder_is_not_there(plain, tmp_path, monkeypatch):
    def full(self, path):
        raise OSError("the disk is full")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match=r"samples cannot be written to .*: the disk is full"):
        write_samples(Drawn(draw_samples(plain, 2, 0)), plain, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_image_has_no_folder(tmp_path):
    ring = untrained("ring", (2,))
    with pytest.raises(ValueError, match=r"are no images: use a \.npz file"):
        sample_files.check_writable(ring, tmp_path / "out")


# --- Grids


def test_a_grid_has_its_rows_and_columns(plain, tmp_path):
    num = wanted_num(plain, Path("x.png"), None, (2, 5), None)
    assert num == 10
    x = draw_samples(plain, num, 0)
    write_samples(Drawn(x), plain, tmp_path / "x.png", columns=5)
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == (5 * 60 + 4, 2 * 60 + 4)


@pytest.mark.parametrize("text", ["3", "0x4", "4x", "axb", "2x3x4"])
def test_a_grid_must_be_rows_and_columns(text):
    with pytest.raises(ValueError, match="--grid must be ROWSxCOLUMNS, such as 4x8"):
        sample_files.parsed_grid(text)


def test_a_grid_is_for_images_of_as_many_samples(plain):
    with pytest.raises(ValueError, match="--grid 2x5 shows 10 samples, got --num 9"):
        wanted_num(plain, Path("x.png"), 9, (2, 5), None)
    with pytest.raises(ValueError, match=r"--grid is the layout of a \.png file"):
        wanted_num(plain, Path("x.npz"), None, (2, 5), None)


# --- Videos


def test_a_walk_is_closed_goes_through_the_latents_and_keeps_their_length(plain):
    turn = np.arange(16) / 16
    path = walk(plain, 0, 3, turn)
    assert path.shape[:2] == (16, 3)
    corners = path[::4]
    np.testing.assert_allclose(
        walk(plain, 0, 3, turn + 0.25), jnp.roll(path, -4, axis=0), atol=1e-5
    )
    assert len(np.unique(np.asarray(corners[:, 0, 0]))) == 4
    # half-way, cos = sin = sqrt(1/2): the variance of independent normal latents is kept
    halfway = (corners[0] + corners[1]) / np.sqrt(2)
    np.testing.assert_allclose(path[2], halfway, atol=1e-5)


def test_bounded_latents_walk_in_straight_lines(plain):
    gan = dataclasses.replace(plain.gan, latent=latents.uniform(4))
    path = walk(plain._replace(gan=gan), 0, 2, np.arange(16) / 16)
    np.testing.assert_allclose(path[2], (path[0] + path[4]) / 2, atol=1e-6)


def frames_of(file):
    with Image.open(file) as image:
        durations, frames = [], []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])  # known once the frame is read
        return frames, durations


def test_a_webp_video_holds_the_frames_to_the_bit(plain, tmp_path, monkeypatch):
    shown, grid = [], video.plots.sample_grid
    monkeypatch.setattr(
        video.plots, "sample_grid", lambda *given: shown.append(grid(*given)) or shown[-1]
    )
    options = VideoOptions(grid=(2, 3), seconds=0.5, fps=20)
    assert write_video(plain, tmp_path / "x.webp", options) == 10
    frames, durations = frames_of(tmp_path / "x.webp")
    np.testing.assert_array_equal(frames, shown)
    assert frames[0].shape == (2 * 60 + 4, 3 * 60 + 4, 3)
    assert durations == [50] * 10


def test_a_gif_repeats_for_ever(plain, tmp_path):
    write_video(plain, tmp_path / "x.gif", VideoOptions(grid=(1, 2), seconds=0.4, fps=20))
    with Image.open(tmp_path / "x.gif") as image:
        assert (image.n_frames, image.info["loop"], image.info["duration"]) == (8, 0, 50)


def test_an_mp4_video_holds_the_frames(plain, tmp_path):
    av = pytest.importorskip("av")
    options = VideoOptions(grid=(1, 1), seconds=0.5, fps=10)
    write_video(plain, tmp_path / "x.mp4", options)
    write_video(plain, tmp_path / "x.webp", options)
    with av.open(str(tmp_path / "x.mp4")) as container:
        assert container.streams.video[0].average_rate == 10
        frames = [each.to_ndarray(format="rgb24") for each in container.decode(video=0)]
    wanted, _ = frames_of(tmp_path / "x.webp")
    assert len(frames) == 5
    assert np.abs(np.array(frames, float) - np.array(wanted, float)).mean() < 4


def test_truncation_goes_from_the_whole_to_the_average_and_back(tmp_path, monkeypatch):
    generator = untrained("stylegan2-small", width=4, latent_size=6)
    shown, grid = [], video.plots.sample_grid
    monkeypatch.setattr(
        video.plots, "sample_grid", lambda x, *given: shown.append(x) or grid(x, *given)
    )
    options = VideoOptions("truncation", (1, 4), seconds=0.4, fps=20)
    write_video(generator, tmp_path / "x.webp", options)
    spreads = [float(x.std(axis=0).max()) for x in shown]
    np.testing.assert_allclose(shown[1], shown[7], atol=1e-3)
    assert spreads[4] < 1e-3 < spreads[2] < spreads[0]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("x.avi", VideoOptions(), r"--out must end in \.gif, \.webp, \.mp4"),
        ("x.gif", VideoOptions("truncation"), "the recipe digits has no truncation"),
        ("x.gif", VideoOptions(seconds=0.0), "seconds must be positive"),
        ("x.gif", VideoOptions(fps=0), "fps must be"),
    ],
)
def test_a_video_that_cannot_be_is_refused(plain, tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        write_video(plain, tmp_path / name, options)


def test_an_mp4_video_without_its_package_says_what_to_install(plain, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"pip install 'jaxgan\[video\]', or choose \.gif"):
        write_video(plain, tmp_path / "x.mp4")
