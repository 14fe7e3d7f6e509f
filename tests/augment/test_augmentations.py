import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import start

import jaxgan
from jaxgan import augment, losses, parallel, regularizers
from jaxgan.augment.ada import AdaptiveStrength
from jaxgan.types import Augmentation, Batch

COUNT = 64
KEYS = jax.random.split(jax.random.key(0), COUNT)
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (COUNT, 8, 12, 3)), jnp.float32)
TRANSFORMS = {
    "color": augment.color_jitter,
    "translation": augment.translation,
    "cutout": augment.cutout,
    "geometric": lambda keys, x: augment.geometric_jitter(keys, x, 0.7),
    "strong color": lambda keys, x: augment.strong_color_jitter(keys, x, 0.7),
    "diffaugment": lambda keys, x: augment.diffaugment().apply(keys, x, 1.0),
}
each_transform = pytest.mark.parametrize("name", TRANSFORMS)


# --- Each transform


@pytest.mark.one_quick_case
@each_transform
def test_each_image_changes_by_its_own_key_alone(name):
    transform = jax.jit(TRANSFORMS[name])
    whole = transform(KEYS, IMAGES)
    np.testing.assert_allclose(transform(KEYS[10:20], IMAGES[10:20]), whole[10:20], atol=1e-6)
    assert len({each.tobytes() for each in np.asarray(whole - IMAGES)}) > COUNT // 2


@pytest.mark.slow
@each_transform
def test_gradients_flow_through_to_the_images(name):
    x = IMAGES[:4]

    def total(x):
        return jnp.sum(jnp.sin(TRANSFORMS[name](KEYS[:4], x)))

    direction = jnp.asarray(np.random.default_rng(1).normal(size=x.shape), jnp.float32)
    step = 1e-2
    slope = (total(x + step * direction) - total(x - step * direction)) / (2 * step)
    np.testing.assert_allclose(jnp.vdot(jax.grad(total)(x), direction), slope, rtol=2e-2)


def test_translations_are_all_shifts_of_up_to_an_eighth_with_zeros_coming_in():
    found = np.asarray(augment.translation(KEYS, IMAGES))
    padded = np.pad(np.asarray(IMAGES), ((0, 0), (1, 1), (2, 2), (0, 0)))  # 8/8, and 12/8 rounded
    seen = set()
    for image, moved in zip(padded, found, strict=True):
        matches = [
            (top, left)
            for top in range(3)
            for left in range(5)
            if np.array_equal(image[top : top + 8, left : left + 12], moved)
        ]
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) == 15


def test_cutout_zeroes_one_rectangle_of_half_the_sides_that_may_cross_the_border():
    ones = jnp.ones((COUNT, 8, 12, 1))
    holes = np.asarray(augment.cutout(KEYS, ones))[..., 0] == 0
    heights = set()
    for hole in holes:
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert hole.sum() == len(rows) * len(columns)
        np.testing.assert_array_equal(np.diff(rows), 1)
        np.testing.assert_array_equal(np.diff(columns), 1)
        assert len(rows) == 4 or rows[0] == 0 or rows[-1] == 7
        assert len(columns) <= 6
        heights.add(len(rows))
    assert heights == {2, 3, 4}  # a centre on the border leaves half, or half and the centre


def test_cutout_of_odd_length_has_its_middle_in_the_image():
    holes = np.asarray(augment.cutout(KEYS, jnp.ones((COUNT, 6, 6, 1))))[..., 0] == 0
    assert set(holes.any(axis=2).sum(axis=1)) == {2, 3}


def test_color_jitter_of_grey_images_scales_about_the_mean_and_shifts_it():
    x = np.asarray(IMAGES[..., :1])
    y = np.asarray(augment.color_jitter(KEYS, IMAGES[..., :1]))
    means = x.mean(axis=(1, 2, 3), keepdims=True), y.mean(axis=(1, 2, 3), keepdims=True)
    shifts = (means[1] - means[0]).ravel()
    scales = (y - means[1]).std(axis=(1, 2, 3)) / (x - means[0]).std(axis=(1, 2, 3))
    np.testing.assert_allclose(
        y - means[1], scales[:, None, None, None] * (x - means[0]), atol=1e-5
    )
    for drawn, low, high in ((shifts, -0.5, 0.5), (scales, 0.5, 1.5)):
        assert low < drawn.min() < low + 0.15
        assert high - 0.15 < drawn.max() < high


def test_color_jitter_scales_saturation_between_none_and_double():
    grey = IMAGES.mean(axis=3, keepdims=True)
    y = augment.color_jitter(KEYS, IMAGES)
    ratio = np.std(y - y.mean(axis=3, keepdims=True), axis=(1, 2, 3))
    contrast = np.std(y.mean(axis=3), axis=(1, 2)) / np.std(grey[..., 0], axis=(1, 2))
    ratio = ratio / contrast / np.std(IMAGES - grey, axis=(1, 2, 3))
    assert 0 < ratio.min() < 0.2
    assert 1.8 < ratio.max() < 2.0


