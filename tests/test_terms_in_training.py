"""Whole GANs with further terms: over devices, in a joint pass, and on toys."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import Batch, DiscriminatorOutput, latents, losses, parallel, penalty, terms
from jaxgan.adapters.wrappers import without_condition
from jaxgan.models import MLPGenerator
from jaxgan.transformations import historical_averaging

CLASSES = 3


class ConditionalGenerator(nn.Module):
    """Latents and the label's one-hot vector (0 without a label) to samples."""

    shape: tuple = (2,)
    width: int = 16

    @nn.compact
    def __call__(self, z, labels):
        z = jnp.concatenate([z, jax.nn.one_hot(labels, CLASSES)], axis=1)
        x = nn.relu(nn.Dense(self.width)(z))
        return nn.Dense(int(np.prod(self.shape)))(x).reshape(-1, *self.shape)


class Classifier(nn.Module):
    """Features, class logits, and a logit beside them or made of them."""

    semi_supervised: bool = False
    classes: int = CLASSES
    width: int = 16

    @nn.compact
    def __call__(self, x):
        h = nn.leaky_relu(nn.Dense(self.width)(x.reshape(len(x), -1)))
        h = nn.leaky_relu(nn.Dense(self.width)(h))
        class_logits = nn.Dense(self.classes)(h)
        if self.semi_supervised:
            return terms.semi_supervised_output(class_logits, features=h)
        return DiscriminatorOutput(nn.Dense(1)(h), {"h": h}, class_logits)


def classifier(**options):
    return without_condition(jaxgan.from_linen(Classifier(**options)))


def acgan(make_gan, **parts):
    for_discriminator, for_generator = terms.auxiliary_classifier()
    return make_gan(
        generator=jaxgan.from_linen(ConditionalGenerator((4, 4, 1))),
        discriminator=classifier(),
        loss=losses.label_smoothing(0.1),
        penalties=(for_discriminator,),
        generator_terms=(for_generator,),
        generator_optimizer=optax.chain(historical_averaging(0.1), optax.sgd(0.1)),
        **parts,
    )


def semi_supervised(make_gan, **parts):
    match = jaxgan.generator_term(terms.feature_matching, 1.0)
    return make_gan(
        generator=without_condition(make_gan().generator),
        discriminator=classifier(semi_supervised=True),
        loss=losses.without_generator(losses.non_saturating),
        penalties=(penalty(terms.real_classification, 1.0),),
        generator_terms=(match,),
        **parts,
    )


@pytest.fixture
def labelled(batch):
    """16 samples, of which the devices of eight hold 2, 1 or 0 labels."""
    return Batch(batch, jnp.array([0, 1, 2, -1, -1, -1, 2, 1, -1, 0, -1, -1, 1, 1, -1, -1]))


def trained(gan, wrapped, labelled, number=2):
    state = jax.jit(lambda key, batch: jaxgan.init(key, gan, batch))(jax.random.key(0), labelled)
    for key in jax.random.split(jax.random.key(5), number):
        state, metrics = wrapped(key, state, labelled)
    return state, metrics


@pytest.mark.slow
@pytest.mark.parametrize("setting", [acgan, pytest.param(semi_supervised, marks=pytest.mark.slow)])
def test_pmap_step_with_terms_equals_jit_step(setting, make_gan, labelled):
    gan = setting(make_gan)
    expected = trained(gan, jax.jit(jaxgan.make_train_step(gan)), labelled)
    step = jaxgan.make_train_step(gan, axis_name=parallel.AXIS)
    got = trained(gan, parallel.pmap_step(step, 8), labelled)
    check = functools.partial(np.testing.assert_allclose, rtol=2e-5, atol=2e-6)
    jax.tree.map(check, got, expected)
    names = {"penalty_acgan_discriminator", "term_acgan_generator"}
    if setting is semi_supervised:
        names = {"penalty_real_classification", "term_feature_matching"}
    assert all(expected[1][name] > 0 for name in names)


@pytest.mark.slow
def test_joint_pass_gives_the_terms_of_separate_passes(make_gan, labelled):
    ends = []
    for joint in (False, True):
        gan = acgan(make_gan, joint_pass=joint)
        ends.append(trained(gan, jax.jit(jaxgan.make_discriminator_step(gan)), labelled))
    check = functools.partial(np.testing.assert_allclose, rtol=2e-5, atol=2e-6)
    jax.tree.map(check, *ends)


@pytest.mark.slow
def test_penalties_are_given_the_condition_and_both_outputs(make_gan, labelled):
    def seen(condition, real, fake, real_output, fake_output, real_logits):
        # the features of the tiny discriminator below are the samples themselves
        same = (condition == labelled.condition).all()
        same &= (real_output.features == real).all() & (fake_output.features == fake).all()
        same &= (real_output.logits == real_logits).all() & (real_output.logits.ndim == 1)
        return jnp.where(same, 1.0, 0.0)

    class Identity(nn.Module):
        @nn.compact
        def __call__(self, x):
            return DiscriminatorOutput(nn.Dense(1)(x.reshape(len(x), -1)), x)

    for joint in (False, True):
        gan = make_gan(
            generator=jaxgan.from_linen(ConditionalGenerator((4, 4, 1))),
            discriminator=without_condition(jaxgan.from_linen(Identity())),
            penalties=(penalty(seen, 0.0),),
            joint_pass=joint,
        )
        _, metrics = trained(gan, jax.jit(jaxgan.make_discriminator_step(gan)), labelled, 1)
        assert metrics["penalty_seen"] == 1.0


