"""Quality of a finished run's samples, measured against the data it was trained on.

    python benchmarks/quality.py runs/digits
    python benchmarks/quality.py runs/spiral

The measures are those of `jaxgan.scoring.quality`: classes, class accuracy, intra-class standard
deviation and near-duplicates of labelled images; modes covered or distance to the spiral of points;
pitch, decay and spectrum of waveforms.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan import data, plots
from jaxgan.data import MIXTURES
from jaxgan.runs.disk.generator import TrainedGenerator, load_generator
from jaxgan.runs.outputs.samples import draw_levels, draw_samples
from jaxgan.scoring.quality import check_measurable, quality_report


def report_of(generator: TrainedGenerator, num: int, seed: int) -> dict:
    """All measures of a generator, on the given number of samples.

    Raises:
      ValueError: if there is nothing to measure its samples by.
    """
    dataset = data.load(generator.config.options.input.source)
    check_measurable(dataset)
    classes = generator.data.num_classes
    labels = None if classes is None else np.arange(num) % classes
    return quality_report(draw_samples(generator, num, seed, labels), dataset, labels)


def draw_level_image(generator: TrainedGenerator, seed: int, out: Path, num: int = 16):
    """Write an image of a pyramid's samples, one level per row, all enlarged to one size."""
    data_facts = generator.data
    classes = data_facts.num_classes
    labels = None if classes is None else np.arange(num) % classes
    levels = draw_levels(generator, num, seed, labels)
    size = levels[0].shape[1] * 2 ** (len(levels) - 1)
    rows = []
    for x in levels:
        x = x.repeat(max(1, size // x.shape[1]), axis=1).repeat(max(1, size // x.shape[2]), axis=2)
        edges = [((size - side) // 2, size - side - (size - side) // 2) for side in x.shape[1:3]]
        rows.append(np.pad(x, ((0, 0), *edges, (0, 0)), constant_values=data_facts.low))
    grid = plots.sample_grid(np.concatenate(rows), data_facts.low, data_facts.high, columns=num)
    Image.fromarray(grid).save(out)


def main():
    """Print the report of a run, and write it as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--num", type=int, help="samples drawn: 1000, or 2500 for modes")
    parser.add_argument("--seed", type=int, default=0, help="of the latents")
    parser.add_argument("--levels", type=Path, help="file for a picture of a pyramid's levels")
    parser.add_argument("--json", type=Path, help="file to write the report to")
    arguments = parser.parse_args()
    generator = load_generator(arguments.run)
    usual = 2500 if generator.config.options.input.source in MIXTURES else 1000
    try:
        report = report_of(generator, arguments.num or usual, arguments.seed)
    except ValueError as error:
        parser.error(str(error))
    if arguments.levels:
        draw_level_image(generator, arguments.seed, arguments.levels)
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
