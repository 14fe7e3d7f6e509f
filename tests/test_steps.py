import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import bits
from dirac import dirac_gan
from networks import BatchNormDiscriminator, start

import jaxgan
from jaxgan import latents, losses, regularizers
from jaxgan.ema import ema_warmup
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.types import Network
from jaxgan.updates import alternating, simultaneous


def keys_of(num):
    return jax.random.split(jax.random.key(7), num)


def dropping():
    """A discriminator that draws a key for each sample."""
    return jaxgan.from_linen(MLPDiscriminator(hidden=(12, 8), dropout=0.3))


# --- Who moves


def test_discriminator_step_leaves_generator_unchanged(key, batch, make_gan):
    gan = make_gan(generator_optimizer=optax.adam(1e-2), discriminator_optimizer=optax.adam(1e-2))
    before = start(key, gan, batch)
    after, _ = jax.jit(jaxgan.make_discriminator_step(gan))(key, before, batch)
    assert bits((after.generator, after.ema, after.step)) == bits(
        (before.generator, before.ema, before.step)
    )
    assert bits(after.discriminator.params) != bits(before.discriminator.params)


def test_generator_step_leaves_discriminator_unchanged(key, batch, make_gan):
    gan = make_gan(
        discriminator=jaxgan.from_linen(BatchNormDiscriminator()),
        discriminator_optimizer=optax.adam(1e-2),
        penalties=(regularizers.lecam_penalty(0.1),),
    )
    before = start(key, gan, batch)
    after, _ = jax.jit(jaxgan.make_generator_step(gan))(key, before, batch)
    assert bits((after.discriminator, after.augmentation)) == bits(
        (before.discriminator, before.augmentation)
    )
    assert bits(after.generator.params) != bits(before.generator.params)
    assert int(after.step) == 1


@pytest.mark.slow
def test_batch_statistics_move_on_the_discriminators_turn_only(key, batch, make_gan):
    gan = make_gan(discriminator=jaxgan.from_linen(BatchNormDiscriminator()))
    before = start(key, gan, batch)
    after, _ = jax.jit(jaxgan.make_discriminator_step(gan))(key, before, batch)
    assert bits(after.discriminator.model_state) != bits(before.discriminator.model_state)


@pytest.mark.slow
def test_n_critic_turns_equal_single_turns_in_a_row(key, make_gan, largest_difference):
    gan = make_gan(loss=losses.relativistic)  # its generator looks at the real batch too
    turns = jax.random.uniform(jax.random.key(1), (3, 16, 4, 4, 1))
    state = start(key, gan, turns[0])
    whole, _ = jax.jit(jaxgan.make_train_step(gan, alternating(n_critic=3)))(key, state, turns)
    own_keys = jax.random.split(key, 4)
    discriminator_turn = jax.jit(jaxgan.make_discriminator_step(gan))
    for turn in range(3):
        state, _ = discriminator_turn(own_keys[turn], state, turns[turn])
    state, _ = jax.jit(jaxgan.make_generator_step(gan))(own_keys[3], state, turns[2])
    assert largest_difference(whole, state) < 1e-6


@pytest.mark.slow
def test_n_generator_turns_count_as_so_many_steps(key, make_gan):
    gan = make_gan()
    turns = jax.random.uniform(jax.random.key(1), (2, 8, 4, 4, 1))
    state = start(key, gan, turns[0])
    state, _ = jax.jit(jaxgan.make_train_step(gan, alternating(n_generator=2)))(key, state, turns)
    assert int(state.step) == 2


@pytest.mark.slow
def test_simultaneous_players_both_start_from_the_state_before(key, largest_difference):
    gan, batch = linear_gan(losses.non_saturating, ema_decay=0.9), jnp.ones((16, 1))
    before = start(key, gan, batch)
    after, _ = jax.jit(jaxgan.make_train_step(gan, simultaneous()))(key, before, batch)
    discriminator, _ = jax.jit(jaxgan.make_discriminator_step(gan))(key, before, batch)
    generator, _ = jax.jit(jaxgan.make_generator_step(gan))(key, before, batch)
    assert largest_difference(after.discriminator, discriminator.discriminator) < 1e-7
    assert largest_difference(after.generator, generator.generator) < 1e-7
    assert largest_difference(before.generator.params, after.generator.params) > 1e-5


