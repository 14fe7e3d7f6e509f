"""Layers that the models are built from."""

from jaxgan.models.layers.attention import SelfAttention
from jaxgan.models.layers.dropout import Dropout, random_words
from jaxgan.models.layers.linear import Conv, ConvTranspose, Dense, with_bias
from jaxgan.models.layers.minibatch import MinibatchDiscrimination, MinibatchStd
from jaxgan.models.layers.normalization import PixelNorm

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
