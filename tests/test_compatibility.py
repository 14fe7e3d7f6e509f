"""Networks, penalties and losses that do not fit each other are refused before the first step."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import losses
from jaxgan.compatibility import _sees_others
from jaxgan.critics import own_gradient
from jaxgan.models import (
    DCGANDiscriminator,
    InstanceNorm,
    MinibatchStd,
    MLPDiscriminator,
    VirtualBatchNorm,
    with_reference,
)
from jaxgan.models.layers.linear import Conv
from jaxgan.models.layers.normalization import BatchNorm
from jaxgan.parallel.devices import AXIS, make_mesh
from jaxgan.parallel.jit_pmap import jit_step, pmap_step
from jaxgan.regularizers import dragan, gradient_penalty, make_consistency, r1, r2

KEY = jax.random.key(3)


class Normed(nn.Module):
    """Dense, batch norm, leaky ReLU, dense; or with the norm right before the head."""

    before_head: bool = False
    own: bool = True

    @nn.compact
    def __call__(self, x, *, train, axis_name=None):
        norm = BatchNorm() if self.own else nn.BatchNorm(not train, axis_name=axis_name)
        options = {"train": train, "axis_name": axis_name} if self.own else {}
        x = nn.Dense(8)(x.reshape(len(x), -1))
        if self.before_head:
            return nn.Dense(1)(norm(nn.leaky_relu(x, 0.2), **options))
        return nn.Dense(1)(nn.leaky_relu(norm(x, **options), 0.2))


class Convolved(nn.Module):
    norm: str = "none"

    @nn.compact
    def __call__(self, x):
        x = Conv(4, 3)(x)
        if self.norm == "instance":
            x = InstanceNorm()(x)
        elif self.norm == "layer":
            x = nn.LayerNorm()(x)
        elif self.norm == "virtual":
            x = VirtualBatchNorm(3)(x)
        elif self.norm == "minibatch":
            x = MinibatchStd()(x)
        return nn.Dense(1, kernel_init=nn.initializers.zeros)(nn.tanh(x).reshape(len(x), -1))


def discriminator(module):
    network = jaxgan.from_linen(module)
    if getattr(module, "norm", "") == "virtual":
        return with_reference(network, lambda key: jax.random.normal(key, (3, 4, 4, 1)))
    return network


def state_of(make_gan, batch, network, *penalties):
    return jaxgan.init(KEY, make_gan(discriminator=network, penalties=penalties), batch)


# ---- discriminators whose samples see each other ----

COUPLED = {
    "batch norm": Normed(),
    "batch norm before the head": Normed(before_head=True),
    "flax's batch norm": Normed(own=False),
    "minibatch standard deviation behind a layer of zeros": Convolved("minibatch"),
}
INDEPENDENT = {
    "no norm": Convolved(),
    "instance norm": Convolved("instance"),
    "layer norm": Convolved("layer"),
    "virtual batch norm": Convolved("virtual"),
    "dropout": MLPDiscriminator((8,), dropout=0.5),
}


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", COUPLED)
def test_a_gradient_penalty_refuses_a_discriminator_whose_samples_see_each_other(
    make_gan, batch, name
):
    with pytest.raises(ValueError, match=r"penalty r1 .* depend on other samples .* instance norm"):
        state_of(make_gan, batch, discriminator(COUPLED[name]), jaxgan.penalty(r1, gamma=1.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", INDEPENDENT)
def test_a_gradient_penalty_takes_a_discriminator_of_independent_samples(make_gan, batch, name):
    state_of(make_gan, batch, discriminator(INDEPENDENT[name]), jaxgan.penalty(r1, gamma=1.0))


def own_penalty(critic, real):
    return jnp.mean(jax.vjp(critic, real)[1](jnp.ones(len(real)))[0])


@pytest.mark.parametrize("function", [r2, gradient_penalty, dragan, own_penalty])
def test_every_penalty_that_differentiates_the_critic_is_looked_at(make_gan, batch, function):
    with pytest.raises(ValueError, match=f"penalty {function.__name__} needs each logit's"):
        state_of(make_gan, batch, discriminator(Normed()), jaxgan.penalty(function, 1.0))


def test_a_penalty_without_derivatives_takes_batch_norm(make_gan, batch):
    def mirrored(critic, real, key):
        return make_consistency(lambda keys, x: x[:, :, ::-1])(key, critic, real)

    state_of(make_gan, batch, discriminator(Normed()), jaxgan.penalty(mirrored, 1.0))


def test_a_compiled_init_refuses_too(make_gan, batch):
    gan = make_gan(discriminator=discriminator(Normed()), penalties=(jaxgan.penalty(r1, 1.0),))
    with pytest.raises(ValueError, match="depend on other samples"):
        jax.jit(lambda key: jaxgan.init(key, gan, batch))(KEY)


def test_labels_and_packs_are_given_to_the_look_at_a_discriminator(make_gan):
    shapes = (((2, 2, 1), jnp.dtype("float32")), ((), jnp.dtype("int32")))
    structure = jax.tree.structure((0, 0))
    network = jaxgan.from_linen(MLPDiscriminator((8,), num_classes=3, dropout=0.0))
    assert not _sees_others(network, shapes, structure)
    packs = jaxgan.packed(jaxgan.from_linen(MLPDiscriminator((8,), dropout=0.0)), 2)
    assert not _sees_others(packs, shapes[:1], jax.tree.structure((0,)))


def test_the_default_dcgan_is_one_whose_samples_see_each_other():
    shapes = (((8, 8, 1), jnp.dtype("float32")),)
    network = jaxgan.from_linen(DCGANDiscriminator((2, 2)))
    assert _sees_others(network, shapes, jax.tree.structure((0,)))


def test_coupled_must_be_one_of_three(make_gan):
    with pytest.raises(ValueError, match="coupled must be one of refuse, own_gradient, allow"):
        make_gan(penalties=(jaxgan.penalty(r1, 1.0)._replace(coupled="maybe"),))


# ---- each logit's gradient by its own sample ----


def frozen(module, x):
    params, state = jaxgan.from_linen(module).init(KEY, x)
    keys = jax.random.split(KEY, len(x))

    def critic(x):
        network = jaxgan.from_linen(module)
        return network.apply(params, state, x, keys=keys, train=True)[0][:, 0]

    return critic


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize("before_head", [False, True])
def test_own_gradients_are_the_diagonal_of_the_jacobian(before_head):
    x = jax.random.normal(jax.random.key(1), (6, 4))
    critic = frozen(Normed(before_head), x)
    diagonal = np.einsum("iij->ij", jax.jacobian(critic)(x))
    expected = np.mean(np.sum(diagonal**2, axis=1))
    np.testing.assert_allclose(r1(own_gradient(critic), x), expected, rtol=1e-4)
    assert r1(critic, x) < 0.5 * expected  # the gradient of the sum, which batch norm holds down
    np.testing.assert_allclose(own_gradient(critic)(x), critic(x), rtol=1e-6)


def test_own_gradients_of_packs_are_by_the_whole_pack():
    x = jax.random.normal(jax.random.key(1), (6, 2))

    def critic(x):  # a logit per pair; the mean over all couples them
        return jnp.sum(x.reshape(3, 4) ** 2, axis=1) - jnp.sum(x**2) / 3

    expected = np.mean(np.sum((2 * x.reshape(3, 4) * (1 - 1 / 3)) ** 2, axis=1))
    np.testing.assert_allclose(r1(own_gradient(critic, 2), x, pack=2), expected, rtol=1e-5)


@pytest.mark.slow
def test_own_gradients_are_the_same_on_any_number_of_devices(make_gan, batch):
    gan = make_gan(
        discriminator=jaxgan.from_linen(Normed()),
        penalties=(jaxgan.penalty(r1, gamma=2.0)._replace(coupled="own_gradient"),),
    )
    state = jaxgan.init(KEY, gan, batch)
    step = jaxgan.make_discriminator_step(gan)
    mapped = jaxgan.make_discriminator_step(gan, axis_name=AXIS)
    one = jit_step(step, make_mesh(1))(KEY, state, batch)
    many = pmap_step(mapped, 4)(KEY, state, batch)
    np.testing.assert_allclose(one[1]["penalty_r1"], many[1]["penalty_r1"], rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        one[0].discriminator.params,
        many[0].discriminator.params,
    )


# ---- logits and samples ----


def network_of(function):
    """A network with one weight, from samples to whatever the function makes of them."""

    def apply(params, model_state, x, *, keys, train, axis_name=None):
        return function(params * jnp.mean(x.reshape(len(x), -1), axis=1)), model_state

    return jaxgan.Network(lambda key, x: (jnp.ones(()), {}), apply)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda d: jnp.mean(d, keepdims=True), id="the batch's mean"),
        pytest.param(lambda d: d[None], id="a row"),
        pytest.param(lambda d: d[::2], id="half the batch"),
        pytest.param(jnp.mean, id="a scalar"),
    ],
)
def test_fewer_logits_than_samples_are_refused_unless_packed(make_gan, batch, shape):
    with pytest.raises(ValueError, match=r"discriminator output shape .* \[16\].* jaxgan.packed"):
        state_of(make_gan, batch, network_of(shape))


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.bool])
def test_logits_that_are_not_floating_are_refused(make_gan, batch, dtype):
    with pytest.raises(ValueError, match=f"logits must be floating, got {dtype.__name__}"):
        state_of(make_gan, batch, network_of(lambda d: d.astype(dtype)))


def test_generated_samples_that_are_not_floating_are_refused(make_gan, batch):
    def apply(params, model_state, z, *, keys, train, axis_name=None):
        return jnp.zeros(batch.shape, jnp.int32), model_state

    integers = jaxgan.Network(lambda key, z: ({}, {}), apply)
    with pytest.raises(ValueError, match="generator's samples must be floating, got int32"):
        jaxgan.init(KEY, make_gan(generator=integers), batch)


def test_wrappers_keep_the_number_of_samples_per_logit():
    packs = jaxgan.packed(jaxgan.from_linen(MLPDiscriminator((4,), dropout=0.0)), 2)
    assert jaxgan.adapters.precision.with_compute_dtype(packs, "bfloat16").pack == 2
    assert jaxgan.adapters.without_condition(packs).pack == 2
    assert jaxgan.packed(packs, 3).pack == 6
    with pytest.raises(ValueError, match="call packed on its result"):
        with_reference(packs, lambda key: jnp.zeros((2, 4)))


# ---- a sigmoid at the end ----

SIGMOIDS = {
    "flax": nn.sigmoid,
    "of a column": lambda d: nn.sigmoid(d[:, None])[:, 0],
    "compiled": jax.jit(lambda d: jax.lax.logistic(d).astype(jnp.float32)),
}


@pytest.mark.parametrize("name", SIGMOIDS)
def test_a_discriminator_that_ends_in_a_sigmoid_is_refused(make_gan, batch, name):
    with pytest.raises(ValueError, match=r"ends in a sigmoid, .*logits, no sigmoid"):
        state_of(make_gan, batch, network_of(SIGMOIDS[name]))


def test_a_sigmoid_inside_is_no_sigmoid_at_the_end(make_gan, batch):
    state_of(make_gan, batch, network_of(lambda d: 2 * nn.sigmoid(d)))


def test_losses_without_probabilities_warn_of_a_sigmoid(make_gan, batch):
    gan = make_gan(discriminator=network_of(nn.sigmoid), loss=losses.least_squares)
    with pytest.warns(UserWarning, match="ends in a sigmoid, .* unless values in"):
        jaxgan.init(KEY, gan, batch)
