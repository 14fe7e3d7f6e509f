"""The benchmark of growth: its slopes, its table, and points that are measured once."""

import json
import sys

import numpy as np
import pytest
from paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import scaling
import scaling_points
import scaling_report
from scaling_curves import CURVES, SMALL, settings_of

N = (10, 100, 1_000)


def row_of(name: str, n: int, **costs: float) -> dict:
    return scaling.wanted_point(name, n, quick=False) | {"others_share": 0.0} | costs


# --- Slopes


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 2.0])
def test_the_slope_of_a_power_law_is_its_exponent(exponent):
    assert scaling_report.power(N, [7.0 * n**exponent for n in N]) == pytest.approx(exponent)


def test_the_slope_is_that_of_least_squares():
    costs = [1.0, 4.0, 5.0]
    expected = np.polyfit(np.log(N), np.log(costs), 1)[0]
    assert scaling_report.power(N, costs) == pytest.approx(expected)


def test_the_rate_of_a_line_is_its_slope():
    assert scaling_report.rate(N, [5.0 + 3.0 * n for n in N]) == pytest.approx(3.0)


@pytest.mark.parametrize("costs", [[], [1.0], [1.0, 0.0], [0.0, -1.0]])
def test_a_power_needs_two_positive_costs(costs):
    assert scaling_report.power(N[: len(costs)], costs) is None


# --- The table and the figure


def test_the_table_has_a_line_for_each_point_and_the_slopes():
    rows = [
        row_of("records", n, ms=2.0, first_s=0.01 * n, memory_mib=n / 2**20, disk_mib=1.0)
        for n in (1_000, 10_000)
    ]
    rows[1]["others_share"] = 0.3
    assert scaling_report.table("records", rows).splitlines()[0] == (
        f"records: batch 64; {scaling.available_cores()} cores"
    )
    assert scaling_report.table("records", rows).splitlines()[2:] == [
        "| records | ms per batch | first batch, s | memory, MiB | on disk, MiB |",
        "|---:|---:|---:|---:|---:|",
        "| 1,000 | 2 | 10 | 0.0009537 | 1 |",
        "| 10,000* | 2 | 100 | 0.009537 | 1 |",
        "| power of n | 0.00 | 1.00 | 1.00 | 0.00 |",
        "| bytes per record |  |  | 1 | 0 |",
    ]


def test_the_table_says_which_point_failed():
    rows = [row_of("batch", 16, ms=1.0, compile_s=1.0, compile_mib=1.0, memory_mib=1.0)]
    rows.append(row_of("batch", 32) | {"failed": "exit status 1"})
    assert "| 32 | exit status 1 |  |  |  |" in scaling_report.table("batch", rows).splitlines()


def test_the_figure_has_a_panel_for_each_curve_with_its_slopes():
    rows = [
        row_of("batch", n, ms=float(n), compile_s=1.0, compile_mib=1.0, memory_mib=n**2)
        for n in (16, 32)
    ]
    rows += [row_of("width", 16, ms=1.0, compile_s=1.0, compile_mib=1.0, memory_mib=1.0)]
    titles = [panel.get_title() for panel in scaling_report.picture(rows).axes]
    assert titles == ["batch\ntime $n^{1.00}$, memory $n^{2.00}$", "width\n"]


# --- Points


def test_small_settings_replace_those_that_a_curve_has():
    settings = settings_of("batch", 2, quick=True)
    assert settings == SMALL | {"recipe": "dcgan", "batch": 2}
    assert "width" not in settings_of("records", 100, quick=True)


def test_a_point_is_measured_once(tmp_path, monkeypatch):
    asked = []

    def costs_of(name, settings, folder):
        asked.append(settings["batch"])
        return {"ms": 1.5, "compile_s": 1.0, "compile_mib": 1.0, "memory_mib": 2.0}

    monkeypatch.setattr(scaling, "costs_of", costs_of)
    monkeypatch.setattr(scaling, "print_machine", lambda: None)
    file = tmp_path / "rows.json"
    monkeypatch.setattr(sys, "argv", ["scaling", "--quick", "--curves=batch", f"--json={file}"])
    scaling.main()
    first = json.loads(file.read_text())
    scaling.main()
    assert asked == list(CURVES["batch"].quick)
    assert json.loads(file.read_text()) == first


def test_a_point_is_measured_again_with_other_versions_settings_or_after_a_failure():
    wanted = scaling.wanted_point("batch", 2, quick=True)
    row = wanted | {"ms": 1.0}
    assert scaling.is_measured(row, wanted)
    assert not scaling.is_measured(row | {"failed": "exit status 1"}, wanted)
    assert not scaling.is_measured(row, scaling.wanted_point("batch", 2, quick=False))
    assert not scaling.is_measured(row | {"versions": {"jax": "0.1"}}, wanted)


def test_a_new_row_replaces_that_of_the_same_point():
    old, other = row_of("batch", 16) | {"failed": "exit status 1"}, row_of("batch", 32, ms=1.0)
    new = row_of("batch", 16, ms=2.0)
    assert scaling.updated([old, other], new) == [other, new]


def test_unknown_curves_are_named(capsys):
    with pytest.raises(SystemExit):
        scaling.parse(["--curves", "batch,depth"])
    assert "unknown curves: depth; known: batch, width" in capsys.readouterr().err


# --- Measuring


def test_records_are_opened_and_streamed(tmp_path):
    scaling.write_records(tmp_path / scaling_points.RECORDS, 300)
    settings = settings_of("records", 300, quick=True)
    found = scaling_points.measured("records", settings, tmp_path)
    assert set(CURVES["records"].columns) < set(found)
    assert min(found["first_s"], found["ms"], found["base_mib"]) > 0
    assert found["disk_mib"] * 2**20 > 300 * 64


def test_the_file_of_records_grows_by_its_images_alone(tmp_path):
    sizes = []
    for count in (256, 512):
        scaling.write_records(tmp_path / "records", count)
        sizes.append((tmp_path / "records").stat().st_size)
    assert 0.9 < sizes[1] / sizes[0] / 2 < 1.0


def test_the_parts_of_a_run_are_counted_after_the_first():
    marks = [(2.0, 50.0), *((3.0 + part, 60.0 + part) for part in range(1, 11))]
    found = scaling_points.run_costs(marks, 1.5, rounds=100, base=40.0)
    assert found["ms"] == pytest.approx(100.0)
    assert found["first_s"] == 0.5
    assert found["grown_mib"] == 9.0


@pytest.mark.slow
def test_the_cheapest_curve_gives_a_row_for_each_point(tmp_path, monkeypatch, capsys):
    file = tmp_path / "rows.json"
    monkeypatch.setattr(sys, "argv", ["scaling", "--quick", "--curves=records", f"--json={file}"])
    scaling.main()
    rows = json.loads(file.read_text())
    assert [row["n"] for row in rows] == list(CURVES["records"].quick)
    assert all(set(CURVES["records"].columns) < set(row) for row in rows)
    assert str(tmp_path) not in file.read_text()
    assert "| power of n |" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["batch", "devices", "processes", "rounds", "rows"])
def test_every_kind_of_point_has_its_costs(name):
    row = scaling.measured(scaling.wanted_point(name, CURVES[name].quick[0], quick=True))
    assert set(CURVES[name].columns) < set(row)
    assert row["ms"] > 0
