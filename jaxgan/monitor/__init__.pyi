from .detector import (
    ROWS_OF_A_HISTORY as ROWS_OF_A_HISTORY,
    Alert as Alert,
    MonitorState as MonitorState,
    Row as Row,
    alerts as alerts,
    init as init,
    observe as observe,
)
from .symptoms import (
    ACCURACIES as ACCURACIES,
    KINDS as KINDS,
    LOGITS as LOGITS,
    SYMPTOMS as SYMPTOMS,
    Kind as Kind,
    Thresholds as Thresholds,
    Window as Window,
    level as level,
    sensitivity as sensitivity,
)
