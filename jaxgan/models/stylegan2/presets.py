"""The published sizes of StyleGAN2's networks."""

from typing import Literal, NamedTuple

from jaxgan.checks import check_choice
from jaxgan.models.stylegan2.discriminator import StyleGAN2Discriminator
from jaxgan.models.stylegan2.generator import StyleGAN2Generator

Configuration = Literal["stylegan2", "paper256", "paper512", "paper1024", "cifar"]


class _Sizes(NamedTuple):
    channel_base: int
    mapping_layers: int
    group_size: int
    architecture: Literal["resnet", "orig"]
    style_mixing: float


_PUBLISHED = {
    "stylegan2": _Sizes(32_768, 8, 4, "resnet", 0.9),
    "paper256": _Sizes(16_384, 8, 8, "resnet", 0.9),
    "paper512": _Sizes(32_768, 8, 8, "resnet", 0.9),
    "paper1024": _Sizes(32_768, 8, 4, "resnet", 0.9),
    "cifar": _Sizes(32_768, 2, 32, "orig", 0.0),
}


def published_stylegan2(
    resolution: int,
    channels: int = 3,
    num_classes: int | None = None,
    configuration: Configuration = "stylegan2",
) -> tuple[StyleGAN2Generator, StyleGAN2Discriminator]:
    """The generator and the discriminator in a published configuration, for 512 latents.

    | configuration | images | batch | learning rate | gamma | EMA half-life, images |
    |---|---|---|---|---|---|
    | stylegan2 (config-f) | any | 32 | 0.002 | 10 | 10,000 |
    | paper256 | 256 | 64 | 0.0025 | 1 | 20,000 |
    | paper512 | 512 | 64 | 0.0025 | 0.5 | 20,000 |
    | paper1024 | 1024 | 32 | 0.002 | 2 | 10,000 |
    | cifar | 32 | 64 | 0.0025 | 0.01 | 500,000 |

    All of them have R1 in every 16th update of the discriminator and, except for cifar, path
    lengths of weight 2 in every fourth update of the generator. Activations are bounded by 256, as
    in the official PyTorch code.

    Args:
      resolution: height and width of the images, a power of 2, at least 8.
      channels: of the images.
      num_classes: number of classes of conditional networks.
      configuration: one of the table.
    Raises:
      ValueError: if the resolution is another number, or there is no such configuration.
    Source: `cfg_specs` in train.py of https://github.com/NVlabs/stylegan2-ada-pytorch
    """
    check_choice(configuration=(configuration, tuple(_PUBLISHED)))
    if resolution < 8 or resolution & (resolution - 1):
        raise ValueError(f"resolution must be a power of 2, at least 8, got {resolution}")
    sizes = _PUBLISHED[configuration]
    generator = StyleGAN2Generator(
        (resolution, resolution, channels),
        channel_base=sizes.channel_base,
        channel_max=512,
        w_dim=512,
        mapping_layers=sizes.mapping_layers,
        num_classes=num_classes,
        clamp=256.0,
        style_mixing=sizes.style_mixing,
    )
    discriminator = StyleGAN2Discriminator(
        channel_base=sizes.channel_base,
        channel_max=512,
        group_size=sizes.group_size,
        num_classes=num_classes,
        architecture=sizes.architecture,
        clamp=256.0,
    )
    return generator, discriminator
