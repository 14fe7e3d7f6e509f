from .consistency import (
    make_balanced_consistency as make_balanced_consistency,
    make_consistency as make_consistency,
)
from .gradients import (
    dragan as dragan,
    gradient_penalty as gradient_penalty,
    make_dragan as make_dragan,
    make_gradient_penalty as make_gradient_penalty,
    r1 as r1,
    r2 as r2,
)
from .logits import (
    LecamAverages as LecamAverages,
    lecam as lecam,
    lecam_penalty as lecam_penalty,
)