@pytest.mark.slow
def test_the_first_player_moves_first(key, largest_difference):
    gan, batch = linear_gan(losses.non_saturating, ema_decay=0.9), jnp.ones((16, 1))
    before = start(key, gan, batch)
    keys = jax.random.split(key, 2)
    after, _ = jax.jit(jaxgan.make_train_step(gan, alternating(first="generator")))(
        key, before, batch
    )
    generator, _ = jax.jit(jaxgan.make_generator_step(gan))(keys[0], before, batch)
    both, _ = jax.jit(jaxgan.make_discriminator_step(gan))(keys[1], generator, batch)
    assert largest_difference(after, both) < 1e-7
    other, _ = jax.jit(jaxgan.make_train_step(gan))(key, before, batch)
    assert largest_difference(after, other) > 1e-5


# --- The numbers of a step


def linear_gan(loss, penalties=(), rate=0.1, ema_decay=None):
    """G(z) = w z and D(x) = v x, in one dimension: every gradient can be written down."""

    def scale(params, model_state, x, *, keys, train, axis_name=None):
        return params * x, model_state

    def logits(params, model_state, x, *, keys, train, axis_name=None):
        return params * x[:, 0], model_state

    return jaxgan.GAN(
        generator=Network(lambda key, z: (jnp.float32(0.5), {}), scale),
        discriminator=Network(lambda key, x: (jnp.float32(-0.3), {}), logits),
        latent=latents.normal(1),
        loss=loss,
        penalties=penalties,
        generator_optimizer=optax.sgd(rate),
        discriminator_optimizer=optax.sgd(rate),
        ema_decay=ema_decay,
    )


def test_golden_step_against_formulas_in_numpy(key):
    """The non-saturating game with R1, for D(x) = v x and G(z) = w z, worked out by hand.

    dJ_D/dv = -E x s(-v x) + E w z s(v w z) + gamma v, as |dD/dx|^2 = v^2
    dJ_G/dw = -E v z s(-v w z)
    """
    gan = linear_gan(losses.non_saturating, (jaxgan.penalty(regularizers.r1, gamma=0.4),))
    x = jax.random.normal(jax.random.key(3), (64, 1)) + 1.0
    state = start(key, gan, x)
    discriminator_key, generator_key = jax.random.split(key)
    after, metrics = jax.jit(jaxgan.make_train_step(gan))(key, state, x)

    def latents_of(turn_key):
        latent_key = jax.random.split(jax.random.split(turn_key, 3)[0])[0]
        return np.asarray(gan.latent(latent_key, jnp.arange(64)), np.float64)

    def sigmoid(t):
        return 1 / (1 + np.exp(-t))

    x64, v, w = np.asarray(x, np.float64), -0.3, 0.5
    fake = w * latents_of(discriminator_key)
    grad_v = -np.mean(x64 * sigmoid(-v * x64)) + np.mean(fake * sigmoid(v * fake)) + 0.4 * v
    new_v = v - 0.1 * grad_v
    z = latents_of(generator_key)
    grad_w = -np.mean(new_v * z * sigmoid(-new_v * w * z))
    np.testing.assert_allclose(after.discriminator.params, new_v, rtol=1e-6)
    np.testing.assert_allclose(after.generator.params, w - 0.1 * grad_w, rtol=1e-6)
    np.testing.assert_allclose(metrics["discriminator_grad_norm"], abs(grad_v), rtol=1e-5)
    np.testing.assert_allclose(metrics["generator_grad_norm"], abs(grad_w), rtol=1e-5)
    np.testing.assert_allclose(metrics["penalty_r1"], v**2, rtol=1e-6)
    value = np.mean(np.log(sigmoid(v * x64))) + np.mean(np.log(1 - sigmoid(v * fake)))
    np.testing.assert_allclose(metrics["value"], value, rtol=1e-6)
    np.testing.assert_allclose(metrics["discriminator_loss"], -value + 0.2 * v**2, rtol=1e-6)


R1_03 = (jaxgan.penalty(regularizers.r1, gamma=0.3),)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("loss", "penalties", "update", "radius"),
    [
        (losses.minimax, (), "simultaneous", 3.10),
        (losses.minimax, (), "alternating", 1.42),
        (losses.non_saturating, (), "simultaneous", 0.640),
        (losses.non_saturating, (), "alternating", 0.284),
        (losses.minimax, R1_03, "simultaneous", 2.64e-6),
        (losses.minimax, R1_03, "alternating", 2.30e-7),
    ],
)
def test_dirac_gan_ends_at_the_known_radius(key, loss, penalties, update, radius):
    """After 500 steps of 0.2 from (1, 1), generator first; Mescheder et al. 2018, section 3."""
    gan = dirac_gan(loss, penalties)
    x = jnp.zeros((2, 1))
    rules = {
        "simultaneous": simultaneous(),
        "alternating": alternating(first="generator"),
    }
    step = jaxgan.make_train_step(gan, rules[update])
    state = start(key, gan, x)
    state, _ = jax.jit(lambda state: jax.lax.scan(lambda s, k: step(k, s, x), state, keys_of(500)))(
        state
    )
    reached = np.hypot(state.generator.params, state.discriminator.params)
    np.testing.assert_allclose(reached, radius, rtol=5e-3)


