import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import data, regularizers
from jaxgan.training.loop import fit, iterate
from jaxgan.training.plan import Plan
from jaxgan.training.state import init_run


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(40, 4, 4, 1)).astype(np.float32)


def test_fit_on_plain_arrays_gives_a_state_and_a_history_of_every_round(key, images, make_gan):
    state, history = fit(key, make_gan(), images, 7, plan=Plan(batch_size=8, devices=1))
    assert int(state.step) == 7
    np.testing.assert_array_equal(history["step"], np.arange(1, 8))
    assert {"discriminator_loss", "generator_loss", "diversity"} <= set(history)
    assert all(values.shape == (7,) and np.isfinite(values).all() for values in history.values())


@pytest.mark.slow
def test_rounds_per_call_do_not_change_the_result(key, images, make_gan, largest_difference):
    gan = make_gan()
    ends = [
        fit(key, gan, images, 6, plan=Plan(batch_size=8, devices=1, rounds_per_call=rounds))
        for rounds in (1, 4)
    ]
    assert largest_difference(*ends) < 1e-6


@pytest.mark.parametrize(
    ("parallel", "devices"),
    [
        pytest.param("jit", 8, marks=pytest.mark.slow),
        pytest.param("pmap", 2, marks=pytest.mark.slow),
    ],
)
def test_devices_do_not_change_the_result(
    key, images, make_gan, parallel, devices, largest_difference
):
    gan = make_gan(penalties=(jaxgan.penalty(regularizers.gradient_penalty, 1.0),))
    one, _ = fit(key, gan, images, 3, plan=Plan(batch_size=8, devices=1))
    many, _ = fit(key, gan, images, 3, plan=Plan(batch_size=8, parallel=parallel, devices=devices))
    assert largest_difference(one, many) < 1e-6


@pytest.mark.slow
def test_many_turns_a_round_draw_fresh_batches(key, images, make_gan):
    state, history = fit(
        key, make_gan(), images, 4, plan=Plan(batch_size=8, n_critic=3, n_generator=2, devices=1)
    )
    assert int(state.step) == 4  # two rounds of two updates
    assert len(history["step"]) == 2


@pytest.mark.slow
def test_alternation_in_epochs_freezes_the_other_player(key, images, make_gan):
    gan = make_gan()
    plan = Plan(batch_size=8, alternation="epochs", n_critic=2, devices=1, rounds_per_call=100)
    before, turns = None, []
    for progress in iterate(gan, images, 10, plan, init_run(key, gan, images, plan)):
        state = jax.device_get(progress.state.gan)
        if before is not None:
            moved = [
                not np.array_equal(
                    jax.tree.leaves(getattr(state, player).params)[1],
                    jax.tree.leaves(getattr(before, player).params)[1],
                )
                for player in ("discriminator", "generator")
            ]
            turns.append((len(progress.metrics["step"]), *moved))
        before = state
    # 40 images in batches of 8: an epoch is 5 rounds; after the first 10 of the discriminator
    assert turns == [(5, False, True), (10, True, False), (5, False, True)]


@pytest.mark.slow
def test_metrics_of_the_player_off_turn_are_nan(key, images, make_gan):
    _, history = fit(
        key, make_gan(), images, 5, plan=Plan(batch_size=8, alternation="epochs", devices=1)
    )
    assert np.isnan(history["generator_loss"][:5]).all()
    assert np.isfinite(history["generator_loss"][5:]).all()
    assert np.isnan(history["discriminator_loss"][5:]).all()


