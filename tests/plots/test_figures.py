"""Figures are tested by what they draw: the data of their lines, points, arrows and meshes."""

import errno
import json

import numpy as np
import pytest
from arrays import rng
from matplotlib import pyplot
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver
from PIL import Image

from jaxgan import data, losses, plots

PAIRS = {
    name: getattr(losses, name)
    for name in ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein")
}
SURE, UNSURE = 1 / (1 + np.exp(-4)), 0.5  # sigmoid(4), sigmoid(0)


def parts(axes, kind):
    return [child for child in axes.get_children() if isinstance(child, kind)]


def line(axes, label):
    (found,) = (each for each in axes.lines if label in each.get_label().split(" = "))
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


# ---- losses and their gradients ----

# By hand, at the logits -4, 0, 4: -sigmoid(l) of log(1 - D), -sigmoid(-l) of -log D, l - 1 of
# (l - 1)^2 / 2, and -1 of -l.
GRADIENTS = {
    "minimax": [-(1 - SURE), -UNSURE, -SURE],
    "non_saturating": [-SURE, -UNSURE, -(1 - SURE)],
    "least_squares": [-5.0, -1.0, 3.0],
    "hinge": [-1.0, -1.0, -1.0],
    "wasserstein": [-1.0, -1.0, -1.0],
}
VALUES = {
    "minimax": [np.log(SURE), np.log(0.5), np.log(1 - SURE)],
    "non_saturating": [-np.log(1 - SURE), -np.log(0.5), -np.log(SURE)],
    "least_squares": [12.5, 0.5, 4.5],
    "hinge": [4.0, 0.0, -4.0],
    "wasserstein": [4.0, 0.0, -4.0],
}


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", PAIRS)
def test_generator_curves_are_those_worked_by_hand(name):
    values, gradients = plots.generator_curve(PAIRS[name], np.array([-4.0, 0.0, 4.0]))
    np.testing.assert_allclose(values, VALUES[name], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(gradients, GRADIENTS[name], rtol=1e-5, atol=1e-7)


def test_minimax_vanishes_where_the_discriminator_is_sure_and_non_saturating_does_not():
    logits = np.array([-4.0, 0.0, 4.0])
    for loss, expected in (
        (losses.minimax, [-0.018, -0.5, -0.982]),
        (losses.non_saturating, [-0.982, -0.5, -0.018]),
    ):
        _, gradients = plots.generator_curve(loss, logits)
        np.testing.assert_allclose(gradients, expected, atol=5e-4)


@pytest.mark.slow
def test_relativistic_curves_shift_with_the_real_logit():
    values, gradients = plots.generator_curve(losses.relativistic, np.array([2.0, 6.0]), 2.0)
    np.testing.assert_allclose(values, [np.log(2), -np.log(SURE)], rtol=1e-5)
    np.testing.assert_allclose(gradients, [-0.5, -(1 - SURE)], rtol=1e-5)


@pytest.mark.slow
def test_discriminator_curves_of_either_side_are_those_worked_by_hand():
    logits = np.array([-4.0, 0.0, 4.0])
    real, fake = plots.discriminator_curves(losses.minimax, logits)
    np.testing.assert_allclose(real[0], np.log(2) - np.log([1 - SURE, 0.5, SURE]), rtol=1e-5)
    np.testing.assert_allclose(real[1], [-SURE, -0.5, -(1 - SURE)], rtol=1e-5)
    np.testing.assert_allclose(fake[0], real[0][::-1], rtol=1e-5)
    np.testing.assert_allclose(fake[1], [1 - SURE, 0.5, SURE], rtol=1e-5)
    _, (values, _) = plots.discriminator_curves(losses.hinge, logits, other_logit=-1.0)
    np.testing.assert_allclose(values, [2.0, 3.0, 7.0])


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", PAIRS)
def test_loss_gradients_draws_the_values_worked_by_hand(name):
    figure = plots.loss_gradients(PAIRS)
    for row, expected in enumerate((VALUES[name], GRADIENTS[name])):
        over_logit, over_chance = figure.axes[2 * row : 2 * row + 2]
        x, y = line(over_logit, name)
        places = [int(np.abs(x - logit).argmin()) for logit in (-4.0, 0.0, 4.0)]
        np.testing.assert_allclose(y[places], expected, rtol=1e-4, atol=1e-6)
        chance, same = line(over_chance, name)
        np.testing.assert_allclose(chance[places], [1 - SURE, UNSURE, SURE], rtol=1e-6)
        np.testing.assert_array_equal(same, y)


@pytest.mark.slow
def test_discriminator_losses_draws_the_values_worked_by_hand():
    real, fake = plots.discriminator_losses(PAIRS).axes
    for axes, at_four in ((real, -np.log(SURE)), (fake, -np.log(1 - SURE))):
        x, y = line(axes, "minimax")
        np.testing.assert_allclose(y[np.abs(x - 4.0).argmin()], at_four + np.log(2), rtol=1e-4)


def test_lines_differ_in_colour_and_in_dashes():
    lines = [
        each for each in plots.loss_gradients(PAIRS).axes[0].lines if each.get_label()[0] != "_"
    ]
    names = [each.get_label() for each in lines]
    assert names == ["minimax", "non_saturating", "least_squares", "hinge = wasserstein"]
    assert len({each.get_color() for each in lines}) == len(lines)
    assert len({str(each._dash_pattern) for each in lines}) == len(lines)


def test_lines_are_drawn_over_one_abscissa():
    x, y = np.arange(5), np.arange(5) ** 2
    (axes,) = plots.lines(x, {"square": y, "cube": x**3}, "x", "power").axes
    np.testing.assert_array_equal(np.stack(line(axes, "square")), [x, y])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "power")


