"""Ratios of speeds are printed on a quiet machine only."""

import sys

import numpy as np
import pytest
from paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import throughput
from throughput_frameworks.cases import CASES, Runner


@pytest.mark.parametrize(("busy", "told"), [(0.04, True), (0.06, False), (None, True)])
def test_ratios_are_printed_unless_other_processes_took_more_than_a_twentieth(
    monkeypatch, capsys, busy, told
):
    case = CASES["toy"]
    losses = iter(np.linspace(1.0, 0.1, 100_000))

    def run(num):
        return np.array([[next(losses), 0.0] for _ in range(num)])

    runners = [Runner(name, "", run, case.num_params) for name in ("jaxgan", "PyTorch")]
    monkeypatch.setattr(throughput, "make_runners", lambda *given: runners)
    monkeypatch.setattr(throughput, "matrix_product_rates", lambda: {"XLA": 1.0})
    monkeypatch.setattr(throughput, "others_share", lambda before, after: busy)
    options = throughput.parse(["--cases", "toy", "--windows", "7", "--window-seconds", "1e-3"])
    rows = throughput.run_case(case, options)
    said = capsys.readouterr().out
    assert ("x PyTorch" in said) is told
    assert ("Ratios do not hold" in said) is (not told)
    assert [row["others_share"] for row in rows] == [busy] * 2
