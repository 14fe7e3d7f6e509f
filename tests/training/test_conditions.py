"""Conditions that are no class labels: numbers, vectors, images, trees of them."""

import dataclasses
import operator

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conditions import Player, circles, conditional_gan

import jaxgan
from jaxgan import data, regularizers
from jaxgan.runs.settings.fingerprint import data_facts
from jaxgan.training.loop import fit
from jaxgan.training.plan import Plan
from jaxgan.training.plan_checks import check_plan


@pytest.mark.slow
def test_a_gan_conditioned_on_a_number_meets_it(key):
    gan = conditional_gan(
        hidden=32,
        penalties=(jaxgan.penalty(regularizers.r1, gamma=0.1),),
        generator_optimizer=optax.adam(4e-3, b1=0.0),
        discriminator_optimizer=optax.adam(4e-3, b1=0.0),
    )
    batch = circles(20_000, np.random.default_rng(0))
    state, _ = fit(key, gan, batch, 600, plan=Plan(batch_size=64, conditional=True, devices=1))
    for asked in (0.3, 0.6, 0.9):
        x = jaxgan.sample(key, gan, state, 500, jnp.full(500, asked))
        found = np.linalg.norm(np.asarray(x), axis=1)
        assert abs(found.mean() - asked) < 0.05
        assert np.abs(found - asked).mean() < 0.08


# ---- How they reach the networks ----


def numbered(num=16):
    """Samples that hold their own number, and conditions of all kinds that do too."""
    number = np.arange(1, num + 1, dtype=np.float32)
    x = np.stack([number, -number], axis=1) / num
    image = np.broadcast_to(x[:, 0].reshape(num, 1, 1, 1), (num, 2, 3, 1))
    return jaxgan.Batch(
        x, {"number": x[:, 0], "pair": x, "image": image, "id": np.arange(1, num + 1)}
    )


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "options",
    [
        {"parallel": "pmap", "devices": 8, "rounds_per_call": 1},
        {"devices": 1, "n_critic": 2, "accumulate": 2},
    ],
)
def test_each_sample_comes_with_its_own_condition(key, options):
    seen = []

    class Spy(nn.Module):
        @nn.compact
        def __call__(self, x, condition):
            jax.debug.callback(lambda x, c: seen.append((np.asarray(x), c)), x, condition)
            return Player(hidden=4)(x, condition)

    gan = dataclasses.replace(conditional_gan(hidden=4), discriminator=jaxgan.from_linen(Spy()))
    fit(key, gan, numbered(), 4, plan=Plan(batch_size=8, conditional=True, **options))
    jax.effects_barrier()
    met = set()
    for x, c in seen:
        if not x.any() or not np.allclose(x[:, 0], -x[:, 1]):
            continue  # those that networks are started with, and generated ones
        np.testing.assert_array_equal(c["number"], x[:, 0])
        np.testing.assert_array_equal(c["pair"], x)
        np.testing.assert_array_equal(c["image"], np.tile(x[:, 0, None, None, None], (1, 2, 3, 1)))
        np.testing.assert_array_equal(c["id"], np.rint(x[:, 0] * 16))
        assert c["id"].dtype == np.int32
        met |= set(np.asarray(c["id"]).tolist())
    assert met == set(range(1, 17))


@pytest.mark.slow
def test_jit_and_pmap_on_all_devices_give_the_same(key, largest_difference):
    gan = conditional_gan(hidden=4)
    options = {"batch_size": 16, "conditional": True, "devices": 8, "rounds_per_call": 1}
    jitted, mapped = (
        fit(key, gan, numbered(), 2, plan=Plan(parallel=parallel, **options))[0]
        for parallel in ("jit", "pmap")
    )
    assert largest_difference(jitted, mapped) < 1e-6
    condition = numbered().condition
    first, last = (
        jaxgan.sample(key, gan, jitted, 3, jax.tree.map(operator.itemgetter(part), condition))
        for part in (slice(3), slice(-3, None))
    )
    assert float(jnp.max(jnp.abs(first - last))) > 1e-3


