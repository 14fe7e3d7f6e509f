import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import flip_horizontally, random_crop

BATCH = 12


@pytest.fixture
def keys():
    return jax.random.split(jax.random.key(3), BATCH)


def images(dtype=np.uint8, shape=(BATCH, 5, 7, 3)):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def flipped_by_hand(keys, x):
    flips = [bool(jax.random.bernoulli(key)) for key in keys]
    assert len(set(flips)) == 2  # both cases occur
    return np.stack([np.flip(image, 1) if f else image for f, image in zip(flips, x, strict=True)])


def cropped_by_hand(keys, x, padding):
    out = []
    for key, image in zip(keys, x, strict=True):
        top, left = jax.random.randint(key, (2,), -padding, padding + 1) + padding
        padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)), mode="reflect")
        out.append(padded[top : top + image.shape[0], left : left + image.shape[1]])
    return np.stack(out)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_flip_mirrors_along_the_width_what_the_keys_say(keys, dtype):
    x = images(dtype)
    flipped = flip_horizontally(keys, x)
    assert flipped.dtype == dtype
    np.testing.assert_array_equal(flipped, flipped_by_hand(keys, x))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("padding", [0, 1, 4])
def test_crop_is_that_of_an_image_padded_by_reflection(keys, dtype, padding):
    x = images(dtype)
    cropped = random_crop(keys, x, padding)
    assert cropped.dtype == dtype
    np.testing.assert_array_equal(cropped, cropped_by_hand(keys, x, padding))


def test_crop_without_padding_changes_nothing(keys):
    np.testing.assert_array_equal(random_crop(keys, images(), 0), images())


@pytest.mark.slow
def test_crop_offsets_are_equally_likely_and_flips_too():
    keys = jax.random.split(jax.random.key(0), 9000)
    x = jnp.broadcast_to(jnp.arange(25).reshape(1, 5, 5, 1), (9000, 5, 5, 1))
    centres = np.asarray(random_crop(keys, x, 1))[:, 2, 2, 0]
    values, counts = np.unique(centres, return_counts=True)
    assert values.tolist() == [6, 7, 8, 11, 12, 13, 16, 17, 18]
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)
    flips = np.asarray(flip_horizontally(keys, x))[:, 0, 0, 0] == 4
    assert abs(flips.sum() - 4500) < 5 * np.sqrt(9000) / 2


@pytest.mark.slow
@pytest.mark.parametrize("transform", [flip_horizontally, lambda k, x: random_crop(k, x, 2)])
def test_a_sample_is_transformed_by_its_own_key_alone(keys, transform):
    x = images()
    whole = transform(keys, x)
    halves = [transform(keys[rows], x[rows]) for rows in (slice(0, 5), slice(5, BATCH))]
    np.testing.assert_array_equal(np.concatenate(halves), whole)
    order = np.random.default_rng(1).permutation(BATCH)
    np.testing.assert_array_equal(transform(keys[order], x[order]), whole[order])


@pytest.mark.parametrize("transform", [flip_horizontally, lambda k, x: random_crop(k, x, 2)])
def test_transforms_give_the_same_under_jit(keys, transform):
    np.testing.assert_array_equal(jax.jit(transform)(keys, images()), transform(keys, images()))


def test_transforms_refuse_what_is_no_batch_of_images(keys):
    for transform in (flip_horizontally, lambda k, x: random_crop(k, x, 1)):
        with pytest.raises(ValueError, match=r"x must be images .* got shape \(12, 5, 7\)"):
            transform(keys, images()[..., 0])
        with pytest.raises(ValueError, match=r"one key per sample, \[12\], got shape \(5,\)"):
            transform(keys[:5], images())


@pytest.mark.parametrize("padding", [-1, 5, 7])
def test_crop_refuses_padding_out_of_range(keys, padding):
    with pytest.raises(ValueError, match=f"less than height 5 and width 7, got {padding}"):
        random_crop(keys, images(), padding)
