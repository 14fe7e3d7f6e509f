"""Adversarial losses and their gradients, over the logit and over the probability."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from jaxgan.plots.style import GREY, legend_below, line_style, name_axes, panels
from jaxgan.types import AdversarialLoss

Curve = tuple[np.ndarray, np.ndarray]
_LOGITS = np.linspace(-6.0, 6.0, 241)


def generator_curve(loss: AdversarialLoss, logits: np.ndarray, real_logit: float = 0.0) -> Curve:
    """The generator's loss of one generated sample, and its derivative by that sample's logit.

    Args:
      loss: the adversarial pair.
      logits: of the generated sample, any number [n].
      real_logit: of the one real sample, at which relativistic losses look.
    Returns:
      Values and gradients, float32 [n] each.
    """
    return _curve(lambda fake: loss.generator(jnp.full(1, real_logit), fake[None]), logits)


def discriminator_curves(
    loss: AdversarialLoss, logits: np.ndarray, other_logit: float = 0.0
) -> tuple[Curve, Curve]:
    """The discriminator's loss over the logit of one real sample, and over that of one generated.

    Args:
      loss: the adversarial pair.
      logits: any number [n].
      other_logit: of the sample of the other side meanwhile.
    Returns:
      (values, gradients) over the real logit, then over the generated one; float32 [n] each.
    """
    other = jnp.full(1, other_logit)
    return (
        _curve(lambda real: loss.discriminator(real[None], other), logits),
        _curve(lambda fake: loss.discriminator(other, fake[None]), logits),
    )


def _curve(function: Callable, logits: np.ndarray) -> Curve:
    values, gradients = jax.vmap(jax.value_and_grad(function))(jnp.asarray(logits, jnp.float32))
    return np.asarray(values), np.asarray(gradients)


def loss_gradients(losses: Mapping[str, AdversarialLoss], real_logit: float = 0.0) -> Figure:
    """What generators minimise, and how strongly each loss pulls.

    Above the loss of one generated sample, below its derivative by the logit; on the left over the
    logit, on the right over sigmoid(logit), which is D(G(z)) for losses of probabilities.

    Args:
      losses: pairs by the name that stands in the legend.
      real_logit: of the one real sample, at which relativistic losses look.
    """
    figure, axes = panels(["over the logit", "over the probability", "", ""], 2, 2.4)
    chance = 1.0 / (1.0 + np.exp(-_LOGITS))
    for index, (name, loss) in enumerate(losses.items()):
        for row, values in enumerate(generator_curve(loss, _LOGITS, real_logit)):
            for column, x in enumerate((_LOGITS, chance)):
                axes[2 * row + column].plot(x, values, label=name, **line_style(index))
    for row, what in enumerate(("generator's loss", "its gradient by the logit")):
        name_axes(axes[2 * row], "logit of G(z)", what)
        name_axes(axes[2 * row + 1], "D(G(z)) = sigmoid(logit)", "")
    _focus(axes[:2], (-4.0, 8.0))
    _focus(axes[2:], (-3.2, 1.2))
    legend_below(figure, axes[0])
    return figure


def discriminator_losses(losses: Mapping[str, AdversarialLoss], other_logit: float = 0.0) -> Figure:
    """What discriminators minimise, over the logit of a real and over that of a generated sample.

    Args:
      losses: pairs by the name that stands in the legend.
      other_logit: of the sample of the other side meanwhile.
    """
    figure, axes = panels(["a real sample", "a generated sample"], 2, 3.2)
    for index, (name, loss) in enumerate(losses.items()):
        curves = discriminator_curves(loss, _LOGITS, other_logit)
        for panel, (values, _) in zip(axes, curves, strict=True):
            panel.plot(_LOGITS, values, label=name, **line_style(index))
    name_axes(axes[0], f"logit of x (that of G(z): {other_logit:g})", "discriminator's loss")
    name_axes(axes[1], f"logit of G(z) (that of x: {other_logit:g})", "")
    _focus(axes, (-4.0, 8.0))
    legend_below(figure, axes[0])
    return figure


def _focus(axes: list, limits: tuple[float, float]):
    """Limits of the vertical axes that hold the curves, but no more than these."""
    low = min(float(line.get_ydata().min()) for panel in axes for line in panel.lines)
    high = max(float(line.get_ydata().max()) for panel in axes for line in panel.lines)
    margin = 0.05 * (high - low)
    for panel in axes:
        panel.set_ylim(max(low - margin, limits[0]), min(high + margin, limits[1]))
        panel.axhline(0.0, color=GREY, linewidth=0.8, zorder=0)
