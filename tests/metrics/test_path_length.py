"""Perceptual path length: known paths have their known length, and interpolations are as published.

The stored numbers come from `noise.py` and the percentiles of `metric_ppl.py` of torch-fidelity,
run once in float64 with PyTorch 2.13 on the generator and latents of `case`.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.metrics import PathLengthSettings, lerp, perceptual_path_length, slerp


def case():
    """Weights of a generator, starts, ends and positions of 200 paths in six dimensions."""
    rng = np.random.default_rng(0)
    for shape in ((300, 8), (200, 8), (250, 8), (50, 8), (120, 3, 2, 9), (120, 3, 2, 9)):
        rng.normal(size=shape)
    w, a, b = (rng.normal(size=shape) for shape in ((6, 12), (200, 6), (200, 6)))
    return w, a, b, rng.uniform(size=200)


def mean_square(x, y):
    return jnp.mean((x - y) ** 2, axis=1)


@pytest.mark.parametrize(
    ("interpolate", "ends", "expected"),
    [
        (lerp, True, 1.2713914629731353),
        (lerp, False, 2.1742015807206463),
        (slerp, True, 3.549103918182082),
        (slerp, False, 3.0880124070077977),
    ],
)
def test_path_length_is_that_of_the_public_code(key, monkeypatch, interpolate, ends, expected):
    w, a, b, t = case()
    sets = iter([a, b])
    settings = PathLengthSettings(interpolate, ends=ends, batch=200)
    with jax.enable_x64(True):
        monkeypatch.setattr(jax.random, "uniform", lambda key, shape: jnp.asarray(t))
        found = perceptual_path_length(
            key,
            lambda key, num: jnp.asarray(next(sets)),
            lambda z: jnp.tanh(z @ w),
            mean_square,
            200,
            settings,
        )
    assert found == pytest.approx(expected, rel=1e-9)


def test_linear_paths_of_a_linear_generator_have_the_length_of_its_weights(key):
    # E |W (b - a)|^2 / n = 2 |W|^2 / n for normal a and b
    w = jnp.asarray([[1.0, 2.0, 0.0, 1.0], [0.5, 0.0, 1.0, -1.0]])
    settings = PathLengthSettings(lerp, epsilon=0.125, discarded=(0.0, 100.0), batch=4000)
    found = perceptual_path_length(
        key, lambda k, n: jax.random.normal(k, (n, 2)), lambda z: z @ w, mean_square, 4000, settings
    )
    assert found == pytest.approx(2 * float(jnp.sum(w**2)) / 4, rel=0.05)


def test_extreme_steps_are_left_out(key):
    settings = PathLengthSettings(lerp, epsilon=1.0, batch=7)

    def distance(x, y):
        return jnp.where(x[:, 0] > 1.5, 1e6, 1.0)

    def length(discarded):
        draw = lambda k, n: jax.random.uniform(k, (n, 1)) * 1.51  # noqa: E731
        chosen = settings._replace(discarded=discarded, ends=True)
        return perceptual_path_length(key, draw, lambda z: z, distance, 300, chosen)

    assert length((1.0, 95.0)) == 1.0
    assert length((0.0, 100.0)) > 1.0


def test_slerp_goes_along_the_arc_and_lerp_along_the_chord():
    a, b, t = jnp.asarray([[2.0, 0.0]]), jnp.asarray([[0.0, 2.0]]), jnp.asarray([0.5])
    np.testing.assert_allclose(slerp(a, b, t), [[2**0.5, 2**0.5]], rtol=1e-6)
    np.testing.assert_allclose(lerp(a, b, t), [[1.0, 1.0]], rtol=1e-6)
    for along in (slerp, lerp):
        np.testing.assert_allclose(along(a, b, jnp.asarray([0.0])), a, atol=1e-6)
        np.testing.assert_allclose(along(a, b, jnp.asarray([1.0])), b, atol=1e-6)


def test_slerp_of_parallel_or_zero_vectors_is_linear():
    a, b, t = jnp.asarray([[1.0, 1.0], [0.0, 0.0]]), jnp.asarray([[3.0, 3.0], [2.0, 4.0]]), 0.25
    found = slerp(a, b, jnp.full(2, t))
    np.testing.assert_allclose(found, a + t * (b - a), rtol=1e-6)


@pytest.mark.parametrize("wrong", [{"epsilon": 0.0}, {"batch": 0}, {"discarded": (99.0, 1.0)}])
def test_impossible_settings_are_refused(key, wrong):
    settings = PathLengthSettings()._replace(**wrong)
    with pytest.raises(ValueError, match="num, batch and epsilon must be positive"):
        perceptual_path_length(key, None, None, None, 10, settings)
