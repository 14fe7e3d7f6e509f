"""The GANs in PyTorch, eager and compiled."""

import itertools
import os

# Every run pays for its compilation, as with XLA, and can tell what it was.
os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from throughput_frameworks.cases import Case, Runner, available_cores, first_minus_later

torch.set_num_threads(available_cores())


def make(case: Case, data: np.ndarray) -> list[Runner]:
    """Eager training, the discriminator run once on both batches or once on each."""
    return [_runner(case, data, "PyTorch eager", joint) for joint in (True, False)]


def make_compiled(case: Case, data: np.ndarray) -> list[Runner]:
    """The same with the losses under `torch.compile`; needs a C++ compiler."""
    return [_runner(case, data, "torch.compile", joint, torch.compile) for joint in (True, False)]


def _network(widths: tuple[int, ...], slope: float, dropout: float, sigmoid: bool) -> nn.Module:
    layers: list[nn.Module] = []
    for i, (m, n) in enumerate(itertools.pairwise(widths), start=2):
        layers.append(nn.Linear(m, n))
        if i < len(widths):
            layers.append(nn.LeakyReLU(slope) if slope else nn.ReLU())
            layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, *([nn.Sigmoid()] if sigmoid else []))


def _losses(generator: nn.Module, discriminator: nn.Module, joint: bool) -> tuple[Callable, ...]:
    def discriminator_loss(real: Tensor, latents: Tensor) -> Tensor:
        with torch.no_grad():
            fake = generator(latents)
        if joint:
            real_logits, fake_logits = discriminator(torch.cat([real, fake])).chunk(2)
        else:
            real_logits, fake_logits = discriminator(real), discriminator(fake)
        return softplus(-real_logits).mean() + softplus(fake_logits).mean()

    def generator_loss(latents: Tensor) -> Tensor:
        return softplus(-discriminator(generator(latents))).mean()

    return discriminator_loss, generator_loss


def _runner(
    case: Case,
    data: np.ndarray,
    framework: str,
    joint: bool,
    transform: Callable[[Callable], Callable] | None = None,
) -> Runner:
    torch.manual_seed(0)
    generator = _network(case.generator, case.slope, 0.0, case.images)
    discriminator = _network(case.discriminator, case.slope, case.dropout, False)
    losses = _losses(generator, discriminator, joint)
    step = _make_step(
        case,
        torch.from_numpy(data),
        generator,
        discriminator,
        *(losses if transform is None else map(transform, losses)),
    )
    compile_seconds = 0.0 if transform is None else first_minus_later(step)

    def run_steps(num: int) -> np.ndarray:
        return torch.stack([step() for _ in range(num)]).numpy()

    variant = "joint pass" if joint else "separate passes"
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
        return loss.detach()

    def step() -> Tensor:
        real = data[torch.randint(len(data), (case.batch,))]
        real = real.float().div_(255.0) if case.images else real
        shape = (case.batch, case.generator[0])
        d_loss = update(discriminator_loss(real, torch.randn(shape)), adams[1])
        discriminator.requires_grad_(False)  # spares the gradients of weights that stay
        g_loss = update(generator_loss(torch.randn(shape)), adams[0])
        discriminator.requires_grad_(True)
        return torch.stack([d_loss, g_loss])

    return step
