from .games import (
    eigenvalues as eigenvalues,
    phase_portrait as phase_portrait,
    phase_portraits as phase_portraits,
    radii as radii,
)
from .grids import (
    interpolation_strip as interpolation_strip,
    is_image as is_image,
    is_waveform as is_waveform,
    sample_grid as sample_grid,
    samples as samples,
    side_by_side as side_by_side,
    waveform_grid as waveform_grid,
)
from .loss_functions import (
    discriminator_curves as discriminator_curves,
    discriminator_losses as discriminator_losses,
    generator_curve as generator_curve,
    loss_gradients as loss_gradients,
)
from .phases import phase as phase
from .planes import (
    gradient_fields as gradient_fields,
    landscapes as landscapes,
    matching as matching,
)
from .points import mode_coverage as mode_coverage, scatter_over_density as scatter_over_density
from .rendering import animation as animation, rendered as rendered
from .sample_images import (
    class_rows as class_rows,
    is_plottable as is_plottable,
    num_plotted as num_plotted,
    sample_image as sample_image,
)
from .style import BLUE as BLUE, GREEN as GREEN, GREY as GREY, ORANGE as ORANGE, PALETTE as PALETTE
from .training import lines as lines, run_curves as run_curves, training_curves as training_curves
