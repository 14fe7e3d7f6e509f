import json
import re
import subprocess
import sys

import numpy as np
import pytest
from commands import invoke
from outputs import sample_run
from PIL import Image
from tensorboardX import proto

from jaxgan import plots
from jaxgan.recipes import RECIPES, STAGED, recipe
from jaxgan.runs import train as runs
from jaxgan.runs.disk.folder import free_folder, held_folder
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.settings import with_values


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "digits"
    result = invoke(
        "train", "digits", "--steps", 20, "--out", out, "--devices", 1,
        "--log-every", 5, "--sample-every", 10,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def spiral_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "spiral"
    result = invoke(
        "train", "spiral", "--steps", 8, "--out", out, "--parallel", "pmap", "--devices", 2
    )
    assert result.exit_code == 0, result.output
    return out


def test_run_folder_holds_what_was_asked_for_and_what_came(digits_run):
    config = json.loads((digits_run / "config.json").read_text())
    options = config["options"]
    assert (options["recipe"], options["steps"]) == ("digits", 20)
    assert (options["input"]["source"], config["data"]["shape"]) == ("digits", [8, 8, 1])
    assert config["versions"]["jax"]
    assert {path.name for path in (digits_run / "samples").iterdir()} == {
        "real.png",
        "step_0000020.png",  # one compiled call of 20 rounds: the middle was never seen
    }
    assert (digits_run / "curves.png").stat().st_size > 10_000
    assert json.loads((digits_run / "result.json").read_text())["seconds"] > 0


@pytest.mark.slow
def test_a_run_below_its_data_goes_on_with_the_same_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8)
    for number, pixels in enumerate(noise):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "ab"[number % 2] / f"{number}.png")
    options = ("--data", "folder:.", "--batch-size", 8, "--devices", 1)
    assert invoke("train", "digits", *options, "--steps", 2).exit_code == 0
    assert list((tmp_path / "runs" / "digits" / "samples").iterdir())
    result = invoke("resume", "runs/digits", "--steps", 4)
    assert result.exit_code == 0, result.output
    assert "12 images 8x8x1, 2 classes: a, b; left out: 1 run" in result.output.splitlines()


def test_metrics_file_has_each_logged_round_once(digits_run):
    rows = [json.loads(line) for line in (digits_run / "metrics.jsonl").read_text().splitlines()]
    assert [row["round"] for row in rows] == [5, 10, 15, 20]
    assert [row["step"] for row in rows] == [5, 10, 15, 20]
    names = {"discriminator_loss", "generator_loss", "accuracy_pairs", "diversity", "penalty_r1"}
    assert all(names <= set(row) for row in rows)


