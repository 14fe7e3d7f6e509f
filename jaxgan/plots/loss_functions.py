"""Plots of adversarial losses and their gradients, over the logit and over the probability."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from jaxgan.plots.style import GREY, legend_below, line_style, name_axes, panels
from jaxgan.types import AdversarialLoss

Curve = tuple[np.ndarray, np.ndarray]  # values and gradients
_LOGITS = np.linspace(-6.0, 6.0, 241)


def generator_curve(loss: AdversarialLoss, logits: np.ndarray, real_logit: float = 0.0) -> Curve:
    """The generator's loss on one generated sample, and its derivative in that sample's logit.

    Args:
      loss: the adversarial loss.
      logits: logits of the generated sample [n].
      real_logit: the logit of the one real sample; only relativistic losses use it.
    Returns:
      Values and gradients, float32 [n] each.
    """
    return _curve(lambda fake: loss.generator(jnp.full(1, real_logit), fake[None]), logits)


def discriminator_curves(
    loss: AdversarialLoss, logits: np.ndarray, other_logit: float = 0.0
) -> tuple[Curve, Curve]:
    """The discriminator's loss as a function of one real logit, and of one generated logit.

    Args:
      loss: the adversarial loss.
      logits: values of the logit that varies [n].
      other_logit: the logit of the other sample, which stays fixed.
    Returns:
      (values, gradients) over the real logit, then over the generated logit; float32 [n] each.
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
    """Generator losses (top) and their derivatives in the logit (bottom).

    The left panels are over the logit, the right ones over sigmoid(logit), which is D(G(z)) for
    losses on probabilities. Losses with the same curves share one line.

    Args:
      losses: adversarial losses by their names in the legend.
      real_logit: the logit of the one real sample; only relativistic losses use it.
    Returns:
      The figure.
    """
    figure, axes = panels(["", "", "", ""], 2, 2.4)
    probability = 1.0 / (1.0 + np.exp(-_LOGITS))
    curves = {name: generator_curve(loss, _LOGITS, real_logit) for name, loss in losses.items()}
    for index, (name, curve) in enumerate(_merged(curves).items()):
        for row, values in enumerate(curve):
            for column, x in enumerate((_LOGITS, probability)):
                axes[2 * row + column].plot(x, values, label=name, **line_style(index))
    for row, what in enumerate(("generator loss", "d loss / d logit")):
        name_axes(axes[2 * row], "logit of G(z)", what)
        name_axes(axes[2 * row + 1], "D(G(z)) = sigmoid(logit)", "")
    _focus(axes[:2], (-4.0, 8.0))
    _focus(axes[2:], (-3.2, 1.2))
    legend_below(figure, axes[0])
    return figure


def discriminator_losses(losses: Mapping[str, AdversarialLoss], other_logit: float = 0.0) -> Figure:
    """Discriminator losses over the logit of a real sample, and of a generated sample.

    Losses with the same curves share one line.

    Args:
      losses: adversarial losses by their names in the legend.
      other_logit: the logit of the other sample, which stays fixed.
    Returns:
      The figure.
    """
    figure, axes = panels(["real sample x", "generated sample G(z)"], 2, 3.2)
    curves = {
        name: tuple(values for values, _ in discriminator_curves(loss, _LOGITS, other_logit))
        for name, loss in losses.items()
    }
    for index, (name, curve) in enumerate(_merged(curves).items()):
        for panel, values in zip(axes, curve, strict=True):
            panel.plot(_LOGITS, values, label=name, **line_style(index))
    name_axes(axes[0], f"logit of x, at {other_logit:g} for G(z)", "discriminator loss")
    name_axes(axes[1], f"logit of G(z), at {other_logit:g} for x", "")
    _focus(axes, (-4.0, 8.0))
    legend_below(figure, axes[0])
    return figure


def _merged(curves: Mapping[str, tuple[np.ndarray, ...]]) -> dict[str, tuple[np.ndarray, ...]]:
    """The distinct curves; equal ones stand under their joined names, such as "a = b"."""
    groups: list[tuple[list[str], tuple[np.ndarray, ...]]] = []
    for name, curve in curves.items():
        for names, known in groups:
            if np.allclose(curve, known, atol=1e-5):
                names.append(name)
                break
        else:
            groups.append(([name], curve))
    return {" = ".join(names): curve for names, curve in groups}


def _focus(axes: list, limits: tuple[float, float]):
    """Sets vertical limits that hold the curves but do not exceed the given ones."""
    low = min(float(line.get_ydata().min()) for panel in axes for line in panel.lines)
    high = max(float(line.get_ydata().max()) for panel in axes for line in panel.lines)
    margin = 0.05 * (high - low)
    for panel in axes:
        panel.set_ylim(max(low - margin, limits[0]), min(high + margin, limits[1]))
        panel.axhline(0.0, color=GREY, linewidth=0.8, zorder=0)
