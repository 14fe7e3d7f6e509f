"""Quality of a finished run's samples, measured against the data it was trained on.

    python benchmarks/quality.py runs/digits
    python benchmarks/quality.py runs/spiral

Labelled images: the classes that occur and their fractions, intra-class standard deviation and
near-duplicates of training images. A classifier fitted on real images assigns the classes.
Conditional runs: how often samples have the requested class. The spiral: mean distance of points to
the curve. Mixtures of Gaussians: modes covered. Waveforms: how far pitch, decay and spectrum are
from those of real ones.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.stats import wasserstein_distance
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from jaxgan import data, metrics, plots
from jaxgan.data import MIXTURES, Mixture
from jaxgan.metrics import mode_coverage, perfect_mode_coverage
from jaxgan.runs.disk.generator import TrainedGenerator, load_generator
from jaxgan.runs.outputs.samples import draw_levels, draw_samples
from jaxgan.scoring.quality import (
    class_accuracy,
    class_fractions,
    intra_class_std,
    near_duplicates,
)

MOST_FITTED = 50_000
DESCRIPTORS = {
    "fundamental_frequency": metrics.fundamental_frequency,
    "decay_rate": metrics.decay_rate,
    "spectral_centroid": metrics.spectral_centroid,
    "peak": lambda x: np.abs(x).max(axis=(1, 2)),
    "harmonic_share": lambda x: metrics.harmonic_profile(x).sum(axis=1),
}


# --- Classes


class Classifier(NamedTuple):
    """Gives the classes [n] of samples [n, ...]; right on this share of held-out real ones."""

    predict: Callable[[np.ndarray], np.ndarray]
    held_out_accuracy: float


def make_classifier(dataset: data.Dataset) -> Classifier:
    """A support vector classifier fitted on four fifths of the labelled samples of a data set."""
    labelled = dataset.condition >= 0
    x, y = _features(dataset.x[labelled]), dataset.condition[labelled]
    x, held_out, y, held_out_y = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    machine = SVC(C=10.0)
    if x.shape[1] > 100:  # five times as fast on MNIST, and right more often
        machine = make_pipeline(PCA(50, random_state=0), machine)
    machine.fit(x[:MOST_FITTED], y[:MOST_FITTED])
    accuracy = float(machine.score(held_out, held_out_y))
    return Classifier(lambda samples: machine.predict(_features(samples)), accuracy)


def _features(x: np.ndarray) -> np.ndarray:
    """Pixels of images; of waveforms, whose pixels depend on the phase, amplitudes of harmonics."""
    if plots.is_waveform(x.shape[1:]):
        return np.sqrt(metrics.harmonic_profile(x))
    return x.reshape(len(x), -1).astype(np.float32)


def class_report(predicted: np.ndarray, dataset: data.Dataset, classifier: Classifier) -> dict:
    """The classes that occur among samples, and their fractions."""
    fractions = class_fractions(predicted, dataset.condition)
    return {
        "classifier_held_out_accuracy": classifier.held_out_accuracy,
        "classes_seen": int(np.sum(fractions > 0)),
        "smallest_share": float(fractions.min()),
        "shares": fractions.tolist(),
    }


def label_agreement(predicted: np.ndarray, requested: np.ndarray) -> dict:
    """The fraction of samples that have the requested class."""
    accuracy, each = class_accuracy(predicted, requested)
    return {
        "label_agreement": accuracy,
        "label_agreement_worst_class": float(each.min()),
        "label_agreement_each_class": each.tolist(),
    }


def image_report(samples: np.ndarray, dataset: data.Dataset, predicted: np.ndarray) -> dict:
    """Intra-class standard deviation and near-duplicates of samples [n, ...] of labelled images."""
    real, x = _features(dataset.x), _features(samples)
    spreads = intra_class_std(x, predicted, real, dataset.condition)
    duplicates = near_duplicates(x, real)
    return {
        "spread_within_class_mean": float(np.mean(spreads)),
        "spread_within_class_smallest": float(np.min(spreads)),
        "copies": duplicates.fraction,
        "nearest_training_image_median": duplicates.nearest,
        "nearest_of_real_images_median": duplicates.nearest_real,
    }


# --- Points in the plane


def spiral_report(samples: np.ndarray) -> dict:
    """Distances of points [n, 2] to the spiral, in units of its outer radius."""
    distance = data.spiral_distance(samples)
    curve = data.spiral_curve(100)
    nearest = NearestNeighbors(n_neighbors=1).fit(samples).kneighbors(curve)[0][:, 0]
    return {
        "mean_distance_to_curve": float(np.mean(distance)),
        "within_3_sigma": float(np.mean(distance < 3 * data.SPIRAL_SIGMA)),
        "mean_distance_of_real_points": float(
            np.mean(data.spiral_distance(data.spiral(np.random.default_rng(1), len(samples))))
        ),
        "curve_covered": float(np.mean(nearest < 3 * data.SPIRAL_SIGMA)),
    }


def mode_report(samples: np.ndarray, mixture: Mixture) -> dict:
    """Modes covered by points of a mixture and the share of high quality, see `mode_coverage`."""
    found = mode_coverage(samples, *mixture[:2], dimensions=mixture.dimensions)
    floor = perfect_mode_coverage(len(samples), len(mixture.centres), mixture.dimensions)
    return {
        "modes_covered": found.modes,
        "modes_of_perfect_sampler": round(floor.modes, 3),
        "high_quality": found.high_quality,
        "high_quality_of_perfect_sampler": floor.high_quality,
        "kl_to_uniform": found.kl,
        "kl_of_perfect_sampler": floor.kl,
        "smallest_share": found.counts.min() / len(samples),
        "deviation": found.std,
        "deviation_within_modes": found.stds.round(3).tolist(),
        "deviation_of_perfect_sampler": floor.std,
    }


# --- Waveforms


def wave_report(samples: np.ndarray, dataset: data.Dataset) -> dict:
    """Descriptors of waveforms [n, length, channels] beside those of two real sets as large.

    Distances are Wasserstein's between the distributions of a descriptor, in standard deviations
    of the real one; the floor is that between the two real sets. Errors of the mean log spectrum
    are root mean squares over frequencies, relative to the real one's deviation over frequencies.
    """
    order = np.random.default_rng(0).permutation(len(dataset.x))
    num = min(len(samples), len(order) // 2)
    real, other = dataset.x[order[:num]], dataset.x[order[num : 2 * num]]
    report = {}
    for name, describe in DESCRIPTORS.items():
        of_real, of_other, of_samples = describe(real), describe(other), describe(samples)
        report[name] = {
            "real_mean": float(np.mean(of_real)),
            "generated_mean": float(np.mean(of_samples)),
            "distance": wasserstein_distance(of_samples, of_real) / float(np.std(of_real)),
            "floor": wasserstein_distance(of_other, of_real) / float(np.std(of_real)),
        }
    spectrum = metrics.mean_log_spectrum(real)
    error, floor = (
        np.sqrt(np.mean((metrics.mean_log_spectrum(x) - spectrum) ** 2)) for x in (samples, other)
    )
    report["mean_log_spectrum"] = {
        "error_db": float(error),
        "floor_db": float(floor),
        "relative_error": float(error / np.std(spectrum)),
        "relative_floor": float(floor / np.std(spectrum)),
    }
    return report


# --- The script


def report_of(generator: TrainedGenerator, num: int, seed: int) -> dict:
    """All measures of a generator, on the given number of samples.

    Raises:
      ValueError: if there is nothing to measure its samples by.
    """
    spec = generator.config.options.input.source
    dataset = data.load(spec)
    shape = dataset.x.shape[1:]
    labelled, waveform = dataset.condition is not None, plots.is_waveform(shape)
    if not (labelled or waveform or spec == "spiral" or spec in MIXTURES):
        raise ValueError(
            f"the run was trained on {spec}, whose samples cannot be measured: give a run on "
            "labelled images, waveforms or a known distribution of points"
        )
    classes = generator.data.num_classes
    labels = None if classes is None else np.arange(num) % classes
    samples = draw_samples(generator, num, seed, labels)
    report = {"samples": len(samples)}
    if spec == "spiral":
        report |= spiral_report(samples)
    if spec in MIXTURES:
        report |= mode_report(samples, MIXTURES[spec]())
    if waveform:
        report |= wave_report(samples, dataset)
    if labelled:
        classifier = make_classifier(dataset)
        predicted = classifier.predict(samples)
        report |= class_report(predicted, dataset, classifier)
        report |= {} if labels is None else label_agreement(predicted, labels)
        if not waveform:
            report |= image_report(samples, dataset, predicted)
    return report


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
