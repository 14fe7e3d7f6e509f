from .loop import Progress as Progress, fit as fit, iterate as iterate
from .plan import Plan as Plan, ReadOptions as ReadOptions
from .state import RunState as RunState, init_run as init_run
