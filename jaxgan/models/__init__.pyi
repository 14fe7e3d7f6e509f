from .biggan import (
    BigGANDiscriminator as BigGANDiscriminator,
    BigGANGenerator as BigGANGenerator,
    published_biggan as published_biggan,
)
from .cyclegan import (
    CycleGANGenerator as CycleGANGenerator,
    cyclegan_discriminator as cyclegan_discriminator,
    published_cyclegan as published_cyclegan,
)
from .dcgan import (
    DCGANDiscriminator as DCGANDiscriminator,
    DCGANGenerator as DCGANGenerator,
    published_dcgan as published_dcgan,
)
from .imagenet.clip import make_clip as make_clip
from .imagenet.dinov2 import ImageFeatures as ImageFeatures, make_dinov2 as make_dinov2
from .imagenet.features import (
    VGG16_LAYERS as VGG16_LAYERS,
    alexnet as alexnet,
    make_lpips as make_lpips,
    vgg16 as vgg16,
    vgg16_features as vgg16_features,
)
from .imagenet.inception import (
    InceptionOutput as InceptionOutput,
    fid_images as fid_images,
    inception_v3 as inception_v3,
    make_inception as make_inception,
)
from .imagenet.inception_file import (
    inception_convolutions as inception_convolutions,
    inception_weights as inception_weights,
)
from .imagenet.weights import has_pretrained as has_pretrained, pretrained as pretrained
from .lapgan import (
    LAPGANDiscriminator as LAPGANDiscriminator,
    LAPGANGenerator as LAPGANGenerator,
    published_lapgan as published_lapgan,
)
from .layers.attention import SelfAttention as SelfAttention
from .layers.convolution import conv as conv, conv_transpose as conv_transpose
from .layers.dropout import Dropout as Dropout
from .layers.grouped import GroupedConv as GroupedConv, grouped_conv as grouped_conv
from .layers.labels import (
    ConditionalBatchNorm as ConditionalBatchNorm,
    CosineHead as CosineHead,
    LabelEmbedding as LabelEmbedding,
    ModulatedBatchNorm as ModulatedBatchNorm,
    ProjectionHead as ProjectionHead,
    concatenate_labels as concatenate_labels,
    one_hot as one_hot,
)
from .layers.linear import Conv as Conv, ConvTranspose as ConvTranspose, Dense as Dense
from .layers.magnitude import (
    Gain as Gain,
    MPConv as MPConv,
    MPFourier as MPFourier,
    forced_weight_norm as forced_weight_norm,
    mp_cat as mp_cat,
    mp_silu as mp_silu,
    mp_sum as mp_sum,
    unit_magnitude as unit_magnitude,
)
from .layers.minibatch import (
    MinibatchDiscrimination as MinibatchDiscrimination,
    MinibatchStd as MinibatchStd,
)
from .layers.normalization import (
    BatchNorm as BatchNorm,
    InstanceNorm as InstanceNorm,
    PixelNorm as PixelNorm,
    VirtualBatchNorm as VirtualBatchNorm,
    around_one as around_one,
    with_reference as with_reference,
)
from .layers.spectral_norm import SpectralNorm as SpectralNorm
from .mlp import MLPDiscriminator as MLPDiscriminator, MLPGenerator as MLPGenerator
from .pix2pix import PatchGAN as PatchGAN, UNet as UNet
from .projected import (
    FrozenMixing as FrozenMixing,
    ProjectedDiscriminator as ProjectedDiscriminator,
    published_projected as published_projected,
    vgg16_maps as vgg16_maps,
)
from .r3gan import (
    R3GANDiscriminator as R3GANDiscriminator,
    R3GANGenerator as R3GANGenerator,
    published_r3gan as published_r3gan,
)
from .resnet import (
    ResNetDiscriminator as ResNetDiscriminator,
    ResNetGenerator as ResNetGenerator,
    published_sngan as published_sngan,
)
from .srgan import (
    PReLU as PReLU,
    SRGANDiscriminator as SRGANDiscriminator,
    SRResNet as SRResNet,
    SubPixelConv as SubPixelConv,
    depth_to_space as depth_to_space,
)
from .stylegan2.discriminator import StyleGAN2Discriminator as StyleGAN2Discriminator
from .stylegan2.generator import (
    StyleGAN2Generator as StyleGAN2Generator,
    make_styles as make_styles,
)
from .stylegan2.official import (
    Converted as Converted,
    latent_size as latent_size,
    load_converted as load_converted,
    official_discriminator as official_discriminator,
    official_generator as official_generator,
    save_converted as save_converted,
)
from .stylegan2.official_file import (
    OfficialNetwork as OfficialNetwork,
    read_official as read_official,
)
from .stylegan2.presets import published_stylegan2 as published_stylegan2
