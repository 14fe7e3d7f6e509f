import functools
import hashlib
import json
import pickle
import subprocess
import sys

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from commands import invoke, succeed
from outputs import sample_run

from jaxgan.environment import environment
from jaxgan.images.tasks import condition_image
from jaxgan.players import PassOptions, generate
from jaxgan.recipes import RECIPES, recipe
from jaxgan.runs.disk import generator
from jaxgan.runs.disk.checkpoint import Restored
from jaxgan.runs.disk.generator import TrainedGenerator, load_generator
from jaxgan.runs.outputs import export
from jaxgan.runs.outputs.samples import draw_samples
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.steps import init
from jaxgan.training.state import run_state
from jaxgan.types import Batch, Weights

FILES = ["generator.json", "generator.safetensors", "generator.stablehlo"]
FAST = {"conditional-dcgan"}
pytestmark = pytest.mark.slow  # a short run is exported in CI

PAIRS = ("pix2pix", "cyclegan")
SHAPES = {"flow": (2,), "spiral": (2,), "wgan": (2,), "waves": (16, 1)}  # (8, 8, 1) for the others


def trained(name, folder, *options):
    out = folder / name
    succeed("train", name, "--steps", 3, "--out", out, "--devices", 1, *options)
    return out


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    return trained("digits", tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def conditional_run(tmp_path_factory):
    return trained("cgan", tmp_path_factory.mktemp("runs"))


def exported_to(folder, generator):
    export.export_generator(generator, folder)
    return folder


@pytest.fixture(scope="module")
def exported(digits_run):
    return exported_to(digits_run / "export", load_generator(digits_run))


@pytest.fixture(scope="module")
def conditional_exported(conditional_run, tmp_path_factory):
    return exported_to(tmp_path_factory.mktemp("out"), load_generator(conditional_run))


def key_data(seed):
    return jax.random.key_data(jax.random.key(seed))


def artifact(folder):
    return jax.export.deserialize((folder / "generator.stablehlo").read_bytes())


@functools.cache
def untrained(name):
    """A recipe's generator as it starts, with model state of no special values."""
    plan, shape = recipe(name).plan, SHAPES.get(name, (8, 8, 1))
    shape = (*shape[:-1], 2 * shape[-1]) if name in PAIRS else shape
    classes = 10 if plan.conditional else None
    low, high = (None, None) if plan.model_range is None else (0.0, 16.0)
    gan = recipe(name).gan(shape, classes)
    z = gan.latent(jax.random.key(0), jnp.arange(2))
    condition = condition_of(gan, jnp.zeros((2, *shape)), classes and jnp.zeros(2, jnp.int32))
    inputs = (z,) if condition is None else (z, condition)
    params, model_state = jax.jit(gan.generator.init)(jax.random.key(1), *inputs)
    model_state = jax.tree.map(lambda x: x + 0.3, model_state)
    data = DataFacts(shape, 100, classes, low, high, fingerprint="")
    config = Config(options_from_recipe(name), gan="", data=data, **environment())
    return TrainedGenerator(gan, params, model_state, False, 0, config)


def condition_of(gan, x, labels):
    batch = Batch(x, labels)
    return (batch if gan.task is None else gan.task.prepare(batch)).condition


def quick(use_ema=True):
    """A small generator; its EMA has other weights."""
    loaded = untrained("spiral")
    params = jax.tree.map(lambda p: p * (2.0 if use_ema else 1.0), loaded.params)
    return loaded._replace(params=params, ema=use_ema)


def in_own_range(x, config):
    """Samples in the data's range, worked out in double precision."""
    if config.data.low is None:
        return x
    (start, stop), (low, high) = (
        config.options.plan.model_range,
        (config.data.low, config.data.high),
    )
    return (np.asarray(x, np.float64) - start) / (stop - start) * (high - low) + low


# --- StableHLO


@pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
        for name in sorted(RECIPES)
    ],
)
def test_every_recipe_exports_for_all_platforms_and_samples_the_same(name):
    loaded = untrained(name)
    gan, data = loaded.gan, loaded.config.data
    program = jax.export.deserialize(export.stablehlo(loaded))
    assert program.platforms == ("cpu", "cuda", "tpu")
    index = jnp.array([5, 0, 7], jnp.int32)
    labels = None if data.num_classes is None else jnp.array([9, 0, 3], jnp.int32)
    x = jax.random.uniform(jax.random.key(2), (3, *data.shape), minval=-1.0)
    condition = condition_of(gan, x, labels)
    weights, options = Weights(loaded.params, loaded.model_state), PassOptions(condition)

    @jax.jit
    def shown(key):
        x = generate(key, gan, weights, index, options).x
        return x if gan.task is None else gan.task.restore(x, condition)

    wanted, image = shown(jax.random.key(4)), condition_image(condition)
    given = [] if image is None else [in_own_range(image, loaded.config).astype(np.float32)]
    given += [] if labels is None else [labels]
    got = program.call(key_data(4), index, *given)
    assert got.dtype == jnp.float32
    span = 1.0 if data.high is None else data.high
    np.testing.assert_allclose(
        got, in_own_range(wanted, loaded.config), rtol=1e-5, atol=1e-5 * span
    )