# ---- the plane ----

LIMITS = ((-2.0, 2.0), (-1.0, 3.0))


def test_landscapes_show_each_critic_at_its_place():
    critics = {"slope": lambda x: x[:, 0] + 10 * x[:, 1], "hill": lambda x: 1 - (x**2).sum(1)}
    real, fake = np.ones((3, 2)), np.zeros((4, 2))
    figure = plots.landscapes(critics, *LIMITS, real, fake)
    slope, hill = (axes for axes in figure.axes if axes.get_title())
    assert (slope.get_title(), hill.get_title()) == ("slope", "hill")
    (mesh,) = parts(slope, QuadMesh)
    values = mesh.get_array().reshape(121, 121)
    np.testing.assert_allclose(values[0, 0], -2 - 10)  # lower left
    np.testing.assert_allclose(values[0, -1], 2 - 10)  # lower right
    np.testing.assert_allclose(values[-1, 0], -2 + 30)  # upper left
    points = {each.get_label(): each.get_offsets() for each in parts(hill, PathCollection)}
    np.testing.assert_array_equal(points["real"], real)
    np.testing.assert_array_equal(points["generated"], fake)
    bars = [axes.get_xlabel() for axes in figure.axes if not axes.get_title()]
    assert bars == ["logit of x"] * 2


def threshold(axes):
    """The points of the thick contour."""
    (thick,) = (each for each in axes.collections if len(getattr(each, "levels", [])) == 1)
    return np.concatenate([path.vertices for path in thick.get_paths()])


def test_the_thick_line_is_where_the_critic_is_undecided():
    figure = plots.landscapes({"": lambda x: 1 - (x**2).sum(1)}, (-2, 2), (-2, 2))
    np.testing.assert_allclose(np.hypot(*threshold(figure.axes[0]).T), 1.0, atol=1e-3)
    half = plots.landscapes(
        {"": lambda x: 1 / (1 + np.exp(-x[:, 0]))}, (-2, 2), (-2, 2), probability=True
    )
    np.testing.assert_allclose(threshold(half.axes[0])[:, 0], 0.0, atol=1e-6)
    assert half.axes[1].get_xlabel() == "probability D(x)"


def test_a_constant_critic_has_a_landscape_too():
    plots.rendered(plots.landscapes({"": lambda x: np.ones(len(x))}, (-2, 2), (-2, 2)))


