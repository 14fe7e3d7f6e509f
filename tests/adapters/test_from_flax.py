import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxgan
from jaxgan import latents, losses
from jaxgan.adapters.wrappers import without_condition
from jaxgan.models.layers.dropout import Dropout

WIDTH = 12


class LinenPlayer(nn.Module):
    outputs: int

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.Dense(WIDTH, name="first")(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, name="norm")(x)
        return nn.Dense(self.outputs, name="last")(nn.leaky_relu(x, 0.2))


class NNXPlayer(nnx.Module):
    def __init__(self, inputs, outputs, rngs):
        self.first = nnx.Linear(inputs, WIDTH, rngs=rngs)
        self.norm = nnx.BatchNorm(WIDTH, momentum=0.9, rngs=rngs)
        self.last = nnx.Linear(WIDTH, outputs, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.leaky_relu(self.norm(self.first(x)), 0.2))


class NNXDropout(nnx.Module):
    def __init__(self, rngs):
        self.linear = nnx.Linear(4, 4, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.dropout(self.linear(x))


def gan_of(adapt):
    return jaxgan.GAN(
        generator=adapt(3, 2),
        discriminator=adapt(2, 1),
        latent=latents.normal(3),
        loss=losses.non_saturating,
        generator_optimizer=optax.sgd(0.1),
        discriminator_optimizer=optax.sgd(0.1),
        ema_decay=0.9,
    )


def linen(inputs, outputs):
    return jaxgan.from_linen(LinenPlayer(outputs))


def linen_with_nnx_names(inputs, outputs):
    """The Linen network with its variables laid out as NNX lays them out."""
    network = linen(inputs, outputs)

    def init(key, *inputs):
        params, state = network.init(key, *inputs)
        return params, state["batch_stats"]

    def apply(params, state, *inputs, keys, train, axis_name=None):
        output, state = network.apply(
            params, {"batch_stats": state}, *inputs, keys=keys, train=train, axis_name=axis_name
        )
        return output, state["batch_stats"]

    return jaxgan.Network(init, apply)


def nnx_network(inputs, outputs):
    return jaxgan.from_nnx(lambda rngs: NNXPlayer(inputs, outputs, rngs))


@pytest.mark.slow
def test_one_step_through_linen_and_through_nnx_gives_the_same_numbers(key):
    x = jax.random.normal(jax.random.key(1), (16, 2))
    state = jax.jit(lambda key, x: jaxgan.init(key, gan_of(linen_with_nnx_names), x))(key, x)
    structure = jax.tree.structure(
        jax.jit(lambda key, x: jaxgan.init(key, gan_of(nnx_network), x))(key, x)
    )
    assert jax.tree.structure(state) == structure
    ends = [
        jax.jit(jaxgan.make_train_step(gan_of(adapt)))(key, state, x)
        for adapt in (linen_with_nnx_names, nnx_network)
    ]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), *ends)
    moved = ends[0][0].discriminator.model_state["norm"]["mean"]
    assert np.any(moved != state.discriminator.model_state["norm"]["mean"])


@pytest.mark.slow
@pytest.mark.parametrize("adapt", [linen, nnx_network])
def test_evaluation_uses_running_statistics_and_keeps_them(key, adapt):
    network = adapt(2, 1)
    x = 5 + jax.random.normal(jax.random.key(1), (16, 2))
    params, state = network.init(key, x)
    keys = jax.random.split(key, 16)
    output, after = network.apply(params, state, x, keys=keys, train=False)
    alone, _ = network.apply(params, state, x[:1], keys=keys[:1], train=False)
    np.testing.assert_allclose(output[:1], alone, rtol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, after, state)


def test_nnx_streams_are_seeded_by_the_keys(key):
    network = jaxgan.from_nnx(NNXDropout)
    x = jnp.ones((32, 4))
    params, state = network.init(key, x)

    def masked(seed):
        keys = jax.random.split(jax.random.key(seed), 32)
        return network.apply(params, state, x, keys=keys, train=True)[0] == 0

    assert np.array_equal(masked(1), masked(1))
    assert not np.array_equal(masked(1), masked(2))
    assert 0.3 < np.mean(masked(1)) < 0.7
    keys = jax.random.split(key, 32)
    assert np.all(network.apply(params, state, x, keys=keys, train=False)[0] != 0)


