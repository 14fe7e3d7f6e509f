"""The GANs in jaxgan: many steps in one jitted call, and one step a call."""

import time
from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan
from jaxgan.models.dcgan import DCGANDiscriminator, DCGANGenerator
from jaxgan.models.mlp import MLPDiscriminator, MLPGenerator
from jaxgan.models.resnet import ResNetDiscriminator, ResNetGenerator
from throughput_frameworks.cases import Case, Runner, to_range
from throughput_frameworks.networks import SLOPE, Layer


def make(case: Case, data: np.ndarray) -> list[Runner]:
    """As the library's loop runs it; with the losses alone, as the others have; step by step."""
    # A joint pass would mix the statistics of batch norm, and moves spectral norm's vectors once.
    joint = not case.batch_norm and not case.residual
    steps = case.steps_a_call if jax.default_backend() == "cpu" else 50
    runners = [_runner(case, data, "jaxgan", steps, joint)]
    if joint:
        runners.append(_runner(case, data, "jaxgan", steps, False))
    runners.append(_runner(case, data, "jaxgan, losses only", steps, joint, losses_only=True))
    if steps > 1:
        runners.append(_runner(case, data, "jaxgan, one step a call", 1, joint))
    return runners


def make_gan(case: Case, joint_pass: bool) -> jaxgan.GAN:
    """The case's setting; no averaged generator, since the others keep none."""
    generator, discriminator = _networks(case)
    adam = optax.adam(case.learning_rate, *case.betas)
    penalties = ()
    if case.gradient_penalty:
        function = jaxgan.regularizers.gradient_penalty
        penalties = (jaxgan.penalty(function, case.gradient_penalty),)
    return jaxgan.GAN(
        generator=jaxgan.from_linen(generator),
        discriminator=jaxgan.from_linen(discriminator),
        latent=jaxgan.latents.normal(case.latents),
        loss=getattr(jaxgan.losses, case.loss),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        penalties=penalties,
        ema_decay=None,
        joint_pass=joint_pass,
    )


def _networks(case: Case) -> tuple[nn.Module, nn.Module]:
    """The library's own; that they are the case's layers is seen by their parameters."""
    shape, output = case.sample_shape, _activation(case.generator[-1])
    widths = [[layer.outputs[-1] for layer in p[:-1]] for p in (case.generator, case.discriminator)]
    if case.residual:
        features = case.discriminator[-1].inputs[0]
        return ResNetGenerator(shape, features, output=output), ResNetDiscriminator(features)
    if case.convolutional:
        return DCGANGenerator(shape, widths[0], output=output), DCGANDiscriminator(widths[1])
    first = case.discriminator[0]
    return (
        MLPGenerator(shape, widths[0], _activation(case.generator[0]), output),
        MLPDiscriminator(widths[1], first.dropout, _activation(first)),
    )


def _activation(layer: Layer):
    if layer.activation == "leaky_relu":
        return partial(nn.leaky_relu, negative_slope=SLOPE)
    return None if layer.activation is None else getattr(nn, layer.activation)


def _runner(
    case: Case,
    data: np.ndarray,
    framework: str,
    steps_a_call: int,
    joint_pass: bool,
    losses_only: bool = False,
) -> Runner:
    gan = make_gan(case, joint_pass)
    state = jaxgan.init(jax.random.key(0), gan, jnp.zeros((case.batch, *case.sample_shape)))
    # An argument of the jitted call: closed over, it would be folded in as a constant.
    data = jnp.asarray(data)
    call, compile_seconds = _compiled(case, gan, steps_a_call, state, data, losses_only)
    key = jax.random.key(1)

    def run_steps(num: int) -> np.ndarray:
        nonlocal key, state
        losses = []
        for _ in range(-(-num // steps_a_call)):
            key, state, metrics = call(key, state, data)
            losses.append([metrics["discriminator_loss"], metrics["generator_loss"]])
        jax.block_until_ready(state)
        return np.concatenate([np.stack(pair, axis=1) for pair in losses])

    variant = "joint pass" if joint_pass else "separate passes"
    num_params = [
        sum(leaf.size for leaf in jax.tree.leaves(player.params))
        for player in (state.generator, state.discriminator)
    ]
    flop = (call.cost_analysis() or {}).get("flops") if steps_a_call == 1 else None
    return Runner(framework, variant, run_steps, tuple(num_params), compile_seconds, flop)


def _compiled(
    case: Case,
    gan: jaxgan.GAN,
    steps: int,
    state: jaxgan.GANState,
    data: jax.Array,
    losses_only: bool,
):
    """`(key, state, data) -> (key, state, metrics [steps])`, and the seconds it took."""
    step = jaxgan.make_train_step(gan)

    def one(carry, _, data):
        key, state = carry
        key, index_key, step_key = jax.random.split(key, 3)
        index = jax.random.randint(index_key, (case.batch,), 0, len(data))
        x = jnp.take(data, index, axis=0, mode="clip").reshape(case.batch, *case.sample_shape)
        x = to_range(case, x.astype(jnp.float32)) if case.images else x
        state, metrics = step(step_key, state, x)
        if losses_only:  # XLA then drops what only the other metrics need
            metrics = {name: metrics[name] for name in ("discriminator_loss", "generator_loss")}
        return (key, state), metrics

    def many(key, state, data):
        return repeated(partial(one, data=data), (key, state), steps)

    # As the library's loop has it.
    options = jaxgan.parallel.convolution_options() if case.convolutional else {}
    start = time.perf_counter()
    lowered = jax.jit(many, donate_argnums=(0, 1)).lower(jax.random.key(1), state, data)
    call = lowered.compile(compiler_options=options)
    return call, time.perf_counter() - start


def repeated(one: Callable, carry: tuple, steps: int) -> tuple:
    """Some steps `one(carry, None) -> (carry, metrics)`: the carry, and the metrics [steps].

    All metrics are returned: what nobody asks for XLA would not compute.
    """
    if steps == 1:
        carry, metrics = one(carry, None)
        return *carry, jax.tree.map(lambda x: x[None], metrics)
    carry, metrics = jax.lax.scan(one, carry, length=steps)
    return *carry, metrics
