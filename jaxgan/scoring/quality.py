"""Measures of samples of known data, for reports that a single score cannot give.

    report = quality_report(samples, dataset, requested=None)

Labelled images: the classes that occur and their fractions, intra-class standard deviation and
near-duplicates of training images. A support vector classifier fitted on real images assigns the
classes. Points: modes covered, or the distance to the spiral. Waveforms: how far pitch, decay and
spectrum are from those of real ones.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxgan import data, metrics, plots
from jaxgan.data import MIXTURES, Dataset, Mixture

MOST_FITTED = 50_000
DESCRIPTORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "fundamental_frequency": metrics.fundamental_frequency,
    "decay_rate": metrics.decay_rate,
    "spectral_centroid": metrics.spectral_centroid,
    "peak": lambda x: np.abs(x).max(axis=(1, 2)),
    "harmonic_share": lambda x: metrics.harmonic_profile(x).sum(axis=1),
}

Report = dict[str, Any]
"""Measures by name: numbers, lists of numbers, or reports."""


def quality_report(
    samples: np.ndarray, dataset: Dataset, requested: np.ndarray | None = None
) -> Report:
    """All measures that suit a data set.

    Args:
      samples: generated samples [num, ...], in the range of the data.
      dataset: the data that they are to resemble: labelled images, waveforms, or a known
        distribution of points.
      requested: the classes that were asked for, int [num]; None for samples without.
    Raises:
      ValueError: if there is nothing to measure the samples by.
    """
    check_measurable(dataset)
    report: Report = {"samples": len(samples)}
    if dataset.name == "spiral":
        report |= spiral_report(samples)
    if dataset.name in MIXTURES:
        report |= mode_report(samples, MIXTURES[dataset.name]())
    waveform = plots.is_waveform(dataset.shape)
    if waveform:
        report |= wave_report(samples, dataset)
    if dataset.labels is not None:
        classifier = fit_support_vectors(dataset)
        predicted = classifier.predict(samples)
        report |= class_report(predicted, dataset.labels, classifier.held_out_accuracy)
        report |= {} if requested is None else label_agreement(predicted, requested)
        if not waveform:
            report |= image_report(samples, dataset, predicted)
    return report


def check_measurable(dataset: Dataset):
    """Raise a ValueError if there is nothing to measure samples of these data by."""
    known = dataset.name == "spiral" or dataset.name in MIXTURES
    if dataset.labels is None and not plots.is_waveform(dataset.shape) and not known:
        raise ValueError(
            f"the run was trained on {dataset.name}, whose samples cannot be measured: give a run "
            "on labelled images, waveforms or a known distribution of points"
        )


# --- Classes


class SupportVectors(NamedTuple):
    """A classifier by support vectors.

    Attributes:
      predict: maps samples [num, ...] to their classes, int [num].
      held_out_accuracy: fraction of held-out real samples that it classifies correctly.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    held_out_accuracy: float


def fit_support_vectors(dataset: Dataset) -> SupportVectors:
    """Fit a support vector classifier on four fifths of the labelled samples of a data set."""
    from sklearn.decomposition import PCA
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    if dataset.labels is None:
        raise ValueError(f"a classifier needs labels, and {dataset.name} has none")
    labelled = dataset.labels >= 0
    x, y = _features(dataset.x[labelled]), dataset.labels[labelled]
    x, held_out, y, held_out_y = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    machine = SVC(C=10.0)
    if x.shape[1] > 100:  # five times as fast on MNIST, and right more often
        machine = make_pipeline(PCA(50, random_state=0), machine)
    machine.fit(x[:MOST_FITTED], y[:MOST_FITTED])
    accuracy = float(machine.score(held_out, held_out_y))
    return SupportVectors(lambda samples: machine.predict(_features(samples)), accuracy)


def _features(x: np.ndarray) -> np.ndarray:
    """Pixels of images; of waveforms, whose pixels depend on the phase, amplitudes of harmonics."""
    if plots.is_waveform(x.shape[1:]):
        return np.sqrt(metrics.harmonic_profile(x))
    return x.reshape(len(x), -1).astype(np.float32)


def class_report(predicted: np.ndarray, labels: np.ndarray, held_out_accuracy: float) -> Report:
    """The classes that occur among samples, and their fractions.

    Args:
      predicted: class of each sample, int [num].
      labels: labels of the real data, int; -1 for unlabelled samples.
      held_out_accuracy: that of the classifier which assigned the classes.
    """
    fractions = metrics.class_fractions(predicted, labels)
    return {
        "classifier_held_out_accuracy": held_out_accuracy,
        "classes_seen": int(np.sum(fractions > 0)),
        "smallest_share": float(fractions.min()),
        "shares": fractions.tolist(),
    }


def label_agreement(predicted: np.ndarray, requested: np.ndarray) -> Report:
    """The fraction of samples that have the requested class."""
    accuracy, each = metrics.class_accuracy(predicted, requested)
    return {
        "label_agreement": accuracy,
        "label_agreement_worst_class": float(each.min()),
        "label_agreement_each_class": each.tolist(),
    }


def image_report(samples: np.ndarray, dataset: Dataset, predicted: np.ndarray) -> Report:
    """Intra-class standard deviation and near-duplicates of samples [n, ...] of labelled images."""
    real, x = _features(dataset.x), _features(samples)
    spreads = metrics.intra_class_std(x, predicted, real, np.asarray(dataset.labels))
    duplicates = metrics.near_duplicates(x, real)
    return {
        "spread_within_class_mean": float(np.mean(spreads)),
        "spread_within_class_smallest": float(np.min(spreads)),
        "copies": duplicates.fraction,
        "nearest_training_image_median": duplicates.nearest,
        "nearest_of_real_images_median": duplicates.nearest_real,
    }


# --- Points in the plane


def spiral_report(samples: np.ndarray) -> Report:
    """Distances of points [n, 2] to the spiral, in units of its outer radius."""
    from sklearn.neighbors import NearestNeighbors

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


def mode_report(samples: np.ndarray, mixture: Mixture) -> Report:
    """Modes covered by points of a mixture and the share of high quality, see `mode_coverage`."""
    found = metrics.mode_coverage(samples, *mixture[:2], dimensions=mixture.dimensions)
    floor = metrics.perfect_mode_coverage(len(samples), len(mixture.centres), mixture.dimensions)
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


def wave_report(samples: np.ndarray, dataset: Dataset) -> Report:
    """Descriptors of waveforms [n, length, channels] beside those of two real sets as large.

    Distances are Wasserstein's between the distributions of a descriptor, in standard deviations
    of the real one; the floor is that between the two real sets. Errors of the mean log spectrum
    are root mean squares over frequencies, relative to the real one's deviation over frequencies.
    """
    from scipy.stats import wasserstein_distance

    order = np.random.default_rng(0).permutation(len(dataset.x))
    num = min(len(samples), len(order) // 2)
    real, other = dataset.x[order[:num]], dataset.x[order[num : 2 * num]]
    report: Report = {}
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
