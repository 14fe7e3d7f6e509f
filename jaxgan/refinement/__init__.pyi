from .chains import metropolis_hastings as metropolis_hastings
from .density_ratio import (
    Calibration as Calibration,
    DensityRatio as DensityRatio,
    calibration as calibration,
    fit_density_ratio as fit_density_ratio,
    head_inputs as head_inputs,
    log_ratio as log_ratio,
)
from .effective_size import (
    chain_effective_size as chain_effective_size,
    weights_effective_size as weights_effective_size,
)
from .moved_latents import (
    Divergence as Divergence,
    make_gradient_flow_step as make_gradient_flow_step,
    make_langevin_step as make_langevin_step,
    normal_log_density as normal_log_density,
)
from .rejection import (
    Bound as Bound,
    acceptance_probability as acceptance_probability,
    rejection_bound as rejection_bound,
    rejection_sample as rejection_sample,
)
from .proposals import Propose as Propose, Refined as Refined
