import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from inception_cases import FEATURES, LOGITS, pictures, random_tensors, summary
from PIL import Image
from torch_cases import contiguous, streamed, zipped

from jaxgan.models import (
    fid_images,
    inception_convolutions,
    inception_v3,
    inception_weights,
    make_inception,
)
from jaxgan.models.imagenet import inception_file
from jaxgan.models.imagenet.inception_blocks import (
    BEFORE_SPATIAL,
    FROM_SPATIAL,
    NETWORK,
    SPATIAL,
    Layer,
    kernel_shapes,
    max_pool,
    run,
    same_max_pool,
    same_mean_pool,
    without_edge,
)
from jaxgan.scoring import inception_extractor

SHAPES, OUTPUTS = kernel_shapes(NETWORK, 3)


@pytest.fixture
def narrow(monkeypatch):
    """Instead of the network one layer of it, to 2,048 features; its tensors."""
    pools, layer = [max_pool] * 5, Layer("Mixed_7c.branch_pool", 2048)
    parts = {"BEFORE_SPATIAL": pools, "SPATIAL": lambda x: x, "FROM_SPATIAL": layer}
    for name, part in parts.items():
        monkeypatch.setattr(f"jaxgan.models.imagenet.inception.{name}", part)
    monkeypatch.setattr("jaxgan.models.imagenet.inception_file.NETWORK", [*pools, layer])
    rng = np.random.default_rng(3)
    shapes = {"conv.weight": (2048, 3, 1, 1)}
    shapes |= {f"bn.{part}": (2048,) for part in ("weight", "bias", "running_mean", "running_var")}
    tensors = {f"Mixed_7c.branch_pool.{n}": rng.uniform(0.5, 1.5, s) for n, s in shapes.items()}
    tensors |= {"fc.weight": rng.normal(size=(1008, 2048)), "fc.bias": rng.normal(size=1008)}
    tensors = {name: x.astype(np.float32) for name, x in tensors.items()}
    return tensors | {"Mixed_7c.branch_pool.bn.num_batches_tracked": np.array(5)}


# ---- the network ----


@pytest.mark.slow
def test_network_equals_that_of_pytorch_fid():
    x = jnp.asarray(pictures(107, 99, 1) / 127.5 - 1, jnp.float32)
    convolutions = inception_convolutions(random_tensors())
    output = jax.jit(inception_v3)(convolutions, x)
    np.testing.assert_allclose(summary(output.features, 4), FEATURES, rtol=1e-5)
    np.testing.assert_allclose(summary(output.logits, 3), LOGITS, rtol=1e-4)
    biases = output.logits - output.unbiased_logits
    np.testing.assert_allclose(biases[0], convolutions["fc"].bias, atol=1e-5)


def test_network_has_the_layers_of_the_published_one():
    assert len(SHAPES) == 94
    assert OUTPUTS == 2048
    # 566 entries of the published file: five of each batch normalisation's layer, one count, fc
    assert 6 * len(SHAPES) + 2 == 566
    assert SHAPES["Mixed_6c.branch7x7dbl_5"] == (1, 7, 160, 192)
    assert SHAPES["Mixed_7c.branch3x3dbl_3b"] == (3, 1, 384, 384)


def test_spatial_features_are_those_of_the_published_layer():
    # mixed_6/conv of TensorFlow's network is Mixed_6d.branch1x1 in torch-fidelity's conversion
    assert (SPATIAL.name, SPATIAL.outputs, SPATIAL.window) == ("Mixed_6d.branch1x1", 192, (1, 1))
    assert [*BEFORE_SPATIAL, *FROM_SPATIAL] == NETWORK


@pytest.mark.slow
def test_features_of_any_images_of_75_pixels_or_more():
    convolutions = {n: (jnp.zeros(s), jnp.zeros(s[3])) for n, s in SHAPES.items()}
    convolutions["fc"] = (jnp.zeros((1, 1, 2048, 1008)), jnp.zeros(1008))
    output = jax.eval_shape(inception_v3, convolutions, jnp.zeros((4, 75, 131, 3)))
    assert [o.shape for o in output] == [(4, 2048), (4, 1008), (4, 1008), (4, 3, 6, 7)]
    for x in (jnp.zeros((4, 74, 75, 3)), jnp.zeros((4, 75, 75, 1)), jnp.zeros((75, 75, 3))):
        with pytest.raises(ValueError, match=r"x must be float .* at least 75 x 75 pixels, got"):
            inception_v3(convolutions, x)
    with pytest.raises(ValueError, match="got uint8"):
        inception_v3(convolutions, jnp.zeros((4, 75, 75, 3), jnp.uint8))


