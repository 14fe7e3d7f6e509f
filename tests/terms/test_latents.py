import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal
from given import given
from jax.test_util import check_grads

from jaxgan.terms import latent_consistency, mode_seeking, transport

KEY = jax.random.key(0)
W = jnp.array([[1.0, 2.0], [0.0, -1.0], [0.5, 0.0]])


def generate(latents, condition=None):
    return latents @ W


# ---- mode seeking ----


def test_mode_seeking_by_hand():
    z = jnp.array([[0.0, 0.0], [1.0, 3.0], [0.0, 0.0], [2.0, 0.0]])  # |z - z'| = 1, 3, 2, 0
    fake = 2 * z
    got = mode_seeking(None, fake, z)
    np.testing.assert_allclose(got, 1 / (2 + 1e-5), rtol=1e-6)
    # samples twice as far apart in the first pair only: (4 + 12 + 4) / 4 over 6 / 4
    got = mode_seeking(None, fake.at[1].multiply(2), z)
    np.testing.assert_allclose(got, 6 / 20, rtol=1e-4)


def test_mode_seeking_compares_samples_of_one_condition():
    z, condition = normal(4, 3), jnp.arange(4.0)

    def conditional(latents):
        return latents @ W + 100 * condition[:, None]

    fake = conditional(z)
    got = mode_seeking(conditional, fake, z, condition)
    np.testing.assert_allclose(got, mode_seeking(None, generate(z), z), rtol=1e-4)


def test_mode_seeking_has_the_derivatives_of_finite_differences():
    z = normal(4, 3)
    check_grads(jax.jit(lambda w: mode_seeking(None, z @ w, z)), (W,), order=1, eps=1e-3)


def test_mode_seeking_is_finite_where_all_samples_are_one():
    z = normal(4, 3)
    value, gradient = jax.value_and_grad(lambda x: mode_seeking(None, x, z))(jnp.zeros((4, 2)))
    np.testing.assert_allclose(value, 1e5, rtol=1e-6)
    assert np.isfinite(gradient).all()


def test_mode_seeking_over_eight_devices_is_that_of_the_whole_batch():
    z = normal(16, 3)
    split = jax.pmap(
        lambda z: mode_seeking(None, generate(z), z, axis_name="batch"), axis_name="batch"
    )(z.reshape(8, 2, 3))
    np.testing.assert_allclose(split, np.full(8, mode_seeking(None, generate(z), z)), rtol=1e-5)


def test_mode_seeking_needs_pairs():
    with pytest.raises(ValueError, match="an even batch on each device, got 3 samples"):
        mode_seeking(None, jnp.zeros((3, 2)), jnp.zeros((3, 3)))


# ---- consistency in the latents ----


def inputs(**others):
    z = normal(4, 3)
    own = {"key": KEY, "index": jnp.arange(4), "latents": z, "fake": generate(z)}
    own |= {"generate": generate}
    return given(lambda x: x[:, 0] - 2 * x[:, 1], **(own | others))


@pytest.mark.slow
def test_latent_consistency_of_linear_players_has_its_closed_form_in_the_mean():
    # D(G(z)) changes by std n W v: E of its square is std^2 |W v|^2; G(z) by std n W: a mean
    # over two values of std^2 |W|^2
    std, v = 0.3, np.array([1.0, -2.0])
    for_discriminator, for_generator = latent_consistency(5.0, 0.5, std)
    keys = jax.random.split(KEY, 2000)
    of_d = jax.vmap(lambda key: for_discriminator.value(inputs(key=key)))(keys)
    of_g = jax.vmap(lambda key: for_generator.value(inputs(key=key)))(keys)
    expected = std**2 * np.sum((np.asarray(W) @ v) ** 2)
    np.testing.assert_allclose(np.mean(of_d), expected, rtol=0.05)
    np.testing.assert_allclose(np.mean(of_g), -(std**2) * np.sum(W**2) / 2, rtol=0.05)
    assert (for_discriminator.name, for_generator.name) == ("zcr_discriminator", "zcr_generator")
    assert (for_discriminator.weight, for_generator.weight) == (5.0, 0.5)


def test_both_players_move_the_latents_of_a_sample_alike_on_any_device():
    term = latent_consistency()[1]
    whole = inputs()
    parts = [
        inputs(**{name: getattr(whole, name)[part] for name in ("index", "latents", "fake")})
        for part in (slice(2), slice(2, 4))
    ]
    np.testing.assert_allclose(
        np.mean([term.value(part) for part in parts]), term.value(whole), rtol=1e-5
    )


def test_latent_consistency_moves_floating_latents_only():
    z = {"z": normal(4, 3), "which": jnp.arange(4)}
    seen = []

    def keep(latents, condition=None):
        seen.append(latents["which"])
        return latents["z"]

    value = latent_consistency()[1].value(inputs(latents=z, fake=z["z"], generate=keep))
    np.testing.assert_array_equal(seen[0], z["which"])
    assert seen[0].dtype == z["which"].dtype  # it may choose rows of an embedding
    assert value < 0
    with pytest.raises(ValueError, match="std must be positive, got 0"):
        latent_consistency(std=0)


# ---- optimal transport ----


def test_transport_by_hand():
    z = jnp.array([[1.0, 2.0], [0.0, -1.0]])
    assert transport(z + jnp.array([[3.0, -1.0], [0.0, 2.0]]), z) == 14 / 4
    assert transport(z.astype(jnp.bfloat16), z) == 0.0
    check_grads(jax.jit(lambda x: transport(x, z)), (z + 1.0,), order=2, eps=1e-2)


def test_transport_needs_latents_of_the_samples_shape():
    with pytest.raises(ValueError, match=r"samples' shape, got \(2, 3\) for \(2, 2\): use"):
        transport(jnp.zeros((2, 2)), jnp.zeros((2, 3)))
