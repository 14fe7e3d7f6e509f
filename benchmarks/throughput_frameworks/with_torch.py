"""The GANs in PyTorch, eager and compiled."""

import itertools
import math
import os

# Every run pays for its compilation, as with XLA, and can tell what it was.
os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")

from collections.abc import Callable

import numpy as np
import torch
from machine import available_cores
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from throughput_frameworks import residual_with_torch as residual
from throughput_frameworks.cases import Case, Runner, first_minus_later, to_range
from throughput_frameworks.networks import SLOPE, Layer, Layers

torch.set_num_threads(available_cores())
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cuda":  # TF32, which XLA takes there too
    torch.set_float32_matmul_precision("high")

# Of the discriminator's logits on real and fake samples, and of the generator's on fake ones.
_LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "non_saturating": (
        lambda real, fake: softplus(-real).mean() + softplus(fake).mean(),
        lambda fake: softplus(-fake).mean(),
    ),
    "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()),
    "hinge": (
        lambda real, fake: relu(1.0 - real).mean() + relu(1.0 + fake).mean(),
        lambda fake: -fake.mean(),
    ),
}


def make(case: Case, data: np.ndarray) -> list[Runner]:
    """Eager training in all forms: see `_forms`."""
    return [_runner(case, data, "PyTorch eager", *form) for form in _forms(case)]


def make_compiled(case: Case, data: np.ndarray) -> list[Runner]:
    """The same with the losses under `torch.compile`; needs a C++ compiler."""
    torch.compiler.reset()  # or the forms of earlier cases would count towards its limit
    return [_runner(case, data, "torch.compile", *form, compiled) for form in _forms(case)]


def compiled(function: Callable) -> Callable:
    """By `torch.compile`; on a GPU with CUDA graphs, which spare small networks the launches."""
    return torch.compile(function, mode="reduce-overhead" if DEVICE == "cuda" else None)


def _forms(case: Case) -> list[tuple[bool, bool]]:
    """Whether the discriminator runs once on both batches, and channels come last in memory."""
    joint = (False,) if case.batch_norm else (True, False)  # it would mix batch statistics
    return list(itertools.product(joint, (False, True) if case.convolutional else (False,)))


# --- Networks


def _network(layers: Layers) -> nn.Module:
    return nn.Sequential(*(module for layer in layers for module in _modules(layer)))


def _modules(layer: Layer) -> list[nn.Module]:
    if layer.kind in residual.MODULES:
        return [residual.MODULES[layer.kind](layer)]
    modules = [nn.Flatten()] if layer.kind == "dense" and len(layer.inputs) > 1 else []
    modules.append(_linear(layer))
    if layer.kind == "dense" and len(layer.outputs) > 1:
        *size, channels = layer.outputs
        modules.append(nn.Unflatten(1, (channels, *size)))
    if layer.batch_norm:
        modules.append(nn.BatchNorm2d(layer.outputs[-1]))
    if layer.activation is not None:
        activations = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
        activations["leaky_relu"] = lambda: nn.LeakyReLU(SLOPE)
        modules.append(activations[layer.activation]())
    return [*modules, nn.Dropout(layer.dropout)] if layer.dropout else modules


def _linear(layer: Layer) -> nn.Module:
    bias = not layer.batch_norm
    if layer.kind == "dense":
        dense = nn.Linear(math.prod(layer.inputs), math.prod(layer.outputs), bias=bias)
        return residual.spectral_norm(dense) if layer.spectral_norm else dense
    kind = nn.Conv2d if layer.kind == "conv" else nn.ConvTranspose2d
    padding = (layer.kernel - layer.stride + 1) // 2
    channels = layer.inputs[-1], layer.outputs[-1]
    return kind(*channels, layer.kernel, layer.stride, padding, bias=bias)


# --- Losses


def _losses(
    case: Case, generator: nn.Module, discriminator: nn.Module, joint: bool
) -> tuple[Callable, ...]:
    of_discriminator, of_generator = _LOSSES[case.loss]

    def discriminator_loss(real: Tensor, latents: Tensor) -> Tensor:
        with torch.no_grad():
            fake = generator(latents)
        if joint:
            real_logits, fake_logits = discriminator(torch.cat([real, fake])).chunk(2)
        else:
            real_logits, fake_logits = discriminator(real), discriminator(fake)
        loss = of_discriminator(real_logits, fake_logits)
        if case.gradient_penalty:
            loss = loss + case.gradient_penalty * _gradient_penalty(discriminator, real, fake)
        return loss

    def generator_loss(latents: Tensor) -> Tensor:
        return of_generator(discriminator(generator(latents)))

    return discriminator_loss, generator_loss


def _gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    u = torch.rand(len(real), *[1] * (real.ndim - 1), device=DEVICE)
    x = torch.lerp(fake, real, u).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1.0).square().mean()


# --- Training


def _runner(
    case: Case,
    data: np.ndarray,
    framework: str,
    joint: bool,
    channels_last: bool,
    transform: Callable[[Callable], Callable] | None = None,
) -> Runner:
    torch.manual_seed(0)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    generator, discriminator = (
        _network(layers).to(DEVICE, memory_format=memory_format)
        for layers in (case.generator, case.discriminator)
    )
    losses = _losses(case, generator, discriminator, joint)
    step = _make_step(
        case,
        torch.from_numpy(data).to(DEVICE),
        generator,
        discriminator,
        *(losses if transform is None else map(transform, losses)),
    )
    compile_seconds = 0.0 if transform is None else first_minus_later(step)

    def run_steps(num: int) -> np.ndarray:
        return torch.stack([step() for _ in range(num)]).cpu().numpy()

    variant = "joint pass" if joint else "separate passes"
    if case.convolutional:
        variant = "channels last" if channels_last else "channels first"
        variant += ", joint" if joint else ""
    num_params = [
        sum(p.numel() for p in network.parameters()) for network in (generator, discriminator)
    ]
    return Runner(framework, variant, run_steps, tuple(num_params), compile_seconds)


def _make_step(
    case: Case,
    data: Tensor,
    generator: nn.Module,
    discriminator: nn.Module,
    discriminator_loss: Callable,
    generator_loss: Callable,
) -> Callable[[], Tensor]:
    # Adam in one kernel: faster than the default here.
    adams = [
        torch.optim.Adam(player.parameters(), lr=case.learning_rate, betas=case.betas, fused=True)
        for player in (generator, discriminator)
    ]

    def update(loss: Tensor, adam: torch.optim.Optimizer) -> Tensor:
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.detach().clone()  # the next call of a CUDA graph writes over it

    *size, channels = case.sample_shape
    shape, latents = (case.batch, channels, *size), (case.batch, case.latents)

    def step() -> Tensor:
        real = data[torch.randint(len(data), (case.batch,), device=DEVICE)]
        real = to_range(case, real.float()) if case.images else real
        real = real.reshape(shape)
        d_loss = update(discriminator_loss(real, torch.randn(latents, device=DEVICE)), adams[1])
        discriminator.requires_grad_(False)  # spares the gradients of weights that stay
        g_loss = update(generator_loss(torch.randn(latents, device=DEVICE)), adams[0])
        discriminator.requires_grad_(True)
        return torch.stack([d_loss, g_loss])

    return step
