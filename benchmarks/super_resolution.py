r"""How near enlarged images come to the true ones: bicubic, and the generators of finished runs.

    python benchmarks/super_resolution.py --data Set5 --scale 4
    python benchmarks/super_resolution.py --data Set5 srresnet=runs/srresnet srgan=runs/srgan \
        --picture set5.png --images baby butterfly

True images are cut to a multiple of the scale and reduced by Pillow's bicubic filter. PSNR and SSIM
are taken on luma without a border as wide as the scale, as papers do; LPIPS (AlexNet) on the colour
images without that border, where the package with its weights is installed.
"""

import argparse
import functools
import itertools
from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.metrics import luma, psnr, ssim
from jaxgan.models import has_pretrained, make_lpips

Upscale = Callable[[np.ndarray], np.ndarray]  # uint8 [h, w, 3] to uint8 [scale h, scale w, 3]

SUFFIXES = {".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff"}


# --- Images


def true_images(folder: Path, scale: int) -> dict[str, np.ndarray]:
    """The images of a folder by name, uint8 [height, width, 3], cut to multiples of the scale."""
    files = sorted(f for f in folder.glob("*") if f.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"no images in {folder}")
    images = {}
    for file in files:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("RGB"))
        height, width = (n - n % scale for n in pixels.shape[:2])
        images[file.stem.removesuffix("_GT")] = pixels[:height, :width]
    return images


def resized(image: np.ndarray, factor: float, method=Image.Resampling.BICUBIC) -> np.ndarray:
    """The image enlarged, or reduced by a factor below 1."""
    size = round(image.shape[1] * factor), round(image.shape[0] * factor)
    return np.asarray(Image.fromarray(image).resize(size, method))


def of_run(run: Path) -> Upscale:
    """Enlarges by the generator of a finished run."""
    # Here, so that bicubic interpolation needs no run.
    from jaxgan.runs.disk.generator import load_generator
    from jaxgan.runs.outputs.upscale import upscale_image

    return functools.partial(upscale_image, load_generator(run))


# --- The table


def make_measure(scale: int) -> Callable[[np.ndarray, np.ndarray], dict[str, float]]:
    """Makes the function from a true and an enlarged image to its scores."""
    distance = make_lpips("alexnet") if has_pretrained() else None

    def measure(truth: np.ndarray, image: np.ndarray) -> dict[str, float]:
        if truth.shape != image.shape:
            raise ValueError(f"an enlarged image is {image.shape}, the true one {truth.shape}")
        y, of_truth = luma(image[None]), luma(truth[None])
        scores = {
            "PSNR(Y) dB": float(psnr(of_truth, y, 255.0, border=scale)[0]),
            "SSIM(Y)": float(ssim(of_truth, y, 255.0, border=scale)[0]),
        }
        if distance is not None:
            inner = (slice(scale, -scale), slice(scale, -scale))
            pair = (jnp.asarray(i[inner], jnp.float32)[None] / 127.5 - 1 for i in (truth, image))
            scores["LPIPS"] = float(distance(*pair)[0])
        return scores

    return measure


def print_table(rows: dict[tuple[str, str], dict[str, float]]):
    """Scores of each (image, method), and the mean over images of each method."""
    columns = list(next(iter(rows.values())))
    print(f"{'image':<16}{'method':<16}" + "".join(f"{c:>12}" for c in columns))
    means = {}
    for method in dict.fromkeys(method for _, method in rows):
        of_method = [scores for (_, name), scores in rows.items() if name == method]
        means["mean", method] = {c: float(np.mean([s[c] for s in of_method])) for c in columns}
    for (image, method), scores in (rows | means).items():
        numbers = (f"{scores[c]:>12.{2 if 'dB' in c else 4}f}" for c in columns)
        print(f"{image:<16}{method:<16}" + "".join(numbers))


# --- The picture


def detail(truth: np.ndarray, size: int, scale: int) -> tuple[slice, slice]:
    """The square of so many pixels, on the grid of the scale, in which luma varies most."""
    size = min(size, *truth.shape[:2]) // scale * scale
    y = np.asarray(luma(truth))[..., 0]
    step = max(scale, size // 4 // scale * scale)
    tops, lefts = (range(0, n - size + 1, step) for n in y.shape)
    places = itertools.product(tops, lefts)
    top, left = max(places, key=lambda p: y[p[0] : p[0] + size, p[1] : p[1] + size].std())
    return slice(top, top + size), slice(left, left + size)


def picture(rows: list[dict[str, np.ndarray]], tile: int = 240) -> Image.Image:
    """A grid of cut-outs, one image a row, one method a column, with the methods' names above."""
    names, gap, head = list(rows[0]), 6, 26
    size = gap + len(names) * (tile + gap), head + len(rows) * (tile + gap)
    page = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for column, name in enumerate(names):
        left = gap + column * (tile + gap)
        draw.text((left + tile / 2, head / 2), name, "black", font, anchor="mm")
        for row, images in enumerate(rows):
            enlarged = Image.fromarray(images[name]).resize((tile, tile), Image.Resampling.NEAREST)
            page.paste(enlarged, (left, head + row * (tile + gap)))
    return page


# --- The script


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="*", metavar="NAME=RUN", help="folders of finished runs")
    parser.add_argument("--data", type=Path, required=True, help="folder of true images")
    parser.add_argument("--scale", type=int, default=4, help="factor of enlargement")
    parser.add_argument("--picture", type=Path, help="PNG file to write, columns by method")
    parser.add_argument("--images", nargs="+", help="names of the images in it; all if not given")
    parser.add_argument("--cut", type=int, default=80, help="pixels a side of its cut-outs")
    arguments = parser.parse_args()
    if arguments.scale < 2 or arguments.cut < arguments.scale:
        parser.error("--scale must be 2 or more, and --cut no less than it")
    if any("=" not in run for run in arguments.runs):
        parser.error("runs are given as NAME=RUN")
    return arguments


def compare(arguments: argparse.Namespace):
    """Prints the scores of each method on each image, and writes the picture if asked.

    Raises:
      ValueError: if there are no such images, or an enlarged one is not of the right size.
    """
    scale, truths = arguments.scale, true_images(arguments.data, arguments.scale)
    pictured = arguments.images or list(truths)
    if not set(pictured) <= set(truths):
        raise ValueError(f"--images must be among {list(truths)}, got {pictured}")
    methods: dict[str, Upscale] = {"bicubic": lambda image: resized(image, scale)}
    methods |= {name: of_run(Path(run)) for name, run in (r.split("=", 1) for r in arguments.runs)}
    measure, scores, rows = make_measure(scale), {}, {}
    for name, truth in truths.items():
        low = resized(truth, 1 / scale)
        images = {"low resolution": resized(low, scale, Image.Resampling.NEAREST)}
        for method, upscale in methods.items():
            images[method] = upscale(low)
            scores[name, method] = measure(truth, images[method])
        images["original"] = truth
        cut = detail(truth, arguments.cut, scale)
        rows[name] = {method: image[cut] for method, image in images.items()}
    print_table(scores)
    if arguments.picture:
        picture([rows[name] for name in pictured]).save(arguments.picture)


if __name__ == "__main__":
    try:
        compare(parsed())
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
