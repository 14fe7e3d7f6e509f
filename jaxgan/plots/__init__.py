"""Plots of samples, training curves, losses, discriminators and two-player games.

Functions that return a `matplotlib.figure.Figure` leave pyplot's state alone; `rendered` turns a
figure into pixels.
"""

from jaxgan.plots.games import eigenvalues, phase_portrait, phase_portraits, radii
from jaxgan.plots.grids import (
    interpolation_strip,
    is_image,
    is_waveform,
    sample_grid,
    samples,
    side_by_side,
    waveform_grid,
)
from jaxgan.plots.loss_functions import (
    discriminator_curves,
    discriminator_losses,
    generator_curve,
    loss_gradients,
)
from jaxgan.plots.planes import gradient_fields, landscapes, matching
from jaxgan.plots.points import mode_coverage, scatter_over_density
from jaxgan.plots.rendering import animation, rendered
from jaxgan.plots.sample_images import class_rows, is_plottable, num_plotted, sample_image
from jaxgan.plots.style import BLUE, GREEN, GREY, ORANGE, PALETTE
from jaxgan.plots.training import lines, run_curves, training_curves

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PALETTE",
    "animation",
    "class_rows",
    "discriminator_curves",
    "discriminator_losses",
    "eigenvalues",
    "generator_curve",
    "gradient_fields",
    "interpolation_strip",
    "is_image",
    "is_plottable",
    "is_waveform",
    "landscapes",
    "lines",
    "loss_gradients",
    "matching",
    "mode_coverage",
    "num_plotted",
    "phase_portrait",
    "phase_portraits",
    "radii",
    "rendered",
    "run_curves",
    "sample_grid",
    "sample_image",
    "samples",
    "scatter_over_density",
    "side_by_side",
    "training_curves",
    "waveform_grid",
]
