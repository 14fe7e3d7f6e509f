"""Composes the picture at the top of README.md from the results of three recipes.

jaxgan train spiral --out runs/spiral
jaxgan sample runs/spiral --num 200000 --out spiral.npz
python benchmarks/hero.py spiral.npz
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

RESULTS = Path(__file__).parent / "results"
WIDTH, HEIGHT = 800, 268  # pixels on the page; the file has twice as many in each direction
TILE = 238  # height of a tile


def digits() -> np.ndarray:
    """All samples of mnist_conditional.png, with one class per column instead of one per row."""
    left, top, pitch, size, rows, classes = 30, 5, 60, 54, 8, 10
    grid = np.asarray(Image.open(RESULTS / "mnist_conditional.png").convert("RGB"))
    columns = [
        [grid[y : y + size, x : x + size] for x in range(left, left + rows * pitch, pitch)]
        for y in range(top, top + classes * pitch, pitch)
    ]
    return np.concatenate([np.concatenate(cells, axis=0) for cells in columns], axis=1)


def density(samples: np.ndarray) -> np.ndarray:
    """How many of the samples [num, 2] lie in each pixel; the fullest 2% are equally bright."""
    bounds = ((-1.10, 0.85), (-0.85, 1.10))
    counts, _, _ = np.histogram2d(samples[:, 1], samples[:, 0], bins=TILE, range=bounds)
    bright = np.minimum(counts / np.quantile(counts[counts > 0], 0.98), 1.0) ** 0.7
    return (255 * colormaps["inferno"](bright)[::-1, :, :3]).astype(np.uint8)


def enlargement() -> np.ndarray:
    """Low resolution (left) and SRGAN's output (right): two rows of set5.png."""
    picture = np.asarray(Image.open(RESULTS / "set5.png").convert("RGB"))
    size, columns, rows = 240, (6, 744), (26, 272)
    crops = [[picture[y : y + size, x : x + size] for x in columns] for y in rows]
    return np.concatenate([np.concatenate(row, axis=1) for row in crops], axis=0)


def compose(tiles: dict[str, np.ndarray]) -> Figure:
    """The tiles side by side, each above its caption."""
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=200, facecolor="white")
    widths = [TILE * image.shape[1] / image.shape[0] for image in tiles.values()]
    gap = (WIDTH - sum(widths)) / (len(tiles) - 1)
    left = 0.0
    for (caption, image), width in zip(tiles.items(), widths, strict=True):
        box = (left / WIDTH, 1 - TILE / HEIGHT, width / WIDTH, TILE / HEIGHT)
        axes = figure.add_axes(box)
        axes.imshow(image, interpolation="lanczos", aspect="auto")
        axes.set_axis_off()
        figure.text((left + width / 2) / WIDTH, 0.03, caption, ha="center", fontsize=8)
        left += width + gap
    return figure


if __name__ == "__main__":
    spiral = np.load(sys.argv[1])["samples"]
    tiles = {
        "Conditional DCGAN: one MNIST class per column": digits(),
        "MLPs: samples on a 2-D spiral": density(spiral),
        "SRGAN: input (left), output (right)": enlargement(),
    }
    compose(tiles).savefig(RESULTS / "hero.png")
    with Image.open(RESULTS / "hero.png") as picture:
        small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(RESULTS / "hero.png", optimize=True)
