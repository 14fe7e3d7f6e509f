"""Augmented samples show the same pictures whatever range the networks work in."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import augment, recipes, regularizers
from jaxgan.data import scale
from jaxgan.schedules import cosine
from jaxgan.training.batches import as_data
from jaxgan.training.plan import Plan
from jaxgan.training.plan_checks import check_augmentation

COUNT = 32
KEYS = jax.random.split(jax.random.key(0), COUNT)
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (COUNT, 8, 12, 3)), jnp.float32)
AUGMENTATIONS = {
    "color": functools.partial(augment.diffaugment, ("color",)),
    "translation": functools.partial(augment.diffaugment, ("translation",)),
    "cutout": functools.partial(augment.diffaugment, ("cutout",)),
    "diffaugment": augment.diffaugment,
    "ada colours": functools.partial(augment.adaptive, transforms=augment.jitter(geometry=0)),
    "ada": augment.adaptive,
    "constant": functools.partial(
        augment.constant, 0.7, transforms=augment.jitter(geometry=0, color=0, cutout=1)
    ),
}


def applied(augmentation, x, strength=0.7):
    return jax.jit(augmentation.apply)(KEYS, x, strength)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n == "ada")) for n in AUGMENTATIONS]
)
def test_the_picture_is_the_same_in_every_range(name):
    wanted = applied(AUGMENTATIONS[name](), IMAGES)
    for model_range in ((0.0, 1.0), (-3.0, 5.0)):
        found = applied(
            AUGMENTATIONS[name](model_range=model_range), scale(IMAGES, (-1, 1), model_range)
        )
        np.testing.assert_allclose(scale(found, model_range, (-1, 1)), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("transform", "fills"),
    [(augment.translation, True), (augment.cutout, True), (augment.color_jitter, False)],
)
def test_plain_transforms_work_in_another_range_and_fill_with_its_middle(transform, fills):
    found = augment.in_range(transform, (0, 1))(KEYS, IMAGES / 2 + 0.5)
    np.testing.assert_allclose(2 * found - 1, transform(KEYS, IMAGES), rtol=1e-5, atol=1e-5)
    bright = augment.in_range(transform, (0, 1))(KEYS, jnp.ones_like(IMAGES))
    assert not fills or set(np.unique(bright)) == {0.5, 1.0}


def test_colours_change_by_a_like_share_of_either_range():
    x = jnp.asarray(np.random.default_rng(1).uniform(0, 1, (256, 8, 8, 1)), jnp.float32)
    keys = jax.random.split(jax.random.key(1), len(x))
    shares = [
        jnp.sqrt(jnp.mean((augment.in_range(augment.color_jitter, r)(keys, y) - y) ** 2)) / span
        for r, y, span in (((0, 1), x, 1), ((-1, 1), 2 * x - 1, 2))
    ]
    np.testing.assert_allclose(shares[0], shares[1], rtol=1e-5)
    assert 0.15 < shares[0] < 0.2


def test_minus_one_to_one_is_left_to_the_bit():
    assert augment.in_range(augment.cutout, (-1, 1)) is augment.cutout


def test_a_recipe_augments_in_the_range_of_its_generator():
    for name, model_range in (("digits", (0.0, 1.0)), ("dcgan", (-1.0, 1.0))):
        gan = recipes.recipe_gan(name, (8, 8, 1), None, "diffaugment")
        assert gan.augmentation.model_range == model_range
        white = jnp.full((COUNT, 8, 8, 1), model_range[1])
        seen = augment.diffaugment(("cutout",), gan.augmentation.model_range).apply(KEYS, white, 1)
        assert set(np.unique(seen)) == {sum(model_range) / 2, model_range[1]}
    ada = recipes.recipe_gan("digits", (8, 8, 1), None, "ada")
    assert ada.augmentation.model_range == (0.0, 1.0)


def test_consistency_takes_a_transform_in_the_range_of_the_samples(key):
    def total(x):
        return jnp.sum(x, axis=(1, 2, 3))

    terms = [
        regularizers.make_consistency(augment.in_range(augment.cutout, r))(key, critic, x)
        for r, x, critic in (
            ((-1, 1), IMAGES, total),
            ((0, 1), IMAGES / 2 + 0.5, lambda x: total(2 * x - 1)),
        )
    ]
    np.testing.assert_allclose(terms[1], terms[0], rtol=1e-4)


# --- Training


def check(data, augmentation, model_range=None):
    check_augmentation(augmentation, as_data(data), Plan(model_range=model_range))


def test_training_in_another_range_than_the_augmentations_is_refused(key, make_gan):
    gan = make_gan(augmentation=augment.diffaugment())
    said = r"for samples in \(-1.0, 1.0\), but model_range=\(0, 1\): .*model_range=\(0, 1\)\)"
    with pytest.raises(ValueError, match=said):
        jaxgan.fit(
            key, gan, np.zeros((16, 4, 4, 1), np.uint8), 1, plan=jaxgan.Plan(model_range=(0, 1))
        )
    check(np.zeros((4, 4, 4, 1), np.uint8), augment.adaptive(model_range=(0, 1)), (0.0, 1.0))


def test_samples_that_do_not_look_like_the_augmentations_range_are_warned_of():
    x = np.linspace(0, 1, 64, dtype=np.float32).reshape(4, 4, 4, 1)
    said = r"\(arrays\) lie in 0\.\.1, but the augmentation is for samples in \(-1.0, 1.0\)"
    with pytest.warns(UserWarning, match=said):
        check(x, augment.diffaugment())
    with pytest.warns(UserWarning, match=r"lie in -255\.\.255"):
        check(510 * x - 255, augment.diffaugment())
    check(x, augment.diffaugment(model_range=(0, 1)))  # no warning
    check(2 * x - 1, augment.diffaugment())


@pytest.mark.parametrize("model_range", [(1.0, 0.0), (0.0, 0.0), (0.0, float("inf"))])
def test_ranges_that_are_none_are_refused(model_range):
    with pytest.raises(ValueError, match=r"model_range must be finite \(low, high\)"):
        augment.adaptive(model_range=model_range)


# --- A strength that follows a schedule


@pytest.mark.slow
def test_a_scheduled_strength_is_that_of_the_generators_step(key, batch, make_gan):
    schedule = cosine(0.0, 1.0, 10)
    scale_by = jaxgan.Augmentation(lambda keys, x, strength: x * (1 - strength))
    gan = make_gan(augmentation=scale_by._replace(strength=schedule))
    state = jaxgan.init(key, gan, batch)
    step = jax.jit(jaxgan.make_train_step(gan))
    first, end = (step(key, state._replace(step=jnp.int32(n)), batch)[1] for n in (0, 10))
    assert (first["augment_strength"], end["augment_strength"]) == (0.0, 1.0)
    assert first["logit_real"] != first["logit_fake"]
    assert end["logit_real"] == end["logit_fake"]  # at strength 1 all samples are 0
    assert first["generator_grad_norm"] > 0 == end["generator_grad_norm"]


def test_constant_takes_a_schedule_in_place_of_a_number():
    schedule = cosine(0.0, 0.55, 10)
    assert (
        augment.constant(schedule, transforms=augment.jitter(color=0.5, cutout=1.0)).strength
        is schedule
    )


@pytest.mark.slow
def test_shares_set_how_often_each_kind_of_change_is_made():
    x = jnp.ones((2000, 4, 4, 1))
    keys = jax.random.split(jax.random.key(3), len(x))

    def changed(**shares):
        y = jax.jit(augment.jitter(**shares))(keys, x, 0.5)
        return float(jnp.mean(jnp.any(y != x, axis=(1, 2, 3))))

    np.testing.assert_allclose(changed(geometry=0, color=0, cutout=1), 0.5, atol=0.04)
    np.testing.assert_allclose(changed(geometry=0, color=0, cutout=0.5), 0.25, atol=0.04)
    assert changed(geometry=0, color=0.5) < changed(geometry=0, color=1) - 0.1


@pytest.mark.slow
def test_cutout_leaves_the_draws_of_the_other_changes_as_they_are():
    plain = applied(augment.constant(0.7, transforms=augment.jitter(geometry=0)), IMAGES)
    cut = applied(augment.constant(0.7, transforms=augment.jitter(geometry=0, cutout=1.0)), IMAGES)
    same = np.asarray(cut == plain)
    assert (same | np.asarray(cut == 0)).all()
    assert 0.5 < same.mean() < 1.0


@pytest.mark.parametrize("shares", [{"color": 1.5}, {"geometry": -0.1}, {"cutout": 2}])
def test_shares_out_of_range_are_named(shares):
    with pytest.raises(ValueError, match=r"must be a fraction of p, in \[0, 1\], got"):
        augment.jitter(**shares)


# --- What penalties look at


def of_real(critic, real, real_output):
    return jnp.max(jnp.abs(critic(real) - real_output.logits))


def of_fake(critic, fake, fake_output):
    return jnp.max(jnp.abs(critic(fake) - fake_output.logits))


def of_both(critic, fake_critic, real, fake, real_output, fake_output):
    return of_real(critic, real, real_output) + of_real(fake_critic, fake, fake_output)


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize("through", ["augmentation", "dropout", "joint pass"])
def test_penalties_look_at_the_function_that_the_loss_saw_of_their_samples(
    key, batch, make_gan, through
):
    parts = {
        "augmentation": {
            "augmentation": augment.constant(0.9, transforms=augment.jitter(geometry=0))
        },
        "dropout": {
            "discriminator": jaxgan.from_linen(
                jaxgan.models.MLPDiscriminator(hidden=(12, 8), dropout=0.5)
            )
        },
        "joint pass": {"augmentation": augment.diffaugment(), "joint_pass": True},
    }[through]
    penalties = tuple(jaxgan.penalty(function, 1.0) for function in (of_real, of_fake, of_both))
    gan = make_gan(penalties=penalties, **parts)
    state = jaxgan.init(key, gan, batch)
    metrics = jax.jit(jaxgan.make_discriminator_step(gan))(key, state, batch)[1]
    for name in ("of_real", "of_fake", "of_both"):
        assert metrics[f"penalty_{name}"] < 1e-5, name
