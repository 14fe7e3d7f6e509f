"""Products with the Jacobian, spectra and measures against dense matrices and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

import jaxgan
from jaxgan import Params, games, latents, losses, regularizers, updates
from jaxgan.models import MLPDiscriminator, MLPGenerator

A = np.array([[1.0, 0.3], [0.3, 0.5]])
B = np.array([[0.2, -1.0], [0.7, 0.4]])
C = np.array([[0.1, 0.0], [0.0, 0.6]])
J = np.block([[-A, -B], [B.T, -C]])
GAME = games.quadratic(A, B, C)
POINT = Params(jnp.array([0.3, -1.0]), jnp.array([0.5, 2.0]))
U = Params(jnp.array([1.0, -0.5]), jnp.array([0.25, 1.5]))


@pytest.mark.parametrize(
    ("product", "matrix"),
    [
        (games.jacobian_product, J),
        (games.transposed_product, J.T),
        (games.symmetric_product, (J + J.T) / 2),
        (games.antisymmetric_product, (J - J.T) / 2),
    ],
)
def test_products_are_those_with_the_matrix(product, matrix):
    found = np.concatenate(product(GAME, POINT, U))
    np.testing.assert_allclose(found, matrix @ np.concatenate(U), rtol=1e-5)


@pytest.fixture(scope="module")
def network_game():
    """A small MLP pair after some rounds, with a penalty, at one batch."""
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator((2,), (6,), output=None)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((6,), dropout=0.0)),
        latent=latents.normal(2),
        loss=losses.minimax,
        penalties=(jaxgan.penalty(regularizers.r1, gamma=0.5),),
        generator_optimizer=optax.sgd(0.1),
        discriminator_optimizer=optax.sgd(0.1),
    )
    x = jax.random.normal(jax.random.key(1), (32, 2)) + 2.0
    state = jax.jit(jaxgan.init, static_argnums=1)(jax.random.key(0), gan, x)
    return gan, state, x


@pytest.mark.slow
def test_the_game_at_a_batch_has_the_gradients_of_a_simultaneous_round(network_game):
    gan, state, x = network_game
    key = jax.random.key(3)
    game = games.at_batch(key, gan, state, x)
    v = jax.jit(lambda p: games.vector_field(game, p))(updates.params_of(state))
    step = jaxgan.make_train_step(gan, updates.simultaneous())
    new, metrics = jax.jit(step)(jax.random.clone(key), state, x)
    moved = jax.tree.map(
        lambda a, b: (a - b) / 0.1, updates.params_of(new), updates.params_of(state)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), v, moved)
    loss, shown = game.discriminator_loss(*updates.params_of(state))
    np.testing.assert_allclose(loss, metrics["discriminator_loss"], rtol=1e-5)
    np.testing.assert_allclose(shown["penalty_r1"], metrics["penalty_r1"], rtol=1e-5)


@pytest.mark.slow
def test_leading_eigenvalues_by_arnoldi_are_those_of_the_dense_jacobian(network_game):
    gan, state, x = network_game
    game, params = games.at_batch(jax.random.key(3), gan, state, x), updates.params_of(state)
    dense = np.asarray(jax.jit(lambda p: games.field_eigenvalues(game, p))(params))
    assert len(dense) == ravel_pytree(params)[0].size
    for which, order in (
        ("largest real part", -dense.real),
        ("smallest real part", dense.real),
        ("largest magnitude", -np.abs(dense)),
    ):
        found = games.leading_eigenvalues(game, params, 3, which)
        wanted = dense[np.argsort(order)][:3]
        np.testing.assert_allclose(np.sort(found.real), np.sort(wanted.real), atol=2e-4)
        np.testing.assert_allclose(
            np.sort(np.abs(found.imag)), np.sort(np.abs(wanted.imag)), atol=2e-4
        )


def test_path_angle_turns_from_towards_to_away_at_a_stable_end():
    """On min theta^2 / 2, max -psi^2 / 2 the field points to the origin everywhere."""
    game = games.quadratic(jnp.eye(1), jnp.zeros((1, 1)), jnp.eye(1))
    ends = Params(jnp.ones(1), jnp.ones(1)), Params(jnp.zeros(1), jnp.zeros(1))
    found = games.path_angle(game, *ends, alpha=jnp.array([0.5, 0.9, 1.2]))
    np.testing.assert_allclose(found.cosine, [1.0, 1.0, -1.0], rtol=1e-6)
    np.testing.assert_allclose(found.norm, np.sqrt(2) * np.array([0.5, 0.1, 0.2]), rtol=1e-5)


def test_path_angle_is_zero_in_a_rotation():
    rotation = games.bilinear()
    found = games.path_angle(rotation, Params(1.0, 0.0), Params(0.0, 0.0))
    np.testing.assert_allclose(found.cosine, 0.0, atol=1e-6)
    assert found.alpha.shape == (41,)


def test_exploitability_and_duality_gap_are_those_of_best_responses():
    """F = theta^2 / 2 + theta psi - psi^2 / 2: best responses are -psi and theta."""
    one = jnp.eye(1)
    game, point = games.quadratic(one, one, one), Params(jnp.array([0.6]), jnp.array([-1.1]))
    theta, psi = 0.6, -1.1
    # f(theta, psi*) - f(theta*, psi) = theta^2 + psi^2
    gap = games.duality_gap(game, point, optax.sgd(0.5), 60)
    np.testing.assert_allclose(gap, theta**2 + psi**2, rtol=1e-5)
    found = games.exploitability(game, point, optax.sgd(0.5), 60)
    np.testing.assert_allclose(found.total, gap, rtol=1e-5)
    np.testing.assert_allclose(found.generator, (theta + psi) ** 2 / 2, rtol=1e-5)
    at_rest = games.duality_gap(game, Params(jnp.zeros(1), jnp.zeros(1)), optax.sgd(0.5), 60)
    np.testing.assert_allclose(at_rest, 0.0, atol=1e-7)


def test_more_leading_eigenvalues_than_arnoldi_finds_are_refused():
    with pytest.raises(ValueError, match="num must be at most"):
        games.leading_eigenvalues(GAME, POINT, 3)
