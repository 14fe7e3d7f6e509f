"""The parts of SN-GAN's residual networks in PyTorch, as `jaxgan.models.resnet` has them."""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu
from torch.nn.utils.parametrizations import spectral_norm

from throughput_frameworks.networks import Layer


class UpBlock(nn.Module):
    """Residual block that doubles the size."""

    def __init__(self, layer: Layer):
        super().__init__()
        n, m = layer.inputs[-1], layer.outputs[-1]
        self.norms = nn.ModuleList([nn.BatchNorm2d(n), nn.BatchNorm2d(m)])
        self.first = nn.Conv2d(n, m, 3, padding=1, bias=False)
        self.second = nn.Conv2d(m, m, 3, padding=1, bias=False)
        self.skip = nn.Conv2d(n, m, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(interpolate(relu(self.norms[0](x)), scale_factor=2))
        h = self.second(relu(self.norms[1](h)))
        return h + interpolate(self.skip(x), scale_factor=2)


class DownBlock(nn.Module):
    """Residual block with spectral norm, which halves the size where the layer does."""

    def __init__(self, layer: Layer):
        super().__init__()
        n, m = layer.inputs[-1], layer.outputs[-1]
        self.is_first, self.halves = layer.is_first, layer.inputs[0] > layer.outputs[0]
        self.first = spectral_norm(nn.Conv2d(n, layer.inner, 3, padding=1))
        self.second = spectral_norm(nn.Conv2d(layer.inner, m, 3, padding=1))
        self.skip = spectral_norm(nn.Conv2d(n, m, 1)) if layer.has_skip else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.second(relu(self.first(x if self.is_first else relu(x))))
        if self.halves:  # pooling first is cheaper for the skip connection, and the same
            h, x = avg_pool2d(h, 2), avg_pool2d(x, 2)
        return h + self.skip(x)


class SumPool(nn.Module):
    """Sums over all places of what is above 0."""

    def forward(self, x: Tensor) -> Tensor:
        return relu(x).sum((2, 3))


MODULES = {
    "up_block": UpBlock,
    "down_block": DownBlock,
    "norm": lambda layer: nn.Sequential(nn.BatchNorm2d(layer.outputs[-1]), nn.ReLU()),
    "sum": lambda layer: SumPool(),
}