@pytest.mark.slow
def test_every_image_is_seen_once_an_epoch_in_the_model_range(key, make_gan):
    seen = []

    class Spy(nn.Module):
        @nn.compact
        def __call__(self, x):
            jax.debug.callback(lambda x: seen.append(np.asarray(x)), x)
            return nn.Dense(1)(x.reshape(len(x), -1))

    pixels = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1) * 20
    images = np.broadcast_to(pixels, (12, 4, 4, 1)).copy()
    gan = make_gan(discriminator=jaxgan.from_linen(Spy()))
    fit(key, gan, images, 3, plan=Plan(batch_size=4, model_range=(-1.0, 1.0), devices=1))
    jax.effects_barrier()
    values = {round((float(x) + 1) * 127.5) for batch in seen for x in np.unique(batch)}
    assert set(range(0, 240, 20)) <= values


@pytest.mark.slow
def test_two_halves_of_a_fit_equal_the_whole(key, images, make_gan, largest_difference):
    gan = make_gan()
    plan = Plan(batch_size=8, devices=1, n_critic=2)
    whole, _ = fit(key, gan, images, 5, plan)
    first, _ = fit(key, gan, images, 2, plan)
    second, history = fit(key, gan, images, 3, plan, state=first)
    np.testing.assert_array_equal(history["step"], [3, 4, 5])
    assert largest_difference(second, whole) < 1e-6
    assert np.isfinite(jax.tree.leaves(first.generator.params)[0]).all()  # still usable


def test_images_in_bytes_need_a_range(key, make_gan):
    images = np.zeros((8, 4, 4, 1), np.uint8)
    with pytest.raises(ValueError, match=r"range from 0 to 255: say .*model_range=\(0, 1\)"):
        fit(key, make_gan(), images, 1, plan=Plan(batch_size=8))


@pytest.mark.parametrize("bad", [-1, 3])
def test_labels_that_the_networks_do_not_know_are_refused(key, make_gan, bad):
    from jaxgan.models import MLPDiscriminator, MLPGenerator

    labels = np.array([0, 1, 2, bad, 1, 0, 2, 1])
    gan = make_gan(
        generator=jaxgan.from_linen(MLPGenerator((2,), (4,), num_classes=3)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((4,), num_classes=3)),
    )
    with pytest.raises(ValueError, match=r"labels must be from 0 to 2"):
        fit(
            key,
            gan,
            jaxgan.Batch(np.zeros((8, 2)), labels),
            1,
            plan=Plan(batch_size=8, conditional=True),
        )


@pytest.mark.slow
def test_streamed_samples_without_a_label_are_refused_when_they_are_met(key, make_gan):
    from jaxgan.models import MLPDiscriminator, MLPGenerator

    points = data.Records(
        lambda number: (np.zeros(2, np.float32), number % 4 - 1),
        *(8, (2,), np.dtype(np.float32), 3, None, None, "points"),
    )
    gan = make_gan(
        generator=jaxgan.from_linen(MLPGenerator((2,), (4,), num_classes=3)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((4,), num_classes=3)),
    )
    with pytest.raises(ValueError, match="points has samples without a label"):
        fit(key, gan, points, 1, plan=Plan(batch_size=8, conditional=True))