def test_flax_dropout_is_fed_by_the_keys(key):
    class Player(nn.Module):
        @nn.compact
        def __call__(self, x, *, train):
            return nn.Dropout(0.5, deterministic=not train)(x)

    network = jaxgan.from_linen(Player())
    x = jnp.ones((8, 50))
    params, state = network.init(key, x)
    keys = jax.random.split(key, 8)
    output, _ = network.apply(params, state, x, keys=keys, train=True)
    assert 0.3 < float(jnp.mean(output == 0)) < 0.7


def test_spectral_norm_of_linen_keeps_the_weights_and_moves_its_vector(key):
    class Player(nn.Module):
        @nn.compact
        def __call__(self, x, *, train):
            return nn.SpectralNorm(nn.Dense(3))(x, update_stats=train)

    network = jaxgan.from_linen(Player())
    x = jnp.ones((4, 5))
    params, state = network.init(key, x)
    _, after = network.apply(params, state, x, keys=jax.random.split(key, 4), train=True)
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(after), strict=True)
    )
    _, still = network.apply(params, state, x, keys=jax.random.split(key, 4), train=False)
    jax.tree.map(np.testing.assert_array_equal, still, state)


@pytest.mark.slow
def test_network_without_condition_is_the_network_of_its_first_input(key):
    network = linen(2, 1)
    blind = without_condition(network)
    x, labels = jax.random.normal(jax.random.key(1), (8, 2)), jnp.arange(8)
    variables = network.init(key, x)
    jax.tree.map(np.testing.assert_array_equal, blind.init(key, x, labels), variables)
    keys = jax.random.split(key, 8)
    for train in (False, True):
        expected = network.apply(*variables, x, keys=keys, train=train)
        for condition in ((), (labels,)):
            got = blind.apply(*variables, x, *condition, keys=keys, train=train)
            jax.tree.map(np.testing.assert_array_equal, got, expected)


def test_network_without_condition_passes_the_device_axis_on():
    def apply(params, model_state, x, *, keys, train, axis_name=None):
        return axis_name, model_state

    blind = without_condition(jaxgan.Network(None, apply))
    output, _ = blind.apply({}, {}, 0.0, 1, keys=None, train=True, axis_name="batch")
    assert output == "batch"


def test_network_without_latents_is_the_network_of_its_condition(key):
    network = linen(2, 1)
    given = jaxgan.without_latents(network)
    x, latents = jax.random.normal(jax.random.key(1), (8, 2)), jnp.zeros((8, 0))
    variables = network.init(key, x)
    jax.tree.map(np.testing.assert_array_equal, given.init(key, latents, x), variables)
    keys = jax.random.split(key, 8)
    expected = network.apply(*variables, x, keys=keys, train=True)
    got = given.apply(*variables, latents, x, keys=keys, train=True)
    jax.tree.map(np.testing.assert_array_equal, got, expected)


@pytest.mark.slow
def test_a_generator_without_an_opponent_learns_by_its_terms_alone(key):
    # G(c) = a c to x = 2 c by squared error: da = -rate * 2 mean(c (a c - 2 c))
    def generate(params, model_state, latents, c, *, keys, train, axis_name=None):
        return params * c, model_state

    term = jaxgan.generator_term(jaxgan.terms.mean_squared_error, 1.0, name="mse")
    gan = jaxgan.GAN(
        generator=jaxgan.Network(lambda key, *inputs: (jnp.float32(0.5), {}), generate),
        discriminator=jaxgan.no_discriminator(),
        latent=jaxgan.latents.none(),
        loss=losses.without_generator(losses.non_saturating),
        generator_terms=(term,),
        generator_optimizer=optax.sgd(0.1),
        discriminator_optimizer=optax.identity(),
    )
    c = jax.random.normal(key, (6, 3))
    batch = jaxgan.Batch(2.0 * c, c)
    state = jaxgan.init(key, gan, batch)
    assert jax.tree.leaves(state.discriminator) == []
    new, metrics = jaxgan.make_train_step(gan)(key, state, batch)
    mean = float(jnp.mean(c**2))
    np.testing.assert_allclose(new.generator.params, 0.5 + 0.1 * 2 * 1.5 * mean, rtol=1e-5)
    np.testing.assert_allclose(metrics["generator_loss"], 1.5**2 * mean, rtol=1e-5)
    assert (metrics["logit_real"], metrics["logit_fake"]) == (0.0, 0.0)


