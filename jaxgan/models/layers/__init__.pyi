from .attention import SelfAttention as SelfAttention
from .dropout import Dropout as Dropout, random_words as random_words
from .linear import (
    Conv as Conv,
    ConvTranspose as ConvTranspose,
    Dense as Dense,
    with_bias as with_bias,
)
from .minibatch import (
    MinibatchDiscrimination as MinibatchDiscrimination,
    MinibatchStd as MinibatchStd,
)
from .normalization import PixelNorm as PixelNorm
