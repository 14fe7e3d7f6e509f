"""Real data that come with scikit-learn: handwritten digits and two photographs."""

from importlib.metadata import distribution
from pathlib import Path

import numpy as np

from jaxgan.data.dataset import Dataset, from_arrays
from jaxgan.data.domains import unpaired
from jaxgan.data.patches import starts

PATCH = 96
DIGITS = "sklearn/datasets/data/digits.csv.gz"


def digits() -> Dataset:
    """Scikit-learn's 1,797 handwritten digits, which need no download.

    Returns:
      Dataset with x float32 [1797, 8, 8, 1] in 0..16 and labels 0..9.
    Source: Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49
    """
    pixels, labels = np.split(_rows_of_digits(), [64], axis=1)
    images = pixels.astype(np.float32).reshape(-1, 8, 8, 1)
    digits = from_arrays(images, labels[:, 0].astype(np.int64), name="digits")
    return digits._replace(low=0.0, high=16.0)


def _rows_of_digits() -> np.ndarray:
    """64 pixels and the label of each digit, [1797, 65]."""
    file = Path(str(distribution("scikit-learn").locate_file(DIGITS)))
    if file.exists():  # importing scikit-learn takes far longer than reading its file
        return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])


def digit_outlines() -> Dataset:
    """Scikit-learn's digits, each paired with its outline as the source image.

    A pixel is on the outline if it lies on the other side of half brightness than the pixel above
    it or to its left.

    Returns:
      Dataset with x float32 [1797, 8, 8, 2] in 0..16, the digit followed by its outline; no labels.
    """
    x = digits().x
    inside = x > 8
    above = np.diff(inside, axis=1, prepend=False) != 0
    left = np.diff(inside, axis=2, prepend=False) != 0
    outline = np.where(above | left, np.float32(16), np.float32(0))
    pairs = from_arrays(np.concatenate([x, outline], axis=3), name="digit-outlines")
    return pairs._replace(low=0.0, high=16.0)


def slanted_digits() -> Dataset:
    """Scikit-learn's digits, inverted and slanted: a second domain beside `digits`.

    Row y of 8 moves to the right by (3.5 - y) / 2 pixels, rounded away from the middle; ink is
    then 0 and paper 16.

    Returns:
      Dataset with x float32 [1797, 8, 8, 1] in 0..16 and labels 0..9.
    """
    upright = digits()
    return upright._replace(x=16.0 - slanted(upright.x, 0.5), name="slanted-digits")


def digit_domains() -> Dataset:
    """Two domains without pairs: `digits` and `slanted_digits`, drawn independently.

    Returns:
      Dataset with x float32 [1797, 8, 8, 2] in 0..16; no labels.
    """
    both = unpaired(digits(), slanted_digits())
    assert isinstance(both, Dataset)  # as both sides are
    return both._replace(name="digit-domains")


def slanted(x: np.ndarray, slope: float) -> np.ndarray:
    """Images whose rows are moved to the right by whole pixels, `slope` per row above the middle.

    Args:
      x: images [N, height, width, channels]; what comes in from the sides is 0.
      slope: pixels per row; negative to move to the left.
    """
    height, width = x.shape[1:3]
    moved = np.zeros_like(x)
    for row, above in enumerate((height - 1) / 2 - np.arange(height)):
        shift = int(np.copysign(np.floor(abs(slope * above) + 0.5), slope * above))
        kept = slice(max(0, -shift), width - max(0, shift))
        moved[:, row, max(0, shift) : width + min(0, shift)] = x[:, row, kept]
    return moved


def photos() -> Dataset:
    """Patches of scikit-learn's two photographs, a temple and a flower, that overlap by half.

    Returns:
      Dataset with x uint8 [208, 96, 96, 3] in 0..255; no labels.
    """
    from sklearn.datasets import load_sample_images

    patches = [
        image[top : top + PATCH, left : left + PATCH]
        for image in load_sample_images().images
        for top in starts(image.shape[0], PATCH, PATCH // 2)
        for left in starts(image.shape[1], PATCH, PATCH // 2)
    ]
    return from_arrays(np.stack(patches), name="photos")