@pytest.mark.slow
def test_nothing_changes_at_strength_zero():
    still = augment.constant(0.0).apply(KEYS, IMAGES, 0.0)
    np.testing.assert_array_equal(still, IMAGES)


def test_policies_apply_in_their_order():
    one = augment.diffaugment(("cutout",)).apply(KEYS, IMAGES, 1.0)
    assert ((one == 0) | (one == IMAGES)).all()
    both = augment.diffaugment(("cutout", "translation")).apply(KEYS, IMAGES, 1.0)
    assert (both == 0).mean() > (one == 0).mean()


# --- In training

COLORS = augment.jitter(geometry=0.0)


@dataclasses.dataclass(frozen=True)
class Named:
    """An augmentation with a name for pytest."""

    name: str
    augmentation: Augmentation


AUGMENTATIONS = [
    Named("diffaugment", augment.diffaugment()),
    Named("adaptive", augment.adaptive(target=0.0, ramp=100.0, every=1)),
    Named("constant", augment.constant(0.5)),
    Named("pipeline", augment.constant(0.5, transforms="bgcfnc")),
]


@pytest.fixture(
    params=[
        pytest.param(
            each, id=each.name, marks=[] if each.name == "diffaugment" else pytest.mark.slow
        )
        for each in AUGMENTATIONS
    ]
)
def augmented_gan(request, make_gan):
    penalties = tuple(
        jaxgan.penalty(each, gamma=1.0) for each in (regularizers.r1, regularizers.r2)
    )
    return make_gan(augmentation=request.param.augmentation, penalties=penalties)


@pytest.mark.slow
def test_augmented_step_is_the_same_on_eight_devices(key, batch, augmented_gan):
    state = start(key, augmented_gan, batch)
    one, one_metrics = jax.jit(jaxgan.make_train_step(augmented_gan))(key, state, batch)
    step = parallel.pmap_step(jaxgan.make_train_step(augmented_gan, axis_name=parallel.AXIS), 8)
    eight, eight_metrics = step(key, state, batch)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=5e-6),
        (one, one_metrics),
        (eight, eight_metrics),
    )


@pytest.mark.slow
def test_no_key_is_used_twice(key, batch, augmented_gan):
    state = start(key, augmented_gan, batch)
    with jax.debug_key_reuse(True):
        jax.jit(jaxgan.make_train_step(augmented_gan))(key, state, batch)


@pytest.mark.slow
def test_both_players_see_real_and_fake_samples_augmented(key, batch, make_gan):
    blank = Augmentation(lambda keys, x, strength: jnp.zeros_like(x))
    gan = make_gan(augmentation=blank, penalties=(jaxgan.penalty(regularizers.r1, gamma=1.0),))
    state = start(key, gan, batch)
    new, metrics = jax.jit(jaxgan.make_train_step(gan))(key, state, batch)
    assert metrics["logit_real"] == metrics["logit_fake"]
    assert metrics["penalty_r1"] == 0  # the penalty looks through the augmentation
    assert metrics["generator_grad_norm"] == 0
    first = jax.tree.leaves(state.discriminator.params)[1]
    assert (jax.tree.leaves(new.discriminator.params)[1] == first).all()


@pytest.mark.slow
def test_samples_are_drawn_and_compared_as_they_are(key, batch, make_gan):
    gans = [make_gan(), make_gan(augmentation=augment.diffaugment())]
    states = [start(key, gan, batch) for gan in gans]
    diversities = [
        jax.jit(jaxgan.make_discriminator_step(gan))(key, state, batch)[1]["diversity"]
        for gan, state in zip(gans, states, strict=True)
    ]
    assert diversities[0] == diversities[1]
    samples = [jaxgan.sample(key, *pair, num=4) for pair in zip(gans, states, strict=True)]
    np.testing.assert_array_equal(*samples)


@pytest.mark.slow
def test_the_strength_is_part_of_the_state_only_where_it_adapts(key, batch, make_gan):
    assert start(key, make_gan(augmentation=augment.diffaugment()), batch).augmentation is None
    state = start(key, make_gan(augmentation=augment.adaptive()), batch).augmentation
    assert state == AdaptiveStrength(0.0, 0.0, 0.0)


# --- The strength


def moved(margins, turns, **options):
    augmentation = augment.adaptive(**options)
    memory = augmentation.init()
    for _ in range(turns):
        memory = augmentation.update(memory, jnp.asarray(margins))
    return memory


def test_strength_rises_by_one_over_the_ramp_an_image_in_every_fourth_turn():
    margins = [1.0, 2.0, 0.5, 3.0, -1.0]  # r_t = (4 - 1)/5 = .6
    assert moved(margins, 4, target=0.59, ramp=1000.0).strength == np.float32(20 / 1000)
    assert moved(margins, 7, target=0.59, ramp=1000.0) == AdaptiveStrength(
        np.float32(0.02), np.float32(9.0), 15.0
    )
    assert moved(margins, 8, target=0.59, ramp=1000.0).strength == np.float32(0.04)


