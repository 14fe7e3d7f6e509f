import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear import linear, make_linear

import jaxgan
from jaxgan import Network, bundle, latents, losses

KEY, KEYS = jax.random.key(0), jax.random.split(jax.random.key(1), 4)
Z = jax.random.normal(jax.random.key(2), (4, 3))


def counting(size):
    """A network that counts its training passes in its model state."""
    network = linear(size)

    def apply(params, model_state, x, *, keys, train, axis_name=None):
        return x @ params["w"], {"passes": model_state["passes"] + train}

    def init(key, x):
        return network.init(key, x)[0], {"passes": jnp.zeros((), jnp.int32)}

    return Network(init, apply)


def noisy():
    """A network that returns the noise it draws from its keys."""

    def apply(params, model_state, x, *, keys, train, axis_name=None):
        return jax.vmap(jax.random.normal)(keys), model_state

    return Network(lambda key, x: ({}, {}), apply)


def run(network, params, model_state, *inputs, train=True):
    return network.apply(params, model_state, *inputs, keys=KEYS, train=train)


def test_a_bundle_computes_what_its_networks_compute():
    networks = {"first": linear(5), "second": linear(2)}
    both = bundle(networks, lambda nets, z: nets["second"](nets["first"](z)))
    params, model_state = both.init(KEY, Z)
    assert params["first"]["w"].shape == (3, 5)
    assert params["second"]["w"].shape == (5, 2)
    got, _ = run(both, params, model_state, Z)
    expected = Z @ params["first"]["w"] @ params["second"]["w"]
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_networks_of_a_bundle_start_differently():
    alike = bundle({"a": linear(5), "b": linear(5)}, lambda nets, z: nets["a"](z) + nets["b"](z))
    params, _ = alike.init(KEY, Z)
    assert jnp.abs(params["a"]["w"] - params["b"]["w"]).min() > 0


def test_each_run_of_a_network_updates_its_model_state():
    networks = {"twice": counting(3), "once": counting(3), "never": counting(3)}
    two = bundle(
        networks,
        lambda nets, z: nets["once"](nets["twice"](nets["twice"](z))),
        start=lambda nets, z: [net(z) for net in nets.values()],
    )
    params, model_state = two.init(KEY, Z)
    assert jax.tree.leaves(model_state) == [0, 0, 0]
    _, changed = run(two, params, model_state, Z)
    assert {name: int(state["passes"]) for name, state in changed.items()} == {
        "twice": 2,
        "once": 1,
        "never": 0,
    }
    assert jax.tree.leaves(run(two, params, model_state, Z, train=False)[1]) == [0, 0, 0]


def test_each_run_draws_noise_of_its_own():
    two = bundle({"a": noisy(), "b": noisy()}, lambda nets, z: (nets["a"](z), nets["b"](z)))
    first, second = run(two, *two.init(KEY, Z), Z)[0]
    assert jnp.abs(first - second).min() > 0


def test_a_network_that_is_never_started_is_named():
    network = bundle({"a": linear(2), "b": linear(2)}, lambda nets, z: nets["a"](z))
    with pytest.raises(ValueError, match="did not run b: pass start="):
        network.init(KEY, Z)


def test_packing_networks_are_refused_inside_a_bundle():
    with pytest.raises(ValueError, match=r"wrap the whole bundle in jaxgan\.packed"):
        bundle({"a": jaxgan.packed(linear(1), 2)}, lambda nets, x: nets["a"](x))
    with pytest.raises(ValueError, match=r"got \[\]"):
        bundle({}, lambda nets, x: x)


@pytest.mark.slow
def test_the_losses_of_several_discriminators_are_averaged():
    names = ("a", "b", "c")
    team = bundle(
        {name: linear(1) for name in names},
        lambda nets, x: jnp.concatenate([nets[name](x) for name in names], axis=1),
    )
    x = jax.random.normal(KEY, (4, 2))
    gan = make_linear(discriminator=team)
    state = jaxgan.init(KEY, gan, x)
    _, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(KEY, state, x)
    alone = []
    for name in names:
        single = make_linear()
        own = state.discriminator._replace(params=state.discriminator.params[name], model_state={})
        own = own._replace(opt_state=single.discriminator_optimizer.init(own.params))
        step = jax.jit(jaxgan.make_discriminator_step(single))
        alone.append(step(KEY, state._replace(discriminator=own), x)[1]["discriminator_loss"])
    np.testing.assert_allclose(metrics["discriminator_loss"], np.mean(alone), rtol=1e-5)
    assert np.std(alone) > 0.01


def bigan():
    networks = {"generate": linear(2), "encode": linear(3)}
    generator = bundle(
        networks,
        lambda nets, z: (nets["generate"](z), z),
        start=lambda nets, z: nets["encode"](nets["generate"](z)),
    )
    judge = linear(1)
    discriminator = Network(
        lambda key, pair: judge.init(key, jnp.concatenate(pair, axis=1)),
        lambda params, state, pair, **rest: judge.apply(
            params, state, jnp.concatenate(pair, axis=1), **rest
        ),
    )
    return make_linear(
        generator=generator,
        discriminator=discriminator,
        loss=losses.bidirectional(losses.non_saturating),
        real=bundle(networks, lambda nets, x: (x, nets["encode"](x))).apply,
        latent=latents.normal(3),
    )


@pytest.mark.slow
def test_an_encoder_in_the_generators_player_learns_from_real_samples():
    # D(x, z) = a.x + b.z, J_G = E softplus(D(x, E(x))) + E softplus(-D(G(z), z))
    gan, x = bigan(), jax.random.normal(KEY, (4, 2))
    state = jaxgan.init(KEY, gan, x)
    w = state.discriminator.params["w"][:, 0]

    def by_hand(params):
        logits = x @ w[:2] + x @ params["encode"]["w"] @ w[2:]
        return jnp.mean(jax.nn.softplus(logits))

    slope = jax.grad(by_hand)(state.generator.params)["encode"]["w"]
    new, _ = jax.jit(jaxgan.make_generator_step(gan))(KEY, state, x)
    moved = new.generator.params["encode"]["w"] - state.generator.params["encode"]["w"]
    np.testing.assert_allclose(moved, -0.1 * slope, rtol=1e-4, atol=1e-7)
    assert jnp.abs(moved).max() > 0


@pytest.mark.slow
def test_the_discriminator_is_shown_pairs():
    gan, x = bigan(), jax.random.normal(KEY, (4, 2))
    state = jaxgan.init(KEY, gan, x)
    _, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(KEY, state, x)
    w = state.discriminator.params["w"]
    shown = jnp.concatenate([x, x @ state.generator.params["encode"]["w"]], axis=1)
    np.testing.assert_allclose(metrics["logit_real"], jnp.mean(shown @ w), rtol=1e-5)
    samples = jaxgan.sample(KEY, gan, state, 5)
    assert [leaf.shape for leaf in samples] == [(5, 2), (5, 3)]
