import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal
from jax.test_util import check_grads

import jaxgan
from jaxgan import generator_term, penalty
from jaxgan.regularizers import logit_centring, make_orthogonality
from jaxgan.types import Params


def of(generator=None, discriminator=None):
    return Params(generator, discriminator)


def test_orthogonality_by_hand():
    # columns (1, 2) and (3, 0): W'W = [[5, 3], [3, 9]]
    params = of({"dense": {"kernel": jnp.array([[1.0, 3.0], [2.0, 0.0]]), "bias": jnp.ones(2)}})
    assert make_orthogonality()(params) == 9 + 9
    assert make_orthogonality(off_diagonal=False)(params) == 16 + 9 + 9 + 64


@pytest.mark.parametrize("off_diagonal", [True, False])
def test_orthogonality_has_its_closed_form_gradient(off_diagonal):
    w = normal(2, 3, 4, 5)  # a convolution's kernel: 24 rows, a column per output
    flat = np.asarray(w, np.float64).reshape(24, 5)
    product = flat.T @ flat
    excess = product * (1 - np.eye(5)) if off_diagonal else product - np.eye(5)
    regularize = make_orthogonality(off_diagonal=off_diagonal)
    got = jax.grad(lambda w: regularize(of({"w": w})))(w)
    np.testing.assert_allclose(got.reshape(24, 5), 4 * flat @ excess, rtol=1e-4, atol=1e-4)


def test_orthogonal_kernels_have_no_excess():
    w = jnp.linalg.qr(normal(6, 4))[0]
    assert make_orthogonality(off_diagonal=False)(of([w])) < 1e-10
    assert make_orthogonality()(of([3.0 * w])) < 1e-9
    assert make_orthogonality(off_diagonal=False)(of([3.0 * w])) > 100


def test_orthogonality_of_selected_parameters_of_either_player():
    params = of({"a": normal(3, 3)}, {"a": normal(3, 3), "b": {"kernel": normal(4, 3)}})
    only = make_orthogonality("discriminator", select=lambda name: name == "b/kernel")
    assert only(params) == make_orthogonality()(of(params.discriminator["b"]))
    none = make_orthogonality("discriminator", select=lambda name: False)
    with pytest.raises(ValueError, match="none of the discriminator's parameters: a, b/kernel"):
        none(params)
    with pytest.raises(ValueError, match="player must be one of"):
        make_orthogonality("critic")


@pytest.mark.slow
def test_orthogonality_is_a_term_of_either_player(make_gan, batch):
    gan = make_gan(
        penalties=(penalty(make_orthogonality("discriminator"), 1e-4, name="d_orthogonality"),),
        generator_terms=(generator_term(make_orthogonality(), 1.0),),
    )
    key = jax.random.key(0)
    state = jaxgan.init(key, gan, batch)
    before = make_orthogonality()(of(state.generator.params))
    state, metrics = jax.jit(jaxgan.make_generator_step(gan))(key, state, batch)
    np.testing.assert_allclose(metrics["term_orthogonality"], before, rtol=1e-5)
    assert make_orthogonality()(of(state.generator.params)) < before


@pytest.mark.slow
def test_logit_centring_by_hand():
    real, fake = jnp.array([1.0, 2.0]), jnp.array([-1.0, 1.0])
    assert logit_centring(real, fake) == 4.5  # (0 + 9) / 2
    check_grads(jax.jit(logit_centring), (real, fake), order=2, eps=1e-2)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_logit_centring_is_finite_with_its_gradient_at_extreme_logits(dtype):
    logits = jnp.full(4, float(jnp.finfo(dtype).max) / 4, dtype)
    value, gradient = jax.value_and_grad(logit_centring)(logits, logits)
    assert value.dtype == jnp.float32
    assert np.isfinite(value)
    assert np.isfinite(np.asarray(gradient, np.float32)).all()


def test_centred_logits_have_mean_zero_under_a_relativistic_loss():
    # D(x) = a, D(G(z)) = b: the loss depends on a - b alone, the penalty on a + b.
    slope = jax.jit(jax.grad(lambda logits: 0.01 * logit_centring(logits[:1], logits[1:])))
    logits = jnp.array([7.0, 5.0])
    for _ in range(300):
        logits -= 5.0 * slope(logits)
    np.testing.assert_allclose(logits, [1.0, -1.0], atol=1e-3)