def test_strength_falls_below_the_target_and_stays_in_its_range():
    margins = [1.0, 1.0, 1.0, -1.0, -1.0]
    assert moved(margins, 8, target=0.6, ramp=1000.0).strength == 0.0
    assert moved([1.0] * 5, 8, target=0.6, ramp=5.0, every=1).strength == 1.0
    augmentation = augment.adaptive(target=0.6, ramp=100.0, every=1)
    half = AdaptiveStrength(jnp.float32(0.5), jnp.float32(0.0), jnp.float32(0.0))
    assert augmentation.update(half, jnp.asarray(margins)).strength == np.float32(0.45)


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("loss", "shift"),
    [(losses.non_saturating, 0.0), (losses.least_squares, 0.5), (losses.relativistic, None)],
    ids=["non_saturating", "least_squares", "relativistic"],
)
def test_signs_are_counted_from_where_the_loss_balances(key, batch, make_gan, loss, shift):
    augmentation = augment.adaptive(target=0.0, ramp=1e6, every=1, transforms=COLORS)
    gan = make_gan(loss=loss, augmentation=augmentation)
    state = start(key, gan, batch)
    new, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(key, state, batch)
    share = metrics["accuracy_pairs" if shift is None else "accuracy_real"]
    np.testing.assert_allclose(metrics["augment_sign"], 2 * share - 1, atol=1e-6)
    expected = max(0.0, np.sign(2 * share - 1) * 16 / 1e6)
    np.testing.assert_allclose(new.augmentation.strength, expected)


@pytest.mark.slow
def test_generator_turns_use_the_strength_and_leave_it(key, batch, make_gan):
    gan = make_gan(augmentation=augment.adaptive(transforms=COLORS))
    state = start(key, gan, batch)
    strong = AdaptiveStrength(jnp.float32(1.0), jnp.float32(3.0), jnp.float32(16.0))
    strong = state._replace(augmentation=strong)
    step = jax.jit(jaxgan.make_generator_step(gan))
    (_, weak_metrics), (new, metrics) = step(key, state, batch), step(key, strong, batch)
    assert new.augmentation == strong.augmentation
    assert abs(metrics["generator_loss"] - weak_metrics["generator_loss"]) > 1e-6


# --- Errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: augment.diffaugment(()), r"color, translation, cutout, got \(\)"),
        (lambda: augment.diffaugment("color"), "got 'color'"),
        (lambda: augment.diffaugment(("blur",)), "got \\('blur',\\)"),
        (lambda: augment.adaptive(target=1.0), "target must be in \\(-1, 1\\), got 1.0"),
        (lambda: augment.adaptive(ramp=0.0), "ramp must be positive, got 0.0"),
        (lambda: augment.adaptive(every=0), "every"),
        (lambda: augment.jitter(geometry=False, color=False), "color and cutout are all 0"),
        (lambda: augment.constant(1.5), "strength must be in \\[0, 1\\], got 1.5"),
        (lambda: augment.translation(KEYS, IMAGES, 1.5), "ratio must be in"),
        (lambda: augment.cutout(KEYS, IMAGES[0]), "images .* got shape \\(8, 12, 3\\)"),
        (lambda: augment.cutout(KEYS[:3], IMAGES), "one per sample, \\[64\\], got shape \\(3,\\)"),
        (
            lambda: augment.strong_color_jitter(KEYS, IMAGES[..., :2], 0.5),
            "1 or 3 channels",
        ),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_samples_that_are_no_images_are_refused_at_the_start(key, make_gan):
    gan = make_gan(augmentation=augment.diffaugment())
    with pytest.raises(ValueError, match="augmentation needs images"):
        jaxgan.init(key, gan, jnp.zeros((4, 3)))


def test_images_as_a_condition_are_refused_at_the_start(key, make_gan):
    given = jaxgan.Network(
        lambda key, *inputs: ({}, {}),
        lambda params, state, x, condition, **options: (jnp.zeros(len(x)), state),
    )
    drawn = given._replace(
        apply=lambda params, state, z, condition, **options: (jnp.zeros((4, 4, 4, 1)), state)
    )
    gan = make_gan(augmentation=augment.diffaugment(), discriminator=given, generator=drawn)
    batch = Batch(jnp.zeros((4, 4, 4, 1)), jnp.zeros((4, 4, 4, 1)))
    with pytest.raises(ValueError, match="away from the images that they are conditioned on"):
        jaxgan.init(key, gan, batch)


def test_other_things_than_augmentations_are_refused(make_gan):
    with pytest.raises(ValueError, match="augmentation must be an Augmentation, got"):
        make_gan(augmentation=augment.cutout)