def test_tensorboard_events_hold_the_same_numbers(digits_run):
    (path,) = digits_run.glob("events.out.tfevents.*")
    values = {}
    raw, offset = path.read_bytes(), 0
    while offset < len(raw):  # records of length, checksum, bytes, checksum
        length = int.from_bytes(raw[offset : offset + 8], "little")
        event = proto.event_pb2.Event.FromString(raw[offset + 12 : offset + 12 + length])
        values |= {(v.tag, event.step): v.simple_value for v in event.summary.value}
        offset += length + 16
    rows = [json.loads(line) for line in (digits_run / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        assert values[("generator_loss", row["round"])] == pytest.approx(row["generator_loss"])
    assert any(tag == "samples" for tag, _ in values)


@pytest.mark.slow
def test_samples_are_in_the_range_of_the_data_and_repeat(digits_run, tmp_path):
    files = [tmp_path / "a.npz", tmp_path / "deep" / "b.npz"]
    for file in files:
        result = invoke("sample", digits_run, "--num", 300, "--seed", 3, "--out", file)
        assert result.exit_code == 0, result.output
    first, second = (np.load(file)["samples"] for file in files)
    assert first.shape == (300, 8, 8, 1)
    assert first.dtype == np.float32
    assert 0 <= first.min() < first.max() <= 16
    assert first.max() > 2  # not left in the range of the networks, 0 to 1
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(sample_run(digits_run, 10, 3), first[:10])
    assert not np.array_equal(sample_run(digits_run, 10, 4), first[:10])
    raw = sample_run(digits_run, 10, 3, use_ema=False)
    assert not np.array_equal(raw, first[:10])


def test_sample_draws_a_grid(digits_run, tmp_path):
    assert invoke("sample", digits_run, "--num", 9, "--out", tmp_path / "g.png").exit_code == 0
    with Image.open(tmp_path / "g.png") as picture:
        assert picture.size == (184, 184)  # 3 tiles of 56, 4 gaps of 4


@pytest.mark.slow
def test_two_dimensional_runs_are_drawn_as_points(spiral_run, tmp_path):
    with Image.open(spiral_run / "samples" / "step_0000008.png") as picture:
        assert picture.size[0] > 300
    assert invoke("sample", spiral_run, "--num", 9, "--out", tmp_path / "s.png").exit_code == 0
    assert sample_run(spiral_run, 5, 0).shape == (5, 2)


@pytest.fixture(scope="module")
def conditional_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "cgan"
    result = invoke("train", "cgan", "--steps", 20, "--out", out, "--devices", 1)
    assert result.exit_code == 0, result.output
    return out


@pytest.mark.slow
def test_conditional_runs_are_sampled_by_label(conditional_run, tmp_path):
    file = tmp_path / "sevens.npz"
    result = invoke("sample", conditional_run, "--label", 7, "--num", 5, "--out", file)
    assert result.exit_code == 0, result.output
    sevens = np.load(file)
    assert sevens["labels"].tolist() == [7] * 5
    assert sevens["samples"].shape == (5, 8, 8, 1)
    threes = sample_run(conditional_run, 5, 0, labels=np.full(5, 3))
    assert not np.allclose(sevens["samples"], threes)
    # more than one call draws, and a label stays with its sample
    labels = np.arange(300) % 10
    many = sample_run(conditional_run, 300, 0, labels=labels)
    again = sample_run(conditional_run, 300, 0, labels=np.where(labels == 7, 7, 0))
    np.testing.assert_array_equal(many[297], again[297])


@pytest.mark.slow
def test_pictures_of_conditional_runs_have_one_class_a_row(conditional_run, tmp_path):
    out = tmp_path / "grid.png"
    assert invoke("sample", conditional_run, "--num", 30, "--out", out).exit_code == 0
    (trained,) = (conditional_run / "samples").glob("step_*.png")
    sizes = []
    for path in (out, trained):
        with Image.open(path) as picture:
            sizes.append(picture.size)
    # 10 rows of 3, then of 8, tiles of 56 and gaps of 4; a margin for the classes' names
    assert [size[1] for size in sizes] == [604, 604]
    assert sizes[1][0] - sizes[0][0] == 5 * 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--label", 10), "the classes of .* are 0 to 9"),
        (("--label", -1), "the classes of .* are 0 to 9"),
        (("--num", 64), "num must be a multiple of the 10 classes, got 64"),
    ],
)
def test_labels_that_do_not_fit_are_an_error(conditional_run, tmp_path, arguments, message):
    result = invoke("sample", conditional_run, *arguments, "--out", tmp_path / "s.png")
    assert result.exit_code != 0
    assert re.search(message, str(result.exception))
    assert not (tmp_path / "s.png").exists()


def test_runs_without_classes_have_no_labels(digits_run, tmp_path):
    result = invoke("sample", digits_run, "--label", 3, "--out", tmp_path / "s.png")
    assert "is not conditional, it has no classes" in str(result.exception)
    with pytest.raises(ValueError, match="labels must be None"):
        sample_run(digits_run, 2, 0, labels=np.zeros(2, int))


def test_conditional_recipes_need_labelled_data(tmp_path):
    result = invoke("train", "cgan", "--data", "spiral", "--out", tmp_path / "r")
    assert "cgan needs labels, and spiral has none" in str(result.exception)
    assert not (tmp_path / "r").exists()


def test_other_settings_are_shown_and_change_nothing(digits_run):
    before = (digits_run / "config.json").read_bytes()
    result = invoke("train", "digits", "--batch-size", 32, "--out", digits_run)
    assert isinstance(result.exception, ValueError)
    assert "batch_size 64 -> 32" in str(result.exception)
    assert (digits_run / "config.json").read_bytes() == before