def test_labels_among_other_arrays_are_no_classes():
    dataset = data.from_arrays(np.zeros((3, 2)), (np.array([0, 1, 2]), np.array([0.5, 2.0, 1.0])))
    assert (dataset.labels, dataset.num_classes) == (None, None)
    assert [part.dtype for part in dataset.condition] == [np.int32, np.float32]


@pytest.mark.parametrize(
    ("condition", "dtype"),
    [
        (np.array([0.5, 2.0, 1.0]), np.float32),
        (np.array([0.5, 2.0, 1.0], ">f8"), np.float32),
        (jnp.array([0.5, 2.0, 1.0], jnp.bfloat16), np.float32),
        (np.array([[20.0], [35.0], [40.0]]), np.float32),
        (np.eye(3), np.float32),
        (np.eye(3, dtype=np.int64), np.int32),
        ([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], np.float32),
        ((0.5, 2.0, 1.0), np.float32),
        ((0, 1, 2), np.int32),
    ],
)
def test_one_array_is_taken_as_float32_or_int32(condition, dtype):
    made = data.from_arrays(np.zeros((3, 2)), condition).condition
    assert made.dtype == dtype
    np.testing.assert_array_equal(made, np.asarray(condition).astype(dtype))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"a": np.zeros(2)}, r"condition\['a'\] must have one row per sample, .* got \(2,\)"),
        ((np.zeros((3, 2)), np.float32(1.0)), r"condition\[1\] must have one row per sample"),
        ([0.5, np.nan, 1.0], "condition: sample 1 holds NaN"),
        ({"a": np.array([0.5, np.inf, 1.0])}, r"condition\['a'\]: sample 1 holds NaN or infinity"),
        (
            [20.0, 35.0, 40.0],
            r"astype\(np.int32\) for classes, condition\[:, None\] for a quantity",
        ),
        ([[0], [1], [2]], r"pass condition\[:, 0\]"),
        (["cat", "dog", "cat"], r"dtype <U3: pass class numbers, np\.unique"),
        ([True, False, True], r"got dtype bool: pass condition\.astype\(np\.int32\) for classes"),
        (np.zeros((3, 4, 4, 1), np.uint8), "holds uint8 images, but conditions are not scaled"),
        (np.ma.masked_equal([0, -999, 1], -999), "condition is masked at 1 of 3 values"),
        (np.array([[2**40, 1], [1, 1], [1, 1]]), "must fit int32, got 1..1099511627776"),
        (1.7e9 + np.array([0.5, 1.0, 2.0]), "float32 cannot hold the differences"),
    ],
)
def test_conditions_that_cannot_be_meant_are_refused(condition, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(np.zeros((3, 2)), condition)


def test_images_are_not_moved_away_from_the_images_they_are_conditioned_on():
    images = np.random.default_rng(0).uniform(size=(8, 4, 4, 1)).astype(np.float32)
    plan = Plan(batch_size=8, conditional=True, flip=True)
    check_plan(data.from_arrays(images, images.reshape(8, -1)[:, :2]), plan)
    check_plan(data.from_arrays(images, images), plan._replace(flip=False))
    with pytest.raises(ValueError, match="flip and crop move the images of arrays, but not"):
        check_plan(data.from_arrays(images, images), plan)


def test_facts_of_a_run_tell_conditions_apart():
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    conditions = [
        None,
        np.array([0, 1, 2, 3]),
        np.array([0.5, 1, 2, 3]),
        np.array([0.5, 1, 2, 4]),
        {"a": np.eye(4), "b": np.arange(4)},
    ]
    found = [data_facts(data.from_arrays(x, condition), False) for condition in conditions]
    assert len({fact.checksum for fact in found}) == len(conditions)
    assert len({fact.fingerprint for fact in found}) == len(conditions)


def test_facts_of_a_run_name_its_classes_by_numbers_where_they_have_no_name():
    x = np.zeros((6, 4, 4, 1), np.float32)
    named = data.from_arrays(x, np.asarray([0, 1, 2, 0, 1, 2]))
    named = named._replace(class_names=("cat", "dog"))
    assert data_facts(named, conditional=True).classes == ("cat", "dog", "2")
    plain = named._replace(class_names=None)
    assert data_facts(plain, conditional=True).classes == ("0", "1", "2")
    assert data_facts(named, conditional=False).classes is None
