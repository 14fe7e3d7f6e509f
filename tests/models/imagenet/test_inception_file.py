"""The Inception network against pytorch-fid's, where PyTorch, torchvision and it are installed."""

import contextlib
import warnings

import jax
import numpy as np
import pytest
from inception_cases import FEATURES, LOGITS, pictures, random_tensors, summary

from jaxgan.models import inception_convolutions, inception_weights, make_inception
from jaxgan.models.imagenet.inception_blocks import BLOCKS, run
from jaxgan.models.imagenet.torch_file import read_tensors

pytestmark = pytest.mark.slow
TENSORS = random_tensors(0)


@contextlib.contextmanager
def random_weights(inception):
    """Within it pytorch-fid takes the random tensors for its download."""
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(tensor) for name, tensor in TENSORS.items()}
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(inception, "load_state_dict_from_url", lambda *args, **named: state)
        yield


@pytest.fixture(scope="module")
def reference():
    """The module pytorch_fid.inception."""
    for package in ("torch", "torchvision"):
        pytest.importorskip(package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what these packages warn of while imported
        return pytest.importorskip("pytorch_fid.inception")


@pytest.fixture(scope="module")
def network(reference):
    with random_weights(reference):
        return reference.fid_inception_v3().eval()


def as_torch(x):
    import torch

    return torch.from_numpy(np.array(x)).movedim(3, 1)


def as_numpy(x):
    return x.detach().movedim(1, 3).numpy()


def test_every_block_equals_that_of_pytorch_fid(network):
    convolutions = inception_convolutions(TENSORS)
    seen, hooks = {}, []
    for name in BLOCKS:
        hook = lambda _, x, y, name=name: seen.update({name: (as_numpy(x[0]), as_numpy(y))})  # noqa: E731
        hooks.append(getattr(network, name).register_forward_hook(hook))
    network(as_torch(pictures(299, 299, 1) / np.float32(127.5) - 1).contiguous())
    for hook in hooks:
        hook.remove()
    assert list(seen) == list(BLOCKS)  # the same order
    for name, (x, y) in seen.items():
        ours = jax.jit(lambda c, x, step=BLOCKS[name]: run(step, c, x))(convolutions, x)
        assert y.max() > 0.1, name
        np.testing.assert_allclose(ours, y, rtol=1e-4, atol=1e-5 * y.max(), err_msg=name)


def test_the_frozen_values_are_those_of_pytorch_fid(network):
    seen, x = {}, as_torch(pictures(107, 99, 1) / 127.5 - 1)
    hook = network.avgpool.register_forward_hook(lambda _, x, y: seen.update(features=y))
    logits = network.double()(x)
    hook.remove()
    network.float()
    np.testing.assert_allclose(
        summary(seen["features"].detach()[:, :, 0, 0], 4), FEATURES, atol=1e-8
    )
    np.testing.assert_allclose(summary(logits.detach(), 3), LOGITS, atol=1e-8)


@pytest.mark.parametrize(("size", "newer"), [((32, 32), True), ((75, 400), False)])
def test_a_file_of_pytorch_gives_the_features_of_pytorch_fid(reference, tmp_path, size, newer):
    import torch

    file = tmp_path / "weights.pth"
    with random_weights(reference):
        whole = reference.InceptionV3(output_blocks=(3,)).eval()
        state = reference.fid_inception_v3().state_dict()
        x = pictures(*size)
        (expected,) = whole(as_torch(x / np.float32(255)).contiguous())
    torch.save(state, file, _use_new_zipfile_serialization=newer)
    features = make_inception(file, verify=False)(x).features
    np.testing.assert_allclose(features, expected[:, :, 0, 0], rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="does not hold the weights of the FID"):
        inception_weights(file)


@pytest.mark.parametrize("newer", [True, False])
def test_tensors_that_pytorch_saved_are_read(reference, tmp_path, newer):
    import torch

    x = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    tensors = {
        "shared": x[1],
        "transposed": x.permute(2, 0, 1),
        "parameter": torch.nn.Parameter(x[:, 1]),
        "count": torch.tensor(3),
        "half": x.half(),
        "double": x.double(),
        "flags": x > 3,
        "bytes": x.to(torch.uint8),
    }
    torch.save(tensors, tmp_path / "x.pth", _use_new_zipfile_serialization=newer)
    for name, tensor in read_tensors(tmp_path / "x.pth").items():
        expected = tensors[name].detach().numpy()
        np.testing.assert_array_equal(tensor, expected)
        assert tensor.dtype == expected.dtype, name
