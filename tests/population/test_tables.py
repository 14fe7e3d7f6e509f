"""Points, and the summary of a table, against numbers by hand."""

import numpy as np
import pytest
from scipy import stats

from jaxgan import population

TABLE = {
    "gamma": np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0]),
    "modes": np.array([4.0, 6.0, 8.0, 9.0, np.nan, np.nan, np.nan]),
}


def test_a_summary_by_hand():
    got = population.summary(TABLE, ("gamma",), "modes")
    assert got["gamma"].tolist() == [1.0, 2.0, 3.0]
    assert got["n"].tolist() == [3, 1, 0]
    assert got["nonfinite"].tolist() == [0, 2, 1]
    np.testing.assert_allclose(got["mean"], [6.0, 9.0, np.nan])
    np.testing.assert_allclose(got["median"], [6.0, 9.0, np.nan])
    low, high = stats.t.interval(0.95, 2, loc=6.0, scale=stats.sem([4.0, 6.0, 8.0]))
    np.testing.assert_allclose(got["low"], [low, np.nan, np.nan])
    np.testing.assert_allclose(got["high"], [high, np.nan, np.nan])


def test_the_best_setting_needs_enough_finite_members():
    settings = population.summary(TABLE, ("gamma",), "modes")
    assert population.best(settings)["gamma"] == 2.0
    assert population.best(settings, min_seeds=2)["gamma"] == 1.0
    assert population.best(settings, minimize=True)["gamma"] == 1.0
    with pytest.raises(ValueError, match="min_seeds=4"):
        population.best(settings, min_seeds=4)


def test_settings_that_were_dropped_are_not_ranked():
    table = {
        "gamma": np.array([1.0, 1.0, 2.0, 2.0, 3.0]),
        "modes": np.array([4.0, np.nan, 9.0, 9.0, 5.0]),
        "nonfinite": np.array([0, 1, 0, 0, 2]),  # the last one skipped two updates
        "step": np.array([100, 7, 20, 20, 100]),
    }
    settings = population.summary(table, ("gamma",), "modes")
    assert settings["gamma"].tolist() == [1.0, 3.0]
    assert settings["nonfinite"].tolist() == [1, 0]  # stopped at 7, not dropped
    assert population.best(settings)["gamma"] == 3.0


def test_an_unknown_column_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'modes'"):
        population.summary(TABLE, ("gamma",), "mode")


def test_random_points_lie_in_their_ranges_evenly_in_the_logarithm():
    points = population.random(0, 4000, gamma=population.log_uniform(0.01, 100.0))
    logs = np.log10(points["gamma"])
    assert logs.min() >= -2
    assert logs.max() <= 2
    assert stats.kstest(logs, stats.uniform(-2, 4).cdf).pvalue > 0.01
    again = population.random(0, 4000, gamma=population.log_uniform(0.01, 100.0))
    np.testing.assert_array_equal(points["gamma"], again["gamma"])


@pytest.mark.parametrize("call", [population.geomspace, population.log_uniform])
def test_logarithms_need_positive_ends(call):
    arguments = (0.0, 1.0, 3) if call is population.geomspace else (0.0, 1.0)
    with pytest.raises(ValueError, match="positive and finite"):
        call(*arguments)


def test_a_range_that_is_a_number_is_refused():
    with pytest.raises(ValueError, match="log_uniform"):
        population.random(0, 3, gamma=1.0)