@pytest.mark.slow
def test_generator_without_its_adversarial_part_minimises_its_terms_alone(make_gan, labelled):
    gan = semi_supervised(make_gan)
    _, metrics = trained(gan, jax.jit(jaxgan.make_generator_step(gan)), labelled, 1)
    assert metrics["generator_loss"] == metrics["term_feature_matching"] > 0


# ---- what they are for, on toys ----


def toy_gan(generator, discriminator, rate, **parts):
    optimizer = optax.adam(rate, b1=0.5)
    parts = {"loss": losses.non_saturating} | parts
    return jaxgan.GAN(
        generator=generator,
        discriminator=discriminator,
        latent=latents.normal(4),
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        ema_decay=None,
        **parts,
    )


def trained_on_toys(key, gan, draw, steps):
    """The state after steps on batches of draw(key), as one loop."""
    init_key, batch_key, train_key = jax.random.split(key, 3)
    train_step = jaxgan.make_train_step(gan)

    def step(state, key):
        draw_key, step_key = jax.random.split(key)
        return train_step(step_key, state, draw(draw_key))[0], None

    state = jaxgan.init(init_key, gan, draw(batch_key))
    return jax.lax.scan(step, state, jax.random.split(train_key, steps))[0]


@pytest.mark.slow
def test_acgan_generates_the_class_it_is_asked_for():
    centres = 2.0 * jnp.array([[0.0, 1.0], [0.866, -0.5], [-0.866, -0.5]])
    for_discriminator, for_generator = terms.auxiliary_classifier()
    gan = toy_gan(
        jaxgan.from_linen(ConditionalGenerator(width=32)),
        classifier(width=32),
        rate=1e-2,
        penalties=(for_discriminator,),
        generator_terms=(for_generator,),
    )

    def draw(key):
        label_key, noise_key = jax.random.split(key)
        labels = jax.random.randint(label_key, (64,), 0, CLASSES)
        return Batch(centres[labels] + 0.3 * jax.random.normal(noise_key, (64, 2)), labels)

    def run(key):
        train_key, sample_key = jax.random.split(key)
        state, asked = trained_on_toys(train_key, gan, draw, 300), jnp.arange(300) % CLASSES
        x = jaxgan.sample(sample_key, gan, state, 300, asked)
        distances = jnp.linalg.norm(x[:, None] - centres[None], axis=-1)
        return jnp.mean(distances.argmin(axis=1) == asked), jnp.mean(distances.min(axis=1))

    agreement, distance = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 8))
    assert np.mean(agreement) > 0.9  # .32 without the terms
    assert np.mean(distance) < 0.5  # .38 for the data themselves


@pytest.mark.slow
@pytest.mark.parametrize("unsupervised", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_unlabelled_samples_teach_a_semi_supervised_discriminator_its_classes(unsupervised):
    # Two long bars, two labels in each, on opposite sides: the samples without a label must tell
    # that the classes differ in height and not, as the labels would have it, in length too.
    places = jnp.array([[-1.8, 0.75], [-1.0, 0.75], [1.0, -0.75], [1.8, -0.75]])

    def bars(key, number):
        length_key, width_key = jax.random.split(key)
        labels = jnp.arange(number) % 2
        along = jax.random.uniform(length_key, (number,), minval=-2.0, maxval=2.0)
        across = 0.75 - 1.5 * labels + 0.15 * jax.random.normal(width_key, (number,))
        return jnp.stack([along, across], axis=1), labels

    def draw(key):
        x = jnp.concatenate([places, bars(key, 60)[0]])
        return Batch(x, jnp.array([0, 0, 1, 1] + 60 * [-1]))

    nothing = losses.AdversarialLoss(*[lambda real_logits, fake_logits: jnp.zeros(())] * 2)
    gan = toy_gan(
        without_condition(jaxgan.from_linen(MLPGenerator((2,), hidden=(32, 32), output=None))),
        without_condition(jaxgan.from_linen(Classifier(True, classes=2, width=32))),
        rate=2e-2,
        loss=losses.non_saturating if unsupervised else nothing,
        penalties=(penalty(terms.real_classification, 0.3),),
    )

    def run(key):
        train_key, data_key, apply_key = jax.random.split(key, 3)
        player = trained_on_toys(train_key, gan, draw, 300).discriminator
        x, labels = bars(data_key, 200)
        keys = jax.random.split(apply_key, 200)
        output, _ = gan.discriminator.apply(player.params, {}, x, keys=keys, train=False)
        return jnp.mean(output.class_logits.argmax(axis=1) == labels)

    accuracy = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 8))
    if unsupervised:
        assert np.mean(accuracy) > 0.9
    else:
        assert np.mean(accuracy) < 0.75
