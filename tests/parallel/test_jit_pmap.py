import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from networks import start

import jaxgan
from jaxgan import latents, losses, parallel, regularizers
from jaxgan.models import Dropout
from jaxgan.parallel.global_batch import gather, sample_index, sample_keys
from jaxgan.updates import alternating


class BatchNormDiscriminator(nn.Module):
    """Batch statistics, dropout, logits: whatever could depend on the number of devices."""

    @nn.compact
    def __call__(self, x, *, keys, train, axis_name):
        x = nn.Dense(16, use_bias=False)(x.reshape(len(x), -1))
        # The mean of x^2 less the square of the mean, flax's default, loses what is compared here.
        x = nn.BatchNorm(not train, axis_name=axis_name, use_fast_variance=False)(x)
        x = Dropout(0.3)(nn.leaky_relu(x), keys, train)
        return nn.Dense(1)(x)


def plain_gan(make_gan):
    """Penalties that draw or look across samples, and a loss that looks across samples."""
    return make_gan(
        loss=losses.relativistic_average,
        penalties=(
            jaxgan.penalty(regularizers.r1, gamma=1.0),
            jaxgan.penalty(regularizers.gradient_penalty, 1.0),
            jaxgan.penalty(regularizers.dragan, 1.0),
            regularizers.lecam_penalty(0.1),
        ),
    )


def batch_norm_gan(make_gan):
    return make_gan(
        discriminator=jaxgan.from_linen(BatchNormDiscriminator()), loss=losses.relativistic_average
    )


def run(step, state, batch, number=3):
    for own_key in jax.random.split(jax.random.key(5), number):
        state, metrics = step(own_key, state, batch)
    return state, metrics


def assert_close(a, b, rtol=1e-5, atol=5e-6):
    # Three steps on: batch norm of small batches enlarges what rounding begins.
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=rtol, atol=atol), a, b)


@pytest.fixture(scope="module", params=[plain_gan, batch_norm_gan])
def reference(request, make_gan):
    """A GAN, its first state and batch, and where one device takes it."""
    gan = request.param(make_gan)
    batch = jax.random.uniform(jax.random.key(1), (16, 4, 4, 1))
    state = start(jax.random.key(0), gan, batch)
    return gan, state, batch, run(jax.jit(jaxgan.make_train_step(gan)), state, batch)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("devices", [pytest.param(2, marks=pytest.mark.slow), 8])
def test_jit_step_on_many_devices_equals_one(reference, devices):
    gan, state, batch, expected = reference
    step = parallel.jit_step(jaxgan.make_train_step(gan), parallel.make_mesh(devices))
    assert_close(run(step, state, batch), expected)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "devices", [*(pytest.param(few, marks=pytest.mark.slow) for few in (1, 2)), 8]
)
def test_pmap_step_equals_jit_step(reference, devices):
    gan, state, batch, expected = reference
    step = jaxgan.make_train_step(gan, axis_name=parallel.AXIS)
    assert_close(run(parallel.pmap_step(step, devices), state, batch), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "reference", [pytest.param(plain_gan, marks=pytest.mark.slow), batch_norm_gan], indirect=True
)
def test_gradient_norms_agree_on_8_devices_to_float32_rounding(reference):
    gan, state, batch, _ = reference
    _, one = jax.jit(jaxgan.make_train_step(gan))(jax.random.key(3), state, batch)
    step = parallel.pmap_step(jaxgan.make_train_step(gan, axis_name=parallel.AXIS), 8)
    _, eight = step(jax.random.key(3), state, batch)
    for name in ("discriminator_grad_norm", "generator_grad_norm"):
        np.testing.assert_allclose(one[name], eight[name], rtol=1e-5)


@pytest.mark.slow
def test_adam_run_agrees_by_its_losses(key, batch, make_gan):
    gan = make_gan(generator_optimizer=optax.adam(1e-3), discriminator_optimizer=optax.adam(1e-3))
    state = start(key, gan, batch)
    _, one = run(jax.jit(jaxgan.make_train_step(gan)), state, batch, 20)
    step = parallel.pmap_step(jaxgan.make_train_step(gan, axis_name=parallel.AXIS), 8)
    _, eight = run(step, state, batch, 20)
    for name in ("discriminator_loss", "generator_loss"):
        np.testing.assert_allclose(one[name], eight[name], rtol=1e-4)


