import numpy as np
import pytest
from outputs import described
from PIL import Image

from jaxgan import plots
from jaxgan.environment import environment
from jaxgan.recipes import recipe_gan
from jaxgan.runs.outputs.sample_files import write_samples
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.training.sampling import Drawn


def images(num, size=4):
    return np.random.default_rng(0).uniform(size=(num, size, size, 1)).astype(np.float32)


# ---- grids of images ----


def test_row_labels_leave_the_grid_as_it_is_and_stand_left_of_it():
    plain = plots.sample_grid(images(6), 0.0, 1.0, columns=2)
    labelled = plots.sample_grid(images(6), 0.0, 1.0, columns=2, row_labels=["0", "1", "many"])
    width = labelled.shape[1] - plain.shape[1]
    assert width > 16
    np.testing.assert_array_equal(labelled[:, width:], plain)
    margin = labelled[:, :width]
    written = (margin != 60).any(axis=(1, 2))
    for row in range(3):  # tiles of 56, gaps of 4: each text in the middle of its row
        top = 4 + 60 * row
        lines = np.flatnonzero(written[top : top + 56])
        assert len(lines) >= 8
        assert abs((lines[0] + lines[-1]) / 2 - 28) <= 4


def test_wider_row_labels_get_a_wider_margin():
    narrow, wide = (
        plots.sample_grid(images(1), 0.0, 1.0, row_labels=[text]) for text in ("0", "ankle boot")
    )
    assert wide.shape[1] > narrow.shape[1] + 40
    assert (wide[:, 0] == 60).all()  # the text is not cut off


@pytest.mark.parametrize("grid", [plots.sample_grid, plots.waveform_grid])
def test_row_labels_of_another_number_are_named(grid):
    samples = images(6) if grid is plots.sample_grid else images(6)[..., 0]
    with pytest.raises(ValueError, match="row_labels must hold one text per row, 3, got 2"):
        grid(samples, 0.0, 1.0, columns=2, row_labels=["a", "b"])


def test_a_chequerboard_shows_through_transparent_pixels():
    x = np.zeros((1, 64, 64, 4), np.float32)
    x[..., 0] = 1.0  # red, left half opaque, right half transparent
    x[:, :, :32, 3] = 1.0
    tile = plots.sample_grid(x, 0.0, 1.0)[4:68, 4:68]
    assert (tile[:, :32] == (255, 0, 0)).all()
    shades, counts = np.unique(tile[:, 32:].reshape(-1, 3), axis=0, return_counts=True)
    assert shades.tolist() == [[153] * 3, [204] * 3]
    assert counts.tolist() == [1024, 1024]


# ---- waveforms ----


def test_waveforms_are_of_rank_two():
    assert plots.is_waveform((256, 1))
    assert plots.is_waveform((256, 2))
    assert not plots.is_waveform((2,))
    assert not plots.is_waveform((8, 8, 1))


def drawn(figure):
    """Lines [n, length, 2] of each channel."""
    (axes,) = figure.axes
    lines = [c for c in axes.collections if any(len(line) > 2 for line in c.get_segments())]
    return [np.stack(c.get_segments()) for c in lines], [c.get_color()[0] for c in lines]


def test_each_waveform_fills_its_own_panel_from_low_to_high():
    x = np.stack([np.linspace(-2.0, 2.0, 5)] * 5)[..., None]
    figure = plots.waveform_grid(x, -2.0, 2.0, columns=2)
    ((lines,), _) = drawn(figure)
    assert lines.shape == (5, 5, 2)
    for i, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]):
        np.testing.assert_allclose(lines[i, :, 0], column + np.linspace(0.05, 0.95, 5))
        np.testing.assert_allclose(lines[i, :, 1], row + np.linspace(0.95, 0.05, 5), rtol=1e-6)
    (axes,) = figure.axes
    assert axes.get_ylim() == (3, 0)  # rows count downwards, so high is up
    assert axes.get_xlabel() == "5 values per waveform, vertical range -2 to 2"


def test_values_beyond_the_range_stay_in_their_panel():
    ((lines,), _) = drawn(plots.waveform_grid(np.array([[[-9.0], [0.0], [9.0]]]), -1.0, 1.0))
    np.testing.assert_allclose(lines[0, :, 1], [0.95, 0.5, 0.05], rtol=1e-5)


def test_channels_differ_in_colour():
    x = np.zeros((4, 8, 3))
    lines, colours = drawn(plots.waveform_grid(x, -1.0, 1.0))
    assert len(lines) == 3
    assert len({tuple(colour) for colour in colours}) == 3


def test_rows_of_waveforms_bear_their_labels():
    figure = plots.waveform_grid(np.zeros((4, 8, 1)), -1, 1, columns=2, row_labels=["low", "high"])
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["low", "high"]
    np.testing.assert_allclose(axes.get_yticks(), [0.5, 1.5])


def test_waveforms_that_are_not_finite_are_drawn_without_a_complaint():
    x = np.full((2, 16, 1), np.nan)
    x[1, :4] = np.inf
    assert plots.rendered(plots.waveform_grid(x, -1.0, 1.0)).shape[2] == 3


def test_a_grid_of_other_samples_is_rejected():
    with pytest.raises(ValueError, match=r"waveforms \[n, length, channels\]"):
        plots.waveform_grid(images(4), 0.0, 1.0)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (None, None)])
def test_samples_of_a_waveform_run_are_drawn_as_an_image(tmp_path, low, high):
    data = DataFacts((32, 2), 9, None, low, high, fingerprint="")
    config = Config(options_from_recipe("waves"), gan="", data=data, **environment())
    gan = recipe_gan("waves", data.shape, None)
    x = np.random.default_rng(0).uniform(-1, 1, (9, 32, 2)).astype(np.float32)
    write_samples(Drawn(x), described(config)._replace(gan=gan), tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert min(image.size) > 100
        assert len(np.unique(np.asarray(image))) > 10


# ---- points ----


def test_classes_of_points_differ_in_colour():
    points = np.random.default_rng(0).normal(size=(30, 2))
    labels = np.repeat([0, 3, 1], 10)
    figure = plots.scatter_over_density(points, labels=labels)
    (axes,) = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "class 0",
        "class 1",
        "class 3",
    ]
    for group, label in zip(axes.collections, (0, 1, 3), strict=True):
        np.testing.assert_allclose(group.get_offsets(), points[labels == label])
    assert len({tuple(group.get_facecolor()[0]) for group in axes.collections}) == 3


# ---- curves ----


def curves(rows):
    return {line.get_label(): line for line in plots.training_curves(rows).axes[0].lines}


def test_the_value_of_a_critic_is_drawn_beside_its_losses():
    rows = [{"step": i, "discriminator_loss": -1.0, "value": 3.0 * i} for i in range(1, 11)]
    line = curves(rows)["value (minus adversarial loss)"]
    np.testing.assert_array_equal(line.get_ydata(), 3.0 * np.arange(1, 11))


def test_a_discriminator_with_accuracy_is_drawn_without_its_value():
    rows = [{"step": i, "value": 1.0, "accuracy_real": 0.5} for i in range(1, 11)]
    rows[0].pop("accuracy_real")  # a row of a generator update
    assert "value (minus adversarial loss)" not in curves(rows)