@pytest.mark.slow
def test_a_result_keeps_the_time_that_its_training_took(digits_run):
    before = (digits_run / "result.json").read_bytes()
    result = invoke("train", "--out", digits_run)
    assert result.exit_code == 0, result.output
    assert (digits_run / "result.json").read_bytes() == before


def test_bad_options_leave_no_folder_behind(tmp_path):
    result = invoke("train", "digits", "--batch-size", 12, "--devices", 8, "--out", tmp_path / "r")
    assert "batch_size=12 does not divide over 8" in str(result.exception)
    assert not (tmp_path / "r").exists()


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "nothing"), "unknown recipe 'nothing'. Run `jaxgan recipes` for the list"),
        (("train", "digits", "--data", "idx:missing"), "missing"),
        (("train", "digits", "--data", "digit"), "Did you mean 'digits'"),
        (("train", "digits", "--data", "spiral"), "scale the data, or use another generator"),
        (("train", "spiral", "--data", "digits"), "say what the generator outputs"),
        (("sample", "missing", "--out", "x.png"), "missing is not a run's folder"),
    ],
)
def test_bad_input_is_explained(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in str(invoke(*arguments).exception)


def test_a_folder_is_held_by_one_run_only(tmp_path):
    with (
        held_folder(tmp_path / "r"),
        pytest.raises(FileExistsError, match=r"is in use by another run \(process \d+ on"),
        held_folder(tmp_path / "r"),
    ):
        pass
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_a_folder_of_other_things_is_not_taken(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    result = invoke("train", "spiral", "--steps", 1, "--out", tmp_path)
    assert "is not a run folder, it contains notes.txt" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.slow
def test_a_run_cut_short_keeps_its_metrics_and_curves(tmp_path):
    def interrupt(row):
        if row["round"] == 4:
            raise KeyboardInterrupt

    changes = {"log_every": 2, "plan.rounds_per_call": 2, "plan.devices": 1, "saving.every": 50}
    options = with_values(options_from_recipe("spiral", 50), changes)
    with pytest.raises(KeyboardInterrupt):
        runs.train_run(options, tmp_path / "r", on_start=lambda run, step: interrupt)
    assert len((tmp_path / "r" / "metrics.jsonl").read_text().splitlines()) == 2
    assert (tmp_path / "r" / "curves.png").is_file()
    with pytest.raises(FileNotFoundError, match="has no checkpoint yet"):
        sample_run(tmp_path / "r", 1, 0)


@pytest.mark.slow
def test_the_best_is_known_by_either_player_s_metric_in_epochs(tmp_path):
    arguments = [
        *("train", "digits", "--steps", 2, "--devices", 1, "--batch-size", 600, "--log-every", 1),
        *("--alternation", "epochs", "--out", tmp_path / "r", "--keep-best"),
    ]
    result = invoke(*arguments, "loss")
    assert "--keep-best: no metric 'loss'. Choose one of accuracy" in str(result.exception)
    assert not (tmp_path / "r").exists()
    assert invoke(*arguments, "generator_loss:min").exit_code == 0
    assert load_generator(tmp_path / "r", which="best").step == 2


def test_samples_go_to_png_or_npz_only(digits_run, tmp_path):
    result = invoke("sample", digits_run, "--out", tmp_path / "x.jpg")
    assert "--out must be a folder, or end in .png or .npz" in str(result.exception)


def test_default_folders_do_not_collide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(free_folder("digits")) == "runs/digits"
    (tmp_path / "runs" / "digits").mkdir(parents=True)
    assert str(free_folder("digits")) == "runs/digits-2"


@pytest.mark.slow
def test_python_m_jaxgan_ends_bad_input_in_one_line_and_status_2():
    command = [sys.executable, "-m", "jaxgan", "train", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: unknown recipe 'nothing'")
    assert len(done.stderr.splitlines()) == 1


def test_help_lists_typed_options():
    text = invoke("train", "--help").output
    for name in ("--data", "--steps", "--seed", "--out", "--parallel", "--devices", "--n-critic"):
        assert name in text
    for panel in ("Data", "Training", "Checkpoints", "Scoring", "Devices"):
        assert f"─ {panel} ─" in text
    assert invoke("train", "--steps", "many").exit_code == 2


def test_recipes_are_a_table_with_a_row_each():
    lines = invoke("recipes").output.splitlines()
    assert lines[0].split() == ["NAME", "DATA", "STEPS", "TIME", "SUMMARY"]
    (dcgan,) = (line for line in lines if line.startswith("dcgan"))
    assert dcgan.split()[:5] == ["dcgan", "digits", "3,000", "15", "s"]
    names = [line.split()[0] for line in lines[1:-1] if line[0] != " "]
    assert names == [*(name for name in RECIPES if "/" not in name), *STAGED]


def test_the_details_of_a_recipe_have_its_time_and_result():
    text = invoke("recipes", "dcgan").output
    assert "15 s (MNIST: 5 min) on two CPU cores" in text
    assert "3,000 of batch size 64" in text
    assert "jaxgan train dcgan" in text
    for stage in STAGED["srgan"].stages:
        assert stage.name in invoke("recipes", "srgan").output
    assert "Did you mean 'digits'?" in str(invoke("recipes", "digts").exception)
    for each in (*RECIPES.values(), *STAGED.values()):
        if "/" not in each.name:  # stages are measured together
            assert each.time
            assert each.result
    with pytest.raises(ValueError, match="unknown recipe"):
        recipe("x")


def test_grid_shows_low_as_black_and_high_as_white():
    images = np.stack([np.full((2, 2, 1), value) for value in (-1.0, 1.0, 0.0)])
    grid = plots.sample_grid(images, -1.0, 1.0, columns=3)
    tile, gap = 56, 4
    row = grid[gap, gap :: tile + gap]
    np.testing.assert_array_equal(row[:3], [[0] * 3, [255] * 3, [128] * 3])


def test_curves_draw_the_rows_given():
    rows = [
        {"step": i, "round": i, "generator_loss": 2.0 * i, "accuracy_real": 0.5, "diversity": None}
        for i in range(1, 41)
    ]
    figure = plots.training_curves(rows)
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), range(1, 41))
    np.testing.assert_array_equal(line.get_ydata(), 2.0 * np.arange(1, 41))
    assert "generator updates" in figure.axes[0].get_xlabel()


def test_scatter_draws_every_point():
    points = np.random.default_rng(0).normal(size=(50, 2))
    figure = plots.scatter_over_density(points, points)
    np.testing.assert_allclose(figure.axes[0].collections[-1].get_offsets(), points)


@pytest.mark.slow
def test_spiral_recipe_ends_on_the_spiral(tmp_path):
    from jaxgan.data import spiral_distance

    assert invoke("train", "spiral", "--out", tmp_path / "r", "--devices", 1).exit_code == 0
    assert spiral_distance(sample_run(tmp_path / "r", 2000, 0)).mean() < 0.05


@pytest.mark.slow
def test_digits_recipe_shows_all_classes(tmp_path):
    from sklearn.svm import SVC

    from jaxgan.data import digits

    assert invoke("train", "--out", tmp_path / "r", "--devices", 1).exit_code == 0
    real, samples = digits(), sample_run(tmp_path / "r", 1000, 0)
    classifier = SVC().fit(real.x.reshape(-1, 64), real.condition)
    shares = np.bincount(classifier.predict(samples.reshape(-1, 64)), minlength=10) / 1000
    assert shares.min() >= 0.03


@pytest.mark.slow
def test_conditional_recipe_draws_the_class_asked_for(tmp_path):
    from sklearn.svm import SVC

    from jaxgan.data import digits

    out = tmp_path / "r"
    assert invoke("train", "cgan", "--steps", 8000, "--out", out, "--devices", 1).exit_code == 0
    labels = np.arange(1000) % 10
    real, samples = digits(), sample_run(out, 1000, 0, labels=labels)
    classifier = SVC(C=10.0).fit(real.x.reshape(-1, 64), real.condition)
    assert np.mean(classifier.predict(samples.reshape(-1, 64)) == labels) >= 0.9


@pytest.mark.slow
def test_clipped_wasserstein_estimate_falls(tmp_path):
    out = tmp_path / "r"
    assert invoke("train", "wgan", "--steps", 4000, "--out", out, "--devices", 1).exit_code == 0
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    values = np.array([row["value"] for row in rows])
    assert np.isfinite(values).all()
    assert values[-40:].mean() < 0.6 * values[:100].max()
