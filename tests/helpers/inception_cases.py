"""Weights and images for tests of the Inception network, from formulas and a fixed seed."""

import numpy as np

from jaxgan.models.imagenet.inception_blocks import NETWORK, kernel_shapes


def random_tensors(seed=0):
    """Tensors under torchvision's names, which keep the features' size from layer to layer."""
    rng = np.random.default_rng(seed)

    def uniform(low, high, *shape):
        return rng.uniform(low, high, shape).astype(np.float32)

    tensors = {}
    for name, (height, width, inputs, outputs) in kernel_shapes(NETWORK, 3)[0].items():
        bound = np.sqrt(6 / (height * width * inputs))
        tensors[f"{name}.conv.weight"] = uniform(-bound, bound, outputs, inputs, height, width)
        tensors[f"{name}.bn.weight"] = uniform(0.6, 1.4, outputs)
        tensors[f"{name}.bn.bias"] = uniform(-0.2, 0.2, outputs)
        tensors[f"{name}.bn.running_mean"] = uniform(-0.2, 0.2, outputs)
        tensors[f"{name}.bn.running_var"] = uniform(0.6, 1.4, outputs)
    tensors["fc.weight"] = uniform(-0.05, 0.05, 1008, 2048)
    tensors["fc.bias"] = uniform(-1, 1, 1008)
    return tensors


def pictures(height, width, batch=2):
    """Images uint8 [batch, height, width, 3]."""
    n, i, j, c = np.meshgrid(*map(np.arange, (batch, height, width, 3)), indexing="ij")
    x = np.sin(0.3 * i + 0.1 * (n + 1) * j * (c + 1)) * np.cos(0.002 * i * j / (c + 1) + n)
    return np.round(127.5 * (x + 1)).astype(np.uint8)


# The features' mean, deviation and first four, and the logits' mean, deviation and first three, of
# the image pictures(107, 99, 1) under random_tensors(), in float64 by the network of pytorch-fid
# 0.3.0 with PyTorch 2.13. test_inception_torch.py computes them anew.
FEATURES = (0.275164069, 0.425710025, 0.0, 0.818833594, 0.901348401, 2.083248631)
LOGITS = (0.023162573, 0.88064515, -0.382195087, 0.206778629, 0.094438128)


def summary(values, number):
    """Mean, deviation and the first so many of values [1, n]."""
    values = np.asarray(values, np.float64)[0]
    return [values.mean(), values.std(), *values[:number]]
