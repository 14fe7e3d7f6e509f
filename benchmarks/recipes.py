"""Recipes trained from several seeds, and measured: means with 95% intervals.

    python benchmarks/recipes.py --recipes digits,cgan --seeds 3 --out runs/recipes
    python benchmarks/recipes.py --recipes dcgan --data idx:DIR --out runs/recipes --json rows.json

Each run is the command line's own, in a folder of --out; one that was stopped continues, and one
that is finished is not made again. The measures are those of `benchmarks/quality.py`, of 1,000
samples (2,500 of points).
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from machine import print_machine
from quality import report_of
from seeds import with_interval

from jaxgan.data import MIXTURES
from jaxgan.runs.disk.generator import load_generator

SHOWN = {
    "classes_seen": "classes",
    "smallest_share": "rarest class",
    "label_agreement": "class accuracy",
    "spread_within_class_mean": "intra-class std",
    "copies": "near-duplicates",
    "modes_covered": "modes",
    "high_quality": "high quality",
    "mean_distance_to_curve": "distance to the curve",
    "minutes": "minutes of training",
}
"""Measures in the table, by their names in the reports."""


def trained(recipe: str, seed: int, args: argparse.Namespace) -> Path:
    """The folder of a finished run; trains or resumes it if need be."""
    run = args.out / f"{recipe}-{seed}"
    command = [sys.executable, "-m", "jaxgan"]
    if (run / "result.json").exists():
        return run
    if (run / "config.json").exists():
        command += ["resume", str(run)]
    else:
        command += ["train", recipe, "--seed", str(seed), "--out", str(run)]
        command += ["--data", args.data] if args.data else []
    subprocess.run(command, check=True)
    return run


def measured(run: Path) -> dict:
    """The report of a run, kept beside it."""
    kept = run / "quality.json"
    if not kept.exists():
        generator = load_generator(run)
        num = 2500 if generator.config.options.input.source in MIXTURES else 1000
        report = report_of(generator, num, seed=0)
        report["minutes"] = json.loads((run / "result.json").read_text())["seconds"] / 60
        kept.write_text(json.dumps(report, indent=2) + "\n")
    return json.loads(kept.read_text())


def print_table(reports: dict[str, list[dict]]):
    """Each recipe's measures over seeds."""
    print("| recipe | measure | mean, 95% interval | seeds |\n|---|---|---|---|")
    for recipe, seeds in reports.items():
        for name, words in SHOWN.items():
            if name in seeds[0]:
                values = np.array([report[name] for report in seeds])
                print(f"| `{recipe}` | {words} | {with_interval(values)} | {len(values)} |")


def main():
    """Trains and measures what is missing, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", required=True, help="names, separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", help="as of jaxgan train; the recipe's own by default")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--json", type=Path, help="file to write the reports to")
    args = parser.parse_args()
    print_machine()
    reports: dict[str, list[dict]] = {}
    for recipe in args.recipes.split(","):
        reports[recipe] = [measured(trained(recipe, i, args)) for i in range(args.seeds)]
    print_table(reports)
    if args.json:
        args.json.write_text(json.dumps(reports, indent=1) + "\n")


if __name__ == "__main__":
    main()