@pytest.mark.slow
def test_a_pyramid_is_exported_whole(tmp_path):
    levels = [untrained(f"conditional-lapgan/{each}") for each in ("coarse", "middle", "fine")]
    loaded = levels[-1]._replace(coarser=tuple(levels[:-1]))
    export.export_generator(loaded, tmp_path)
    head, params, model_state = export.load_safetensors(tmp_path)
    arguments = [each["name"] for each in head["stablehlo"]["arguments"]]
    assert arguments == ["key_data", "index", "labels"]
    for number, level in enumerate(levels):
        jax.tree.map(np.testing.assert_array_equal, params[str(number)], level.params)
    assert all(not state for state in model_state.values())
    labels = np.array([3, 1, 4], np.int32)
    got = artifact(tmp_path).call(key_data(5), jnp.arange(3, dtype=jnp.int32), jnp.asarray(labels))
    wanted = draw_samples(loaded, 3, 5, labels)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.slow
def test_an_artifact_of_two_domains_translates_to_the_one_asked_for():
    loaded = untrained("cyclegan")
    image = jax.random.uniform(jax.random.key(2), (1, 8, 8, 1), maxval=16.0)
    index = jnp.arange(1, dtype=jnp.int32)
    found = {}
    for domain in "ab":
        program = jax.export.deserialize(export.stablehlo(loaded, domain))
        found[domain] = program.call(key_data(0), index, image)
        both = image / 8.0 - 1.0
        options = PassOptions((both, both))
        weights = Weights(loaded.params, loaded.model_state)
        made = generate(jax.random.key(0), loaded.gan, weights, index, options).x
        wanted = in_own_range(made["ab".index(domain)], loaded.config)
        np.testing.assert_allclose(found[domain], wanted, rtol=1e-4, atol=1e-4)
    assert np.abs(found["a"] - found["b"]).max() > 0.1
    with pytest.raises(ValueError, match="digits has no two domains; leave --domain out"):
        export.stablehlo(untrained("digits"), "a")


@pytest.mark.one_quick_case
@pytest.mark.parametrize("num", [1, 2, 300])
def test_artifact_gives_the_samples_of_the_run_for_any_batch_size(digits_run, exported, num):
    got = artifact(exported).call(key_data(3), jnp.arange(num, dtype=jnp.int32))
    assert got.shape == (num, 8, 8, 1)
    np.testing.assert_allclose(got, sample_run(digits_run, num, 3), rtol=1e-5, atol=1e-5)


def test_samples_of_the_artifact_follow_their_index_not_their_place(exported):
    call = artifact(exported).call
    whole = call(key_data(0), jnp.arange(6, dtype=jnp.int32))
    part = call(key_data(0), jnp.array([4, 1], jnp.int32))
    np.testing.assert_allclose(part, whole[jnp.array([4, 1])], rtol=1e-5, atol=1e-5)
    assert np.abs(part[0] - part[1]).max() > 0.05


@pytest.mark.slow
def test_artifact_of_a_conditional_run_takes_labels(conditional_run, conditional_exported):
    labels = np.array([7, 7, 0, 9, 3], np.int32)
    got = artifact(conditional_exported).call(
        key_data(1), jnp.arange(5, dtype=jnp.int32), jnp.asarray(labels)
    )
    wanted = sample_run(conditional_run, 5, 1, labels=labels)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
    other = sample_run(conditional_run, 5, 1, labels=(labels + 1) % 10)
    assert np.abs(got - other).max() > 0.05


@pytest.mark.slow
def test_labels_out_of_range_give_nan_in_their_sample_only(conditional_exported):
    got = artifact(conditional_exported).call(
        key_data(1), jnp.arange(2, dtype=jnp.int32), jnp.array([10, 1], jnp.int32)
    )
    assert np.isnan(got[0]).all()
    assert np.isfinite(got[1]).all()


