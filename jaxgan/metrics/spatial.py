"""The spatial Fréchet distance, on feature maps instead of their means over positions."""

import numpy as np

from jaxgan.metrics.frechet import frechet_distance
from jaxgan.types import Array


def spatial_features(maps: Array | np.ndarray, channels: int = 7) -> Array | np.ndarray:
    """The first channels of feature maps at every position, as features of a Fréchet distance.

    Args:
      maps: feature maps [num, height, width, channels], floats.
      channels: the number of channels kept; 7 of 17 x 17 maps give 2,023 features.
    Returns:
      Features [num, height * width * channels].
    Raises:
      ValueError: if maps are not feature maps with that many channels.
    """
    if np.ndim(maps) != 4 or not 1 <= channels <= np.shape(maps)[3]:
        raise ValueError(
            f"maps must be [num, height, width, channels] with {channels} channels or more, got "
            f"shape {np.shape(maps)}"
        )
    return maps[..., :channels].reshape(len(maps), -1)


def spatial_frechet_distance(
    real: Array | np.ndarray, fake: Array | np.ndarray, channels: int = 7
) -> float:
    """The Fréchet distance of feature maps, which notices wrong arrangements of right parts.

    On the maps of the layer mixed_6/conv of the FID's Inception network it is the sFID.

    Args:
      real: feature maps of real samples [num, height, width, channels], floats.
      fake: feature maps of generated samples, of the same size.
      channels: the number of channels used.
    Returns:
      The non-negative distance in squared units of the features, computed in float64.
    Raises:
      ValueError: if the maps are no maps, or as `frechet_distance`.
    Source: Nash et al. 2021, section 4.1, https://arxiv.org/abs/2103.03841; layer and channels of
      https://github.com/openai/guided-diffusion
    """
    return frechet_distance(spatial_features(real, channels), spatial_features(fake, channels))
