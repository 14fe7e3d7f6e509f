"""Official files of StyleGAN2, read without running them.

`official.pkl` was written by the code of https://github.com/NVlabs/stylegan2-ada-pytorch at commit
d72cc7d, with PyTorch 2.13 on a CPU: tiny conditional networks for images of 8 pixels with random
weights. The source code that such a file carries is replaced by a line that would end the program.
`official.npz` has the outputs of that code: of "G_ema" for four latents and labels, also truncated
by 0.5 without noise, of "G", and the logits of "D" for the samples of "G_ema".
"""

import io
import pickle
import pickletools
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from jaxgan.models.stylegan2 import official
from jaxgan.models.stylegan2.official_file import read_official

HERE = Path(__file__).parent
FILE = HERE / "official.pkl"
CONTENT = FILE.read_bytes()
OUTPUTS = np.load(HERE / "official.npz")
LABELS = np.array([0, 2, 1, 1])
ORDER = np.array([0, 2, 1, 3])  # official groups of samples are not consecutive


@pytest.fixture(scope="module")
def networks():
    return read_official(FILE)


def latents():
    drawn = np.random.default_rng(zlib.crc32(b"z")).normal(size=(4, 4))
    return jnp.asarray(drawn, jnp.float32)


def samples(converted, **changed):
    """Samples with the channels first, as the official ones."""
    module = converted.module.clone(**changed)
    variables = {"params": converted.params, **converted.model_state}
    run = jax.jit(lambda v, z: module.apply(v, z, jnp.asarray(LABELS), train=False))
    return np.moveaxis(np.asarray(run(variables, latents())), -1, 1)


def close(found, name, order=slice(None)):
    wanted = OUTPUTS[name][order]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


# ---- weights ----


@pytest.mark.slow
@pytest.mark.parametrize(("network", "output"), [("G_ema", "ema"), ("G", "g")])
def test_converted_generators_give_the_official_samples(networks, network, output):
    close(samples(official.official_generator(networks[network])), output)


@pytest.mark.slow
def test_converted_generators_are_truncated_as_the_official_ones(networks):
    converted = official.official_generator(networks["G_ema"])
    close(samples(converted, truncation=0.5, noise="none"), "truncated")


def test_converted_discriminators_give_the_official_logits(networks):
    module, params, _ = official.official_discriminator(networks["D"])
    x = jnp.asarray(np.moveaxis(OUTPUTS["ema"], 1, -1)[ORDER])
    run = jax.jit(lambda p: module.apply({"params": p}, x, LABELS[ORDER], train=False).logits)
    close(np.asarray(run(params))[:, None], "logits", ORDER)


def test_options_come_from_the_file(networks):
    converted = official.official_generator(networks["G_ema"])
    module = converted.module
    assert module.shape == (8, 8, 3)
    assert (module.channel_base, module.channel_max, module.w_dim) == (64, 5, 6)
    assert (module.mapping_layers, module.num_classes, module.clamp) == (2, 3, 8.0)
    assert official.latent_size(converted) == 4
    assert official.official_discriminator(networks["D"]).module.group_size == 2


def changed(networks, name="G_ema", arrays=None, **options):
    network = networks[name]
    kept = network.arrays if arrays is None else arrays
    return network._replace(options=network.options | options, arrays=kept)


def test_another_resolution_than_that_of_the_weights_is_refused(networks):
    with pytest.raises(ValueError, match=r"synthesis.b16.\S+ is missing"):
        official.official_generator(changed(networks, img_resolution=16))
    with pytest.raises(ValueError, match="must be a power of 2, got 12"):
        official.official_generator(changed(networks, img_resolution=12))


def test_weights_that_do_not_fit_the_options_are_refused(networks):
    with pytest.raises(ValueError, match=r"mapping.embed.weight must have the shape"):
        official.official_generator(changed(networks, c_dim=4))
    more = networks["D"].arrays | {"b8.extra": np.zeros(3, np.float32)}
    with pytest.raises(ValueError, match=r"b8.extra is more"):
        official.official_discriminator(changed(networks, "D", more))
    name = "synthesis.b8.conv0.resample_filter"
    filtered = networks["G"].arrays | {name: np.full((4, 4), 1 / 16, np.float32)}
    with pytest.raises(ValueError, match="is not the filter"):
        official.official_generator(changed(networks, "G", filtered))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mapping_kwargs": {"lr_multiplier": 0.1}}, r"lr_multiplier may be 0.01"),
        ({"synthesis_kwargs": {"use_noise": False}}, r"use_noise=False, which StyleGAN2 has not"),
        ({"magnitude_ema": True}, "the official Generator has magnitude_ema=True"),
        ({"mapping_kwargs": 5}, "mapping_kwargs must be a dictionary, got 5"),
        ({"z_dim": "4"}, "z_dim must be an int >= 1, got '4'"),
    ],
)
def test_options_without_a_counterpart_are_refused(networks, options, message):
    with pytest.raises(ValueError, match=message):
        official.official_generator(changed(networks, **options))


# ---- malice ----


