"""All recipes, traced on the shapes of their default data; hardly anything is computed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import recipes
from jaxgan.data import Dataset, load
from jaxgan.steps import prepared_batch
from jaxgan.updates import from_name

load = functools.cache(load)


def batch_like(data, recipe):
    x = jnp.zeros((4, *data.shape))
    return jaxgan.Batch(x, jnp.arange(4) if recipe.plan.conditional else None)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_step_of_a_recipe_keeps_the_shapes_of_its_state(name):
    recipe = recipes.recipe(name)
    recipes.check_installed(recipe) if recipe.needs is None else pytest.importorskip(
        recipe.needs[0]
    )
    data = load(recipe.data)
    gan = recipe.gan(data.shape, data.num_classes if recipe.plan.conditional else None)
    batch = batch_like(data, recipe)

    def begun_and_stepped(key):
        state = jaxgan.init(key, gan, batch)
        step = jaxgan.make_train_step(gan, from_name(recipe.plan.update))
        new, metrics = step(key, state, batch)
        seen = prepared_batch(gan, batch)
        drawn = jaxgan.sample(key, gan, state, 4, seen.condition)
        return state, new, metrics, drawn, seen.x

    state, new, metrics, drawn, x = jax.eval_shape(begun_and_stepped, jax.random.key(0))
    assert jax.tree.map(lambda a: (a.shape, a.dtype), state) == jax.tree.map(
        lambda a: (a.shape, a.dtype), new
    )
    assert jax.tree.map(jnp.shape, drawn) == jax.tree.map(jnp.shape, x)
    assert all(metric.shape == () for metric in metrics.values())


def test_default_data_are_built_in():
    for recipe in recipes.RECIPES.values():
        assert isinstance(load(recipe.data), Dataset)


def test_stages_begin_with_stages_before_them():
    for staged in recipes.STAGED.values():
        names = [stage.stage for stage in staged.stages]
        for place, stage in enumerate(staged.stages):
            assert stage.name == f"{staged.name}/{names[place]}"
            assert stage.begins_with is None or stage.begins_with in names[:place]


def test_the_rmsprop_of_wgan_is_that_of_pytorch_at_small_gradients_too():
    # v = 0.01 g^2, x = -rate g / (sqrt(v) + 1e-8)
    gan = recipes.recipe("wgan").gan((2,))
    gradient = jnp.array([2.0, 1e-4, -3e-6])
    optimizer = gan.generator_optimizer
    update, _ = optimizer.update(gradient, optimizer.init(gradient), gradient)
    wanted = -2e-4 * gradient / (0.1 * jnp.abs(gradient) + 1e-8)
    np.testing.assert_allclose(update, wanted, rtol=1e-5)