@pytest.mark.parametrize("devices", [pytest.param(2, marks=pytest.mark.slow), 8])
def test_draws_are_the_same_bit_for_bit_on_any_device_count(devices):
    def draw(key, index):
        keys = sample_keys(key, index)
        mask = Dropout(0.3).apply({}, jnp.ones((len(index), 33)), keys, True)
        return latents.normal(7)(key, index), mask, jax.vmap(jax.random.uniform)(keys)

    key = jax.random.key(3)
    whole = draw(key, sample_index(16))
    mapped = jax.pmap(
        lambda key, _: draw(key, sample_index(16 // devices, "batch")),
        axis_name="batch",
        in_axes=(None, 0),
        devices=jax.devices()[:devices],
    )(key, jnp.arange(devices))
    mesh = parallel.make_mesh(devices)
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    sharded = jax.jit(draw, in_shardings=(None, split))(key, sample_index(16))
    for a, b, c in zip(whole, mapped, sharded, strict=True):
        np.testing.assert_array_equal(a, b.reshape(a.shape))
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("wrapper", [pytest.param("jit", marks=pytest.mark.slow), "pmap"])
@pytest.mark.slow
def test_turns_are_split_along_the_batch_axis(key, make_gan, wrapper, largest_difference):
    gan = make_gan()
    turns = jax.random.uniform(jax.random.key(1), (2, 16, 4, 4, 1))
    state = start(key, gan, turns[0])
    expected, _ = jax.jit(jaxgan.make_train_step(gan, alternating(n_critic=2)))(key, state, turns)
    if wrapper == "jit":
        step = parallel.jit_step(
            jaxgan.make_train_step(gan, alternating(n_critic=2)),
            parallel.make_mesh(8),
            batch_axis=1,
        )
    else:
        step = jaxgan.make_train_step(gan, alternating(n_critic=2), axis_name=parallel.AXIS)
        step = parallel.pmap_step(step, 8, batch_axis=1)
    after, _ = step(key, state, turns)
    assert largest_difference(after, expected) < 1e-6


@pytest.mark.slow
def test_generator_terms_look_across_the_global_batch(key, batch, make_gan, largest_difference):
    def feature_matching(fake, real, axis_name):
        means = [jnp.mean(gather(x, axis_name), axis=0) for x in (fake, real)]
        return jnp.sum((means[0] - means[1]) ** 2)

    term = jaxgan.generator_term(feature_matching, 1.0)
    gan = make_gan(generator_terms=(term,))
    state = start(key, gan, batch)
    one, expected = jax.jit(jaxgan.make_generator_step(gan))(key, state, batch)
    step = jaxgan.make_generator_step(gan, axis_name=parallel.AXIS)
    eight, metrics = parallel.pmap_step(step, 8)(key, state, batch)
    assert largest_difference(one, eight) < 1e-6
    name = "term_feature_matching"
    np.testing.assert_allclose(metrics[name], expected[name], rtol=1e-5)


@pytest.mark.parametrize("devices", [pytest.param(2, marks=pytest.mark.slow), 8])
@pytest.mark.slow
def test_accumulation_sees_the_same_micro_batches_on_any_device_count(
    key, batch, make_gan, devices, largest_difference
):
    gan = batch_norm_gan(make_gan)  # its statistics are those of a micro-batch
    state = start(key, gan, batch)
    expected, _ = jax.jit(jaxgan.make_train_step(gan, accumulate=2))(key, state, batch)
    step = jaxgan.make_train_step(gan, accumulate=2, axis_name=parallel.AXIS)
    after, _ = parallel.pmap_step(step, devices)(key, state, batch)
    assert largest_difference(after, expected) < 1e-5


@pytest.mark.slow
def test_state_moves_between_device_counts(key, batch, make_gan, largest_difference):
    gan = make_gan()
    step = jaxgan.make_train_step(gan)
    state = start(key, gan, batch)
    one, eight = parallel.make_mesh(1), parallel.make_mesh(8)
    on_one, on_eight = parallel.jit_step(step, one), parallel.jit_step(step, eight)
    moving, _ = on_eight(key, state, batch)
    moving, _ = on_one(key, parallel.replicate(moving, one), batch)
    moving, _ = on_eight(key, parallel.replicate(moving, eight), batch)
    stayed, _ = run(lambda _, s, b: on_one(key, s, b), state, batch, 3)
    assert largest_difference(moving, stayed) < 1e-6


@pytest.mark.slow
def test_donation_leaves_the_average_its_own_memory(key, batch, make_gan):
    gan = make_gan()
    step = parallel.jit_step(jaxgan.make_train_step(gan), parallel.make_mesh(1), donate=True)
    state, _ = step(key, start(key, gan, batch), batch)
    state, metrics = step(key, state, batch)
    assert np.isfinite(metrics["generator_loss"])


@pytest.mark.slow
def test_batch_that_does_not_divide_is_refused(key, batch, make_gan):
    gan = make_gan()
    state = start(key, gan, batch)
    message = r"axis 0 of a batch of shape \(12, 4, 4, 1\) is not divisible by 8 devices"
    with pytest.raises(ValueError, match=message):
        parallel.jit_step(jaxgan.make_train_step(gan), parallel.make_mesh(8))(
            key, state, batch[:12]
        )
    step = jaxgan.make_train_step(gan, axis_name=parallel.AXIS)
    with pytest.raises(ValueError, match=message):
        parallel.pmap_step(step, 8)(key, state, batch[:12])


@pytest.mark.slow
def test_step_made_without_axis_name_is_refused_by_pmap(key, batch, make_gan):
    gan = make_gan()
    step = parallel.pmap_step(jaxgan.make_train_step(gan), 2)
    with pytest.raises(ValueError, match=r"make it with axis_name=jaxgan\.parallel\.AXIS"):
        step(key, start(key, gan, batch), batch)


def test_more_devices_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="requested devices=9, found 8"):
        parallel.make_mesh(9)
