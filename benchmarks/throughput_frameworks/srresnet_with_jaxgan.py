"""SRResNet in jaxgan: the library's generator step, with a term of its own and no discriminator."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan
from jaxgan.models import SRResNet
from jaxgan.term_inputs import generator_term
from jaxgan.types import Batch
from throughput_frameworks.cases import Runner, SuperResolution, low_resolution


def make(case: SuperResolution, data: np.ndarray) -> list[Runner]:
    """One step a call: XLA runs convolutions inside a loop many times slower on CPU."""
    gan = make_gan(case)
    truths, images = jnp.asarray(data), jnp.asarray(low_resolution(case, data))
    state = jaxgan.init(jax.random.key(0), gan, _batch(case, truths, images, jax.random.key(0)))
    step = jaxgan.make_generator_step(gan)

    def one(key, state, truths, images):
        key, batch_key, step_key = jax.random.split(key, 3)
        state, metrics = step(step_key, state, _batch(case, truths, images, batch_key))
        return key, state, metrics

    start = time.perf_counter()
    lowered = jax.jit(one, donate_argnums=(0, 1)).lower(jax.random.key(1), state, truths, images)
    call = lowered.compile(compiler_options=jaxgan.parallel.convolution_options())
    compile_seconds = time.perf_counter() - start
    key = jax.random.key(1)

    def run_steps(num: int) -> np.ndarray:
        nonlocal key, state
        losses = []
        for _ in range(num):
            key, state, metrics = call(key, state, truths, images)
            losses.append(metrics["generator_loss"])
        jax.block_until_ready(state)
        return np.asarray(losses)[:, None]

    num_params = sum(leaf.size for leaf in jax.tree.leaves(state.generator.params))
    flop = (call.cost_analysis() or {}).get("flops")
    return [Runner("jaxgan", "channels last", run_steps, (num_params,), compile_seconds, flop)]


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
