"""Reading the weights of the FID's Inception network from a file.

The file is `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid, also used by torch-fidelity. It
holds the weights of TensorFlow's network of 2015-12-05 under torchvision's names. Its SHA-256 is
checked, so that no other weights are used by mistake.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxgan.models.imagenet.inception_blocks import NETWORK, kernel_shapes
from jaxgan.models.imagenet.safetensors_file import read_safetensors
from jaxgan.models.imagenet.torch_file import read_tensors
from jaxgan.models.imagenet.weights import Convolution

FID_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
FID_URL = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
FEATURES, CLASSES = 2048, 1008
_BATCH_NORM = ("weight", "bias", "running_mean", "running_var")
_EPSILON = 1e-3  # of batch norm


def inception_weights(file: str | Path, verify: bool = True) -> dict[str, Convolution]:
    """The convolutions of the Inception network in a file, see `inception_convolutions`.

    Args:
      file: the .pth file of pytorch-fid or torch-fidelity; without `verify` also any other .pth or
        .safetensors file with the same names and shapes.
      verify: whether to accept only the weights of the FID, by their SHA-256. Scores with other
        weights must not be called FID.
    Raises:
      ValueError: if the file is missing, is not that of the FID and `verify` is set, cannot be
        read, or holds other tensors than this network's.
    """
    file = Path(file)
    if not file.is_file():
        raise ValueError(f"there is no file {file}: download the weights of the FID from {FID_URL}")
    if verify and hashlib.sha256(file.read_bytes()).hexdigest() != FID_SHA256:
        raise ValueError(
            f"{file} does not hold the weights of the FID: its SHA-256 is not {FID_SHA256}. "
            f"Download them from {FID_URL}, or pass verify=False for other weights, whose scores "
            "are not FID"
        )
    tensors = read_safetensors(file) if file.suffix == ".safetensors" else read_tensors(file)
    try:
        return inception_convolutions(tensors)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def inception_convolutions(tensors: Mapping[str, np.ndarray]) -> dict[str, Convolution]:
    """The network's convolutions with batch norm folded into them.

    Args:
      tensors: arrays by torchvision's names. For each convolution: NAME.conv.weight [out, in,
        height, width], and NAME.bn.weight, .bias, .running_mean and .running_var [out]; for the
        last layer: fc.weight [1008, 2048] and fc.bias [1008]. NAME.bn.num_batches_tracked is
        ignored.
    Returns:
      float32 convolutions by NAME, and the last layer as a 1 x 1 convolution, "fc".
    Raises:
      ValueError: if a tensor is missing, unknown, non-finite or of another shape or dtype, or a
        running variance is negative.
    """
    convolutions, _ = kernel_shapes(NETWORK, 3)
    _check(tensors, convolutions)
    head = _convolution(tensors["fc.weight"].T[None, None], tensors["fc.bias"])
    return {name: _folded(tensors, name) for name in convolutions} | {"fc": head}


def _folded(tensors: Mapping[str, np.ndarray], name: str) -> Convolution:
    # gamma (w * x - mean) / sqrt(var + eps) + beta = (scale w) * x + (beta - scale mean)
    gamma, beta, mean, var = (tensors[f"{name}.bn.{part}"].astype(float) for part in _BATCH_NORM)
    scale = gamma / np.sqrt(var + _EPSILON)
    kernel = tensors[f"{name}.conv.weight"].transpose(2, 3, 1, 0) * scale[None, None, None]
    return _convolution(kernel, beta - scale * mean)


def _convolution(kernel: np.ndarray, bias: np.ndarray) -> Convolution:
    return Convolution(*(jnp.asarray(x.astype(np.float32)) for x in (kernel, bias)))


def _check(tensors: Mapping[str, np.ndarray], convolutions: Mapping[str, tuple[int, ...]]):
    expected: dict[str, tuple[int, ...]] = {"fc.weight": (CLASSES, FEATURES), "fc.bias": (CLASSES,)}
    for name, (height, width, inputs, outputs) in convolutions.items():
        expected[f"{name}.conv.weight"] = (outputs, inputs, height, width)
        expected |= {f"{name}.bn.{part}": (outputs,) for part in _BATCH_NORM}
    known = expected.keys() | {f"{name}.bn.num_batches_tracked" for name in convolutions}
    if unknown := sorted(tensors.keys() - known):
        raise ValueError(f"tensor {unknown[0]} does not belong to the Inception network")
    for name, shape in expected.items():
        if name not in tensors:
            raise ValueError(f"tensor {name} of shape {shape} is missing")
        tensor = tensors[name]
        if tensor.shape != shape or not np.issubdtype(tensor.dtype, np.floating):
            raise ValueError(
                f"tensor {name} must be floats {shape}, got {tensor.dtype} {tensor.shape}"
            )
        if not np.isfinite(tensor).all() or (name.endswith("var") and tensor.min() < 0):
            raise ValueError(f"tensor {name} has non-finite values or negative variances")
