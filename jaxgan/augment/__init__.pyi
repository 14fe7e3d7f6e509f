from .ada import (
    AdaptiveStrength as AdaptiveStrength,
    adaptive as adaptive,
    constant as constant,
)
from .apa import adaptive_pseudo as adaptive_pseudo
from .diff_augment import (
    DIFFAUGMENT as DIFFAUGMENT,
    color_jitter as color_jitter,
    cutout as cutout,
    diffaugment as diffaugment,
    translation as translation,
)
from .jittering import (
    geometric_jitter as geometric_jitter,
    jitter as jitter,
    strong_color_jitter as strong_color_jitter,
)
from .named import NAMED as NAMED, AugmentationName as AugmentationName
from .ada_transforms import SETS as SETS, pipeline as pipeline
from .value_range import Transform as Transform, in_range as in_range
