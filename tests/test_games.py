"""Games against radii that were computed apart, closed forms, and the library's own steps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dirac import dirac_gan

import jaxgan
from jaxgan import games, losses, regularizers
from jaxgan.updates import alternating, simultaneous

ORIGIN = (0.0, 0.0)


# ---- where the methods of Mescheder et al. end ----

METHODS = {
    "GAN": (games.dirac_gan(losses.minimax), 0.0, 3.10, 1.42),
    "non-saturating": (games.dirac_gan(losses.non_saturating), 0.0, 0.640, 0.284),
    "WGAN-GP": (games.bilinear(games.one_centred(0.7)), 0.0, 1.80, 1.22),
    "R1": (games.dirac_gan(penalty=games.zero_centred(0.3)), 0.0, 2.64e-6, 2.30e-7),
    "critical R1": (games.dirac_gan(penalty=games.zero_centred(1.0)), 0.0, 9.5e-22, 7.5e-17),
    "consensus": (games.dirac_gan(losses.minimax), 1.0, 2.58e-10, 1.72e-11),
}


@pytest.mark.parametrize("method", METHODS)
def test_methods_end_at_the_known_radii(method):
    """After 500 steps of 0.2 from (1, 1), generator first: the setting of Mescheder et al. 2018.

    The radii were computed apart from this library.
    """
    game, consensus, simultaneous, alternating = METHODS[method]
    for update, radius in (("simultaneous", simultaneous), ("alternating", alternating)):
        play = games.make_round(game, 0.2, update, first="generator", consensus=consensus)
        path = games.trajectory(play, (1.0, 1.0), 500)
        assert path.shape == (501, 2)
        reached = np.hypot(*np.asarray(path[-1], float))
        digits = 2 if method == "critical R1" else 3
        assert float(f"{reached:.{digits - 1}e}") == pytest.approx(radius, rel=1e-9)


def test_simultaneous_steps_of_the_bilinear_game_grow_by_a_known_factor():
    path = games.trajectory(
        games.make_round(games.bilinear(), 0.1, "simultaneous"), (1.0, 0.0), 100
    )
    radii = np.hypot(*np.asarray(path, float).T)
    np.testing.assert_allclose(radii, 1.01 ** (np.arange(101) / 2), rtol=1e-5)


def test_alternating_steps_of_the_bilinear_game_keep_a_quadratic_form():
    theta, psi = np.asarray(
        games.trajectory(games.make_round(games.bilinear(), 0.1), (1.0, 0.5), 300), float
    ).T
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
        games.vector_field(game, jnp.array([theta, psi])), expected, rtol=1e-5
    )


@pytest.mark.slow
def test_players_of_several_dimensions_are_those_of_one_side_by_side_at_the_equilibrium():
    game = games.dirac_gan(penalty=games.zero_centred(0.3))
    plane = games.eigenvalues(functools.partial(games.vector_field, game), jnp.zeros((2, 3)))
    line = games.eigenvalues(functools.partial(games.vector_field, game), ORIGIN)
    np.testing.assert_allclose(
        np.sort_complex(plane), np.sort_complex(np.repeat(line, 3)), atol=1e-6
    )
    assert games.trajectory(games.make_round(game, 0.1), jnp.ones((2, 3)), 4).shape == (5, 2, 3)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize(
    ("loss", "slope"),
    [(losses.minimax, 0.5), (losses.non_saturating, 0.5), (losses.wasserstein, 1)],
)
def test_eigenvalues_at_the_equilibrium_are_those_of_the_paper(loss, slope, gamma):
    """-gamma / 2 +- sqrt(gamma^2 / 4 - f'(0)^2), Mescheder et al. 2018, lemma 2.3 and 4.1."""
    game = games.dirac_gan(loss, games.zero_centred(gamma))
    found = games.eigenvalues(functools.partial(games.vector_field, game), ORIGIN)
    root = np.emath.sqrt(gamma**2 / 4 - slope**2 + 0j)
    expected = np.array([-gamma / 2 - root, -gamma / 2 + root])
    # a double eigenvalue moves by the square root of a rounding error
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), atol=2e-3)


def test_one_simultaneous_round_multiplies_by_one_plus_h_times_the_jacobian():
    game = games.dirac_gan(penalty=games.zero_centred(0.3))
    field = games.jacobian(functools.partial(games.vector_field, game), ORIGIN)
    play = games.make_round(game, 0.2, "simultaneous")
    np.testing.assert_allclose(games.jacobian(play, ORIGIN), np.eye(2) + 0.2 * field, atol=1e-6)


def test_alternating_rounds_of_the_bilinear_game_stay_on_the_unit_circle():
    play = games.make_round(games.bilinear(), 0.5)
    np.testing.assert_allclose(np.abs(games.eigenvalues(play, ORIGIN)), 1.0, rtol=1e-5)


def test_consensus_adds_the_descent_of_the_squared_field():
    game = games.dirac_gan(losses.non_saturating)
    state = jnp.array([0.4, -0.9])

    def energy(state):
        return float(jnp.sum(games.vector_field(game, jnp.asarray(state, jnp.float32)) ** 2)) / 2

    step = 1e-2
    gradient = [
        (energy(state + step * unit) - energy(state - step * unit)) / (2 * step)
        for unit in jnp.eye(2)
    ]
    added = games.vector_field(game, state, consensus=2.0) - games.vector_field(game, state)
    np.testing.assert_allclose(added, -2.0 * np.array(gradient), rtol=2e-3)


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
    expected = games.trajectory(games.make_round(game, 0.2, update, first), (1.0, 1.0), 100)
    np.testing.assert_allclose(path, expected[1:], atol=2e-5)


# ---- refusals ----


def test_a_start_that_is_not_of_two_players_is_named():
    play = games.make_round(games.bilinear(), 0.1)
    for wrong in (1.0, (1.0, 2.0, 3.0)):
        with pytest.raises(ValueError, match="start must be"):
            games.trajectory(play, wrong, 10)
    with pytest.raises(ValueError, match="steps must be a positive int"):
        games.trajectory(play, (1.0, 1.0), 0)
    with pytest.raises(ValueError, match="update must be one of"):
        games.make_round(games.bilinear(), 0.1, "both")