def operations(content):
    """The opcodes of a pickle, without frames, which may be left out."""
    found = list(pickletools.genops(content))
    ends = [place for _, _, place in found[1:]] + [len(content)]
    pairs = zip(found, ends, strict=True)
    return [(op, arg, content[at:end]) for (op, arg, at), end in pairs if op.name != "FRAME"]


def call(module, name, argument):
    """Opcodes that call a function and drop its result."""
    texts = [b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name, argument)]
    return texts[0] + texts[1] + b"\x93" + texts[2] + b"\x85R0"


HARM = call("builtins", "exec", "open('harmed', 'w').close()")
CALLS = {
    "os": call("os", "system", "touch harmed"),
    "posix": call("posix", "system", "touch harmed"),
    "eval": call("builtins", "eval", "open('harmed', 'w').close()"),
    "exec": HARM,
    "attribute": call("collections", "OrderedDict.__init__.__class__", "x"),
    "torch": call("torch", "load", "x"),
    "network": call("dnnlib.tflib.network", "Network", "x"),
}


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Asserts that a file is refused, with a message, and that nothing in it has run."""
    monkeypatch.chdir(tmp_path)

    def check(content, message="rejected"):
        (tmp_path / "x.pkl").write_bytes(content)
        with pytest.raises(ValueError, match=f"x.pkl is not an official file.*{message}"):
            read_official(tmp_path / "x.pkl")
        assert not (tmp_path / "harmed").exists()

    return check


def test_the_planted_calls_would_run_in_an_ordinary_pickle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("posix", "eval", "exec"):
        pickle.loads(b"\x80\x04" + CALLS[name] + b"N.")
        (tmp_path / "harmed").unlink()


@pytest.mark.parametrize("name", CALLS)
def test_a_planted_call_is_refused(refused, name):
    parts = [text for _, _, text in operations(CONTENT)]
    message = "legacy.py first" if name == "network" else "rejected"
    refused(b"".join((parts[0], CALLS[name], *parts[1:])), message)


def test_a_planted_call_is_refused_anywhere_in_the_file(refused):
    parts = [text for _, _, text in operations(CONTENT)]
    for place in range(1, len(parts), 401):
        refused(b"".join((*parts[:place], HARM, *parts[place:])))


class Harmful:
    def __reduce__(self):
        return exec, ("open('harmed', 'w').close()",)


@pytest.mark.parametrize("place", ["parameter", "options"])
def test_an_object_that_reduces_to_a_call_is_refused(refused, place):
    planted = pickle.dumps(Harmful(), 4)[11:-1]  # without its header and end
    parts = operations(CONTENT)
    after = {"parameter": "noise_strength", "options": "num_layers"}[place]
    index = next(i for i, (_, arg, _) in enumerate(parts) if arg == after)
    texts = [text for _, _, text in parts]
    refused(b"".join((*texts[: index + 1], planted, b"0", *texts[index + 1 :])))


@pytest.mark.parametrize("place", range(5))
def test_a_call_in_the_bytes_of_a_tensor_is_refused(refused, place):
    parts = operations(CONTENT)
    index = next(i for i, (op, _, _) in enumerate(parts) if op.name == "BINBYTES")
    stream, own = io.BytesIO(parts[index][1]), []
    for _ in range(5):
        start = stream.tell()
        for _operation in pickletools.genops(stream):
            pass
        own.append(stream.getvalue()[start : stream.tell()])
    own[place] = b"\x80\x04" + HARM + own[place][2:]
    embedded = b"".join(own) + stream.read()
    texts = [text for _, _, text in parts]
    texts[index] = b"B" + len(embedded).to_bytes(4, "little") + embedded
    refused(b"".join(texts))


def test_other_classes_of_networks_are_refused(refused):
    refused(CONTENT.replace(b"\x8c\x09Generator", b"\x8c\x09Venerator"), "must hold a Generator")
    refused(pickle.dumps({"G": 1, "D": 2}), "does not hold the networks G, D, G_ema")
    refused(pickle.dumps({"G": 1, "D": 2, "G_ema": 3}), "must hold a Generator, got int")


def test_truncated_files_are_refused(refused):
    for kept in (0, 1, 100, len(CONTENT) // 2, len(CONTENT) - 1):
        refused(CONTENT[:kept], "")


# ---- own files ----


def test_a_converted_generator_is_read_back(networks, tmp_path):
    converted = official.official_generator(networks["G_ema"])
    official.save_converted(converted, tmp_path / "g.safetensors")
    read = official.load_converted(tmp_path / "g.safetensors")
    assert read.module == converted.module
    equal = jax.tree.map(np.testing.assert_array_equal, read[1:], converted[1:])
    assert jax.tree.structure(equal) == jax.tree.structure(jax.tree.map(lambda _: None, read[1:]))


def test_other_safetensors_files_are_refused(tmp_path):
    file = tmp_path / "g.safetensors"
    safetensors.numpy.save_file({"x": np.zeros(3)}, file)
    with pytest.raises(ValueError, match=r"g.safetensors is not a converted generator"):
        official.load_converted(file)
    file.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"g.safetensors is not a converted generator"):
        official.load_converted(file)
