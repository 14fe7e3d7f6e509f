"""Packing against the same discriminator shown packs that are made beforehand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import augment, latents, losses
from jaxgan.adapters.packing import pack
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.parallel.devices import AXIS, make_mesh
from jaxgan.parallel.jit_pmap import jit_step, pmap_step
from jaxgan.regularizers import gradient_penalty, lecam_penalty, make_dragan, r1, r2
from jaxgan.runs.settings.fingerprint import gan_fingerprint
from jaxgan.training.batches import as_data

SIZE, BATCH = 2, 16
KEY = jax.random.key(7)
PENALTIES = {
    "r1": lambda critic, x, y, index, pack: r1(critic, x, pack=pack),
    "r2": lambda critic, x, y, index, pack: r2(critic, y, pack=pack),
    "gradient_penalty": lambda critic, x, y, index, pack: gradient_penalty(
        KEY, critic, x, y, index, pack
    ),
}


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def plain_discriminator():
    return jaxgan.from_linen(MLPDiscriminator((8, 8), dropout=0.0))


def make_gan(discriminator, **changes):
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator((2,), (8,), output=None)),
        discriminator=discriminator,
        latent=latents.normal(3),
        loss=losses.non_saturating,
        generator_optimizer=optax.sgd(0.1),
        discriminator_optimizer=optax.sgd(0.1),
    )
    return dataclasses.replace(gan, **changes)


def make_pairs_gan(**changes):
    """The same game between whole packs: a generator of packs, a discriminator that knows none."""
    packed_gan = make_gan(jaxgan.packed(plain_discriminator(), SIZE), **changes)
    each = packed_gan.generator

    def generate(params, model_state, latents, *, keys, train, axis_name=None):
        flat = latents.reshape(-1, 3)
        x, model_state = each.apply(params, model_state, flat, keys=keys, train=train)
        return pack(x, SIZE), model_state

    pairs = dataclasses.replace(
        packed_gan,
        generator=jaxgan.Network(lambda key, z: each.init(key, z.reshape(-1, 3)), generate),
        discriminator=plain_discriminator(),
        latent=lambda key, index: latents.normal(3)(
            key, (SIZE * index[:, None] + jnp.arange(SIZE)[None]).reshape(-1)
        ).reshape(len(index), SIZE, 3),
    )
    return packed_gan, pairs


def assert_close(a, b, rtol=1e-5):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6), a, b)


# ---- packs ----


def test_packs_join_the_channels_of_neighbours():
    x = normal(0, 6, 4, 5, 2)
    packs = pack(x, 3)
    assert packs.shape == (2, 4, 5, 6)
    for p in range(2):
        expected = np.concatenate([x[3 * p + i] for i in range(3)], axis=-1)
        np.testing.assert_array_equal(packs[p], expected)


@pytest.mark.slow
def test_a_pack_of_one_is_the_network_itself():
    network, x = plain_discriminator(), normal(0, 6, 2)
    alone = jaxgan.packed(network, 1)
    variables = network.init(KEY, x)
    assert_close(alone.init(KEY, x), variables, rtol=0)
    keys = jax.random.split(KEY, 6)
    got, expected = (n.apply(*variables, x, keys=keys, train=True)[0] for n in (alone, network))
    np.testing.assert_array_equal(got, expected)


def test_images_that_samples_are_conditioned_on_are_packed_alike():
    def apply(params, model_state, x, condition, *, keys, train, axis_name=None):
        assert (x.shape, condition.shape, len(keys)) == ((2, 3, 3, 4), (2, 3, 3, 2), 2)
        return jnp.sum(x, axis=(1, 2, 3)) + jnp.sum(condition, axis=(1, 2, 3)), model_state

    network = jaxgan.packed(jaxgan.Network(None, apply), 2)
    x, condition = normal(0, 4, 3, 3, 2), normal(1, 4, 3, 3, 1)
    logits, _ = network.apply({}, {}, x, condition, keys=jax.random.split(KEY, 4), train=True)
    each = np.sum(x, axis=(1, 2, 3)) + np.sum(condition, axis=(1, 2, 3))
    np.testing.assert_allclose(logits, each.reshape(2, 2).sum(axis=1), rtol=1e-5)


# ---- penalties ----


def quadratic(packs):
    """D(pack) = |pack|^2 / 2, of gradient pack."""
    return jnp.sum(packs.reshape(len(packs), -1) ** 2, axis=1) / 2


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_that_of_the_discriminator_of_packs(name):
    x, y = normal(0, 6, 2, 3), normal(1, 6, 2, 3)
    got = PENALTIES[name](lambda x: quadratic(pack(x, 3)), x, y, None, 3)
    # of a pack of neighbours: the draws are those of its first sample
    expected = PENALTIES[name](quadratic, pack(x, 3), pack(y, 3), jnp.array([0, 3]), 1)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_r1_of_packs_in_closed_form():
    # grad = x_1, ..., x_m: |grad|^2 is a sum over the pack, its mean one over packs
    x = normal(0, 6, 4)
    got = r1(lambda x: quadratic(pack(x, 3)), x, pack=3)
    np.testing.assert_allclose(got, np.sum(np.square(x)) / 2, rtol=1e-5)


def test_dragan_moves_a_pack_as_one():
    # D(pack) = 0 where the noise is: the distance moved comes out of |grad|^2 = |x' - x|^2
    x = normal(0, 4, 1)

    def critic(moved):
        return jnp.sum(pack(moved - x, 2) ** 2, axis=1) / 2

    index = jnp.arange(4)
    got = make_dragan(target=0.0)(KEY, critic, x, index, pack=2)
    noise_key, mix_key = jax.random.split(KEY)
    u = [float(jax.random.uniform(jax.random.fold_in(mix_key, i))) for i in (0, 0, 2, 2)]
    n = [float(jax.random.uniform(jax.random.fold_in(noise_key, i), (1,))[0]) for i in range(4)]
    moved = 0.5 * float(jnp.std(x)) * np.array(u) * np.array(n)
    np.testing.assert_allclose(got, np.sum(moved**2) / 2, rtol=1e-5)


# ---- training ----


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss",
    [
        "relativistic",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("hinge", "relativistic_average")),
    ],
)
def test_a_step_is_that_of_the_same_game_between_packs(loss):
    penalties = (jaxgan.penalty(r1, gamma=1.0), jaxgan.penalty(r2, gamma=0.5), lecam_penalty(0.1))
    packed_gan, pairs = make_pairs_gan(loss=getattr(losses, loss), penalties=penalties)
    x = normal(1, BATCH, 2)
    ends = []
    for gan, batch in ((packed_gan, x), (pairs, pack(x, SIZE))):
        state = jaxgan.init(KEY, gan, batch)
        step = jax.jit(jaxgan.make_train_step(gan))
        for turn in range(2):
            state, metrics = step(jax.random.key(turn), state, batch)
        ends.append(
            (state.generator.params, state.discriminator.params, state.discriminator.terms, metrics)
        )
    # between samples in one game, between packs in the other
    assert ends[0][-1].pop("diversity") != ends[1][-1].pop("diversity")
    assert_close(*ends, rtol=1e-4)


@pytest.mark.slow
def test_a_gradient_penalty_in_a_step_is_that_of_the_same_game_between_packs():
    packed_gan, pairs = make_pairs_gan(
        loss=losses.wasserstein,
        # drawn by the pack's number, not by that of its first sample: so the draws are left out
        penalties=(
            jaxgan.penalty(
                lambda critic, real, fake, pack: gradient_penalty(
                    KEY, critic, real, fake, index=jnp.zeros(len(real), jnp.int32), pack=pack
                ),
                10.0,
                name="gp",
            ),
        ),
    )
    x = normal(1, BATCH, 2)
    got, expected = (
        jax.jit(jaxgan.make_discriminator_step(gan))(KEY, jaxgan.init(KEY, gan, batch), batch)
        for gan, batch in ((packed_gan, x), (pairs, pack(x, SIZE)))
    )
    np.testing.assert_allclose(got[1]["penalty_gp"], expected[1]["penalty_gp"], rtol=1e-5)
    assert_close(got[0].discriminator.params, expected[0].discriminator.params)


@pytest.mark.slow
@pytest.mark.parametrize("accumulate", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_jit_on_many_devices_and_pmap_pack_the_same_samples(accumulate):
    gan = make_gan(
        jaxgan.packed(jaxgan.from_linen(MLPDiscriminator((8,), dropout=0.3)), SIZE),
        penalties=(jaxgan.penalty(gradient_penalty, 10.0),),
    )
    x = normal(1, BATCH, 2)
    state = jaxgan.init(KEY, gan, x)
    # the discriminator's turn alone: it has all that packs are made for
    mapped = jaxgan.make_discriminator_step(gan, AXIS, accumulate)
    step = jaxgan.make_discriminator_step(gan, accumulate=accumulate)
    one = jax.jit(step)(KEY, state, x)
    assert_close(jit_step(step, make_mesh(2))(KEY, state, x), one, rtol=1e-4)
    assert_close(pmap_step(mapped, 4)(KEY, state, x), one, rtol=1e-4)


@pytest.mark.slow
def test_an_augmentation_changes_each_sample_before_it_is_packed():
    # D is the spread within a pack of alike samples: what the augmentation put between them
    def apply(params, model_state, x, *, keys, train, axis_name=None):
        return jnp.abs(x[:, 0] - x[:, 2]), model_state

    shift = jaxgan.Augmentation(
        lambda keys, x, strength: x + jax.vmap(jax.random.uniform)(keys)[:, None]
    )
    gan = make_gan(
        jaxgan.packed(jaxgan.Network(lambda key, x: ({}, {}), apply), SIZE), augmentation=shift
    )
    x = jnp.ones((4, 2))
    _, metrics = jaxgan.make_discriminator_step(gan)(KEY, jaxgan.init(KEY, gan, x), x)
    assert 0.0 < metrics["logit_real"] < 1.0


@pytest.mark.slow
def test_fit_trains_a_packed_discriminator():
    gan = make_gan(jaxgan.packed(plain_discriminator(), 4), loss=losses.relativistic)
    x = np.asarray(normal(1, 64, 2))
    state, history = jaxgan.fit(KEY, gan, x, 3, plan=jaxgan.Plan(batch_size=32))
    assert int(state.step) == 3
    assert np.isfinite(history["discriminator_loss"]).all()


@pytest.mark.slow
def test_ada_and_a_packed_discriminator_go_together():
    gan = make_gan(
        jaxgan.packed(jaxgan.from_linen(MLPDiscriminator((8,), dropout=0.0)), 2),
        generator=jaxgan.from_linen(MLPGenerator((8, 8, 1), (8,), output=None)),
        augmentation=augment.adaptive(),
    )
    x = normal(1, 4, 8, 8, 1)

    def run(key):
        state = jaxgan.init(key, gan, x)
        return jaxgan.make_train_step(gan)(key, state, x)

    _, metrics = jax.eval_shape(run, KEY)
    assert metrics["augment_strength"].shape == ()


def test_a_setting_of_packs_of_any_size_has_a_checksum():
    gans = [make_gan(jaxgan.packed(plain_discriminator(), size)) for size in (3, 4)]
    sums = {gan_fingerprint(gan, as_data(np.zeros((24, 2), np.float32)), False) for gan in gans}
    assert len(sums) == 2


# ---- refusals ----


def test_a_batch_that_packs_do_not_divide_is_refused():
    gan = make_gan(jaxgan.packed(plain_discriminator(), 3))
    with pytest.raises(
        ValueError,
        match=r"16 samples per device is not divisible by the pack size 3.* multiple of 3",
    ):
        jaxgan.init(KEY, gan, normal(0, 16, 2))


def test_a_device_whose_share_packs_do_not_divide_is_refused():
    gan = make_gan(jaxgan.packed(plain_discriminator(), 4))
    with pytest.raises(
        ValueError, match="2 samples per device is not divisible by the pack size 4"
    ):
        jaxgan.fit(KEY, gan, np.zeros((16, 2)), 1, jaxgan.Plan(batch_size=16, devices=8))


def test_labels_are_refused():
    network = jaxgan.packed(jaxgan.from_linen(MLPDiscriminator((8,), num_classes=3)), 2)
    with pytest.raises(ValueError, match=r"got shape \(4,\): labels cannot be packed"):
        network.init(KEY, normal(0, 4, 2), jnp.zeros(4, jnp.int32))


def test_an_auxiliary_classifier_is_refused():
    network = jaxgan.packed(
        jaxgan.from_linen(MLPDiscriminator((8,), dropout=0.0, auxiliary_classes=3)), 2
    )
    with pytest.raises(ValueError, match="cannot return class logits"):
        jaxgan.init(KEY, make_gan(network), normal(0, 4, 2))


def test_a_joint_pass_is_refused():
    gan = make_gan(jaxgan.packed(plain_discriminator(), 2), joint_pass=True)
    with pytest.raises(ValueError, match="joint_pass would pack real samples with generated ones"):
        jaxgan.init(KEY, gan, normal(0, 4, 2))


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_packs_of_no_size_are_refused(size):
    with pytest.raises(ValueError, match="size must be a positive int"):
        jaxgan.packed(plain_discriminator(), size)