# ---- the flag for training ----


def flagged(name):
    """Linen modules with batch norm and dropout, whose `__call__` names the flag so."""
    training = name not in ("deterministic", "use_running_average", "inference")
    code = f"lambda self, x, *, {name}={not training}: self.run(x, {name} is {training})"
    call = nn.compact(eval(code))  # a parameter's name cannot be passed in otherwise

    class Flagged(nn.Module):
        __call__ = call

        def run(self, x, train):
            x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)
            return nn.Dropout(0.5, deterministic=not train)(x)

    return Flagged()


class PassesOn(nn.Module):
    """Hides the flag behind keywords."""

    @nn.compact
    def __call__(self, x, **kwargs):
        return PassedTo()(x, **kwargs)


class PassedTo(nn.Module):
    @nn.compact
    def __call__(self, x, train, keys, axis_name):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, axis_name=axis_name)(x)
        return Dropout(0.5)(x, keys, train)


class NNXFlagged(nnx.Module):
    def __init__(self, rngs):
        self.norm = nnx.BatchNorm(3, momentum=0.9, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x, use_running_average=True):
        x = self.norm(x, use_running_average=use_running_average)
        return self.dropout(x, deterministic=use_running_average)


FLAGS = (
    *("train", "training", "is_training", "is_train", "update_stats"),
    *("deterministic", "use_running_average", "inference"),
)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", [*FLAGS, "**kwargs", "nnx"])
def test_the_flag_for_training_is_passed_under_every_known_name(key, name):
    if name == "nnx":
        network = jaxgan.from_nnx(lambda rngs: NNXFlagged(rngs))
    else:
        network = jaxgan.from_linen(PassesOn() if name == "**kwargs" else flagged(name))
    x = 3.0 + jax.random.normal(key, (32, 3))
    keys = jax.random.split(key, 32)
    params, state = network.init(key, x)
    trained, new = network.apply(params, state, x, keys=keys, train=True)
    assert 0.3 < np.mean(trained == 0.0) < 0.7
    means = [x for x in jax.tree.leaves(new) if jax.numpy.ndim(x) == 1]
    assert any(np.allclose(m, 0.1 * np.mean(x, axis=0), atol=1e-5) for m in means)
    evaluated, kept = network.apply(params, state, x, keys=keys, train=False)
    assert not np.any(evaluated == 0.0)
    jax.tree.map(np.testing.assert_array_equal, kept, state)


class Unknown(nn.Module):
    @nn.compact
    def __call__(self, x, learning=False):
        return nn.BatchNorm(use_running_average=not learning)(x)


class NNXUnknown(NNXFlagged):
    def __call__(self, x, learning=False):
        return self.norm(x, use_running_average=not learning)


@pytest.mark.parametrize(
    "network", [jaxgan.from_linen(Unknown()), jaxgan.from_nnx(lambda rngs: NNXUnknown(rngs))]
)
def test_batch_statistics_that_training_leaves_as_they_are_are_warned_of(key, network):
    with pytest.warns(UserWarning, match=r"training pass of .*Unknown does not update the batch"):
        jax.eval_shape(network.init, key, jnp.ones((4, 3)))


def test_a_sequential_of_linen_or_nnx_is_called_with_its_inputs_alone(key):
    # Their **kwargs go to the first layer, which knows neither keys nor train.
    layers = nn.Sequential([nn.Dense(WIDTH), nn.relu, nn.Dense(2)])
    x, keys = jax.random.normal(key, (4, 3)), jax.random.split(key, 4)
    networks = (
        jaxgan.from_linen(layers),
        jaxgan.from_nnx(lambda rngs: nnx.Sequential(nnx.Linear(3, 2, rngs=rngs), nnx.relu)),
    )
    for network in networks:
        params, state = network.init(key, x)
        trained, _ = network.apply(params, state, x, keys=keys, train=True)
        evaluated, _ = network.apply(params, state, x, keys=keys, train=False)
        assert trained.shape == (4, 2)
        np.testing.assert_array_equal(trained, evaluated)
    params, state = networks[0].init(key, x)
    output, _ = networks[0].apply(params, state, x, keys=keys, train=True)
    np.testing.assert_array_equal(output, layers.apply({"params": params}, x))
