"""Networks, one family a file, and the layers they are made of."""

from jaxgan.models.convolution import conv, conv_transpose
from jaxgan.models.dcgan import DCGANDiscriminator, DCGANGenerator
from jaxgan.models.grouped import GroupedConv, grouped_conv
from jaxgan.models.labels import (
    ConditionalBatchNorm,
    LabelEmbedding,
    ProjectionHead,
    concatenate_labels,
    one_hot,
)
from jaxgan.models.layers import (
    Conv,
    ConvTranspose,
    Dense,
    Dropout,
    MinibatchDiscrimination,
    MinibatchStd,
    PixelNorm,
    SelfAttention,
)
from jaxgan.models.mlp import MLPDiscriminator, MLPGenerator
from jaxgan.models.normalization import (
    BatchNorm,
    SpectralNorm,
    VirtualBatchNorm,
    around_one,
    with_reference,
)
from jaxgan.models.r3gan import R3GANDiscriminator, R3GANGenerator
from jaxgan.models.resnet import ResNetDiscriminator, ResNetGenerator

__all__ = [
    "BatchNorm",
    "ConditionalBatchNorm",
    "Conv",
    "ConvTranspose",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Dense",
    "Dropout",
    "GroupedConv",
    "LabelEmbedding",
    "MLPDiscriminator",
    "MLPGenerator",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "PixelNorm",
    "ProjectionHead",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "SelfAttention",
    "SpectralNorm",
    "VirtualBatchNorm",
    "around_one",
    "concatenate_labels",
    "conv",
    "conv_transpose",
    "grouped_conv",
    "one_hot",
    "with_reference",
]