@pytest.mark.slow
def test_artifact_samples_where_jaxgan_cannot_be_imported(digits_run, exported, tmp_path):
    code = """
import sys
for name in ("jaxgan", "flax", "optax", "orbax"):
    sys.modules[name] = None
import jax, jax.export, numpy as np
artifact = jax.export.deserialize(open(sys.argv[1], "rb").read())
key_data = jax.random.key_data(jax.random.key(2))
np.save(sys.argv[2], artifact.call(key_data, np.arange(4, dtype=np.int32)))
"""
    out = tmp_path / "samples.npy"
    arguments = [str(exported / "generator.stablehlo"), str(out)]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(out), sample_run(digits_run, 4, 2), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_artifact_does_not_depend_on_the_machine_it_was_made_on(monkeypatch):
    loaded = untrained("dcgan")
    here = export.stablehlo(loaded)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    there = export.stablehlo(loaded)
    for raw in (here, there):  # XLA's own, with a dilated input, is slow on CPU
        assert "stablehlo.convolution" not in jax.export.deserialize(raw).mlir_module()


# --- Safetensors and the header


@pytest.mark.slow
def test_loaded_weights_sample_through_the_recipes_network(conditional_run, conditional_exported):
    head, params, model_state = export.load_safetensors(conditional_exported)
    numbers = head["hyperparameters"]
    gan = recipe(head["recipe"]).gan(tuple(head["shape"]), head["num_classes"], **numbers)
    labels, index = jnp.array([2, 5], jnp.int32), jnp.arange(2)
    weights, options = Weights(params, model_state), PassOptions(labels)
    x = generate(jax.random.key(6), gan, weights, index, options).x
    (start, stop), low, high = head["model_range"], head["low"], head["high"]
    own = (x - start) / (stop - start) * (high - low) + low
    wanted = sample_run(conditional_run, 2, 6, labels=np.asarray(labels))
    np.testing.assert_allclose(own, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("use_ema", [True, False])
def test_weights_are_those_asked_for_bit_by_bit(digits_run, tmp_path, use_ema):
    loaded = load_generator(digits_run, use_ema)
    export.export_generator(loaded, tmp_path)
    head, params, model_state = export.load_safetensors(tmp_path / "generator.safetensors")
    jax.tree.map(np.testing.assert_array_equal, params, loaded.params)
    assert model_state == loaded.model_state == {}
    assert (head["ema"], head["step"]) == (use_ema, 3)
    got = artifact(tmp_path).call(key_data(0), jnp.arange(3, dtype=jnp.int32))
    wanted, other = (sample_run(digits_run, 3, 0, ema) for ema in (use_ema, not use_ema))
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
    assert np.abs(got - other).max() > 1e-3


def test_model_state_and_odd_names_come_back(tmp_path):
    loaded = untrained("dcgan")
    odd = {"a/b": {"%2F": np.arange(3.0, dtype=np.float32), "scalar": jnp.float32(2.0)}}
    loaded = loaded._replace(model_state=loaded.model_state | odd)
    export.export_generator(loaded, tmp_path)
    _, params, model_state = export.load_safetensors(tmp_path)
    jax.tree.map(np.testing.assert_array_equal, params, loaded.params)
    jax.tree.map(np.testing.assert_array_equal, model_state, loaded.model_state)
    assert model_state["a/b"]["scalar"].shape == ()


def test_other_trees_than_nested_dicts_are_refused():
    with pytest.raises(ValueError, match="params/a must be nested dicts of arrays, got a tuple"):
        export._flat({"a": (np.zeros(1),)}, "params")
    with pytest.raises(ValueError, match="params must have strings as keys, got 0"):
        export._flat({0: np.zeros(1)}, "params")


def test_header_says_what_the_files_are_and_how_to_call_them(exported, conditional_exported):
    head = json.loads((exported / "generator.json").read_text())
    assert (head["format"], head["format_version"]) == ("jaxgan-generator", 1)
    assert (head["recipe"], head["data"], head["num_classes"]) == ("digits", "digits", None)
    assert (head["shape"], head["latent_shape"]) == ([8, 8, 1], [64])
    assert (head["low"], head["high"], head["model_range"]) == (0.0, 16.0, [0.0, 1.0])
    assert head["versions"]["jax"] == jax.__version__
    for name in FILES[1:]:
        content = (exported / name).read_bytes()
        assert head["files"][name] == {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    assert {name: head[name] for name in head if name != "files"} == (
        export.load_safetensors(exported)[0]
    )
    for folder in (exported, conditional_exported):
        said = json.loads((folder / "generator.json").read_text())["stablehlo"]
        program = artifact(folder)
        for argument, aval in zip(said["arguments"], program.in_avals, strict=True):
            assert argument["dtype"] == str(aval.dtype)
            assert [str(n) for n in argument["shape"]] == [str(n) for n in aval.shape]
        (result,) = program.out_avals
        assert [str(n) for n in said["result"]["shape"]] == [str(n) for n in result.shape]
        assert said["platforms"] == list(program.platforms)


def test_nothing_is_unpickled(exported, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler", "_load", "_loads", "_Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    export.load_safetensors(exported)
    artifact(exported).call(key_data(0), jnp.arange(2, dtype=jnp.int32))


# --- Folders and errors


@pytest.mark.slow
def test_command_line_exports_into_the_runs_folder(digits_run, tmp_path):
    result = invoke("export", digits_run, "--no-ema", "--out", tmp_path / "deep" / "x")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "deep" / "x").iterdir()) == FILES
    assert not export.load_safetensors(tmp_path / "deep" / "x")[0]["ema"]
    assert invoke("export", digits_run).exit_code == 0
    assert sorted(path.name for path in (digits_run / "export").iterdir()) == FILES


@pytest.mark.slow
def test_an_earlier_export_is_replaced_and_other_files_are_left(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for ema in (True, False):
        export.export_generator(quick(ema), tmp_path)
        assert export.load_safetensors(tmp_path)[0]["ema"] == ema
    assert sorted(path.name for path in tmp_path.iterdir()) == [*FILES, "notes.txt"]


@pytest.mark.parametrize("header", [None, "{}", "[]", "no json"])
def test_files_of_another_kind_are_not_written_over(tmp_path, header):
    safetensors.numpy.save_file({"x": np.ones(2)}, tmp_path / "generator.safetensors")
    if header is not None:
        (tmp_path / "generator.json").write_text(header)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(FileExistsError, match=r"safetensors, which jaxgan did not export"):
        export.export_generator(quick(), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.slow
def test_an_export_cut_short_leaves_whole_files_and_can_be_made_again(tmp_path, monkeypatch):
    export.export_generator(quick(), tmp_path)
    old = (tmp_path / "generator.stablehlo").read_bytes()

    def fail(path, content):
        if path.name == "generator.stablehlo":
            raise OSError("no space left")
        write(path, content)

    write = export._write
    monkeypatch.setattr(export, "_write", fail)
    with pytest.raises(OSError, match="no space"):
        export.export_generator(quick(use_ema=False), tmp_path)
    assert (tmp_path / "generator.stablehlo").read_bytes() == old
    said = json.loads((tmp_path / "generator.json").read_text())["files"]["generator.stablehlo"]
    assert said["sha256"] != hashlib.sha256(old).hexdigest()
    monkeypatch.setattr(export, "_write", write)
    export.export_generator(quick(use_ema=False), tmp_path)
    assert (tmp_path / "generator.stablehlo").read_bytes() != old


def test_bad_folders_and_files_are_explained(exported, tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a run's folder"):
        load_generator(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file: give a folder"):
        export.export_generator(quick(), tmp_path / "file")
    with pytest.raises(FileNotFoundError, match="no exported generator at"):
        export.load_safetensors(tmp_path)
    weights = tmp_path / "generator.safetensors"
    weights.write_bytes((exported / "generator.safetensors").read_bytes()[:-7])
    with pytest.raises(ValueError, match="is damaged or not a safetensors file"):
        export.load_safetensors(tmp_path)
    safetensors.numpy.save_file({"x": np.ones(2)}, weights)
    with pytest.raises(ValueError, match="is not of the format jaxgan-generator, but of None"):
        export.load_safetensors(tmp_path)
    metadata = {"format": export.FORMAT, "header": json.dumps({"format_version": 2})}
    safetensors.numpy.save_file({"x": np.ones(2)}, weights, metadata)
    with pytest.raises(ValueError, match="has format_version 2, this jaxgan reads up to 1"):
        export.load_safetensors(tmp_path)


def test_runs_without_an_average_say_so(digits_run, monkeypatch):
    saved = recipe("digits")
    gan = saved.gan((8, 8, 1), None)
    state = jax.eval_shape(lambda: init(jax.random.key(0), gan, jnp.zeros((2, 8, 8, 1))))
    plain = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), state)._replace(ema=None)
    found = Restored(3, run_state(jax.random.key(0), plain), ())
    monkeypatch.setattr(generator.checkpoint, "restore_latest", lambda directory, target: found)
    assert not load_generator(digits_run, use_ema=True).ema