def test_pools_at_the_edge_look_at_what_is_there():
    x = -jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1)  # -1 to -9
    means = [[-3, -3.5, -4], [-4.5, -5, -5.5], [-6, -6.5, -7]]
    np.testing.assert_allclose(same_mean_pool(x)[0, :, :, 0], means, rtol=1e-6)
    maxima = [[-1, -1, -2], [-1, -1, -2], [-4, -4, -5]]
    np.testing.assert_array_equal(same_max_pool(x)[0, :, :, 0], maxima)
    np.testing.assert_array_equal(max_pool(x), x[:, :1, :1])
    np.testing.assert_array_equal(without_edge(x), x[:, 1:2, 1:2])


@pytest.mark.slow
def test_folding_keeps_convolution_and_batch_normalisation():
    tensors, name = random_tensors(), "Conv2d_3b_1x1"
    x = np.random.default_rng(1).normal(size=(2, 5, 4, 64))
    gamma, beta, mean, var = (
        tensors[f"{name}.bn.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    y = x @ tensors[f"{name}.conv.weight"][:, :, 0, 0].T
    y = np.maximum(gamma * (y - mean) / np.sqrt(var + 0.001) + beta, 0)
    folded = run(Layer(name, 80), inception_convolutions(tensors), jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(folded, y, rtol=1e-4, atol=1e-5)


# ---- images ----


def bilinear(x, size):
    """Bilinear interpolation by its definition: the four pixels about each place, float64."""
    for axis, new in enumerate(size):
        old = x.shape[axis]
        place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        low = np.floor(place).astype(int)
        part = (place - low).reshape(-1, *[1] * (x.ndim - axis - 1))
        high = np.minimum(low + 1, old - 1)
        x = np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part
    return x


@pytest.mark.one_quick_case
@pytest.mark.parametrize("size", [(32, 40), (299, 150), (640, 480), (1, 2)])
def test_images_are_interpolated_without_antialiasing(size):
    x = np.random.default_rng(0).integers(0, 256, (1, *size, 3)).astype(np.uint8)
    expected = bilinear(x[0] / 127.5 - 1, (299, 299))
    np.testing.assert_allclose(fid_images(x)[0], expected, atol=1e-5)


def test_images_of_299_pixels_keep_their_values():
    x = pictures(299, 299, 1)
    np.testing.assert_allclose(fid_images(x), x / 127.5 - 1, atol=1e-6)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("size", [(40, 33), (512, 350)])
def test_clean_images_are_those_of_pillow_on_floats(size):
    x = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    cubic = Image.Resampling.BICUBIC
    channels = [
        Image.fromarray(x[..., c].astype(np.float32)).resize((299, 299), cubic) for c in range(3)
    ]
    expected = (np.clip(np.stack(channels, axis=-1), 0, 255) - 128) / 128
    np.testing.assert_allclose(fid_images(x[None], resizing="clean")[0], expected, atol=2e-6)


def test_pixel_i_of_tensorflow_is_at_i_old_by_new():
    x = np.random.default_rng(0).integers(0, 256, (32, 3)).astype(np.uint8)
    places = np.minimum(np.arange(299) * 32 / 299, 31)  # the last pixels repeat the border
    rows = np.stack([np.interp(places, np.arange(32), x[:, c]) for c in range(3)], axis=-1)
    found = fid_images(np.repeat(x[None, :, None], 7, axis=2), resizing="tensorflow")
    np.testing.assert_allclose(found[0, :, 150], (rows - 128) / 128, atol=2e-6)


@pytest.mark.slow
def test_grey_images_get_three_equal_channels_and_ranges_are_mapped():
    x = jax.random.uniform(jax.random.key(0), (2, 28, 28, 1), minval=-1.0)
    y = fid_images(x, (-1.0, 1.0))
    assert y.shape == (2, 299, 299, 3)
    assert y.dtype == jnp.float32
    np.testing.assert_array_equal(y[..., 0], y[..., 2])
    np.testing.assert_allclose(y, fid_images(jnp.repeat(x, 3, 3), (-1.0, 1.0)), atol=1e-6)
    np.testing.assert_allclose(y, fid_images(127.5 * (x + 1)), atol=1e-5)
    assert [float(fid_images(jnp.full((1, 3, 3, 1), v, float))[0, 0, 0, 0]) for v in (0, 255)] == [
        -1,
        1,
    ]


@pytest.mark.parametrize(
    ("x", "value_range", "message"),
    [
        (jnp.zeros((2, 8, 8, 4)), (0, 255), r"\[batch, height, width, 1 or 3\], got float32"),
        (jnp.zeros((8, 8, 3)), (0, 255), r"got float32 \(8, 8, 3\)"),
        (jnp.zeros((2, 8, 8, 3), int), (0, 255), r"got int32"),
        (jnp.zeros((2, 8, 8, 3)), (1, 1), r"with black < white, got \(1, 1\)"),
    ],
)
def test_what_are_no_images_is_named(x, value_range, message):
    with pytest.raises(ValueError, match=message):
        fid_images(x, value_range)


# ---- weights of the user ----


@pytest.mark.one_quick_case
@pytest.mark.parametrize("write", [streamed, zipped])
def test_the_known_file_gives_features_and_logits(narrow, write, tmp_path, monkeypatch):
    file = tmp_path / "pt_inception.pth"
    file.write_bytes(write(contiguous(narrow)))
    monkeypatch.setattr(inception_file, "FID_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    x = pictures(20, 30)
    features, logits, unbiased, spatial = make_inception(file)(x)
    images = np.asarray(run([max_pool] * 5, {}, fid_images(x)), np.float64)
    np.testing.assert_allclose(spatial, images, rtol=1e-5, atol=1e-6)
    weight, gamma, beta, mean, var = list(narrow.values())[:5]
    y = gamma * (images @ weight[:, :, 0, 0].T - mean) / np.sqrt(var + 0.001) + beta
    y = np.maximum(y, 0).mean(axis=(1, 2))
    np.testing.assert_allclose(features, y, rtol=1e-4)
    np.testing.assert_allclose(unbiased, y @ narrow["fc.weight"].T, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(logits - unbiased, [narrow["fc.bias"]] * 2, atol=1e-4)
    np.testing.assert_allclose(make_inception(file, (0.0, 1.0))(x / 255)[0], features, rtol=1e-4)


def test_the_extractor_has_the_features_the_logits_and_the_maps_of_its_resizing(narrow, tmp_path):
    file = tmp_path / "weights.safetensors"
    safetensors.numpy.save_file(narrow, file)
    x = pictures(20, 30)
    extractor = inception_extractor(file, "clean", verify=False)
    found = extractor.run(x / 127.5 - 1)
    expected = make_inception(file, verify=False, resizing="clean")(x)
    np.testing.assert_allclose(found.features, expected.features, rtol=1e-4)
    np.testing.assert_allclose(found.logits, expected.unbiased_logits, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found.spatial, expected.spatial.reshape(2, -1), atol=1e-5)
    assert (extractor.name, extractor.resized) == ("inception-weights", "clean299x299")
    assert extractor.any_size


def test_other_files_are_no_fid_unless_asked_for(narrow, tmp_path):
    file, other = tmp_path / "weights.pth", tmp_path / "weights.safetensors"
    file.write_bytes(zipped(contiguous(narrow)))
    safetensors.numpy.save_file(narrow, other)
    for f in (file, other):
        with pytest.raises(
            ValueError, match=r"does not hold the weights of the FID: .* verify=False"
        ):
            make_inception(f)
    read, same = (inception_weights(f, verify=False) for f in (file, other))
    jax.tree.map(np.testing.assert_array_equal, read, same)
    assert read["fc"].kernel.shape == (1, 1, 2048, 1008)


def test_the_published_hash_is_the_one_in_the_name_of_the_file():
    assert f"{inception_file.FID_SHA256[:8]}.pth" in inception_file.FID_URL
    assert len(bytes.fromhex(inception_file.FID_SHA256)) == 32


def test_files_that_are_missing_or_unreadable_are_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"there is no file .*none.pth: download the weights of the FID from"
    ):
        make_inception(tmp_path / "none.pth")
    for name in ("x.pth", "x.safetensors"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(ValueError, match=rf"{name} is not a "):
            inception_weights(tmp_path / name, verify=False)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "fc.bias",
            lambda x: x[:1000],
            r"tensor fc.bias must be floats \(1008,\), got",
        ),
        ("{}.conv.weight", lambda x: x.transpose(1, 0, 2, 3), r"must be floats \(2048, 3, 1, 1\)"),
        ("{}.bn.weight", lambda x: x.astype(int), r"bn.weight must be floats \(2048,\), got int64"),
        ("{}.bn.bias", None, r"tensor Mixed_7c.branch_pool.bn.bias of shape \(2048,\) is missing"),
        (
            "{}.bn.running_mean",
            lambda x: x * np.nan,
            r"running_mean has non-finite values",
        ),
        ("{}.bn.running_var", lambda x: -x, r"running_var has .* negative variances"),
        (
            "AuxLogits.fc.bias",
            lambda x: np.ones(3),
            r"tensor AuxLogits.fc.bias does not belong to the",
        ),
    ],
)
def test_tensors_of_another_network_are_named(narrow, tmp_path, name, change, message):
    name = name.format("Mixed_7c.branch_pool")
    changed = narrow | {name: change(narrow.get(name))} if change else dict(narrow)
    if not change:
        del changed[name]
    file = tmp_path / "weights.pth"
    file.write_bytes(zipped(contiguous(changed)))
    with pytest.raises(ValueError, match=message) as error:
        inception_weights(file, verify=False)
    assert str(file) in str(error.value)
