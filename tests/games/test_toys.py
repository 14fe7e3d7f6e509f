"""Games against radii that were computed apart, closed forms, and the library's own steps."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from dirac import dirac_gan

import jaxgan
from jaxgan import Params, games, losses, regularizers, updates
from jaxgan.updates import alternating, simultaneous

ORIGIN = Params(0.0, 0.0)


# ---- where the methods of Mescheder et al. end ----

DIRAC = games.dirac_gan(losses.minimax)
METHODS = {
    "GAN": (DIRAC, 3.10, 1.42),
    "non-saturating": (games.dirac_gan(losses.non_saturating), 0.640, 0.284),
    "WGAN-GP": (games.bilinear(games.one_centred(0.7)), 1.80, 1.22),
    "R1": (games.dirac_gan(penalty=games.zero_centred(0.3)), 2.64e-6, 2.30e-7),
    "critical R1": (games.dirac_gan(penalty=games.zero_centred(1.0)), 9.5e-22, 7.5e-17),
    "consensus": (games.with_consensus(DIRAC, 1.0), 2.58e-10, 1.72e-11),
}
ONES = Params(1.0, 1.0)


def radii(game, start, rate, update, rounds):
    path = updates.play(game, start, optax.sgd(rate), update, rounds)
    return np.hypot(*(np.asarray(own, float) for own in path))


@pytest.mark.one_quick_case
@pytest.mark.parametrize("method", METHODS)
def test_methods_end_at_the_known_radii(method):
    """After 500 steps of 0.2 from (1, 1), generator first: the setting of Mescheder et al. 2018.

    The radii were computed apart from this library.
    """
    game, *expected = METHODS[method]
    for update, radius in zip(
        (simultaneous(), alternating(first="generator")), expected, strict=True
    ):
        reached = radii(game, ONES, 0.2, update, 500)
        assert reached.shape == (501,)
        digits = 2 if method == "critical R1" else 3
        assert float(f"{reached[-1]:.{digits - 1}e}") == pytest.approx(radius, rel=1e-9)


def test_the_rule_of_consensus_is_simultaneous_descent_of_the_game_with_consensus():
    by_rule = radii(DIRAC, ONES, 0.2, updates.consensus(1.0), 100)
    of_game = radii(games.with_consensus(DIRAC, 1.0), ONES, 0.2, simultaneous(), 100)
    np.testing.assert_allclose(by_rule, of_game, rtol=1e-4)


def test_simultaneous_steps_of_the_bilinear_game_grow_by_a_known_factor():
    found = radii(games.bilinear(), Params(1.0, 0.0), 0.1, simultaneous(), 100)
    np.testing.assert_allclose(found, 1.01 ** (np.arange(101) / 2), rtol=1e-5)


def test_alternating_steps_of_the_bilinear_game_keep_a_quadratic_form():
    path = updates.play(games.bilinear(), Params(1.0, 0.5), optax.sgd(0.1), alternating(), 300)
    theta, psi = (np.asarray(own, float) for own in path)
    # psi' = psi + h theta, theta' = theta - h psi' keeps theta^2 + psi^2 + h theta psi
    form = theta**2 + psi**2 + 0.1 * theta * psi
    np.testing.assert_allclose(form, form[0], rtol=1e-4)


# ---- vector field and eigenvalues ----


def test_vector_field_is_that_of_the_paper():
    """(-psi f'(theta psi), theta f'(theta psi) - gamma psi) with f(t) = -log(1 + e^-t)."""
    gamma, (theta, psi) = 0.3, (0.7, -1.3)
    slope = 1 / (1 + np.exp(theta * psi))
    expected = [-psi * slope, theta * slope - gamma * psi]
    game = games.dirac_gan(penalty=games.zero_centred(gamma))
    np.testing.assert_allclose(
        games.vector_field(game, Params(jnp.float32(theta), jnp.float32(psi))), expected, rtol=1e-5
    )


@pytest.mark.slow
def test_players_of_several_dimensions_are_those_of_one_side_by_side_at_the_equilibrium():
    game = games.dirac_gan(penalty=games.zero_centred(0.3))
    plane = games.field_eigenvalues(game, Params(jnp.zeros(3), jnp.zeros(3)))
    line = games.field_eigenvalues(game, ORIGIN)
    np.testing.assert_allclose(
        np.sort_complex(plane), np.sort_complex(np.repeat(line, 3)), atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize(
    ("loss", "slope"),
    [(losses.minimax, 0.5), (losses.non_saturating, 0.5), (losses.wasserstein, 1)],
)
def test_eigenvalues_at_the_equilibrium_are_those_of_the_paper(loss, slope, gamma):
    """-gamma / 2 +- sqrt(gamma^2 / 4 - f'(0)^2), Mescheder et al. 2018, lemma 2.3 and 4.1."""
    found = games.field_eigenvalues(games.dirac_gan(loss, games.zero_centred(gamma)), ORIGIN)
    root = np.emath.sqrt(gamma**2 / 4 - slope**2 + 0j)
    expected = np.array([-gamma / 2 - root, -gamma / 2 + root])
    # a double eigenvalue moves by the square root of a rounding error
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), atol=2e-3)


