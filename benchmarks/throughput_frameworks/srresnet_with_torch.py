"""SRResNet in PyTorch, eager and compiled."""

import os

# As in `with_torch`: every run pays for its compilation.
os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from throughput_frameworks.cases import (
    Runner,
    SuperResolution,
    first_minus_later,
    low_resolution,
)
from throughput_frameworks.with_torch import DEVICE, compiled


def make(case: SuperResolution, data: np.ndarray) -> list[Runner]:
    """Eager training, with the channels first and last in memory."""
    return [_runner(case, data, "PyTorch eager", last) for last in (False, True)]


def make_compiled(case: SuperResolution, data: np.ndarray) -> list[Runner]:
    """The same with the loss under `torch.compile`; needs a C++ compiler."""
    return [_runner(case, data, "torch.compile", last, compiled) for last in (False, True)]


class SRResNet(nn.Module):
    """The network of `jaxgan.models.SRResNet` without a norm."""

    def __init__(self, case: SuperResolution):
        super().__init__()
        n = case.features
        self.first = nn.Sequential(nn.Conv2d(3, n, 9, padding=4), nn.PReLU(n))
        self.blocks = nn.ModuleList(
            nn.Sequential(_conv(n, n), nn.PReLU(n), _conv(n, n)) for _ in range(case.blocks)
        )
        self.body_end = _conv(n, n)
        up = [(_conv(n, 4 * n), nn.PixelShuffle(2), nn.PReLU(n)) for _ in range(case.doublings)]
        self.up = nn.Sequential(*(layer for stage in up for layer in stage))
        self.last = nn.Conv2d(n, 3, 9, padding=4)

    def forward(self, image: Tensor) -> Tensor:
        x = start = self.first(image)
        for block in self.blocks:
            x = x + block(x)
        return self.last(self.up(start + self.body_end(x)))


def _conv(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _runner(
    case: SuperResolution,
    data: np.ndarray,
    framework: str,
    channels_last: bool,
    transform: Callable[[Callable], Callable] | None = None,
) -> Runner:
    torch.manual_seed(0)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    network = SRResNet(case).to(DEVICE, memory_format=memory_format)
    # Adam in one kernel: faster than the default here.
    adam = torch.optim.Adam(
        network.parameters(), lr=case.learning_rate, betas=case.betas, fused=True
    )
    truths, images = (
        torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).to(DEVICE, memory_format=memory_format)
        for x in (data, low_resolution(case, data))
    )

    def loss_of(image: Tensor, truth: Tensor) -> Tensor:
        return mse_loss(network(image), truth)

    loss_of = loss_of if transform is None else transform(loss_of)

    def step() -> Tensor:
        index = torch.randint(len(truths), (case.batch,), device=DEVICE)
        truth, image = (x[index].float().div_(127.5).sub_(1.0) for x in (truths, images))
        loss = loss_of(image, truth)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.detach().clone()  # the next call of a CUDA graph writes over it

    compile_seconds = 0.0 if transform is None else first_minus_later(step)

    def run_steps(num: int) -> np.ndarray:
        return torch.stack([step() for _ in range(num)]).cpu().numpy()[:, None]

    variant = "channels last" if channels_last else "channels first"
    num_params = sum(p.numel() for p in network.parameters())
    return Runner(framework, variant, run_steps, (num_params,), compile_seconds)
