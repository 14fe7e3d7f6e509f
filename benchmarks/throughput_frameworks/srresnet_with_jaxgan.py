"""SRResNet in jaxgan: the library's generator step, with a term of its own and no discriminator."""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan
from jaxgan.models import SRResNet
from jaxgan.term_inputs import generator_term
from jaxgan.types import Batch
from throughput_frameworks.cases import Runner, SuperResolution, low_resolution
from throughput_frameworks.with_jaxgan import repeated


def make(case: SuperResolution, data: np.ndarray) -> list[Runner]:
    """As the library's loop runs it, and step by step."""
    steps = case.steps_a_call if jax.default_backend() == "cpu" else 50
    return [
        _runner(case, data, "jaxgan", steps),
        _runner(case, data, "jaxgan, one step a call", 1),
    ]


def _runner(case: SuperResolution, data: np.ndarray, framework: str, steps_a_call: int) -> Runner:
    gan = make_gan(case)
    truths, images = jnp.asarray(data), jnp.asarray(low_resolution(case, data))
    state = jaxgan.init(jax.random.key(0), gan, _batch(case, truths, images, jax.random.key(0)))
    step = jaxgan.make_generator_step(gan)

    def one(carry, _, truths, images):
        key, state = carry
        key, batch_key, step_key = jax.random.split(key, 3)
        state, metrics = step(step_key, state, _batch(case, truths, images, batch_key))
        return (key, state), metrics

    def many(key, state, truths, images):
        return repeated(partial(one, truths=truths, images=images), (key, state), steps_a_call)

    start = time.perf_counter()
    lowered = jax.jit(many, donate_argnums=(0, 1)).lower(jax.random.key(1), state, truths, images)
    call = lowered.compile(compiler_options=jaxgan.parallel.convolution_options())
    compile_seconds = time.perf_counter() - start
    key = jax.random.key(1)

    def run_steps(num: int) -> np.ndarray:
        nonlocal key, state
        losses = []
        for _ in range(-(-num // steps_a_call)):
            key, state, metrics = call(key, state, truths, images)
            losses.append(metrics["generator_loss"])
        jax.block_until_ready(state)
        return np.concatenate(losses)[:, None]

    num_params = sum(leaf.size for leaf in jax.tree.leaves(state.generator.params))
    flop = (call.cost_analysis() or {}).get("flops") if steps_a_call == 1 else None
    return Runner(framework, "channels last", run_steps, (num_params,), compile_seconds, flop)


def make_gan(case: SuperResolution) -> jaxgan.GAN:
    """The generator is given the condition alone; the logits of no discriminator are 0."""
    network = jaxgan.from_linen(SRResNet(case.scale, case.features, case.blocks, "none"))

    def generate(params, model_state, latents, condition, **options):
        return network.apply(params, model_state, condition, **options)

    def judge(params, model_state, x, condition, **options):
        return jnp.zeros(len(x)), model_state

    return jaxgan.GAN(
        generator=jaxgan.Network(lambda key, _, image: network.init(key, image), generate),
        discriminator=jaxgan.Network(lambda key, *inputs: ({}, {}), judge),
        latent=jaxgan.latents.normal(1),
        loss=jaxgan.losses.without_generator(jaxgan.losses.non_saturating),
        generator_terms=(generator_term(_mean_squared_error, 1.0, name="mse"),),
        generator_optimizer=optax.adam(case.learning_rate, *case.betas),
        discriminator_optimizer=optax.identity(),
        ema_decay=None,
    )


def _mean_squared_error(fake, real):
    return jnp.mean((fake - real) ** 2)


def _batch(case: SuperResolution, truths: jax.Array, images: jax.Array, key: jax.Array) -> Batch:
    index = jax.random.randint(key, (case.batch,), 0, len(truths))

    def drawn(data):
        rows = jnp.take(data.reshape(len(data), -1), index, axis=0, mode="clip")
        return rows.reshape(case.batch, *data.shape[1:]).astype(jnp.float32) / 127.5 - 1.0

    return Batch(drawn(truths), drawn(images))
