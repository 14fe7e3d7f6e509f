"""What the samples of a finished run are worth, measured against the data it was trained on.

    python benchmarks/quality.py runs/digits
    python benchmarks/quality.py runs/spiral

Labelled images: a classifier fitted on real images says which classes occur and how often, how
much samples vary within a class, and how many are copies of training images. The spiral: the mean
distance of points to the curve.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

from jaxgan import data, runs


def class_report(samples: np.ndarray, dataset: data.Dataset, most: int = 10_000) -> dict:
    """Class shares, spread within classes and copies of samples [n, ...] of labelled images.

    A copy is a sample nearer to some training image than 99 % of the training images are to
    their own nearest neighbour; so 1 % is what fresh real images would show.
    """
    flat = dataset.x.reshape(len(dataset.x), -1).astype(np.float32)
    samples = samples.reshape(len(samples), -1)
    x, held_out, y, held_out_y = train_test_split(
        flat, dataset.condition, test_size=0.2, random_state=0, stratify=dataset.condition
    )
    classifier = SVC(C=10.0)
    classifier.fit(x[:most], y[:most])
    predicted = classifier.predict(samples)
    classes = np.unique(dataset.condition)
    spreads = [
        _spread(samples[predicted == c]) / _spread(flat[dataset.condition == c]) for c in classes
    ]
    shares = [float(np.mean(predicted == c)) for c in classes]
    neighbours = NearestNeighbors(n_neighbors=2).fit(flat)
    own = neighbours.kneighbors(flat[:most])[0][:, 1]
    nearest = neighbours.kneighbors(samples, n_neighbors=1)[0][:, 0]
    return {
        "samples": len(samples),
        "classifier_held_out_accuracy": float(classifier.score(held_out, held_out_y)),
        "classes_seen": int(np.sum(np.asarray(shares) > 0)),
        "smallest_share": min(shares),
        "shares": shares,
        "spread_within_class_mean": float(np.mean(spreads)),
        "spread_within_class_smallest": float(np.min(spreads)),
        "copies": float(np.mean(nearest < np.quantile(own, 0.01))),
        "nearest_training_image_median": float(np.median(nearest)),
        "nearest_of_real_images_median": float(np.median(own)),
    }


def _spread(x: np.ndarray) -> float:
    """Root mean square deviation from the mean, over samples and pixels."""
    return float(np.sqrt(np.mean(np.var(x, axis=0)))) if len(x) > 1 else 0.0


def spiral_report(samples: np.ndarray) -> dict:
    """Distances of points [n, 2] to the spiral, in units of its outer radius."""
    distance = data.spiral_distance(samples)
    curve = data.spiral_curve(100)
    nearest = NearestNeighbors(n_neighbors=1).fit(samples).kneighbors(curve)[0][:, 0]
    return {
        "samples": len(samples),
        "mean_distance_to_curve": float(np.mean(distance)),
        "within_3_sigma": float(np.mean(distance < 3 * data.SPIRAL_SIGMA)),
        "mean_distance_of_real_points": float(
            np.mean(data.spiral_distance(data.spiral(np.random.default_rng(1), len(samples))))
        ),
        "curve_covered": float(np.mean(nearest < 3 * data.SPIRAL_SIGMA)),
    }


def main():
    """Prints the report of a run, and writes it as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--num", type=int, default=1000, help="samples drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the latents")
    parser.add_argument("--json", type=Path, help="file to write the report to")
    arguments = parser.parse_args()
    spec = runs.read_config(arguments.run)["data"]
    dataset = data.load(spec)
    if spec != "spiral" and dataset.condition is None:
        parser.error(f"{arguments.run} was trained on {spec}: neither labelled nor the spiral")
    samples = runs.sample_run(arguments.run, arguments.num, arguments.seed)
    report = spiral_report(samples) if spec == "spiral" else class_report(samples, dataset)
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