@pytest.mark.slow
def test_consensus_adds_the_descent_of_the_squared_field():
    game = games.dirac_gan(losses.non_saturating)
    place = np.array([0.4, -0.9])

    def energy(place):
        v = games.vector_field(game, Params(*jnp.asarray(place, jnp.float32)))
        return float(v.generator**2 + v.discriminator**2) / 2

    step = 1e-2
    gradient = [
        (energy(place + step * unit) - energy(place - step * unit)) / (2 * step)
        for unit in np.eye(2)
    ]
    point = Params(*jnp.asarray(place, jnp.float32))
    added = np.subtract(
        games.vector_field(games.with_consensus(game, 2.0), point), games.vector_field(game, point)
    )
    np.testing.assert_allclose(added, -2.0 * np.array(gradient), rtol=2e-3)


def test_the_quadratic_game_has_the_jacobian_of_its_matrices(key):
    a, b, c = (jax.random.normal(k, (3, 3)) for k in jax.random.split(key, 3))
    a, c = a + a.T, c + c.T
    found = games.jacobian(
        lambda point: games.vector_field(games.quadratic(a, b, c), point),
        Params(jnp.ones(3), jnp.ones(3)),
    )
    np.testing.assert_allclose(found, np.block([[-a, -b], [b.T, -c]]), atol=1e-5)


def test_gaussian_games_rest_at_their_mean_and_covariance():
    mean, root = jnp.array([1.0, -2.0]), jnp.array([[2.0, 0.0], [0.5, 1.0]])
    field = games.vector_field(games.gaussian_mean(mean), Params(mean, jnp.zeros(2)))
    np.testing.assert_array_equal(np.concatenate(field), 0.0)
    game = games.gaussian_covariance(root @ root.T)
    at_rest = games.vector_field(game, Params(root, jnp.zeros((2, 2))))
    np.testing.assert_allclose(np.concatenate(at_rest), 0.0, atol=1e-6)
    elsewhere = games.vector_field(game, Params(jnp.eye(2), jnp.zeros((2, 2))))
    # psi ascends E x x^T - E G(z) G(z)^T
    np.testing.assert_allclose(elsewhere.discriminator, root @ root.T - np.eye(2), atol=1e-6)


# ---- the same game by the library's training step ----


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("update", "first"),
    [("simultaneous", "generator"), ("alternating", "generator"), ("alternating", "discriminator")],
)
@pytest.mark.parametrize(
    ("loss", "gamma"), [(losses.minimax, 0.0), (losses.non_saturating, 0.0), (losses.minimax, 0.3)]
)
def test_training_steps_play_the_same_game(key, loss, gamma, update, first):
    game = games.dirac_gan(loss, games.zero_centred(gamma))
    gan = dirac_gan(loss, (jaxgan.penalty(regularizers.r1, gamma=gamma),))
    rule = simultaneous() if update == "simultaneous" else alternating(first=first)
    step = jaxgan.make_train_step(gan, rule)
    x = jnp.zeros((2, 1))

    def round_and_place(state, key):
        state, _ = step(key, state, x)
        return state, jnp.stack([state.generator.params, state.discriminator.params])

    keys = jax.random.split(key, 100)
    _, path = jax.lax.scan(round_and_place, jaxgan.init(key, gan, x), keys)
    expected = updates.play(game, ONES, optax.sgd(0.2), rule, 100)
    np.testing.assert_allclose(path, np.stack(expected, 1)[1:], atol=2e-5)


# ---- refusals ----


def test_a_start_that_is_not_of_two_players_is_named():
    for wrong in (1.0, (1.0, 2.0, 3.0)):
        with pytest.raises(ValueError, match="start must be"):
            updates.play(games.bilinear(), wrong, optax.sgd(0.1))
    with pytest.raises(ValueError, match="rounds must be a positive int"):
        updates.play(games.bilinear(), ONES, optax.sgd(0.1), rounds=0)
    with pytest.raises(ValueError, match="a, b and c must be matrices"):
        games.quadratic(jnp.eye(2), jnp.ones((2, 3)), jnp.eye(2))