def test_a_critic_that_returns_something_else_is_named():
    with pytest.raises(
        ValueError, match=r"one number per point, \[14641\], got shape \(14641, 1\)"
    ):
        plots.landscapes({"": lambda x: x[:, :1]}, (-2, 2), (-2, 2))
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.landscapes({}, (-2, 2), (-2, 2))


def arrows(axes):
    """Starts [n, 2] and drawn displacements [n, 2]."""
    (quiver,) = parts(axes, Quiver)
    return np.stack([quiver.X, quiver.Y], 1), np.stack([quiver.U, quiver.V], 1) / quiver.scale


def test_arrows_of_all_panels_share_a_scale_unless_normalised():
    points = rng().normal(size=(9, 2))
    fields = {"weak": (points, 0.01 * np.ones((9, 2))), "strong": (points, np.ones((9, 2)))}
    for normalised, ratio in ((False, 0.01), (True, 1.0)):
        weak, strong = plots.gradient_fields(fields, normalised=normalised).axes
        np.testing.assert_allclose(arrows(weak)[0], points)
        np.testing.assert_allclose(arrows(weak)[1] / arrows(strong)[1], ratio)
        assert weak.get_title() == "weak\nlargest gradient 0.014"


@pytest.mark.slow
def test_a_field_that_is_zero_everywhere_is_drawn():
    plots.rendered(plots.gradient_fields({"": (np.ones((3, 2)), np.zeros((3, 2)))}))


def test_points_and_directions_of_other_shapes_are_named():
    with pytest.raises(ValueError, match=r"fields\['a'\] must be points and directions \[n, 2\]"):
        plots.gradient_fields({"a": (np.ones((3, 2)), np.ones((2, 2)))})


def test_matching_warps_the_grid_and_shows_the_density_per_unit_area():
    noise = rng().normal(size=(4000, 2))
    figure = plots.matching(
        lambda z: 0.5 * z + np.array([[1.0, 0.0]], np.float32),
        lambda x: x[:, 0],
        rng().normal(size=(500, 2)),
        ((-1.0, 5.0), (-3.0, 3.0)),
        noise=noise,
    )
    warped, discriminator, density = (axes for axes in figure.axes if axes.get_title())
    of_z2, of_z1 = parts(warped, LineCollection)
    for drawn, fixed in ((of_z1, 0), (of_z2, 1)):
        for segment, level in zip(drawn.get_segments(), drawn.get_array(), strict=True):
            np.testing.assert_allclose(segment[:, fixed], 0.5 * level + (1 - fixed), atol=1e-5)
    np.testing.assert_allclose(threshold(discriminator)[:, 0], 0.0, atol=1e-6)
    values = parts(density, QuadMesh)[0].get_array()
    np.testing.assert_allclose(values.sum() * 0.06**2, 1.0, atol=0.01)  # all samples are inside
    y, x = np.unravel_index(values.argmax(), (100, 100))
    assert abs(-1 + 0.06 * x - 1.0) < 0.4  # the peak is where the samples are, at (1, 0)
    assert abs(-3 + 0.06 * y) < 0.4


# ---- games ----


def turning(state):
    return np.array([[0.0, 1.0], [-1.0, 0.0]]) @ state


def test_portrait_draws_field_paths_and_both_ends():
    path = rng().uniform(-1, 1, size=(30, 2))
    (axes,) = plots.phase_portrait(turning, (-2.0, 2.0), {"path": path}).axes
    starts, directions = arrows(axes)
    lengths = np.hypot(*directions.T)
    moving = lengths > 0
    np.testing.assert_allclose(lengths[moving], lengths.max(), rtol=1e-5)
    np.testing.assert_allclose((starts * directions).sum(1), 0.0, atol=1e-6)  # it turns
    assert (starts[:, 1] * directions[:, 0] >= 0).all()  # clockwise
    np.testing.assert_array_equal(np.stack(line(axes, "path"), 1), path)
    np.testing.assert_array_equal(np.concatenate(line(axes, "start")), path[0])
    np.testing.assert_array_equal(np.concatenate(line(axes, "end")), path[-1])
    assert axes.get_xlabel() == r"$\theta$, generator"


