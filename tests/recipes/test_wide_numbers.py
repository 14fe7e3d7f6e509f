"""With jax_enable_x64, parameters, samples and metrics stay float32 unless asked."""

import jax
import jax.numpy as jnp
import pytest

import jaxgan
from jaxgan import augment, latents, recipes
from jaxgan.data import load
from jaxgan.models.layers.labels import one_hot
from jaxgan.recipes import RECIPES, recipe_gan
from jaxgan.training.batches import example_batch

QUICK = ("wgan-gp", "conditional-lapgan/fine")


def wide(tree):
    """The places of values of 64 bits."""
    leaves = jax.tree.flatten_with_path(tree)[0]
    return [jax.tree_util.keystr(path) for path, x in leaves if x.dtype.itemsize == 8]


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in RECIPES]
)
def test_a_recipe_trains_in_float32(narrow_recipes, name):
    try:
        recipes.check_installed(RECIPES[name])
    except ValueError as error:
        pytest.skip(str(error))
    conditional = RECIPES[name].plan.conditional
    with jax.enable_x64(True):
        data = load(RECIPES[name].data)
        gan = recipe_gan(name, data.shape, data.num_classes if conditional else None)
        batch = example_batch(data, 4, conditional)

        def play(key):
            state = jaxgan.init(key, gan, batch)
            return (
                batch,
                state,
                jaxgan.make_train_step(gan)(jax.random.fold_in(key, 1), state, batch),
            )

        batch, state, (new, metrics) = jax.eval_shape(play, jax.random.key(0))
        assert wide((batch, new, metrics)) == []
        assert jax.tree.map(lambda x: x.dtype, state) == jax.tree.map(lambda x: x.dtype, new)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "latent",
    [
        *(
            latents.normal(3),
            latents.uniform(3),
            latents.truncated_normal(3),
            latents.rademacher(3),
        ),
        *(latents.none(), latents.concatenate(latents.normal(2), latents.rademacher(1))),
    ],
)
def test_latents_stay_float32(key, latent):
    with jax.enable_x64(True):
        assert latent(key, jnp.arange(4)).dtype == jnp.float32


@pytest.mark.parametrize("name", augment.NAMED)
def test_augmented_samples_and_what_adapts_stay_float32(key, name):
    with jax.enable_x64(True):
        augmentation = augment.NAMED[name]()
        keys = jax.random.split(key, 2)
        x = jax.eval_shape(augmentation.apply, keys, jnp.zeros((2, 8, 8, 1), jnp.float32), 0.5)
        memory = None if augmentation.init is None else augmentation.init()
        assert wide((x, memory)) == []


def test_one_hot_rows_stay_float32():
    with jax.enable_x64(True):
        assert latents.one_hot(3)(jax.random.key(0), jnp.arange(2)).dtype == jnp.float32
        assert one_hot(jnp.array([1, 0]), 3).dtype == jnp.float32
