from .differentiable import make_run as make_run
from .fitting import fit_many as fit_many
from .halving import Halving as Halving
from .points import (
    Points as Points,
    geomspace as geomspace,
    grid as grid,
    log_uniform as log_uniform,
    random as random,
    uniform as uniform,
)
from .tables import (
    Population as Population,
    Table as Table,
    best as best,
    summary as summary,
)
