from .ada import (
    AdaptiveStrength as AdaptiveStrength,
    adaptive as adaptive,
    constant as constant,
    geometric_jitter as geometric_jitter,
    strong_color_jitter as strong_color_jitter,
)
from .diff_augment import (
    DIFFAUGMENT as DIFFAUGMENT,
    color_jitter as color_jitter,
    cutout as cutout,
    diffaugment as diffaugment,
    translation as translation,
)
from .named import NAMED as NAMED, AugmentationName as AugmentationName
from .value_range import Transform as Transform, in_range as in_range
