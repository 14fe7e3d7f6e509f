import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal
from given import given
from jax.test_util import check_grads

import jaxgan
from jaxgan import DiscriminatorOutput, losses
from jaxgan.terms import (
    Equilibrium,
    boundary_equilibrium,
    energy_margin,
    pulling_away,
    reconstruction_output,
)

# ---- reconstruction ----


def test_the_logit_is_minus_the_mean_error():
    x, r = jnp.array([[[1.0], [3.0]], [[0.0], [2.0]]]), jnp.zeros((2, 2, 1))
    np.testing.assert_array_equal(reconstruction_output(x, r).logits, [-2.0, -1.0])
    squares = reconstruction_output(x, r, features="code", power=2.0)
    np.testing.assert_array_equal(squares.logits, [-5.0, -2.0])
    assert squares.features == "code"
    with pytest.raises(ValueError, match=r"shape of x, \(2, 2, 1\), got \(2, 2\)"):
        reconstruction_output(x, r[..., 0])


# ---- EBGAN ----


def test_energy_margin_by_hand():
    loss = energy_margin(1.0)
    real, fake = -jnp.array([0.2, 0.4]), -jnp.array([0.5, 3.0])  # the energies are positive
    np.testing.assert_allclose(loss.discriminator(real, fake), 0.3 + 0.25, rtol=1e-6)
    np.testing.assert_allclose(loss.generator(real, fake), 1.75, rtol=1e-6)
    with pytest.raises(ValueError, match="margin must be positive, got 0"):
        energy_margin(0.0)


def test_energy_margin_has_the_derivatives_of_finite_differences():
    for value in energy_margin(1.0)[:2]:
        check_grads(jax.jit(value), (normal(4) - 2, normal(4, seed=1)), order=1, eps=1e-2)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_energy_margin_is_finite_with_its_gradient_at_extreme_logits(dtype):
    logits = jnp.full(4, -float(jnp.finfo(dtype).max), dtype)
    for part in energy_margin(1.0)[:2]:
        value, slopes = jax.value_and_grad(part, argnums=(0, 1))(logits, -logits)
        assert np.isfinite(value)
        assert all(np.isfinite(np.asarray(slope, np.float32)).all() for slope in slopes)


def output(features):
    return DiscriminatorOutput(jnp.zeros(len(features)), features)


@pytest.mark.slow
def test_pulling_away_by_hand():
    # cosines 0, 1/sqrt 2, 1/sqrt 2 in three pairs, each counted twice of six
    s = jnp.array([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    np.testing.assert_allclose(pulling_away(output(s)), 1 / 3, rtol=1e-6)
    assert pulling_away(output(jnp.eye(4).reshape(4, 2, 2))) == 0.0
    np.testing.assert_allclose(pulling_away(output(jnp.ones((5, 3)))), 1.0, rtol=1e-6)
    check_grads(jax.jit(lambda s: pulling_away(output(s))), (s,), order=1, eps=1e-2)


@pytest.mark.slow
def test_pulling_away_is_finite_with_its_gradient_at_codes_of_zero():
    value, slope = jax.value_and_grad(lambda s: pulling_away(output(s)))(jnp.zeros((3, 2)))
    assert value == 0.0
    assert np.isfinite(slope).all()


def test_pulling_away_over_eight_devices_is_that_of_the_whole_batch():
    s = normal(16, 3)
    split = jax.pmap(lambda s: pulling_away(output(s), "batch"), axis_name="batch")
    got = split(s.reshape(8, 2, 3))
    np.testing.assert_allclose(got, np.full(8, pulling_away(output(s))), rtol=1e-5)


def test_features_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"one array.*got NoneType: return terms.recon"):
        pulling_away(DiscriminatorOutput(jnp.zeros(2)))
    with pytest.raises(ValueError, match="at least two samples"):
        pulling_away(output(jnp.ones((1, 3))))


# ---- BEGAN ----


def test_the_losses_are_those_of_began():
    real, fake, k = -jnp.array([0.2, 0.4]), -jnp.array([0.5, 1.0]), 0.3
    term = boundary_equilibrium()
    value = term.value(given(fake_logits=fake, state=Equilibrium(jnp.float32(k))))
    of_d = losses.wasserstein.discriminator(real, fake) + term.weight * value
    np.testing.assert_allclose(of_d, 0.3 - k * 0.75, rtol=1e-6)
    np.testing.assert_allclose(losses.wasserstein.generator(real, fake), 0.75, rtol=1e-6)


def test_k_moves_towards_the_ratio_and_stays_in_range():
    term = boundary_equilibrium(gamma=0.5, rate=0.1)
    errors = {"real_logits": -jnp.array([3.0, 5.0]), "fake_logits": -jnp.array([1.0, 0.0])}

    def after(k, **other):
        state = Equilibrium(jnp.float32(k))
        return float(term.update(given(state=state, **(errors | other))).k)

    np.testing.assert_allclose(after(0.2), 0.2 + 0.1 * (0.5 * 4.0 - 0.5), rtol=1e-6)
    assert after(0.95) == 1.0
    assert after(0.05, fake_logits=-jnp.full(2, 9.0)) == 0.0
    assert term.init().k == 0.0


@pytest.mark.parametrize(("gamma", "rate"), [(1.5, 0.1), (-0.1, 0.1), (0.5, 0.0)])
def test_bad_settings_of_began_are_named(gamma, rate):
    with pytest.raises(ValueError, match=r"gamma must lie in \[0, 1\] and rate be positive"):
        boundary_equilibrium(gamma, rate)


@pytest.mark.one_quick_case
def test_k_is_in_the_state_and_rises_while_generated_samples_are_easy(make_gan, batch):
    def apply(params, state, x, *, keys, train, axis_name=None):
        flat = x.reshape(len(x), -1)
        return reconstruction_output(flat, flat @ params), state

    auto_encoder = jaxgan.Network(lambda key, x: (0.1 * jnp.eye(16), {}), apply)
    gan = make_gan(
        discriminator=auto_encoder,
        loss=losses.wasserstein,
        penalties=(boundary_equilibrium(0.5, 0.1),),
    )
    key = jax.random.key(0)
    state = jaxgan.init(key, gan, batch)
    state, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(key, state, batch)
    expected = 0.1 * max(0.0, 0.5 * -metrics["logit_real"] + metrics["logit_fake"])
    np.testing.assert_allclose(
        state.discriminator.terms["boundary_equilibrium"].k, expected, rtol=1e-4
    )
    # k was 0: the loss is that of real samples alone
    np.testing.assert_allclose(metrics["discriminator_loss"], -metrics["logit_real"], rtol=1e-5)
