"""Figures of a report: every metric once, means and thinning by hand, axes that hold the values."""

import json

import numpy as np
import pytest

from jaxgan.runs.outputs.report.curves import COLOURS, PANELS, POINTS, evenly, extremes, figures


def rows_of(**metrics):
    count = len(next(iter(metrics.values())))
    return [
        {"round": i + 1, "step": i + 1} | {name: values[i] for name, values in metrics.items()}
        for i in range(count)
    ]


def traces(found):
    return [trace for figure in found for trace in figure["data"]]


def bold(found):
    return [trace for trace in traces(found) if trace.get("showlegend", True)]


def test_every_metric_has_one_curve():
    names = ["discriminator_loss", "accuracy_real", "penalty_r1", "fd_vgg16@2k", "my_own.*"]
    found = figures(rows_of(**{name: [1.0, 2.0] for name in names}))
    assert sorted(trace["legendgroup"] for trace in traces(found)) == sorted(names)
    assert [figure["title"] for figure in found][-2:] == ["fd_vgg16@2k", "my_own.*"]


def test_metrics_without_a_number_have_no_curve():
    rows = rows_of(value=[None, None], diversity=[float("nan"), 1.0], generator_loss=["1", True])
    (only,) = traces(figures(rows))
    assert (only["name"], only["x"], only["y"]) == ("diversity", [2], [1.0])
    assert figures([]) == []


def test_the_bold_curve_is_the_mean_of_the_last_values():
    values = [float(i**2) for i in range(40)]  # a twentieth: 2 values
    (mean,) = bold(figures(rows_of(value=values)))
    assert mean["x"] == list(range(2, 41))
    assert mean["y"] == pytest.approx([(i**2 + (i + 1) ** 2) / 2 for i in range(39)], rel=1e-4)


@pytest.mark.parametrize(("low", "kind"), [(1e-4, "log"), (0.0, None)])
def test_norms_are_on_a_logarithmic_axis_where_all_can_be_shown(low, kind):
    (figure,) = figures(rows_of(generator_grad_norm=[1.0, low]))
    assert figure["layout"]["yaxis"].get("type") == kind


def test_all_figures_have_one_axis_of_updates():
    rows = [*rows_of(value=[1.0, 2.0]), {"round": 9, "step": 9, "diversity": 1.0}]
    ranges = [figure["layout"]["xaxis"]["range"] for figure in figures(rows)]
    assert ranges == [[0, 9], [0, 9]]


def test_real_is_blue_and_fake_is_orange():
    found = figures(rows_of(**{f"accuracy_{kind}": [0.5] for kind in ("fake", "pairs", "real")}))
    colours = {trace["name"]: trace["line"]["color"] for trace in traces(found)}
    assert (colours["real"], colours["fake"]) == COLOURS[:2]


def test_only_panels_of_several_curves_have_a_legend():
    found = figures(rows_of(diversity=[0.5], accuracy_real=[0.5], accuracy_fake=[0.5]))
    assert {figure["title"]: figure["layout"]["showlegend"] for figure in found} == {
        "Discriminator accuracy": True,
        "Sample diversity": False,
    }


def test_a_long_curve_is_thinned_and_keeps_its_peaks():
    values = np.random.default_rng(0).normal(size=50_000)
    values[31_234] = 100.0
    found = figures(rows_of(value=values.tolist()))
    assert all(len(trace["x"]) <= POINTS for trace in traces(found))
    raw = traces(found)[0]
    assert raw["y"][raw["x"].index(31_235)] == 100.0
    assert len(json.dumps(found)) < 120_000


def test_extremes_are_in_order_and_in_each_piece():
    values = np.random.default_rng(0).normal(size=1000)
    steps, kept = extremes(np.arange(1000), values, most=100)
    assert len(steps) == 100
    assert np.all(np.diff(steps) > 0)
    np.testing.assert_array_equal(kept, values[steps])
    pieces = values.reshape(50, 20)
    np.testing.assert_array_equal(kept.reshape(50, 2).max(axis=1), pieces.max(axis=1))
    np.testing.assert_array_equal(kept.reshape(50, 2).min(axis=1), pieces.min(axis=1))


@pytest.mark.parametrize(("count", "most"), [(0, 5), (1, 5), (5, 5), (61, 60), (10_000, 60)])
def test_even_choices_are_distinct_and_have_both_ends(count, most):
    chosen = evenly(count, most)
    assert len(set(chosen.tolist())) == min(count, most)
    assert count == 0 or (chosen[0], chosen[-1]) == (0, count - 1)


def test_panels_say_what_their_axes_are():
    assert all(panel.title and panel.y for panel in PANELS)
