"""Warns of training problems and of equilibrium, from the logged metrics."""

from jaxgan.monitor.detector import (
    ROWS_OF_A_HISTORY,
    Alert,
    MonitorState,
    Row,
    alerts,
    init,
    observe,
)
from jaxgan.monitor.symptoms import (
    ACCURACIES,
    KINDS,
    LOGITS,
    SYMPTOMS,
    Kind,
    Thresholds,
    Window,
    level,
    sensitivity,
)

__all__ = [
    "ACCURACIES",
    "KINDS",
    "LOGITS",
    "ROWS_OF_A_HISTORY",
    "SYMPTOMS",
    "Alert",
    "Kind",
    "MonitorState",
    "Row",
    "Thresholds",
    "Window",
    "alerts",
    "init",
    "level",
    "observe",
    "sensitivity",
]