@pytest.mark.slow
def test_layers_that_group_samples_can_be_trained(key, make_gan):
    class Grouped(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(1)(jaxgan.models.MinibatchStd(group_size=4)(x.reshape(len(x), -1)))

    gan = make_gan(discriminator=jaxgan.from_linen(Grouped()))
    images = np.zeros((8, 4, 4, 1), np.float32)
    _, history = fit(key, gan, images, 1, plan=Plan(batch_size=8, devices=2))
    assert np.isfinite(history["generator_loss"]).all()


@pytest.mark.slow
def test_labels_reach_a_conditional_gan(key, images, make_gan):
    class Player(nn.Module):
        shape: tuple[int, ...]

        @nn.compact
        def __call__(self, x, labels):
            x = jnp.concatenate([x.reshape(len(x), -1), jax.nn.one_hot(labels, 2)], axis=1)
            return nn.Dense(int(np.prod(self.shape)))(x).reshape(len(x), *self.shape)

    gan = make_gan(
        generator=jaxgan.from_linen(Player((4, 4, 1))), discriminator=jaxgan.from_linen(Player(()))
    )
    batch = jaxgan.Batch(images, np.arange(40) % 2)
    state, _ = fit(key, gan, batch, 2, plan=Plan(batch_size=8, conditional=True, devices=1))
    drawn = [jaxgan.sample(key, gan, state, 4, jnp.full(4, label)) for label in (0, 1)]
    assert float(jnp.max(jnp.abs(drawn[0] - drawn[1]))) > 1e-3
    with pytest.raises(ValueError, match="conditional training needs labels"):
        fit(key, gan, images, 1, plan=Plan(conditional=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 12, "devices": 8}, r"batch_size=12 does not divide over 8 device\(s\)"),
        ({"batch_size": 8, "accumulate": 3, "devices": 1}, "with accumulate=3"),
        ({"parallel": "shard_map"}, "parallel should be 'jit' or 'pmap', got 'shard_map'"),
        ({"alternation": "days"}, "alternation should be 'steps' or 'epochs'"),
        ({"alternation": "epochs", "update": "simultaneous"}, "cannot alternate in epochs"),
        ({"devices": 99}, "requested devices=99, found 8"),
        ({"rounds_per_call": 2.5}, "rounds_per_call should be a valid integer, got 2.5"),
        ({"accumulate": 0}, "accumulate should be greater than or equal to 1, got 0"),
        (
            {"n_generator": 0, "alternation": "epochs"},
            "n_generator should be greater than or equal to 1",
        ),
        (
            {"first": "nobody", "alternation": "epochs"},
            "first should be 'discriminator' or 'generator'",
        ),
        ({"model_range": 1.0}, "model_range should be a valid tuple, got 1.0"),
        ({"model_range": (1.0, 0.0)}, r"must be finite \(low, high\) with low < high, got \(1.0"),
        ({"model_range": (0.0, 0.5)}, r"outside model_range=\(0.0, 0.5\) of the generator"),
    ],
)
def test_bad_options_are_named(key, images, make_gan, options, message):
    with pytest.raises(ValueError, match=message):
        fit(key, make_gan(), images, 1, Plan(**options))


@pytest.mark.slow
def test_convolutions_run_outside_the_loop_on_cpu(key, images, make_gan):
    class Conv(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(1)(nn.Conv(2, (3, 3))(x).reshape(len(x), -1))

    plan = Plan(batch_size=8, devices=1)
    for network, rounds in ((None, 5), (Conv(), 1)):
        gan = make_gan() if network is None else make_gan(discriminator=jaxgan.from_linen(network))
        progress = next(iterate(gan, images, 5, plan, init_run(key, gan, images, plan)))
        assert len(progress.metrics["step"]) == rounds


@pytest.mark.slow
def test_fit_learns_the_mean_of_a_gaussian(key):
    """Not only moving: the samples end where the data are."""
    import optax

    from jaxgan import latents, losses
    from jaxgan.models import MLPDiscriminator, MLPGenerator

    points = data.load("gaussian").x[:4000] * 0.5 + np.array([2.0, -1.0], np.float32)
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator((2,), hidden=(32,), output=None)),
        discriminator=jaxgan.from_linen(MLPDiscriminator(hidden=(32,), dropout=0.0)),
        latent=latents.normal(2),
        loss=losses.non_saturating,
        penalties=(jaxgan.penalty(regularizers.r1, gamma=1.0),),
        generator_optimizer=optax.adam(1e-2, b1=0.0),
        discriminator_optimizer=optax.adam(1e-2, b1=0.0),
    )
    state, _ = fit(key, gan, points, 800, plan=Plan(batch_size=128, devices=1))
    samples = np.asarray(jaxgan.sample(key, gan, state, 2000))
    np.testing.assert_allclose(samples.mean(axis=0), [2.0, -1.0], atol=0.15)
    np.testing.assert_allclose(samples.std(axis=0), [0.5, 0.5], atol=0.15)
