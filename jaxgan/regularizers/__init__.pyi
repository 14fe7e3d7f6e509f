from .consistency import (
    make_balanced_consistency as make_balanced_consistency,
    make_consistency as make_consistency,
)
from .finite_differences import (
    approximate_r1 as approximate_r1,
    approximate_r2 as approximate_r2,
    make_approximate_r1 as make_approximate_r1,
    make_approximate_r2 as make_approximate_r2,
)
from .gradients import (
    dragan as dragan,
    gradient_penalty as gradient_penalty,
    make_dragan as make_dragan,
    make_gradient_penalty as make_gradient_penalty,
    r1 as r1,
    r1_gamma as r1_gamma,
    r2 as r2,
)
from .logits import (
    LecamAverages as LecamAverages,
    lecam as lecam,
    lecam_penalty as lecam_penalty,
    logit_centring as logit_centring,
)
from .weights import make_orthogonality as make_orthogonality