def test_a_path_that_leaves_the_axes_is_named():
    paths = {"in": np.zeros((2, 2)), "out": np.array([[0.0, 0.0], [0.0, -3.0]])}
    (axes,) = plots.phase_portrait(turning, (-2.0, 2.0), paths).axes
    assert [text.get_text() for text in axes.texts] == ["out: leaves the axes"]


def test_radii_are_distances_to_the_equilibrium():
    (axes,) = plots.radii({"a": np.array([[3.0, 4.0], [1.0, 0.0]])}).axes
    np.testing.assert_allclose(line(axes, "a")[1], [5.0, 1.0])
    assert axes.get_yscale() == "log"
    (axes,) = plots.radii({"a": np.array([[3.0, 4.0]])}, (0.0, 4.0)).axes
    np.testing.assert_allclose(line(axes, "a")[1], [3.0])


@pytest.mark.parametrize("discrete", [False, True])
def test_eigenvalues_stand_at_their_real_and_imaginary_parts(discrete):
    values = {"a": np.array([0.5 + 0.3j, 0.5 - 0.3j])}
    (axes,) = plots.eigenvalues(values, discrete).axes
    (points,) = parts(axes, PathCollection)
    np.testing.assert_allclose(points.get_offsets(), [[0.5, 0.3], [0.5, -0.3]])
    assert ("unit circle" in axes.get_title()) == discrete


# ---- samples, modes, runs ----


def test_samples_and_strips_show_the_grid_of_their_images():
    images = rng().uniform(size=(6, 4, 4, 1))
    figure = plots.samples(images, 0.0, 1.0, 3, title="digits")
    np.testing.assert_array_equal(
        figure.axes[0].images[0].get_array(), plots.sample_grid(images, 0.0, 1.0, 3)
    )
    assert figure.axes[0].get_title() == "digits"
    strip = plots.interpolation_strip(images.reshape(2, 3, 4, 4, 1), 0.0, 1.0)
    np.testing.assert_array_equal(
        strip.axes[0].images[0].get_array(), figure.axes[0].images[0].get_array()
    )
    with pytest.raises(ValueError, match="images must have shape"):
        plots.interpolation_strip(images, 0.0, 1.0)


def test_mode_coverage_tells_good_samples_and_missed_modes():
    centres = data.RING8_CENTRES
    kept = np.array([0, 1, 1, 4])
    stray = np.array([[0.1, 0.1], [1.035, 0.0]])  # the second is 3.5 std from mode 0
    figure = plots.mode_coverage(np.concatenate([centres[kept], stray]), centres, 0.01)
    plane, bars = figure.axes
    shown = {
        each.get_label(): np.asarray(each.get_offsets()) for each in parts(plane, PathCollection)
    }
    np.testing.assert_allclose(shown["near a centre"], centres[kept])
    np.testing.assert_allclose(shown["elsewhere"], stray)
    np.testing.assert_allclose(shown["missed mode"], centres[[2, 3, 5, 6, 7]])
    assert [bar.get_height() for bar in bars.patches] == [1, 2, 0, 0, 1, 0, 0, 0]
    np.testing.assert_allclose(line(bars, "uniform")[1], 6 / 8)
    assert plane.get_title() == "3 of 8 modes"


def test_run_curves_reads_a_run_and_leaves_out_lines_that_are_cut_off(tmp_path):
    rows = [{"round": i, "step": i, "discriminator_loss": float(i)} for i in range(1, 11)]
    text = "".join(json.dumps(row) + "\n" for row in rows) + '{"round": 11, "st'
    (tmp_path / "metrics.jsonl").write_text(text)
    x, y = line(plots.run_curves(tmp_path).axes[0], "discriminator")
    np.testing.assert_array_equal(x, np.arange(1, 11))
    np.testing.assert_array_equal(y, np.arange(1, 11))
    with pytest.raises(ValueError, match="folder must be that of a run"):
        plots.run_curves(tmp_path / "elsewhere")


