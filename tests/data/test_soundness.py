"""Arrays that look right and are not: rejected where surely wrong, warned of where maybe meant."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from arrays import random_image, rng
from linear import make_linear
from PIL import Image

import jaxgan
from jaxgan import data
from jaxgan.training.plan import Plan
from jaxgan.training.plan_checks import check_plan, warn_of_doubts


def normal(*shape):
    return rng().normal(size=shape)


def checked(x, condition=None):
    """The data set of arrays, as a training on it begins."""
    return begun(data.from_arrays(x, condition))


def begun(dataset):
    bounds = None if dataset.low is None else (-1.0, 1.0)
    conditional = dataset.num_classes is not None
    plan = Plan(batch_size=2, devices=1, model_range=bounds, conditional=conditional)
    check_plan(dataset, plan)
    warn_of_doubts(dataset, plan)
    return dataset


REJECTED = {
    "masked values": (
        np.ma.masked_equal([[1.0, -999.0], [3.0, 4.0]], -999.0),
        r"x is masked at 1 of 4 values: .*x\.filled\(x\.mean\(\)\)",
    ),
    "a list of masked arrays": (
        [np.ma.masked_equal([1.0, -999.0], -999.0)] * 3,
        "x is masked at 3 of 6 values",
    ),
    "samples of several shapes": ([[1.0, 2.0], [3.0]], "x is not an array: do all samples"),
    "colour images with channels first": (
        random_image(5, 3, 32, 32),
        r"channels first, but would mean 3x32 pixels with 32 channels: pass .*moveaxis\(x, 1, -1\)",
    ),
    "grey images with channels first": (normal(5, 1, 28, 28), "looks like images with channels fi"),
    "upright images with channels first": (random_image(5, 1, 40, 30), "with channels first"),
    "samples last": (random_image(32, 32, 3, 9), r"samples last: pass .*np\.moveaxis\(x, -1, 0\)"),
    "a mask of 0 and 1": (
        random_image(5, 8, 8) // 128,
        r"x holds 0 and 1 only, .* pass x \* 255, or x\.astype\(np\.float32\)",
    ),
    "a mask behind an image": (
        np.concatenate([random_image(5, 8, 8, 1), random_image(5, 8, 8, 1) // 128], axis=3),
        "x holds 0 and 1 only in channel 1",
    ),
    "time stamps": (
        np.c_[normal(20, 3), 1.7e9 + np.arange(20)],
        r"float32 cannot hold the differences in column 3: 20 values near 1.7e\+09 become 1",
    ),
    "integers": (
        random_image(5, 8, 8).astype(int),
        r"dtype int64; .*x\.astype\(np\.uint8\) for images",
    ),
    "16 bits": (
        random_image(5, 8, 8).astype(np.uint16),
        r"\(x / 257\)\.round\(\)\.astype\(np\.uint8\)",
    ),
    "bits": (random_image(5, 8, 8) > 99, r"or x \* np\.uint8\(255\) for images"),
    "complex numbers": (normal(5, 8) * 1j, r"np\.stack\(\[x\.real, x\.imag\], -1\)"),
    "dates": (np.array([["2026-01-01"]] * 3, "M8[s]"), r"\(x - x\.min\(\)\) / np\.timedelta64"),
    "a table with text": (np.array([["a", 1], ["b", 2]], object), "the columns that are numbers"),
    "numbers in a row": (normal(9), r"got shape \(9,\); pass numbers as x\[:, None\]"),
    "a column without a number": (
        np.c_[normal(20, 1), np.full(20, np.nan)],
        "sample 0 holds NaN or infinity .*; 20 of 20 samples do; no finite value in column 1",
    ),
}


@pytest.mark.parametrize("what", REJECTED)
def test_what_is_surely_wrong_is_rejected_with_advice(what):
    x, message = REJECTED[what]
    with pytest.raises(ValueError, match=message) as caught:
        checked(x)
    assert len(str(caught.value).splitlines()) == 1


DOUBTFUL = {
    "signals with channels first": (normal(5, 1, 800), None, r"\(1, 800\) have 800 channels: if"),
    "maps with channels first": (normal(5, 1, 30, 100), None, r"np\.moveaxis\(x, 1, -1\)"),
    "incomes beside others": (
        np.c_[normal(20, 3), 5e4 + 1e4 * normal(20)],
        None,
        r"column 3 of 4 is far from unit scale .*\(x - x\.mean\(0\)\) / x\.std\(0\)",
    ),
    "small numbers beside others": (np.c_[normal(20, 3), 1e-4 * normal(20)], None, "column 3 of 4"),
    "years": (np.c_[2000 + normal(20), 1990 + normal(20)], None, "columns 0, 1 of 2 are far from"),
    "images in 0..255 as floats": (
        random_image(5, 8, 8, 1).astype(np.float32),
        None,
        "float samples are used as they are, and these lie in .*255",
    ),
    "a map of seven classes": (
        random_image(5, 8, 8) % 7,
        None,
        "lie in 0..6, a small part of their range 0..255",
    ),
    "labels from 1 on": (
        normal(9, 2),
        1 + np.arange(9) % 3,
        r"class 0 of 4 never occurs .*labels - 1",
    ),
    "labels with gaps": (
        normal(9, 2),
        [0, 5, 9] * 3,
        "classes 1, 2, 3 and 4 more of 10 never occur",
    ),
    "labels with a gap and without": (normal(9, 2), [-1, 0, 2] * 3, "class 1 of 3 never occurs"),
}


@pytest.mark.parametrize("what", DOUBTFUL)
def test_what_may_be_meant_is_warned_of_when_training_begins(what):
    x, condition, message = DOUBTFUL[what]
    dataset = data.from_arrays(x, condition)
    with pytest.warns(UserWarning, match=f"arrays: .*{message}"):
        begun(dataset)


SOUND = {
    "small images": normal(5, 3, 3, 3),
    "small maps of many channels": normal(5, 4, 4, 512),
    "a mask nowhere": np.ma.asarray(normal(5, 3)),
    "0 and 1 as floats": (random_image(5, 8, 8, 1) // 128).astype(np.float32),
    "a flattened digit's border": (rng().random((200, 64)) > 0.98) * rng().random((200, 64)),
    "constant columns": np.c_[normal(20, 2), np.full(20, 0.1), np.full(20, 5.3)],
    "a column that rounding alone moves": np.c_[normal(20), 0.3 + 1e-16 * (np.arange(20) % 2)],
    "numbers to the last digit": np.linspace(0.1, 0.9, 5000)[:, None] + 1e-12 * normal(5000, 1),
    "big endian": normal(5, 3).astype(">f8"),
    "half of jax": jnp.ones((5, 3), jnp.bfloat16),
    "mirrored images": random_image(5, 8, 8, 3)[::-1, :, ::-1],
}


@pytest.mark.parametrize("what", SOUND)
def test_what_is_right_is_taken_without_a_word(what):
    x = SOUND[what]
    dataset = checked(x)
    np.testing.assert_array_equal(dataset.x, np.asarray(x).astype(dataset.x.dtype))
    assert dataset.x.dtype.isnative


@pytest.mark.parametrize(
    "name", ["digits", "digit-outlines", "photos", "mixture1200", "ring8", "grid25", "waves"]
)
def test_built_in_data_are_above_doubt(name):
    begun(data.load(name))


def test_classes_that_do_not_occur_matter_to_conditional_training_alone():
    dataset = data.from_arrays(normal(9, 2), 1 + np.arange(9) % 3)
    check_plan(dataset, Plan(batch_size=8))
    warn_of_doubts(dataset, Plan(batch_size=8))


def test_a_folder_of_masks_of_0_and_1_is_rejected(tmp_path):
    for number in range(3):
        Image.fromarray(random_image(8, 8) // 128).save(tmp_path / f"{number}.png")
    with pytest.raises(
        ValueError, match=r"folder:.* holds 0 and 1 only.* save the images with 255"
    ):
        data.load(f"folder:{tmp_path}")


@pytest.mark.slow
def test_one_warning_is_said_once_for_a_training(key):
    points = np.c_[normal(20, 1), 5e4 + 1e4 * normal(20)].astype(np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        jaxgan.fit(key, make_linear(), points, 2, plan=jaxgan.Plan(batch_size=8, devices=1))
    assert [each.filename for each in caught] == [__file__]
