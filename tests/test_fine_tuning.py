"""Weights of other players: what matches is taken bit for bit, what does not is named and stays."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import bits

import jaxgan
from jaxgan import latents, losses, models, recipes, updates
from jaxgan.fine_tuning import first_layers

KEY = jax.random.key(0)
BATCH = jaxgan.Batch(jax.random.normal(KEY, (6, 2)))


def gan_of(hidden=(8, 8), ema_decay=0.9):
    return jaxgan.GAN(
        generator=jaxgan.from_linen(models.MLPGenerator((2,), hidden, output=None)),
        discriminator=jaxgan.from_linen(models.MLPDiscriminator(hidden, dropout=0.0)),
        latent=latents.normal(4),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(0.1),
        discriminator_optimizer=optax.adam(0.1),
        ema_decay=ema_decay,
    )


def begun(gan, seed, update=None):
    rule = (update,) if update else ()
    return jax.jit(lambda key: jaxgan.init(key, gan, BATCH, *rule))(jax.random.key(seed))


@pytest.fixture(scope="module")
def trained():
    gan = gan_of()
    return jax.jit(jaxgan.make_train_step(gan))(KEY, begun(gan, 0), BATCH)[0]


def test_both_players_and_the_average_are_taken_bit_for_bit_and_optimizers_start_anew(trained):
    fresh = begun(gan_of(), 7)
    state, unmatched = jaxgan.transfer(fresh, trained)
    assert unmatched == ()
    assert bits(state.generator.params) == bits(trained.generator.params)
    assert bits(state.discriminator.params) == bits(trained.discriminator.params)
    assert bits(state.ema) == bits(trained.ema) != bits(trained.generator[:2])
    assert state.step == 0
    assert bits(state.generator.opt_state) == bits(fresh.generator.opt_state)
    assert bits(state.discriminator.opt_state) == bits(fresh.discriminator.opt_state)


def test_without_an_average_there_it_starts_from_the_generator(trained):
    state, _ = jaxgan.transfer(begun(gan_of(), 7), trained._replace(ema=None))
    assert bits(state.ema) == bits(trained.generator[:2])


def test_a_generator_alone_leaves_the_discriminator(trained):
    fresh = begun(gan_of(), 7)
    weights = jaxgan.Weights(jax.tree.map(np.asarray, trained.ema.params), {})
    state, unmatched = jaxgan.transfer(fresh, weights)
    assert unmatched == ()
    assert bits(state.generator.params) == bits(state.ema.params) == bits(trained.ema.params)
    assert bits(state.discriminator) == bits(fresh.discriminator)


def test_arrays_of_other_shapes_are_named_and_stay(trained):
    fresh = begun(gan_of((8, 8, 5)), 7)
    state, unmatched = jaxgan.transfer(fresh, trained)
    named = {each.name: (each.here, each.there) for each in unmatched}
    assert named == {
        "generator/params/Dense_2/kernel": ((8, 5), (8, 2)),
        "generator/params/Dense_2/bias": ((5,), (2,)),
        "generator/params/Dense_3/kernel": ((5, 2), None),
        "generator/params/Dense_3/bias": ((2,), None),
        "discriminator/params/Dense_2/kernel": ((8, 5), (8, 1)),
        "discriminator/params/Dense_2/bias": ((5,), (1,)),
        "discriminator/params/Dense_3/kernel": ((5, 1), None),
        "discriminator/params/Dense_3/bias": ((1,), None),
    }
    for layer, source in (("Dense_1", trained), ("Dense_2", fresh)):
        for player in ("generator", "discriminator"):
            own, theirs = (getattr(each, player).params[layer] for each in (state, source))
            assert bits(own) == bits(theirs)
    assert "Dense_3/bias (missing there, (2,) here)" in ", ".join(map(str, unmatched))
    # and what the source alone has
    _, others = jaxgan.transfer(begun(gan_of(), 7), fresh)
    assert ("generator/params/Dense_3/bias", None, (2,)) in others


def test_a_source_without_anything_in_common_is_refused(trained):
    weights = jaxgan.Weights({"Conv_0": {"kernel": jnp.ones((3, 3))}}, {})
    with pytest.raises(
        ValueError, match=r"no array of the source's generator .*Conv_0/kernel|Dense"
    ):
        jaxgan.transfer(begun(gan_of(), 7), weights)


def test_slow_weights_of_the_update_rule_start_from_the_weights_too(trained):
    rule = updates.lookahead(k=2)
    fresh = begun(gan_of(), 7, rule)
    state, _ = jaxgan.transfer(fresh, trained, rule)
    assert bits(state.update.slow.generator) == bits(trained.generator.params)
    with pytest.raises(ValueError, match="update must be the update rule"):
        jaxgan.transfer(fresh, trained)


# --- Frozen layers


def test_frozen_layers_keep_every_bit_and_the_others_learn(trained):
    gan = jaxgan.freeze_d(gan_of(), BATCH, 2)
    state, _ = jaxgan.transfer(begun(gan, 7), trained)
    step = jax.jit(jaxgan.make_train_step(gan))
    new = state
    for number in range(3):
        new, _ = step(jax.random.key(number), new, BATCH)
    before, after = state.discriminator.params, new.discriminator.params
    assert {name for name in before if bits(before[name]) == bits(after[name])} == {
        "Dense_0",
        "Dense_1",
    }


@pytest.mark.parametrize(
    ("name", "shape", "layers", "kept"),
    [
        ("srgan-mse/adversarial", (16, 16, 3), 2, ("Conv_0", "Conv_1", "BatchNorm_0")),
        ("stylegan2", (8, 8, 1), 1, ("b8",)),
        ("cyclegan", (8, 8, 2), 1, ("a/Conv_0", "b/Conv_0")),
    ],
)
def test_the_first_layers_are_those_next_to_the_samples(name, shape, layers, kept):
    gan = recipes.recipe_gan(name, shape)
    assert first_layers(gan, jnp.zeros((4, *shape)), layers) == kept


def test_more_than_nine_layers_are_in_the_order_of_the_network():
    network = jaxgan.from_linen(models.MLPDiscriminator((2,) * 11, dropout=0.0))
    gan = dataclasses.replace(gan_of(), discriminator=network)
    assert first_layers(gan, BATCH, 11) == tuple(f"Dense_{i}" for i in range(11))
    with pytest.raises(ValueError, match="has 12 layers"):
        first_layers(gan, BATCH, 12)
