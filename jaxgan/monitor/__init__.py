"""Warnings about training, found in the logged metrics."""

from jaxgan.monitor.detector import (
    ROWS_OF_A_HISTORY,
    Finding,
    MonitorState,
    Row,
    findings,
    observe,
    start,
)
from jaxgan.monitor.symptoms import (
    ACCURACIES,
    KINDS,
    LOGITS,
    SYMPTOMS,
    Kind,
    Seen,
    Thresholds,
    level,
    sensitivity,
)

__all__ = [
    "ACCURACIES",
    "KINDS",
    "LOGITS",
    "ROWS_OF_A_HISTORY",
    "SYMPTOMS",
    "Finding",
    "Kind",
    "MonitorState",
    "Row",
    "Seen",
    "Thresholds",
    "findings",
    "level",
    "observe",
    "sensitivity",
    "start",
]
