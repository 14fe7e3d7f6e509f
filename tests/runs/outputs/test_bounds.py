"""Pictures, samples and default features stay within bounds, however many classes there are."""

import dataclasses
import tracemalloc
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import plots
from jaxgan.models import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from jaxgan.models.levels import default_features
from jaxgan.runs import snapshots
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.outputs.samples import draw_samples
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.training import sampling
from jaxgan.training.keys import run_keys
from jaxgan.training.plan import Plan

IMAGE = (8, 8, 1)

# --- Pictures


@pytest.mark.parametrize(
    ("shape", "classes", "in_threes", "wanted"),
    [
        (IMAGE, None, False, 64),
        (IMAGE, None, True, 24),
        ((2,), None, False, 2000),
        (IMAGE, 10, False, 80),
        (IMAGE, 10, True, 20),
        ((2,), 7, False, 1995),
        (IMAGE, 128, False, 1024),
        (IMAGE, 200, False, 1000),
        (IMAGE, 1000, False, 1000),
        (IMAGE, 1000, True, 1000),
        (IMAGE, 50_000, False, 1024),
        ((2,), 50_000, False, 1024),
    ],
)
def test_a_picture_shows_eight_samples_of_a_class_but_never_many_more_than_a_thousand(
    shape, classes, in_threes, wanted
):
    assert plots.num_plotted(shape, classes, in_threes) == wanted


@pytest.mark.parametrize(("classes", "num"), [(1000, 1000), (5000, 1024)])
def test_many_classes_have_a_square_grid(classes, num):
    names = [str(number) for number in range(classes)]
    picture = plots.sample_image(np.zeros((num, *IMAGE), np.float32), 0.0, 1.0, None, names)
    assert picture.shape[0] == picture.shape[1] < 2500
    few = plots.sample_image(np.zeros((30, *IMAGE), np.float32), 0.0, 1.0, None, names[:10])
    assert few.shape[0] > 2 * few.shape[1] > 0  # ten rows of three, with a margin


def test_rows_have_the_names_of_classes_and_numbers_in_place_of_long_or_foreign_ones():
    def picture(*names):
        return plots.sample_image(np.zeros((6, *IMAGE), np.float32), 0.0, 1.0, None, names)

    assert picture("a horse", "a ship").shape[1] > picture("0", "1").shape[1]
    assert np.array_equal(picture("a horse " * 9, "ńandú"), picture("0", "1"))
    assert not np.array_equal(picture("cat", "dog"), picture("dog", "cat"))


def conditional_gan(make_gan, classes):
    return make_gan(
        generator=jaxgan.from_linen(MLPGenerator((4, 4, 1), (12,), num_classes=classes)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((12,), dropout=0.0, num_classes=classes)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("classes", [None, 5])
def test_pictures_are_drawn_in_pieces_that_are_the_samples_of_one_pass(
    key, make_gan, monkeypatch, classes
):
    gan = make_gan() if classes is None else conditional_gan(make_gan, classes)
    labels = None if classes is None else jnp.zeros(2, jnp.int32)
    state = jaxgan.init(key, gan, jaxgan.Batch(jnp.zeros((2, 4, 4, 1)), labels))
    data = DataFacts((4, 4, 1), 9, classes, 0.0, 1.0, "")
    options = SimpleNamespace(seed=3, plan=Plan(devices=1))
    config = SimpleNamespace(options=options, data=data)
    pieces = {}
    for size in (250, 24):
        monkeypatch.setattr(sampling, "SAMPLES_PER_CALL", size)
        draw, _ = snapshots.make_snapshot(gan, config, SimpleNamespace(shape=data.shape))
        pieces[size] = [np.asarray(piece.x) for piece in draw(state)]
    (whole,) = pieces[250]
    assert [len(piece) for piece in pieces[24]] == ([24, 24, 16] if classes is None else [24, 16])
    np.testing.assert_allclose(np.concatenate(pieces[24]), whole, rtol=1e-5, atol=1e-6)
    rows = None if classes is None else jnp.asarray(plots.class_rows(40, 5))
    direct = jaxgan.sample(run_keys(3).images, gan, state, len(whole), rows)
    np.testing.assert_allclose(whole, direct, rtol=1e-5, atol=1e-6)


# --- Samples of a run


def test_pieces_go_into_one_array_without_a_copy_of_all():
    def pieces():
        for number in range(20):
            rows = 50 if number < 19 else 25
            yield [np.full((rows, 1000), number, np.float32), np.full((rows,), number)]

    tracemalloc.start()
    first, second = sampling.collect(pieces(), 975)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert first.shape == (975, 1000)
    np.testing.assert_array_equal(first[:, 7], np.repeat(np.arange(20), 50)[:975])
    np.testing.assert_array_equal(second, first[:, 0])
    assert peak < 1.3 * first.nbytes


@pytest.mark.slow
def test_samples_of_a_run_take_their_own_memory_once(ended):
    def wide(params, model_state, z, **named):
        return jnp.zeros((len(z), 10_000)), model_state

    loaded = load_generator(ended)
    networks = loaded.gan.generator._replace(apply=wide)
    generator = loaded._replace(gan=dataclasses.replace(loaded.gan, generator=networks))
    tracemalloc.start()
    drawn = draw_samples(generator, 2500, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert drawn.shape == (2500, 10_000)
    assert peak < 1.4 * drawn.nbytes


# --- Features


def test_default_features_double_up_to_those_of_the_paper():
    assert default_features(5) == (1024, 512, 256, 128, 64)
    assert default_features(8) == (1024, 1024, 1024, 1024, 512, 256, 128, 64)


@pytest.mark.parametrize(
    ("network", "inputs", "most"),
    [
        (DCGANGenerator((1500, 1)), jnp.zeros((1, 100)), 20e6),
        (DCGANDiscriminator(), jnp.zeros((1, 1500, 1)), 20e6),
        (DCGANGenerator((128, 128, 3)), jnp.zeros((1, 100)), 13e6),
    ],
)
def test_networks_of_long_signals_stay_of_a_size_to_train(network, inputs, most):
    shapes = jax.eval_shape(lambda key: network.init(key, inputs, train=True), jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])) < most