def test_run_curves_leaves_out_rows_that_are_no_numbers_and_says_so(tmp_path):
    rows = [{"step": i, "discriminator_loss": float(i)} for i in (1, 2)]
    rows += [rows[-1] | {"discriminator_loss": value} for value in ("text", [1.0], 10**400, np.inf)]
    rows += [{"step": "2"}, [1, 2]]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.warns(UserWarning, match=r"skipped 6 line\(s\) of .*metrics.jsonl that hold no"):
        x, y = line(plots.run_curves(tmp_path).axes[0], "discriminator")
    np.testing.assert_array_equal(x, [1, 2])
    np.testing.assert_array_equal(y, [1, 2])


def test_metrics_without_a_finite_value_are_no_curve():
    figure = plots.training_curves({"step": np.arange(3), "diversity": np.full(3, np.nan)})
    assert figure.axes[2].lines[:-1] == []


# ---- animations ----


def frames(count, size=(20, 30)):
    return [np.full((*size, 3), 25 * i, np.uint8) for i in range(count)]


def test_an_animation_plays_its_frames_in_order_and_for_ever(tmp_path):
    path = plots.animation(frames(5), tmp_path / "a.gif", seconds=0.2)
    assert path == tmp_path / "a.gif"
    assert list(tmp_path.iterdir()) == [path]  # nothing half-written
    with Image.open(path) as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (5, (30, 20), 0)
        for i in range(5):
            film.seek(i)
            assert film.info["duration"] == 200
            assert abs(int(np.asarray(film.convert("RGB"))[0, 0, 0]) - 25 * i) <= 8