# --- Average, accumulation, optimizers


@pytest.mark.slow
def test_ema_follows_its_closed_form(key):
    gan = linear_gan(losses.non_saturating, ema_decay=0.9)
    x = jnp.ones((8, 1))
    state = start(key, gan, x)
    step = jax.jit(jaxgan.make_train_step(gan))
    expected = 0.5
    for number, own_key in enumerate(keys_of(5)):
        state, _ = step(own_key, state, x)
        decay = min(0.9, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * float(state.generator.params)
        np.testing.assert_allclose(state.ema.params, expected, rtol=1e-6)
    assert float(ema_warmup(0.9, 10**6)) == pytest.approx(0.9)


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss", [pytest.param(losses.non_saturating, marks=pytest.mark.slow), losses.relativistic]
)
def test_accumulated_gradients_equal_those_of_the_whole_batch(
    key, batch, make_gan, loss, largest_difference
):
    gan = make_gan(
        discriminator=dropping(),
        loss=loss,
        penalties=(jaxgan.penalty(regularizers.gradient_penalty, 1.0),),
    )
    state = start(key, gan, batch)
    whole, whole_metrics = jax.jit(jaxgan.make_train_step(gan))(key, state, batch)
    parts, metrics = jax.jit(jaxgan.make_train_step(gan, accumulate=4))(key, state, batch)
    assert largest_difference(whole, parts) < 1e-6
    for name in ("discriminator_loss", "generator_loss", "discriminator_grad_norm"):
        np.testing.assert_allclose(metrics[name], whole_metrics[name], rtol=1e-5)


@pytest.mark.slow
def test_two_time_scales_and_schedules_move_each_player_at_its_own_rate(key, batch, make_gan):
    gan = make_gan(
        generator_optimizer=optax.sgd(optax.piecewise_constant_schedule(0.1, {1: 0.0})),
        discriminator_optimizer=optax.sgd(0.4),
    )
    step = jax.jit(jaxgan.make_train_step(gan))
    begin = start(key, gan, batch)
    one, metrics = step(key, begin, batch)
    for player, rate in (("generator", 0.1), ("discriminator", 0.4)):
        moved = jax.tree.map(
            jnp.subtract, getattr(one, player).params, getattr(begin, player).params
        )
        norm = float(optax.tree.norm(moved))
        assert norm == pytest.approx(rate * float(metrics[f"{player}_grad_norm"]), rel=1e-4)
    two, _ = step(jax.random.key(1), one, batch)
    assert bits(two.generator.params) == bits(one.generator.params)
    assert bits(two.discriminator.params) != bits(one.discriminator.params)


@pytest.mark.slow
def test_joint_pass_gives_the_same_step_as_separate_passes(
    key, batch, make_gan, largest_difference
):
    separate, joint = (make_gan(discriminator=dropping(), joint_pass=on) for on in (False, True))
    state = start(key, separate, batch)
    a, _ = jax.jit(jaxgan.make_train_step(separate))(key, state, batch)
    b, _ = jax.jit(jaxgan.make_train_step(joint))(key, state, batch)
    assert largest_difference(a, b) < 1e-6


# --- Purity


def test_step_compiles_once(key, batch, make_gan):
    gan = make_gan()
    traces = []

    def step(key, state, batch):
        traces.append(1)
        return jaxgan.make_train_step(gan)(key, state, batch)

    jitted = jax.jit(step)
    state = start(key, gan, batch)
    for own_key in keys_of(4):
        state, _ = jitted(own_key, state, batch)
    assert len(traces) == 1


@pytest.mark.slow
def test_no_key_is_used_twice(key, batch, make_gan):
    gan = make_gan(
        discriminator=dropping(),
        penalties=(
            jaxgan.penalty(regularizers.r1, gamma=1.0),
            jaxgan.penalty(regularizers.gradient_penalty, 1.0),
            jaxgan.penalty(regularizers.dragan, 1.0),
        ),
    )
    state = start(key, gan, batch)
    for update in (alternating(), simultaneous()):
        with jax.debug_key_reuse(True):
            step = jax.jit(jaxgan.make_train_step(gan, update))
            _, metrics = step(jax.random.key(5), state, batch)
        assert np.isfinite(metrics["discriminator_loss"])


