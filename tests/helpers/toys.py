"""What the examples share: points in the plane, small networks, a training loop, scores."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import jaxgan


class MLP(nn.Module):
    """Two hidden layers; inputs of several axes are flattened."""

    outputs: int
    width: int = 32

    @nn.compact
    def __call__(self, x):
        for _ in range(2):
            x = nn.leaky_relu(nn.Dense(self.width)(x.reshape(len(x), -1)), 0.2)
        return nn.Dense(self.outputs)(x)


def mlp(outputs, width=32):
    return jaxgan.from_linen(MLP(outputs, width))


def ring(count, radius=1.0):
    """Centres on a circle, [count, 2]."""
    angles = 2 * np.pi * np.arange(count) / count
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def mixture(centres, sigma=0.05, size=64):
    """A function from a key to a batch of equal Gaussians around the centres."""
    centres = jnp.asarray(centres)

    def draw(key):
        which, noise = jax.random.split(key)
        chosen = centres[jax.random.randint(which, (size,), 0, len(centres))]
        return chosen + sigma * jax.random.normal(noise, chosen.shape)

    return draw


def trained(key, gan, draw, rounds):
    """The state after a number of rounds, and the metrics of each, in one compiled loop."""
    init_key, batch_key, train_key = jax.random.split(key, 3)
    step = jaxgan.make_train_step(gan)

    def body(state, key):
        batch_key, step_key = jax.random.split(key)
        return step(step_key, state, draw(batch_key))

    @jax.jit
    def run(state, key):
        return jax.lax.scan(body, state, jax.random.split(key, rounds))

    state = jax.jit(lambda key, batch: jaxgan.init(key, gan, batch))(init_key, draw(batch_key))
    return run(state, train_key)


def nearest(samples, centres):
    """The index of each sample's nearest centre, and its distance from it."""
    distances = np.linalg.norm(np.asarray(samples)[:, None] - np.asarray(centres)[None], axis=-1)
    return distances.argmin(axis=1), distances.min(axis=1)


def modes(samples, centres, radius):
    """How many centres have at least 2% of the samples within a radius."""
    which, distance = nearest(samples, centres)
    counts = np.bincount(which[distance < radius], minlength=len(centres))
    return int(np.sum(counts > 0.02 * len(samples)))


def mutual_information(a, b):
    """Normalised mutual information of two labellings, I / sqrt(H H), from 0 to 1."""
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1 / len(a))

    def entropy(p):
        return -np.sum(p[p > 0] * np.log(p[p > 0]))

    h_a, h_b = entropy(joint.sum(axis=1)), entropy(joint.sum(axis=0))
    return (h_a + h_b - entropy(joint)) / np.sqrt(h_a * h_b)
