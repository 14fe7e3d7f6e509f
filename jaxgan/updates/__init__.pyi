from .adjusted import (
    competitive as competitive,
    consensus as consensus,
    symplectic as symplectic,
)
from .plain import alternating as alternating, simultaneous as simultaneous
from .extrapolated import (
    extragradient as extragradient,
    extrapolation_from_the_past as extrapolation_from_the_past,
    optimistic as optimistic,
)
from .averaged import anderson as anderson, lookahead as lookahead
from .moves import (
    Evaluation as Evaluation,
    Moves as Moves,
    Step as Step,
    Update as Update,
    apply as apply,
    apply_both as apply_both,
    evaluate_both as evaluate_both,
    finish_both as finish_both,
    gradients_of as gradients_of,
    linearized as linearized,
    memory as memory,
    params_of as params_of,
    propose_both as propose_both,
    updates_of as updates_of,
    with_gradients as with_gradients,
    with_optimizers_of as with_optimizers_of,
    with_params as with_params,
)
from .named import from_name as from_name
from .on_games import (
    game_moves as game_moves,
    make_round as make_round,
    play as play,
    start_state as start_state,
)
from .on_gans import make_moves as make_moves
from .ode import runge_kutta as runge_kutta
from .unrolling import unrolled as unrolled
