"""Contraction per round on min over x, max over y of xy, to five digits."""

import jax
import numpy as np
import optax
import pytest

from jaxgan import Params, games, updates

BILINEAR = games.bilinear()
HALF_BACK = updates.lookahead(10, 0.5)


def momentum(h):
    return optax.sgd(h, momentum=-0.5)


def factor(rule, h, rounds=1, optimizer=optax.sgd):
    """The spectral radius of some rounds, per round, of the whole state that they change."""
    with jax.enable_x64(True):
        rates = optimizer(h)
        state = updates.start_state(Params(1.0, 0.5), rates, rule)
        play = updates.make_round(BILINEAR, rates, rule)

        def several(state):
            for _ in range(rounds):
                state = play(state)
            return state

        # After a round: the first one of a rule may differ.
        state = jax.jit(play)(state) if rounds == 1 else state
        radius = np.abs(games.eigenvalues(jax.jit(several), state)).max()
    return float(radius) ** (1 / rounds)


AT_A_FIFTH = {
    "simultaneous": (updates.simultaneous(), 1.01980),
    "alternating": (updates.alternating(), 1.0),
    "extragradient": (updates.extragradient(), 0.98061),
    "optimistic": (updates.optimistic(), 0.97891),
    "extrapolation from the past": (updates.extrapolation_from_the_past(), 0.97891),
    "Heun": (updates.runge_kutta(2), 1.00020),
    "joint RK4": (updates.runge_kutta(4), 1 - 0.2**6 / 144),
    "competitive": (updates.competitive(0.2), 1 / np.sqrt(1 + 0.2**2)),
    # The opponent frozen, all stages are the same: Euler's method.
    "RK4, opponent frozen": (updates.runge_kutta(4, joint=False), 1.01980),
    "Heun, opponent frozen": (updates.runge_kutta(2, joint=False), 1.01980),
}


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", AT_A_FIFTH)
def test_a_round_contracts_the_bilinear_game_by_its_known_factor(name):
    rule, expected = AT_A_FIFTH[name]
    assert factor(rule, 0.2) == pytest.approx(expected, abs=6e-6)


def test_alternating_with_negative_momentum_contracts_by_its_known_factor():
    assert factor(updates.alternating(), 0.2, optimizer=momentum) == pytest.approx(
        0.99406, abs=6e-6
    )


@pytest.mark.slow
def test_lookahead_contracts_by_its_known_factor():
    assert factor(HALF_BACK, 0.2, rounds=10) == pytest.approx(0.95295, abs=6e-6)


@pytest.mark.slow
def test_the_best_factors_are_the_known_ones():
    best = (
        (updates.extragradient(), 0.7071, optax.sgd, 1, 0.86603),
        (updates.optimistic(), 0.5, optax.sgd, 1, 0.70711),
        (updates.runge_kutta(4), 2.449, optax.sgd, 1, 0.5),
        (updates.alternating(), 0.871, momentum, 1, 0.88471),
        (updates.lookahead(6, 0.3), 0.5, optax.sgd, 6, 0.79682),
    )
    found = [factor(rule, h, rounds, rates) for rule, h, rates, rounds, _ in best]
    # A double eigenvalue moves by the root of a rounding error.
    assert found == pytest.approx([row[-1] for row in best], abs=1e-5)


def test_optimism_is_that_of_optax():
    """The rule, and the optimizer with simultaneous updates."""
    start = Params(1.0, 0.5)
    rule = updates.play(BILINEAR, start, optax.sgd(0.2), updates.optimistic(), 20)
    optimizer = optax.optimistic_gradient_descent(0.2)
    other = updates.play(BILINEAR, start, optimizer, updates.simultaneous(), 20)
    np.testing.assert_allclose(rule, other, atol=1e-6)


@pytest.mark.slow
def test_consensus_and_symplectic_adjustment_are_one_on_a_zero_sum_rotation():
    """J is antisymmetric there: J^T v = A^T v, both give sqrt((1 - h^2)^2 + h^2) at weight 1."""
    expected = np.sqrt((1 - 0.2) ** 2 + 0.2**2)
    for rule in (updates.consensus(1.0), updates.symplectic(1.0)):
        assert factor(rule, 0.2) == pytest.approx(expected, abs=1e-6)


def test_alignment_turns_the_adjustment_away_from_an_unstable_equilibrium():
    """The game f = -(x^2 + y^2) / 2 + 2 xy of Balduzzi et al., whose origin repels both players."""
    game = games.quadratic(-np.eye(1), 2 * np.eye(1), -np.eye(1))
    start = Params(np.ones(1), 0.5 * np.ones(1))

    def end(align):
        path = updates.play(game, start, optax.sgd(0.01), updates.symplectic(1.0, align), 50)
        return np.hypot(path.generator[-1, 0], path.discriminator[-1, 0])

    assert end(align=True) > np.hypot(1, 0.5) > end(align=False)


def test_unrolled_descends_the_loss_after_the_opponents_updates():
    """F = theta psi: psi_k = psi + k h theta, so that grad_theta L = psi + 2 k h theta."""
    h, k, theta, psi = 0.1, 3, 1.0, 0.5
    path = updates.play(
        games.zero_sum(lambda x, y: x * y), Params(theta, psi), optax.sgd(h), updates.unrolled(k)
    )
    psi = psi + h * theta
    np.testing.assert_allclose(path.discriminator[1], psi, rtol=1e-6)
    np.testing.assert_allclose(path.generator[1], theta - h * (psi + 2 * k * h * theta), rtol=1e-6)


def test_anderson_mixing_ends_a_linear_game_in_as_many_rounds_as_it_has_numbers():
    path = updates.play(BILINEAR, Params(1.0, 0.5), optax.sgd(0.2), updates.anderson(3), 10)
    assert np.hypot(path.generator, path.discriminator)[-1] < 1e-8


@pytest.mark.slow
def test_the_residual_shows_where_conjugate_gradients_do_not_solve():
    """In a game of a common interest the matrix is I - h^2 B B^T, here indefinite."""
    rule = updates.competitive(0.5, iterations=1)
    shown = {}
    for name, game in (
        ("zero-sum", BILINEAR),
        ("stiff", games.quadratic(np.eye(2), np.array([[1.0, 9.0], [0.0, 5.0]]), np.eye(2))),
    ):
        n = () if name == "zero-sum" else (2,)
        moves_state = updates.start_state(Params(np.ones(n), np.ones(n)), optax.sgd(0.5), rule)
        play = rule.make_round(updates.game_moves(game, optax.sgd(0.5)))
        _, metrics = play(jax.random.key(0), moves_state, None)
        shown[name] = float(metrics["competitive_residual"])
    assert shown["zero-sum"] < 1e-6
    assert shown["stiff"] > 1e-3


def test_a_game_by_itself_takes_rules_of_several_updates():
    """Two updates of psi, then one of theta: psi + 2 h theta, theta - h (psi + 2 h theta)."""
    path = updates.play(BILINEAR, Params(1.0, 0.5), optax.sgd(0.1), updates.alternating(n_critic=2))
    np.testing.assert_allclose(path.discriminator[1], 0.5 + 0.2, rtol=1e-6)
    np.testing.assert_allclose(path.generator[1], 1.0 - 0.1 * 0.7, rtol=1e-6)
