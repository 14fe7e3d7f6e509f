"""Samples, latents and conditions that are trees of arrays train as one array would."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import linear, make_linear

import jaxgan
from jaxgan import Batch, Network, latents, parallel, penalty, regularizers
from jaxgan.terms import latent_shift

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (16, 4))


def split(x):
    return {"left": x[:, :1], "right": (x[:, 1:],)}


def joined(tree):
    return jnp.concatenate(jax.tree.leaves(tree), axis=1)


def as_trees(network, before=lambda x: x, after=lambda x: x):
    """A network that takes or returns a tree in place of an array."""

    def init(key, x):
        return network.init(key, before(x))

    def apply(params, model_state, x, **options):
        output, model_state = network.apply(params, model_state, before(x), **options)
        return after(output), model_state

    return network._replace(init=init, apply=apply)


def both(**parts):
    """A GAN of points in four dimensions, and the same of trees."""
    draw = latents.normal(3)
    plain = make_linear(generator=linear(4), latent=draw, **parts)
    trees = dataclasses.replace(
        plain,
        generator=as_trees(plain.generator, joined, split),
        discriminator=as_trees(plain.discriminator, joined),
        latent=lambda key, index: split(draw(key, index)),
    )
    return plain, trees


PENALTIES = (
    penalty(regularizers.r1, gamma=1.0),
    penalty(regularizers.r2, 0.5),
    penalty(regularizers.gradient_penalty, 0.1),
)


def ends(plain, trees, rounds=3, **options):
    states = []
    for gan, x in ((plain, X), (trees, split(X))):
        state = jaxgan.init(KEY, gan, x)
        step = jax.jit(jaxgan.make_train_step(gan, **options))
        for key in jax.random.split(KEY, rounds):
            state, metrics = step(key, state, x)
        states.append((state, metrics))
    return states


def close(a, b):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), a, b)


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("parts", "options"),
    [
        ({"penalties": PENALTIES}, {}),
        ({"joint_pass": True}, {"accumulate": 2}),
        ({"penalties": (PENALTIES[0]._replace(coupled="own_gradient"),)}, {}),
        ({"latent_step": latents.natural_gradient_step(0.5, 1.0)}, {}),
    ],
    ids=["gradient penalties", "joint pass in micro-batches", "own gradient", "latent step"],
)
def test_a_gan_of_trees_equals_the_same_of_arrays(parts, options):
    close(*ends(*both(**parts), **options))


@pytest.mark.slow
def test_a_gan_of_trees_is_the_same_on_eight_devices():
    _, gan = both(penalties=PENALTIES)
    start, x = jaxgan.init(KEY, gan, split(X)), split(X)
    jitted = jax.jit(jaxgan.make_train_step(gan))(KEY, start, x)
    step = parallel.pmap_step(jaxgan.make_train_step(gan, axis_name=parallel.AXIS), 8)
    close(step(KEY, start, x), jitted)


def test_trees_can_be_sampled_and_judged():
    plain, trees = both()
    state = jaxgan.init(KEY, trees, split(X))
    samples = jaxgan.sample(KEY, trees, state, 5)
    assert jax.tree.structure(samples) == jax.tree.structure(split(X))
    np.testing.assert_allclose(joined(samples), jaxgan.sample(KEY, plain, state, 5), rtol=1e-6)
    z = trees.latent(KEY, jnp.arange(5))
    generate = jaxgan.make_generate(KEY, trees, state)
    discriminate = jaxgan.make_discriminate(KEY, trees, state)
    assert discriminate(generate(z)).shape == (5,)


def test_the_whole_output_of_a_discriminator_can_be_had():
    output = jaxgan.DiscriminatorOutput(jnp.zeros(16), {"h": X})
    gan = make_linear(
        generator=linear(4),
        discriminator=Network(lambda key, x: ({}, {}), lambda *args, **options: (output, {})),
    )
    state = jaxgan.init(KEY, gan, X)
    whole = jaxgan.make_discriminate(KEY, gan, state, full=True)(X)
    np.testing.assert_array_equal(whole.features["h"], X)


def test_trees_that_do_not_fit_are_named():
    _, gan = both()
    with pytest.raises(ValueError, match=r"does not match data shape .*'left': \(16, 2\)"):
        jaxgan.init(KEY, gan, {"left": X[:, :2], "right": (X[:, 2:],)})
    with pytest.raises(ValueError, match=r"same number of samples, got \[\(16, 4\), \(8, 4\)\]"):
        jaxgan.init(KEY, gan, (X, X[:8]))
    with pytest.raises(ValueError, match="samples must be floating, got int32"):
        jaxgan.init(KEY, gan, (X, jnp.arange(16)))
    augmented = dataclasses.replace(
        gan, augmentation=jaxgan.Augmentation(lambda keys, x, strength: x)
    )
    with pytest.raises(ValueError, match="augmentation needs samples that are one array"):
        jaxgan.init(KEY, augmented, split(X))
    for function in (regularizers.dragan, regularizers.make_consistency(lambda keys, x: x)):
        with pytest.raises(ValueError, match=r"needs samples that are one array.*got dict"):
            function(KEY, lambda x: joined(x)[:, 0], split(X))


# ---- steps of latents ----


def linear_score(g):
    return lambda z: z @ g


def test_latents_move_along_the_gradient_of_the_logits():
    g, z = jnp.array([3.0, 4.0]), jax.random.normal(KEY, (6, 2))
    plain = latents.gradient_step(0.1)(z, linear_score(g))
    np.testing.assert_allclose(plain, z + 0.1 * g[None], rtol=1e-6)
    natural = latents.natural_gradient_step(0.9, 5.0)(z, linear_score(g))
    np.testing.assert_allclose(natural, z + 0.9 * g[None] / 30.0, rtol=1e-6)


def test_the_natural_step_inverts_the_damped_fisher_matrix_of_each_sample():
    z = jax.random.normal(KEY, (6, 3))
    a = jax.random.normal(jax.random.key(2), (3, 3))

    def score(z):
        return jnp.sum(jnp.tanh(z @ a), axis=1)

    gradients = np.asarray(jax.grad(lambda z: jnp.sum(score(z)))(z), np.float64)
    fisher = np.einsum("ni,nj->nij", gradients, gradients) + 0.3 * np.eye(3)
    steps = np.linalg.solve(fisher, gradients[..., None])[..., 0]
    moved = latents.natural_gradient_step(0.7, 0.3)(z, score)
    np.testing.assert_allclose(moved, z + 0.7 * steps, rtol=1e-4)


@pytest.mark.slow
def test_both_players_losses_are_those_at_the_moved_latents():
    # D(G(z)) = v.Wz moves by rate |W'v|^2 on every sample, and the gradient flows through it.
    rate = 0.2
    shift = jaxgan.generator_term(latent_shift, 0.0)
    gan = make_linear(
        latent_step=latents.gradient_step(rate),
        loss=jaxgan.losses.wasserstein,
        generator_terms=(shift,),
        penalties=(penalty(latent_shift, 0.0, name="shift"),),
    )
    x = X[:, :2]
    state = jaxgan.init(KEY, gan, x)
    w, v = state.generator.params["w"], state.discriminator.params["w"]
    _, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(KEY, state, x)
    still = dataclasses.replace(gan, latent_step=None)
    _, before = jax.jit(jaxgan.make_discriminator_step(still))(KEY, state, x)
    length = jnp.sum((w @ v) ** 2)
    np.testing.assert_allclose(metrics["logit_fake"], before["logit_fake"] + rate * length, 1e-4)
    np.testing.assert_allclose(metrics["penalty_shift"], rate**2 * length, rtol=1e-4)
    assert before["penalty_shift"] == 0.0
    moved, _ = jax.jit(jaxgan.make_generator_step(gan))(KEY, state, x)
    plain, _ = jax.jit(jaxgan.make_generator_step(still))(KEY, state, x)
    # -d/dW rate |W v|^2 = -2 rate W v v', descended at the rate .1
    extra = 0.1 * 2 * rate * w @ v @ v.T
    difference = moved.generator.params["w"] - plain.generator.params["w"]
    np.testing.assert_allclose(difference, extra, rtol=1e-3, atol=1e-5)


def test_bad_rates_are_named():
    with pytest.raises(ValueError, match="rate must be positive and finite, got 0"):
        latents.gradient_step(0)
    with pytest.raises(ValueError, match="damping must be positive and finite, got -1"):
        latents.natural_gradient_step(1.0, -1)


@pytest.mark.parametrize("name", ["real", "latent_step"])
def test_settings_that_are_no_functions_are_named(name):
    with pytest.raises(ValueError, match=f"{name} must be a function or None, got 3"):
        make_linear(**{name: 3})


def test_a_condition_may_be_a_tree_for_pairs_of_domains():
    # F(b) = b, G(a) = 2 a: |F(G(a)) - a| + |G(F(b)) - b| = |a| + |b|
    def apply(params, model_state, z, pair, *, keys, train, axis_name=None):
        a, b = pair
        return (params["f"] * b, 2.0 * params["f"] * a), model_state

    generator = Network(lambda key, z, pair: ({"f": jnp.ones(())}, {}), apply)
    judge = as_trees(linear(1), lambda pair: jnp.concatenate(pair, axis=1))
    gan = make_linear(
        generator=generator,
        discriminator=jaxgan.without_condition(judge),
        latent=latents.none(),
        generator_terms=(jaxgan.generator_term(jaxgan.terms.cycle_consistency, 1.0),),
    )
    pair = (X[:, :2], X[:, 2:])
    batch = Batch(pair, pair)
    state = jaxgan.init(KEY, gan, batch)
    _, metrics = jax.jit(jaxgan.make_generator_step(gan))(KEY, state, batch)
    expected = np.abs(pair[0]).mean() + np.abs(pair[1]).mean()
    np.testing.assert_allclose(metrics["term_cycle_consistency"], expected, rtol=1e-5)
    with pytest.raises(ValueError, match=r"condition \(a, b\).*got NoneType"):
        jaxgan.terms.cycle_consistency(None, None, pair, None)
