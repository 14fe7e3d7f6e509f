"""Networks, one family per module, and the layers that they are made of."""

from jaxgan.models.dcgan import DCGANDiscriminator, DCGANGenerator
from jaxgan.models.imagenet.features import VGG16_LAYERS, alexnet, make_lpips, vgg16, vgg16_features
from jaxgan.models.imagenet.inception import (
    InceptionOutput,
    fid_images,
    inception_v3,
    make_inception,
)
from jaxgan.models.imagenet.inception_file import inception_convolutions, inception_weights
from jaxgan.models.imagenet.weights import has_pretrained, pretrained
from jaxgan.models.lapgan import LAPGANDiscriminator, LAPGANGenerator
from jaxgan.models.layers.attention import SelfAttention
from jaxgan.models.layers.convolution import conv, conv_transpose
from jaxgan.models.layers.dropout import Dropout
from jaxgan.models.layers.grouped import GroupedConv, grouped_conv
from jaxgan.models.layers.labels import (
    ConditionalBatchNorm,
    LabelEmbedding,
    ProjectionHead,
    concatenate_labels,
    one_hot,
)
from jaxgan.models.layers.linear import Conv, ConvTranspose, Dense
from jaxgan.models.layers.minibatch import MinibatchDiscrimination, MinibatchStd
from jaxgan.models.layers.normalization import (
    BatchNorm,
    InstanceNorm,
    PixelNorm,
    VirtualBatchNorm,
    around_one,
    with_reference,
)
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.models.mlp import MLPDiscriminator, MLPGenerator
from jaxgan.models.pix2pix import PatchGAN, UNet
from jaxgan.models.r3gan import R3GANDiscriminator, R3GANGenerator
from jaxgan.models.resnet import ResNetDiscriminator, ResNetGenerator
from jaxgan.models.srgan import PReLU, SRGANDiscriminator, SRResNet, SubPixelConv, depth_to_space

__all__ = [
    "VGG16_LAYERS",
    "BatchNorm",
    "ConditionalBatchNorm",
    "Conv",
    "ConvTranspose",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Dense",
    "Dropout",
    "GroupedConv",
    "InceptionOutput",
    "InstanceNorm",
    "LAPGANDiscriminator",
    "LAPGANGenerator",
    "LabelEmbedding",
    "MLPDiscriminator",
    "MLPGenerator",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "PReLU",
    "PatchGAN",
    "PixelNorm",
    "ProjectionHead",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "SRGANDiscriminator",
    "SRResNet",
    "SelfAttention",
    "SpectralNorm",
    "SubPixelConv",
    "UNet",
    "VirtualBatchNorm",
    "alexnet",
    "around_one",
    "concatenate_labels",
    "conv",
    "conv_transpose",
    "depth_to_space",
    "fid_images",
    "grouped_conv",
    "has_pretrained",
    "inception_convolutions",
    "inception_v3",
    "inception_weights",
    "make_inception",
    "make_lpips",
    "one_hot",
    "pretrained",
    "vgg16",
    "vgg16_features",
    "with_reference",
]
