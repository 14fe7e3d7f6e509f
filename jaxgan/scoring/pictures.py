"""A picture of the best and the worst samples, each beside its nearest real ones."""

import numpy as np
from PIL import Image

from jaxgan.data import Dataset, Records, to_model_range
from jaxgan.metrics import realism
from jaxgan.plots import is_image, sample_grid
from jaxgan.scoring.evaluation import Compared
from jaxgan.scoring.reference import rows

_SHADE = 60  # of the gaps in a grid


def check_pictures(*sets: Dataset | Records):
    """Raise a ValueError unless all sets hold images."""
    for each in sets:
        if not is_image(each.shape):
            raise ValueError(
                f"a picture needs images, and {each.name} has samples of shape {tuple(each.shape)}"
            )


def neighbour_picture(compared: Compared, num: int = 6, nearest: int = 6) -> np.ndarray:
    """The most and the least realistic samples, one per row, and the nearest real ones beside each.

    Samples are ordered by `jaxgan.metrics.realism`, which the margin shows, the best first. A
    sample that looks like its neighbour with a very large score may be a copy.

    Args:
      compared: samples, data and their features.
      num: number of the best samples, and of the worst.
      nearest: number of real samples beside each.
    Returns:
      uint8 [height, width, 3].
    Raises:
      ValueError: if the samples are not images, or there are too few.
    """
    check_pictures(compared.samples, compared.data)
    real, fake = (seen.features.features for seen in (compared.real, compared.fake))
    if len(fake) < 2 * num or len(real) < nearest:
        raise ValueError(
            f"a picture needs {2 * num} samples and {nearest} real ones, got {len(fake)} and "
            f"{len(real)}"
        )
    scores = realism(real, fake)
    order = np.argsort(-scores, kind="stable")
    chosen = np.concatenate([order[:num], order[-num:]])
    beside = np.stack([_nearest(real, fake[each], nearest) for each in chosen])
    size = tuple(compared.data.shape[:2])
    tiles = _images(compared.samples, compared.fake.numbers[chosen], size)[:, None]
    neighbours = _images(compared.data, compared.real.numbers[beside.ravel()], size)
    neighbours = neighbours.reshape(*beside.shape, *neighbours.shape[1:])
    gap = np.full_like(tiles, _SHADE)
    table = np.concatenate([tiles, gap, neighbours], axis=1)
    names = [f"{word} {scores[each]:.3g}" for word, each in zip(_words(num), chosen, strict=True)]
    return sample_grid(table.reshape(-1, *table.shape[2:]), 0, 255, table.shape[1], names)


def _words(num: int) -> list[str]:
    return ["best"] * num + ["worst"] * num


def _nearest(real: np.ndarray, one: np.ndarray, num: int) -> np.ndarray:
    distances = np.sum((real - one[None]) ** 2, axis=1)
    return np.argsort(distances, kind="stable")[:num]


def _images(found: Dataset | Records, numbers: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Images at some positions as uint8 [num, *size, 3]."""
    x = rows(found, numbers)[0]
    if found.low is None or found.high is None:
        x = (x - x.min()) / max(float(np.ptp(x)), 1e-6) * 255.0
    else:
        x = to_model_range(x, found.low, found.high, (0.0, 255.0))
    whole = np.clip(np.rint(x), 0, 255).astype(np.uint8)
    whole = np.broadcast_to(whole, (*whole.shape[:3], 3))
    if whole.shape[1:3] == size:
        return whole
    sides = (size[1], size[0])
    return np.stack([np.asarray(Image.fromarray(each).resize(sides)) for each in whole])
