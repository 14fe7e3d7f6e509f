"""Directions in a generator's latents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import directions


@pytest.fixture
def turned(key):
    """An orthonormal basis of eight dimensions, in its columns."""
    return jnp.linalg.qr(jax.random.normal(key, (8, 8)))[0]


def aligned(vectors, expected):
    """The cosines of pairs of vectors, up to the sign."""
    return np.abs(np.sum(np.asarray(vectors) * np.asarray(expected), axis=1))


@pytest.mark.slow
def test_sefa_finds_what_most_outputs_look_at(turned):
    # Outputs look at one basis vector each: 5 of them at the first, 3 at the second, 1 at another.
    looked_at = jnp.repeat(jnp.arange(3), jnp.array([5, 3, 1]), total_repeat_length=9)
    kernel = turned[:, looked_at] * jnp.arange(1.0, 10.0)[None]  # their lengths do not count
    found = directions.sefa((kernel[:, :4], kernel[:, 4:]), 3)
    np.testing.assert_allclose(aligned(found.vectors, turned[:, :3].T), 1, atol=1e-4)
    np.testing.assert_allclose(found.scales, jnp.array([5, 3, 1]) / 9, rtol=1e-4)


def test_ganspace_follows_the_principal_components_of_samples(key, turned):
    z = jax.random.normal(key, (4_000, 8))
    strengths = jnp.array([4.0, 2.0, 1.0])
    x = (z @ turned[:, :3]) * strengths[None]
    found = directions.ganspace(z, x.reshape(-1, 3, 1), 2)
    np.testing.assert_allclose(aligned(found.vectors, turned[:, :2].T), 1, atol=5e-3)
    np.testing.assert_allclose(found.scales, jnp.array([16, 4]) / 21, atol=0.02)


def test_of_latents_themselves_ganspace_gives_the_principal_components(key, turned):
    z = (jax.random.normal(key, (4_000, 8)) * jnp.arange(8.0, 0.0, -1.0)[None]) @ turned.T
    found = directions.ganspace(z, z, 3)
    covariance = np.cov(np.asarray(z).T)
    expected = np.linalg.eigh(covariance)[1][:, ::-1][:, :3]
    np.testing.assert_allclose(aligned(found.vectors, expected.T), 1, atol=1e-4)


def test_a_traversal_starts_at_the_latents_and_moves_by_the_distances(key, turned):
    z = jax.random.normal(key, (5, 8))
    found = directions.Directions(turned[:, :2].T, jnp.ones(2))
    path = directions.traversal(z, found, jnp.array([-3.0, 0.0, 2.0]))
    assert path.shape == (2, 3, 5, 8)
    np.testing.assert_array_equal(path[:, 1], jnp.stack([z, z]))
    np.testing.assert_allclose(path[1, 2] - z, jnp.tile(2 * turned[:, 1], (5, 1)), atol=1e-5)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"weights must be kernels .* got \[\]"):
        directions.sefa((), 2)
    with pytest.raises(ValueError, match="num must be at most the length of a latent, 4, got 5"):
        directions.sefa((jnp.ones((4, 3)),), 5)
    with pytest.raises(ValueError, match="more than num=3 samples"):
        directions.ganspace(jnp.ones((3, 2)), jnp.ones((3, 5)), 3)
