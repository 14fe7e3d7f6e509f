import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxgan
from jaxgan import data, latents, losses, parallel
from jaxgan.adapters.precision import gan_in_precision, with_compute_dtype
from jaxgan.models import (
    BatchNorm,
    ConditionalBatchNorm,
    Conv,
    ConvTranspose,
    DCGANDiscriminator,
    DCGANGenerator,
    Dense,
    Dropout,
    LabelEmbedding,
    MinibatchDiscrimination,
    MinibatchStd,
    MLPDiscriminator,
    MLPGenerator,
    PixelNorm,
    ProjectionHead,
    SelfAttention,
    SpectralNorm,
    VirtualBatchNorm,
    conv,
    with_reference,
)
from jaxgan.players import prepared_batch
from jaxgan.recipes import RECIPES
from jaxgan.regularizers import gradient_penalty, r1
from jaxgan.term_inputs import penalty
from jaxgan.types import Batch, Network
from jaxgan.updates import simultaneous

FAST = {"digits", "conditional-dcgan", "waves"}
ROUNDING = 2.0**-8  # of a number to bfloat16, at most half of this of its size


def normal(*shape, seed=0):
    return jax.random.normal(jax.random.key(seed), shape)


def equations(jaxpr):
    """All equations of a program, those of its inner programs too."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from equations(inner)


def products(jaxpr):
    """Types of the operands of each matrix product and convolution."""
    return [
        {str(v.aval.dtype) for v in equation.invars}
        for equation in equations(jaxpr)
        if equation.primitive.name in ("dot_general", "conv_general_dilated")
    ]


def long_sums(jaxpr):
    """Types in which more than one number are added up outside of products."""
    names = ("reduce_sum", "scatter-add", "cumsum", "reduce_window_sum")
    return {
        str(e.outvars[0].aval.dtype)
        for e in equations(jaxpr)
        if e.primitive.name in names and e.invars[-1].aval.size > e.outvars[0].aval.size
    }


def mlp_gan(**parts):
    return dataclasses.replace(
        jaxgan.GAN(
            generator=jaxgan.from_linen(MLPGenerator((8, 8, 1), (64, 64))),
            discriminator=jaxgan.from_linen(MLPDiscriminator((64, 64), dropout=0.0)),
            latent=latents.normal(16),
            loss=losses.relativistic,
            penalties=(penalty(r1, gamma=1.0),),
            generator_optimizer=optax.adam(5e-4, b1=0.5),
            discriminator_optimizer=optax.adam(5e-4, b1=0.5),
        ),
        **parts,
    )


def small_dcgan(**parts):
    return dataclasses.replace(
        jaxgan.GAN(
            generator=jaxgan.from_linen(DCGANGenerator((8, 8, 1), (16,))),
            discriminator=jaxgan.from_linen(DCGANDiscriminator((16,), norm="spectral")),
            latent=latents.normal(16),
            loss=losses.non_saturating,
            generator_optimizer=optax.adam(1e-3, b1=0.5),
            discriminator_optimizer=optax.adam(1e-3, b1=0.5),
        ),
        **parts,
    )


def batch_normed_dcgan(**parts):
    discriminator = jaxgan.from_linen(DCGANDiscriminator((16,)))
    return small_dcgan(discriminator=discriminator, **parts)


class NNXPlayer(nnx.Module):
    def __init__(self, inputs, outputs, rngs):
        self.first = nnx.Linear(inputs, 8, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.last = nnx.Linear(8, outputs, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.relu(self.norm(self.first(x))))


class LinenPlayer(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        x = nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))
        return nn.Dense(1)(nn.relu(x))


def hand_written():
    def init(key, x):
        return {"w": jax.random.normal(key, (x.shape[1], 1))}, {"calls": jnp.zeros((), jnp.int32)}

    def apply(params, state, x, *, keys, train, axis_name=None):
        return x @ params["w"], {"calls": state["calls"] + 1}

    return Network(init, apply)


# --- One network


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "network",
    [
        jaxgan.from_nnx(lambda rngs: NNXPlayer(4, 1, rngs)),
        jaxgan.from_linen(LinenPlayer()),
        hand_written(),
    ],
    ids=["nnx", "linen", "hand-written"],
)
def test_any_network_computes_in_bfloat16_and_is_float32_from_outside(network):
    low, x = with_compute_dtype(network, jnp.bfloat16), normal(6, 4)
    params, state = jax.jit(low.init)(jax.random.key(1), x)
    keys = jax.random.split(jax.random.key(2), 6)

    def loss(apply, params, x):
        output, new = apply(params, state, x, keys=keys, train=True)
        return jnp.sum(output**2), (output, new)

    def run(apply):
        gradient = jax.grad(lambda *a: loss(apply, *a), argnums=(0, 1), has_aux=True)
        return jax.jit(gradient)(params, x)

    grads, (output, new) = run(low.apply)
    wanted, (high, _) = run(network.apply)
    assert {leaf.dtype for leaf in jax.tree.leaves((params, grads, output))} == {jnp.dtype("f4")}
    assert jax.tree.map(lambda x: x.dtype, new) == jax.tree.map(lambda x: x.dtype, state)
    assert not np.array_equal(output, high)
    np.testing.assert_allclose(output, high, atol=0.02 * float(jnp.abs(high).max()))
    for got, want in zip(jax.tree.leaves(grads), jax.tree.leaves(wanted), strict=True):
        assert jnp.linalg.norm(got - want) <= 0.04 * jnp.linalg.norm(want) + 0.04
    program = jax.make_jaxpr(lambda p: low.apply(p, state, x, keys=keys, train=True))(params)
    first, *others = products(program.jaxpr)
    assert first == {"bfloat16"}
    assert others == [{"bfloat16"}] * len(others) or "nnx" in network.apply.__qualname__


def test_labels_and_outputs_of_several_parts_pass_through():
    module = MLPDiscriminator((8,), dropout=0.5, auxiliary_classes=3)
    network = with_compute_dtype(jaxgan.from_linen(module), "bfloat16")
    x, labels = normal(4, 5), jnp.array([0, 2, 1, 0])
    params, state = jax.eval_shape(network.init, jax.random.key(0), x, labels)
    output, _ = jax.eval_shape(
        lambda *inputs: network.apply(*inputs, keys=KEYS, train=True), params, state, x, labels
    )
    assert isinstance(output, jaxgan.DiscriminatorOutput)
    assert {leaf.dtype for leaf in output} == {jnp.dtype("f4")}


def test_float32_leaves_the_network_as_it_is():
    network = hand_written()
    for name in ("float32", jnp.float32, np.dtype("float32")):
        assert with_compute_dtype(network, name) is network


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("float16", r"float16 is not supported: its largest number is 65,504.*use bfloat16"),
        (jnp.float16, r"float16 is not supported"),
        ("float64", r"must be float32 or bfloat16, got float64"),
        ("int8", r"must be float32 or bfloat16, got int8"),
        ("half-hearted", r"must be float32 or bfloat16, got 'half-hearted'"),
    ],
)
def test_other_types_are_refused(dtype, message):
    with pytest.raises(ValueError, match=message):
        gan_in_precision(mlp_gan(), dtype)


# --- Layers

IMAGE, VECTOR = (4, 4, 4, 16), (4, 16)
LABELS, KEYS = jnp.array([0, 2, 2, 1]), jax.random.split(jax.random.key(5), 4)
LAYERS = {
    "batch_norm": (BatchNorm(), IMAGE, {"train": True}),
    "batch_norm_running": (BatchNorm(), IMAGE, {"train": False}),
    "conditional": (ConditionalBatchNorm(3), IMAGE, {"labels": LABELS, "train": True}),
    "conv": (Conv(8), IMAGE, {}),
    "conv_few": (Conv(2), IMAGE, {}),
    "conv_strided": (Conv(8, stride=2, kernel_size=4), IMAGE, {}),
    "conv_xla": (Conv(8, implementation="xla"), IMAGE, {}),
    "conv_transpose": (ConvTranspose(8), IMAGE, {}),
    "conv_transpose_few": (ConvTranspose(1), IMAGE, {}),
    "dense": (Dense(3), VECTOR, {}),
    "dropout": (Dropout(0.4), VECTOR, {"keys": KEYS, "train": True}),
    "minibatch_discrimination": (MinibatchDiscrimination(5, 3), VECTOR, {}),
    "minibatch_std": (MinibatchStd(), IMAGE, {}),
    "pixel_norm": (PixelNorm(), IMAGE, {}),
    "projection": (ProjectionHead(3), VECTOR, {"labels": LABELS}),
    "projection_spectral": (ProjectionHead(3, True), VECTOR, {"labels": LABELS, "train": True}),
    "self_attention": (SelfAttention(), IMAGE, {}),
    "spectral_norm": (SpectralNorm(Conv(8)), IMAGE, {"train": True}),
    "virtual_batch_norm": (VirtualBatchNorm(3), IMAGE, {}),
}

LIKE_OTHERS = {"batch_norm_running", "conv", "conv_transpose", "conv_xla", "projection"}


def run_layer(name, kind):
    """Output, new variables and program of a layer whose parameters and inputs are of a type."""
    layer, shape, options = LAYERS[name]
    x = normal(*shape)
    variables = jax.jit(lambda key: layer.init(key, x, **options))(jax.random.key(1))
    params = jax.tree.map(lambda p: p + 0.1, variables.get("params", {}))
    rest = {name: variables[name] for name in variables if name != "params"}

    def apply(params, x):
        cast = jax.tree.map(lambda p: p.astype(kind), (params, x))
        return layer.apply({"params": cast[0], **rest}, cast[1], mutable=list(rest), **options)

    return *jax.jit(apply)(params, x), rest, jax.make_jaxpr(apply)(params, x).jaxpr


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in LIKE_OTHERS else name
        for name in sorted(LAYERS)
    ],
)
def test_layer_computes_in_the_type_of_its_input(name):
    y, state, before, program = run_layer(name, jnp.bfloat16)
    assert y.dtype == jnp.bfloat16
    assert jax.tree.map(lambda x: x.dtype, state) == jax.tree.map(lambda x: x.dtype, before)
    # the vectors of power iteration are found in float32
    wide = [kinds for kinds in products(program) if kinds != {"bfloat16"}]
    assert not wide or "spectral" in name
    wanted, state_wanted, *_ = run_layer(name, jnp.float32)
    size = float(jnp.abs(wanted).max())
    np.testing.assert_allclose(y.astype(jnp.float32), wanted, atol=4 * ROUNDING * size)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-2), state, state_wanted)


WIDE = (32, 16, 16, 8)
BROADCASTS = {
    "conv": (Conv(8, 1), WIDE, {}),
    "conv_transpose": (ConvTranspose(8, 2), WIDE, {}),
    "dense": (Dense(8), WIDE, {}),
    "conditional": (
        ConditionalBatchNorm(2),
        WIDE,
        {"labels": jnp.zeros(32, jnp.int32), "train": True},
    ),
    "batch_norm": (BatchNorm(), WIDE, {"train": True}),
    "embedding": (LabelEmbedding(2, 8), None, {}),
    "self_attention": (SelfAttention(pool=False), WIDE, {}),
}


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", sorted(BROADCASTS))
def test_gradients_of_what_is_broadcast_lose_nothing_to_bfloat16(name):
    layer, shape, options = BROADCASTS[name]
    x = jnp.zeros(5000, jnp.int32) if shape is None else 1 + 0.1 * normal(*shape)
    y, variables = jax.jit(lambda key: layer.init_with_output(key, x, **options))(jax.random.key(1))
    params = variables.pop("params")
    weights = 1 + 0.5 * jax.random.uniform(jax.random.key(2), y.shape)  # all of one sign

    def gradient(kind):
        def total(params):
            cast = jax.tree.map(lambda p: p.astype(kind), params)
            inputs = x.astype(kind) if jnp.issubdtype(x.dtype, jnp.floating) else x
            y = layer.apply({"params": cast, **variables}, inputs, mutable=True, **options)[0]
            return jnp.sum(weights * y.astype(jnp.float32))

        return jax.jit(jax.grad(total))(params)

    got, wanted = gradient(jnp.bfloat16), gradient(jnp.float32)
    for path, want in jax.tree_util.tree_leaves_with_path(wanted):
        key = path[-1].key if path[-1].key != "embedding" else path[0].key
        if key in ("bias", "gamma", "embedding"):
            have = got
            for entry in path:
                have = have[entry.key]
            scale = float(jnp.abs(want).max())
            assert scale > 1000 or key == "gamma"
            np.testing.assert_allclose(have, want, atol=0.02 * scale)


def test_minibatch_std_spreads_its_gradient_in_float32():
    x = normal(4, 32, 32, 1).astype(jnp.bfloat16)
    weights = jnp.ones((4, 32, 32, 1))

    def total(x):
        y = MinibatchStd().apply({}, x)
        return jnp.sum(weights * y[..., 1:].astype(jnp.float32))

    low = jax.jit(jax.grad(total))(x).astype(jnp.float32)
    high = jax.jit(jax.grad(total))(x.astype(jnp.float32))
    np.testing.assert_allclose(low, high, rtol=2 * ROUNDING, atol=ROUNDING * 0.1)


def test_convolution_to_few_channels_adds_its_products_in_float32():
    x = jnp.abs(normal(2, 12, 12, 64)).astype(jnp.bfloat16)
    kernel = jnp.abs(normal(7, 7, 64, 1, seed=1)).astype(jnp.bfloat16)
    exact = conv(x.astype(jnp.float32), kernel.astype(jnp.float32), implementation="xla")
    got = conv(x, kernel, implementation="cpu")
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(got.astype(jnp.float32), exact, rtol=ROUNDING)


def test_reference_batch_takes_the_type_of_the_batch():
    class Normed(nn.Module):
        @nn.compact
        def __call__(self, x):
            return Dense(2)(VirtualBatchNorm(3)(Dense(8)(x)))

    plain = with_reference(jaxgan.from_linen(Normed()), lambda key: jax.random.normal(key, (3, 4)))
    low, x = with_compute_dtype(plain, "bfloat16"), normal(5, 4)
    params, state = jax.jit(low.init)(jax.random.key(0), x)
    keys = jax.random.split(jax.random.key(1), 5)
    program = jax.make_jaxpr(lambda p, x: low.apply(p, state, x, keys=keys, train=True))(params, x)
    assert products(program.jaxpr) == [{"bfloat16"}] * 2
    (output, new), (wanted, _) = (
        jax.jit(lambda p, apply=network.apply: apply(p, state, x, keys=keys, train=True))(params)
        for network in (low, plain)
    )
    np.testing.assert_array_equal(new["reference"][0], state["reference"][0])
    np.testing.assert_allclose(output, wanted, atol=4 * ROUNDING * float(jnp.abs(wanted).max()))


# --- Training


MORE_IN_FLOAT32 = (
    "biggan",
    "projected",
    "r3gan-projected",
    "reacgan",
    "sngan",
    "srgan/adversarial",
    "stylegan2",
    "stylegan2-small",
)  # spectral norms, features of VGG, styles and the scales that they give


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
        for name in sorted(RECIPES)
    ],
)
def test_every_recipe_multiplies_in_bfloat16_and_adds_in_float32(name):
    chosen = RECIPES[name]
    if chosen.needs is not None:
        pytest.importorskip(chosen.needs[0])
    facts = data.load(chosen.data)
    classes = facts.num_classes if chosen.plan.conditional else None
    gan = gan_in_precision(chosen.gan(facts.shape, classes), "bfloat16")
    labels = None if classes is None else jnp.zeros(4, jnp.int32)
    # Images are prepared in float32, before the networks.
    batch = prepared_batch(gan, Batch(jnp.zeros((4, *facts.shape)), labels))
    gan = dataclasses.replace(gan, task=None)
    state = jax.eval_shape(lambda: jaxgan.init(jax.random.key(0), gan, batch))
    step = jax.make_jaxpr(jaxgan.make_train_step(gan))
    program = step(jax.random.key(0), state, batch).jaxpr
    # the two distances of the metric "diversity" are products in float32
    kinds = products(program)
    wide = [each for each in kinds if each != {"bfloat16"}]
    if name in MORE_IN_FLOAT32:
        assert all(each == {"float32"} for each in wide)
        assert 0 < len(wide) < len(kinds)
    else:
        assert wide == [{"float32"}] * 2
    assert long_sums(program) == {"float32"}
    after, metrics = jax.eval_shape(jaxgan.make_train_step(gan), jax.random.key(0), state, batch)
    assert jax.tree.map(lambda x: x.dtype, after) == jax.tree.map(lambda x: x.dtype, state)
    assert jnp.bfloat16 not in {leaf.dtype for leaf in jax.tree.leaves((after, metrics))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "span"),
    [
        (mlp_gan, (0.0, 1.0)),
        pytest.param(small_dcgan, (-1.0, 1.0), marks=pytest.mark.slow),
    ],
)
def test_metrics_stay_within_the_band_of_float32(make, span):
    histories = [
        jaxgan.fit(
            jax.random.key(0),
            gan_in_precision(make(), precision),
            data.digits(),
            100,
            plan=jaxgan.Plan(batch_size=32, model_range=span, devices=1),
        )[1]
        for precision in ("float32", "bfloat16")
    ]
    high, low = ({name: h[name][-20:].mean() for name in h} for h in histories)
    assert high.keys() == low.keys()
    for name in high:
        assert abs(low[name] - high[name]) <= 0.05 + 0.05 * abs(high[name]), name
    # and it is another computation: no metric of many digits is just the same
    assert low["logit_std"] != high["logit_std"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "make", [pytest.param(mlp_gan, marks=pytest.mark.slow), batch_normed_dcgan]
)
def test_pmap_step_equals_jit_step_to_rounding(make):
    sgd = optax.sgd(1.0)
    gan = make(generator_optimizer=sgd, discriminator_optimizer=sgd)
    gan = gan_in_precision(gan, "bfloat16")
    batch = jax.random.uniform(jax.random.key(1), (16, 8, 8, 1))
    state = jax.jit(lambda key: jaxgan.init(key, gan, batch))(jax.random.key(0))
    jitted = parallel.jit_step(jaxgan.make_train_step(gan, simultaneous()))
    axis = {"axis_name": parallel.AXIS}
    mapped = parallel.pmap_step(jaxgan.make_train_step(gan, simultaneous(), **axis))
    (a, m), (b, n) = (step(jax.random.key(3), state, batch) for step in (jitted, mapped))
    for player in ("generator", "discriminator"):
        start, one, other = (jax.tree.leaves(getattr(s, player).params) for s in (state, a, b))
        moved = np.concatenate([np.ravel(x - y) for x, y in zip(one, start, strict=True)])
        apart = np.concatenate([np.ravel(x - y) for x, y in zip(one, other, strict=True)])
        # each device rounds its part of a gradient
        assert np.linalg.norm(apart) <= 4 * ROUNDING * np.linalg.norm(moved)
    for name in m:
        np.testing.assert_allclose(m[name], n[name], rtol=8 * ROUNDING, atol=8 * ROUNDING)


@pytest.mark.parametrize(
    ("make", "function"),
    [
        pytest.param(mlp_gan, r1, marks=pytest.mark.slow),
        pytest.param(small_dcgan, gradient_penalty, marks=pytest.mark.slow),
        (mlp_gan, gradient_penalty),
        pytest.param(small_dcgan, r1, marks=pytest.mark.slow),
    ],
)
def test_penalties_and_their_gradients_are_near_those_in_float32(make, function):
    network = make().discriminator
    x, fake = normal(16, 8, 8, 1), normal(16, 8, 8, 1, seed=1)
    params, state = jax.jit(network.init)(jax.random.key(0), x)
    params = jax.tree.map(lambda p: 2.0 * p, params)
    keys = jax.random.split(jax.random.key(2), 16)

    def value_and_gradient(dtype):
        apply = with_compute_dtype(network, dtype).apply

        def value(params):
            def critic(x):
                output, _ = apply(params, state, x, keys=keys, train=False)
                return jnp.asarray(getattr(output, "logits", output))

            if function is r1:
                return r1(critic, x)
            return gradient_penalty(jax.random.key(7), critic, x, fake)

        return jax.jit(jax.value_and_grad(value))(params)

    (high, wanted), (low, got) = (value_and_gradient(kind) for kind in ("float32", "bfloat16"))
    assert low.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(got)} == {jnp.dtype("f4")}
    np.testing.assert_allclose(low, high, rtol=0.02)
    apart = optax.tree.norm(jax.tree.map(jnp.subtract, got, wanted))
    assert float(apart) <= 0.05 * float(optax.tree.norm(wanted))
    assert float(optax.tree.norm(wanted)) > 0
