"""Videos of a generator's samples, whose latents or truncation change smoothly.

write_video(load_generator(Path("runs/digits")), Path("walk.gif"))
"""

import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan import plots
from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.checks import check_choice, check_positive
from jaxgan.parallel.global_batch import sample_index
from jaxgan.runs.disk.generator import TrainedGenerator, check_truncation, takes_images
from jaxgan.runs.outputs.explore import latent_vectors, make_samples
from jaxgan.types import Array

Moving = Literal["latents", "truncation"]
SUFFIXES = (".gif", ".webp", ".mp4")
CORNERS = 4  # latents that each sample passes through
_DRAWN = 1_000  # latents from which their bounds are known


class VideoOptions(NamedTuple):
    """What a video shows, and for how long.

    Attributes:
      moving: "latents" walk in a circle through four random ones; "truncation" goes from psi 1 to 0
        and back.
      grid: rows and columns of samples.
      seconds: length.
      fps: frames per second; .gif files have at most 50.
      seed: seed of the latents.
      label: class of all samples, for conditional runs, or their attributes [n].
    """

    moving: Moving = "latents"
    grid: tuple[int, int] = (3, 4)
    seconds: float = 6.0
    fps: int = 20
    seed: int = 0
    label: int | np.ndarray | None = None


def write_video(
    generator: TrainedGenerator,
    out: Path,
    options: VideoOptions = VideoOptions(),  # noqa: B008 (it is immutable)
) -> int:
    """Write a video that ends as it begins, so that it can be looped; returns its frames' number.

    Args:
      generator: from `load_generator`, of images; its latents are one vector per sample.
      out: a .gif, .webp or .mp4 file; the last needs PyAV, `pip install 'jaxgan[video]'`.
      options: what it shows.
    Raises:
      ValueError: if the generator makes no images, takes images, or has no truncation to move.
      OSError: if the file cannot be written.
    """
    _check(generator, out, options)
    num = max(2, round(options.seconds * options.fps))
    samples = make_samples(generator, options.label)
    places = math.prod(options.grid)
    turn = np.arange(num) / num
    if options.moving == "truncation":
        z = latent_vectors(generator, options.seed, places)
        frames = [samples(z, 0.5 + 0.5 * math.cos(2 * math.pi * t)) for t in turn]
    else:
        frames = [samples(z) for z in walk(generator, options.seed, places, turn)]
    _write(_pictures(generator, frames, options.grid[1]), out, options.fps)
    return num


def walk(generator: TrainedGenerator, seed: int, places: int, turn: np.ndarray) -> Array:
    """Closed paths of latents through random ones, [len(turn), places, d].

    From one latent to the next, coordinates that are bounded by 1 go in a straight line. Others
    follow a(t) = cos(pi t / 2) a + sin(pi t / 2) b, which keeps normal latents normal.

    Args:
      generator: the generator of the latents.
      seed: seed of the latents.
      places: number of paths.
      turn: positions on the paths, in 0..1.
    """
    bounded = jnp.abs(latent_vectors(generator, seed, _DRAWN)).max(axis=0) <= 1.0
    corners = generator.gan.latent(jax.random.key(seed), sample_index(CORNERS * places))
    corners = corners.reshape(CORNERS, places, -1)
    whole, t = np.divmod(turn * CORNERS, 1.0)
    start, end = (corners[(whole.astype(int) + step) % CORNERS] for step in (0, 1))
    at = jnp.asarray(t, jnp.float32)[:, None, None]
    straight = (1.0 - at) * start + at * end
    round_about = jnp.cos(0.5 * jnp.pi * at) * start + jnp.sin(0.5 * jnp.pi * at) * end
    return jnp.where(bounded, straight, round_about)


def _check(generator: TrainedGenerator, out: Path, options: VideoOptions):
    if out.suffix not in SUFFIXES:
        raise ValueError(f"--out must end in {', '.join(SUFFIXES)}, got {out}")
    check_replaceable(out)
    check_choice(moving=(options.moving, ("latents", "truncation")))
    check_positive(rows=options.grid[0], columns=options.grid[1], fps=options.fps)
    if not 0 < options.seconds < math.inf:
        raise ValueError(f"seconds must be positive, got {options.seconds}")
    if generator.coarser or takes_images(generator) or not plots.is_image(_shape(generator)):
        raise ValueError("a video needs a generator of images that takes no images")
    if options.moving == "truncation":
        check_truncation(generator, "--moving truncation")
    if out.suffix == ".mp4":
        _video_package()


def _shape(generator: TrainedGenerator) -> tuple[int, ...]:
    return generator.data.shape


def _pictures(
    generator: TrainedGenerator, frames: list[np.ndarray], columns: int
) -> list[np.ndarray]:
    """Each frame as one picture, uint8 [height, width, 3]."""
    facts = generator.data
    low = min(float(x.min()) for x in frames) if facts.low is None else facts.low
    high = max(float(x.max()) for x in frames) if facts.high is None else facts.high
    return [plots.sample_grid(x, low, high, columns) for x in frames]


# --- Files


def _write(pictures: list[np.ndarray], out: Path, fps: int):
    if out.suffix == ".mp4":
        replace_file(out, lambda beside: _write_mp4(pictures, beside, fps))
        return
    first, *others = map(Image.fromarray, pictures)
    duration, kind = round(1000 / fps), out.suffix[1:]

    def save(beside: Path):
        more: dict[str, Any] = {"duration": duration, "loop": 0, "lossless": True}  # in WebP
        first.save(beside, kind, save_all=True, append_images=others, **more)

    replace_file(out, save)


def _write_mp4(pictures: list[np.ndarray], out: Path, fps: int):
    """Write H.264 video, which needs even sides."""
    av = _video_package()
    height, width = (side + side % 2 for side in pictures[0].shape[:2])
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            rest = (height - picture.shape[0], width - picture.shape[1])
            even = np.pad(picture, ((0, rest[0]), (0, rest[1]), (0, 0)), mode="edge")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())


def _video_package():
    try:
        import av
    except ImportError as error:
        raise ValueError(
            "a .mp4 file needs the package av: pip install 'jaxgan[video]', or choose .gif"
        ) from error
    return av
