"""Layers that the models are built from."""

from jaxgan.models.layers.linear import (
    Conv,
    ConvTranspose,
    Dense,
    Dropout,
    MinibatchDiscrimination,
    MinibatchStd,
    PixelNorm,
    SelfAttention,
    random_words,
    with_bias,
)

__all__ = [
    "Conv",
    "ConvTranspose",
    "Dense",
    "Dropout",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "PixelNorm",
    "SelfAttention",
    "random_words",
    "with_bias",
]
