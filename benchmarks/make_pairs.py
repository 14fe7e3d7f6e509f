"""Pairs of folders made of real images: edges or grey versions, and the images themselves.

    python benchmarks/make_pairs.py edges idx:DIR pairs/edges --num 4000
    python benchmarks/make_pairs.py grey patches:DIR@64 pairs/grey
    jaxgan train pix2pix --data pairs:pairs/edges/source,pairs/edges/target

OUT/source/000000.png, ... is what to start from, OUT/target/000000.png, ... what to arrive at.
Edges are white where brightness changes fast: the length of its gradient, by Sobel's filters, is
above --threshold (a jump from black to white within two pixels has 255). Grey is luma (Pillow's).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import sobel

from jaxgan import data

KINDS = ("edges", "grey")


# --- Sources


def grey(image: np.ndarray) -> np.ndarray:
    """Luma, uint8 [height, width], of a colour image uint8 [height, width, 3].

    Raises:
      ValueError: if the image has no colours to take away.
    """
    if image.shape[-1] == 1:
        raise ValueError("grey needs images in colour, these are grey already")
    return np.asarray(Image.fromarray(image).convert("L"))


def edges(image: np.ndarray, threshold: float) -> np.ndarray:
    """255 where brightness changes by more than the threshold within two pixels, and 0 elsewhere.

    Args:
      image: uint8 [height, width, 1 or 3].
      threshold: of the gradient's length.
    Returns:
      uint8 [height, width].
    """
    brightness = (image[..., 0] if image.shape[-1] == 1 else grey(image)).astype(np.float64)
    # (1, 2, 1) of one filter adds up to 4
    gradient = np.hypot(*(sobel(brightness, axis, mode="nearest") / 4 for axis in (0, 1)))
    return np.where(gradient > threshold, np.uint8(255), np.uint8(0))


# --- Files


def images_of(spec: str, num: int | None) -> list[np.ndarray]:
    """So many images of a data set, evenly spread over it, each uint8 [height, width, 1 or 3].

    Raises:
      ValueError: if the data are no images, or fewer.
    """
    found = data.load(spec)
    if len(found.shape) != 3 or found.shape[2] not in (1, 3) or found.low is None:
        raise ValueError(f"{spec} holds samples of shape {found.shape}, no images")
    num = found.size if num is None else num
    if not 1 <= num <= found.size:
        raise ValueError(f"--num must be 1 to {found.size}, the images of {spec}, got {num}")
    places = np.linspace(0, found.size - 1, num).round().astype(int).tolist()
    in_memory = isinstance(found, data.Dataset)
    raw = [found.x[place] if in_memory else found.read(place)[0] for place in places]
    pixels = (data.scale(x, (found.low, found.high), (0.0, 255.0)) for x in raw)
    return [np.clip(np.rint(x), 0, 255).astype(np.uint8) for x in pixels]


def write_pairs(images: list[np.ndarray], source: Callable[[np.ndarray], np.ndarray], out: Path):
    """Writes OUT/source and OUT/target, which must not be there yet.

    Raises:
      FileExistsError: if one of them is; nothing is written then.
    """
    folders = out / "source", out / "target"
    for folder in folders:
        if folder.exists():
            raise FileExistsError(f"{folder} is there already: give another OUT")
    sources = [source(image) for image in images]
    for folder, pictures in zip(folders, (sources, images), strict=True):
        folder.mkdir(parents=True)
        for number, picture in enumerate(pictures):
            squeezed = picture[..., 0] if picture.shape[2:] == (1,) else picture
            Image.fromarray(squeezed).save(folder / f"{number:06}.png")


# --- The script


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=KINDS, help="what the sources are")
    parser.add_argument("data", help="real images: idx:DIR, folder:DIR@64, patches:DIR@64, ...")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for source/ and target/")
    parser.add_argument("--num", type=int, help="how many pairs; all if not given")
    parser.add_argument("--threshold", type=float, default=96.0, help="of edges, 0 to 255")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None):
    """Makes the pairs that the command line asks for.

    Raises:
      ValueError: if the data are not what is needed.
      OSError: if they are not there, or the folders are there already or cannot be written.
    """
    wanted = parsed(arguments)
    if not 0 <= wanted.threshold < 255:
        raise ValueError(f"--threshold must be 0 or more and below 255, got {wanted.threshold}")
    images = images_of(wanted.data, wanted.num)
    source = grey if wanted.kind == "grey" else lambda image: edges(image, wanted.threshold)
    write_pairs(images, source, wanted.out)
    print(f"{len(images)} pairs: --data pairs:{wanted.out / 'source'},{wanted.out / 'target'}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
