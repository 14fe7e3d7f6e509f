"""Whether every stage of a recipe can be trained, checked before the first one is."""

from collections.abc import Sequence

import jax

from jaxgan.adapters.precision import gan_in_precision
from jaxgan.data import Dataset, Records
from jaxgan.recipes import check_installed
from jaxgan.recipes.base import Recipe
from jaxgan.runs.restore import check_handed_on
from jaxgan.runs.settings.config import load_input
from jaxgan.runs.settings.options import Input, Options
from jaxgan.runs.setup import check_kept, gan_for
from jaxgan.scoring.in_training import check_scorable
from jaxgan.steps import make_train_step
from jaxgan.training.batches import example_batch
from jaxgan.training.plan_checks import rows_per_device
from jaxgan.training.state import init_run
from jaxgan.types import GAN, PyTree


def check_stages(stages: Sequence[Recipe], options: Sequence[Options]):
    """Raises a ValueError that names the first stage that cannot be trained, and says why.

    The initialization and one round of each stage are traced on the shapes of its data: nothing is
    computed, and records are not decoded.

    Args:
      stages: in the order of their training.
      options: of each stage.
    """
    for recipe in stages:
        check_installed(recipe)
    generators: dict[str, PyTree] = {}
    loaded: dict[Input, Dataset | Records] = {}  # stages usually share their data
    for recipe, own_options in zip(stages, options, strict=True):
        source = own_options.input._replace(max_memory=0.0)
        data = loaded[source] if source in loaded else load_input(source)
        loaded[source] = data
        gan = gan_for(own_options, data)
        try:
            own = generators[recipe.stage] = _traced(own_options, gan, data)
            if recipe.begins_with is not None:
                check_handed_on(recipe.begins_with, generators[recipe.begins_with], own)
        except (ValueError, TypeError) as error:  # jax raises the latter for shapes that do not fit
            why = str(error).strip().partition("\n")[0]
            raise ValueError(f"{recipe.name} cannot be trained on {data.name}: {why}") from error


def _traced(options: Options, gan: GAN, data: Dataset | Records) -> PyTree:
    """Traces a round; returns the shapes of the generator's parameters and model state."""
    plan, keep, scoring = options.plan, options.saving.keep, options.scoring
    if scoring.metrics:
        check_scorable(gan, options.recipe, tuple(data.shape), plan.conditional)
    key = jax.random.key(0)
    state = jax.eval_shape(lambda key: init_run(key, gan, data, plan), key).gan
    # One update of each player, whatever the plan: more of them have the same shapes.
    step = make_train_step(gan_in_precision(gan, plan.precision))
    batch = example_batch(data, rows_per_device(plan), plan.conditional)
    _, metrics = jax.eval_shape(step, key, state, batch)
    if keep.metric is not None and not scoring.metrics:
        check_kept(keep.metric, set(metrics))
    return state.generator.params, state.generator.model_state
