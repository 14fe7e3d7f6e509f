"""Vision transformers of random weights, and their features by plain loops in NumPy."""

import math

import numpy as np

from jaxgan.models.imagenet.transformer_file import expected_shapes


def random_tensors(sizes, layout, seed=0):
    """Tensors of a network with all parameters random, such that no part is without effect."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in expected_shapes(sizes, layout).items():
        x = rng.normal(size=shape) * (shape[-1] ** -0.5 if len(shape) == 2 else 0.5)
        is_scale = len(shape) == 1 and ("norm" in name or "ln_" in name) and "weight" in name
        tensors[name] = (x + is_scale).astype(np.float32)
    return tensors


def norm(t, name, x, epsilon):
    mean, deviation = x.mean(), math.sqrt(x.var() + epsilon)
    return (x - mean) / deviation * t[f"{name}.weight"] + t[f"{name}.bias"]


def attention(q, k, v, heads):
    """Attention of tokens [tokens, width], head by head and query by query."""
    found, part = np.zeros_like(q), q.shape[1] // heads
    for head in range(heads):
        own = slice(head * part, (head + 1) * part)
        for i in range(len(q)):
            weights = np.exp([q[i, own] @ k[j, own] / math.sqrt(part) for j in range(len(k))])
            found[i, own] = weights @ v[:, own] / weights.sum()
    return found


def gelu(x):
    return np.array([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x.ravel()]).reshape(x.shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def patches_of(kernel, image):
    """Products of a kernel [width, 3, patch, patch] with the patches of an image, by rows."""
    size = kernel.shape[-1]
    return np.stack([
        np.einsum("okpq,pqk->o", kernel, image[i : i + size, j : j + size])
        for i in range(0, image.shape[0], size)
        for j in range(0, image.shape[1], size)
    ])  # fmt: skip


def linear(t, name, x):
    return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]


def dinov2_features(tensors, image, heads):
    """The features of one image by the authors' names; the grid must be that of the positions."""
    t = {name: x.astype(np.float64) for name, x in tensors.items()}
    x = patches_of(t["patch_embed.proj.weight"], image) + t["patch_embed.proj.bias"]
    x = np.concatenate([t["cls_token"][0], x]) + t["pos_embed"][0]
    x = np.concatenate([x[:1], *t.get("register_tokens", np.zeros((1, 0, x.shape[1]))), x[1:]])
    for i in range(sum(name.endswith("norm1.weight") for name in t)):
        b = f"blocks.{i}"
        y = np.stack([norm(t, f"{b}.norm1", row, 1e-6) for row in x])
        y = attention(*np.split(linear(t, f"{b}.attn.qkv", y), 3, axis=1), heads)
        x = x + t[f"{b}.ls1.gamma"] * linear(t, f"{b}.attn.proj", y)
        y = np.stack([norm(t, f"{b}.norm2", row, 1e-6) for row in x])
        if f"{b}.mlp.w12.weight" in t:
            gate, values = np.split(linear(t, f"{b}.mlp.w12", y), 2, axis=1)
            y = linear(t, f"{b}.mlp.w3", gate * sigmoid(gate) * values)
        else:
            y = linear(t, f"{b}.mlp.fc2", gelu(linear(t, f"{b}.mlp.fc1", y)))
        x = x + t[f"{b}.ls2.gamma"] * y
    return norm(t, "norm", x[0], 1e-6)


def clip_features(tensors, image, heads):
    """The embedding of one image by the authors' names."""
    t = {name.removeprefix("visual."): x.astype(np.float64) for name, x in tensors.items()}
    x = np.concatenate([t["class_embedding"][None], patches_of(t["conv1.weight"], image)])
    x = np.stack([norm(t, "ln_pre", row, 1e-5) for row in x + t["positional_embedding"]])
    for i in range(sum(name.endswith("ln_1.weight") for name in t)):
        b = f"transformer.resblocks.{i}"
        y = np.stack([norm(t, f"{b}.ln_1", row, 1e-5) for row in x])
        qkv = y @ t[f"{b}.attn.in_proj_weight"].T + t[f"{b}.attn.in_proj_bias"]
        x = x + linear(t, f"{b}.attn.out_proj", attention(*np.split(qkv, 3, axis=1), heads))
        y = np.stack([norm(t, f"{b}.ln_2", row, 1e-5) for row in x])
        y = linear(t, f"{b}.mlp.c_fc", y)
        x = x + linear(t, f"{b}.mlp.c_proj", y * sigmoid(1.702 * y))
    return norm(t, "ln_post", x[0], 1e-5) @ t["proj"]
