"""The benchmark for a GPU, in small on a CPU."""

import sys

import pytest
from paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import gpu

EFFORT = gpu.Effort(steps=2, windows=3, seconds=0.01)
RATES = dict.fromkeys(gpu.PRECISIONS, 100.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: gpu.make_programs()["toy"]("float32"),
        pytest.param(lambda: gpu.make_programs()["toy"]("bfloat16"), marks=pytest.mark.slow),
        pytest.param(lambda: gpu.of_population(3), marks=pytest.mark.slow),
    ],
)
def test_a_row_holds_times_and_the_share_of_the_peak(make):
    found = gpu.row("case", "float32", make, EFFORT, RATES)
    assert 0 < found["lowest_ms"] <= found["step_ms"] <= found["highest_ms"]
    assert found["gflop_per_s"] == pytest.approx(1e3 * found["gflop"] / found["step_ms"])
    assert found["share"] == pytest.approx(found["gflop_per_s"] / 100.0)
    assert gpu.line(found).count("|") == len(gpu.TITLES) + 1


def test_a_case_that_fails_costs_a_row_not_the_run():
    def make():
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory\nmore")

    found = gpu.row("case", "tf32", make, EFFORT, RATES)
    assert found["failed"] == "RESOURCE_EXHAUSTED: out of memory"
    assert gpu.line(found).count("|") == len(gpu.TITLES) + 1


def test_every_case_of_the_throughput_and_the_convolutional_families_is_there():
    names = set(gpu.make_programs())
    assert set(gpu.CASES) < names
    assert {"stylegan2 64x64", "sngan 32x32", "r3gan 32x32"} < names
