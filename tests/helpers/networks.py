"""Networks that several tests share, and how they start."""

import flax.linen as nn
import jax

import jaxgan
from jaxgan.models.layers.convolution import auto_means


class BatchNormDiscriminator(nn.Module):
    @nn.compact
    def __call__(self, x, *, train, axis_name):
        x = nn.Dense(8, use_bias=False)(x.reshape(len(x), -1))
        x = nn.BatchNorm(use_running_average=not train, axis_name=axis_name)(x)
        return nn.Dense(1)(nn.leaky_relu(x))


def start(key, gan, batch):
    """The first state of a GAN, compiled."""
    return jax.jit(lambda key, batch: jaxgan.init(key, gan, batch))(key, batch)


def shapes(module, *inputs):
    """Shapes of a module's output and parameters; nothing is computed."""
    with auto_means("xla"):
        output, variables = jax.eval_shape(
            lambda key, *inputs: module.init_with_output(key, *inputs, train=True),
            jax.random.key(0),
            *inputs,
        )
    return output, variables["params"]