def test_an_animation_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path = plots.animation(frames(2), tmp_path / "a.gif")
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        plots.animation(frames(3), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_frames_that_make_no_animation_are_rejected(tmp_path):
    for wrong in ([], [*frames(1), *frames(1, (8, 8))]):
        with pytest.raises(ValueError, match="frames must be one or more, all of one shape"):
            plots.animation(wrong, tmp_path / "a.gif")
    with pytest.raises(ValueError, match="seconds must be at least"):
        plots.animation(frames(2), tmp_path / "a.gif", seconds=0.001)


# ---- all of them ----

POINTS = rng().normal(size=(20, 2))
CRITICS = {"a": lambda x: x[:, 0], "b": lambda x: x[:, 1]}
FIGURES = {
    "loss_gradients": lambda: plots.loss_gradients(PAIRS),
    "discriminator_losses": lambda: plots.discriminator_losses(PAIRS),
    "landscapes": lambda: plots.landscapes(CRITICS, (-2, 2), (-2, 2), POINTS, POINTS),
    "gradient_fields": lambda: plots.gradient_fields({"a": (POINTS, POINTS)}, POINTS, CRITICS),
    "matching": lambda: plots.matching(lambda z: z, CRITICS["a"], POINTS, LIMITS, "title"),
    "phase_portraits": lambda: plots.phase_portraits({"a": (turning, {"b": POINTS})}, (-2, 2)),
    "lines": lambda: plots.lines(np.arange(3), {"a": np.arange(3)}, "x", "y"),
    "radii": lambda: plots.radii({"a": POINTS}),
    "eigenvalues": lambda: plots.eigenvalues({"a": np.array([1j])}),
    "mode_coverage": lambda: plots.mode_coverage(POINTS, data.RING8_CENTRES, 0.01),
    "training_curves": lambda: plots.training_curves([{"step": 1, "diversity": 1.0}]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_name_their_axes_legibly_and_leave_pyplot_alone(name):
    figure = FIGURES[name]()
    assert type(figure) is Figure
    assert not pyplot.get_fignums()
    assert figure.get_size_inches()[0] <= 7
    assert plots.rendered(figure, 60).std() > 1
    for axes in figure.axes:
        assert axes.get_xlabel()
        texts = [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels()]
        assert min(text.get_fontsize() for text in texts) >= 8


def test_training_curves_of_a_history_are_those_of_its_rows():
    history = {"step": np.arange(1, 41), "discriminator_loss": np.linspace(2.0, 1.0, 40)}
    rows = [{name: float(values[i]) for name, values in history.items()} for i in range(40)]
    of_history, of_rows = (plots.training_curves(x).axes[0].lines for x in (history, rows))
    for one, other in zip(of_history, of_rows, strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())


def test_training_curves_of_many_rows_are_means_of_pieces_that_keep_the_end():
    history = {"step": np.arange(1500.0), "diversity": np.arange(1500.0) ** 2}
    thin = plots.training_curves(history).axes[2].lines[0].get_xydata()
    assert thin.shape == (500, 2)
    np.testing.assert_allclose(thin[-1], [1498.0, (1497**2 + 1498**2 + 1499**2) / 3])


def test_running_means_begin_and_end_with_the_run():
    history = {"step": np.arange(100.0), "diversity": np.arange(100.0)}
    mean = plots.training_curves(history).axes[2].lines[1].get_xydata()
    assert mean.shape == (100, 2)
    np.testing.assert_allclose(mean[[0, 50, -1]], [[0, 1], [50, 50], [99, 98]])  # a window of 5


def test_training_curves_leave_out_rounds_without_a_value():
    history = {"step": np.arange(4.0), "diversity": np.array([1.0, np.nan, 3.0, 4.0])}
    thin = plots.training_curves(history).axes[2].lines[0].get_xydata()
    np.testing.assert_array_equal(thin, [[0, 1], [2, 3], [3, 4]])


@pytest.mark.slow
def test_a_given_scale_makes_frames_comparable():
    def colours(critic, scale):
        figure = plots.matching(lambda z: z, critic, POINTS, LIMITS, scale=scale)
        return figure.axes[1].collections[0].norm

    own, given = (colours(lambda x: 0.1 * x[:, 0], scale) for scale in (None, 0.5))
    assert (given.vmin, given.vmax) == (-0.5, 0.5)
    assert own.vmax < 0.5


# ---- phase diagrams ----

CELLS = {
    "gamma": np.repeat([0.1, 1.0, 10.0], 4),
    "rate": np.tile([1e-3, 1e-3, 1e-2, 1e-2], 3),
    "modes": np.array([1, 3, 4, 4, 5, np.nan, 6, 6, np.nan, np.nan, 8, 8.0]),
}


def test_a_phase_diagram_shows_means_and_marks_nonfinite_members():
    axes, bar = plots.phase(CELLS, "rate", "gamma", "modes").axes
    (mesh,) = parts(axes, QuadMesh)
    means = np.ma.filled(mesh.get_array(), np.nan).reshape(3, 2)
    np.testing.assert_allclose(means, [[2, 4], [5, 6], [np.nan, 8]])
    all_lost, some_lost = (each.get_offsets().tolist() for each in parts(axes, PathCollection))
    assert (all_lost, some_lost) == ([[1e-3, 10.0]], [[1e-3, 1.0]])
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_yticklabels()] == ["0.1", "1", "10"]
    # the cells meet halfway in the logarithm
    edges = mesh.get_coordinates()
    np.testing.assert_allclose(edges[0, :, 0], [1e-3 / 10**0.5, 1e-3 * 10**0.5, 1e-2 * 10**0.5])
    assert "modes" in bar.get_ylabel()


def test_a_phase_diagram_of_numbers_that_are_not_scales_has_linear_axes():
    table = {"b1": np.array([0.0, 0.5, 0.9]), "rate": np.ones(3), "modes": np.arange(3.0)}
    axes = plots.phase(table, "b1", "rate", "modes").axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")


def test_a_phase_diagram_needs_its_columns_and_a_finite_value():
    with pytest.raises(ValueError, match="no column 'mode'; known: gamma, rate, modes"):
        plots.phase(CELLS, "rate", "gamma", "mode")
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.phase(CELLS | {"modes": np.full(12, np.nan)}, "rate", "gamma", "modes")
