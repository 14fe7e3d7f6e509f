from . import (
    adapters as adapters,
    augment as augment,
    critics as critics,
    data as data,
    directions as directions,
    ema as ema,
    games as games,
    images as images,
    latents as latents,
    losses as losses,
    metrics as metrics,
    models as models,
    monitor as monitor,
    parallel as parallel,
    plots as plots,
    population as population,
    projection as projection,
    recipes as recipes,
    refinement as refinement,
    regularizers as regularizers,
    runs as runs,
    schedules as schedules,
    scoring as scoring,
    terms as terms,
    training as training,
    transformations as transformations,
    types as types,
    updates as updates,
)
from .adapters.bundling import bundle as bundle
from .adapters.from_flax import from_linen as from_linen, from_nnx as from_nnx
from .adapters.packing import packed as packed
from .adapters.precision import (
    gan_in_precision as gan_in_precision,
    with_compute_dtype as with_compute_dtype,
)
from .adapters.wrappers import (
    no_discriminator as no_discriminator,
    without_condition as without_condition,
    without_latents as without_latents,
)
from .fine_tuning import freeze_d as freeze_d, transfer as transfer
from .nonfinite import NonFiniteError as NonFiniteError
from .players import (
    make_discriminate as make_discriminate,
    make_generate as make_generate,
    sample as sample,
)
from .population.differentiable import make_run as make_run
from .population.fitting import fit_many as fit_many
from .runs.outputs.loading import load as load
from .runs.outputs.samples import draw_samples as draw_samples
from .steps import (
    init as init,
    make_discriminator_step as make_discriminator_step,
    make_generator_step as make_generator_step,
    make_train_step as make_train_step,
)
from .term_inputs import (
    TermInputs as TermInputs,
    TermState as TermState,
    generator_term as generator_term,
    penalty as penalty,
)
from .training.loop import fit as fit, iterate as iterate
from .training.plan import Plan as Plan
from .training.standing import standing_statistics as standing_statistics
from .training.state import RunState as RunState, init_run as init_run
from .types import (
    GAN as GAN,
    AdversarialLoss as AdversarialLoss,
    Augmentation as Augmentation,
    Batch as Batch,
    DiscriminatorOutput as DiscriminatorOutput,
    GANState as GANState,
    Network as Network,
    Params as Params,
    PlayerState as PlayerState,
    Task as Task,
    Term as Term,
    Weights as Weights,
)

__version__: str