@pytest.mark.slow
def test_many_seeds_train_at_once_under_vmap(make_gan, largest_difference):
    batch = jax.random.uniform(jax.random.key(1), (16, 1))
    gan = make_gan(generator=jaxgan.from_linen(MLPGenerator((1,), ())))
    step = jaxgan.make_train_step(gan)

    def first_step(key):
        return step(key, jaxgan.init(key, gan, batch), batch)[0]

    together = jax.jit(jax.vmap(first_step))(keys_of(3))
    alone = jax.jit(first_step)(keys_of(3)[1])
    assert largest_difference(jax.tree.map(lambda x: x[1], together), alone) < 1e-5


@pytest.mark.slow
def test_sample_is_the_same_however_it_is_split(key, batch, make_gan):
    gan = make_gan()
    state = start(key, gan, batch)
    whole = jaxgan.sample(key, gan, state, 10)
    rest = jaxgan.sample(key, gan, state, jnp.arange(6, 10))
    np.testing.assert_array_equal(whole[6:], rest)


@pytest.mark.slow
def test_sample_takes_the_average_unless_told_not_to(key, batch, make_gan):
    gan = make_gan()
    state = start(key, gan, batch)
    state = state._replace(ema=jax.tree.map(jnp.zeros_like, state.ema))
    assert np.all(jaxgan.sample(key, gan, state, 3) == 0.5)  # sigmoid of 0
    assert not np.any(jaxgan.sample(key, gan, state, 3, use_ema=False) == 0.5)


# --- Bad input


def test_networks_that_do_not_fit_the_data_are_refused(key, batch, make_gan):
    with pytest.raises(
        ValueError, match=r"generator output shape \(3, 4, 4, 1\) does not match data"
    ):
        jaxgan.init(key, make_gan(), jnp.ones((3, 5, 5, 1)))
    gan = make_gan(discriminator=jaxgan.from_linen(BatchNormDiscriminator()), joint_pass=True)
    with pytest.raises(ValueError, match="joint_pass needs a discriminator without"):
        start(key, gan, batch)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 1.5}, "accumulate must be a positive int"),
        ({"update": "simultaneous"}, "update must be an update rule, got 'simultaneous': pass"),
    ],
)
def test_bad_options_are_named(make_gan, options, message):
    with pytest.raises(ValueError, match=message):
        jaxgan.make_train_step(make_gan(), **options)


def test_bad_update_rules_are_named():
    with pytest.raises(ValueError, match="n_critic must be a positive int, got 0"):
        alternating(n_critic=0)
    with pytest.raises(ValueError, match="first must be one of discriminator, generator"):
        alternating(first="nobody")


def test_batches_of_the_wrong_shape_are_named(key, batch, make_gan):
    gan = make_gan()
    state = start(key, gan, batch)
    with pytest.raises(ValueError, match="leading axis of 5 updates"):
        jax.jit(jaxgan.make_train_step(gan, alternating(n_critic=5)))(key, state, batch)
    with pytest.raises(ValueError, match="accumulate=3 does not divide the batch of 16"):
        jax.jit(jaxgan.make_train_step(gan, accumulate=3))(key, state, batch)


def test_samples_in_bytes_are_refused(key, make_gan):
    with pytest.raises(ValueError, match="samples must be floating, got uint8"):
        jaxgan.init(key, make_gan(), jnp.zeros((3, 4, 4, 1), jnp.uint8))


def test_gan_refuses_bad_settings(make_gan):
    with pytest.raises(ValueError, match=r"wrap a flax module in jaxgan\.from_linen"):
        make_gan(generator=BatchNormDiscriminator())
    with pytest.raises(ValueError, match="loss must be an AdversarialLoss"):
        make_gan(loss=losses.f_gan)
    with pytest.raises(ValueError, match="penalties must be a tuple of terms, got one term"):
        make_gan(penalties=jaxgan.penalty(regularizers.r1, 1.0))
    with pytest.raises(ValueError, match=r"ema_decay must lie in \[0, 1\)"):
        make_gan(ema_decay=1.0)
    with pytest.raises(ValueError, match="distinct names"):
        make_gan(penalties=(jaxgan.penalty(regularizers.r1, 1.0),) * 2)
