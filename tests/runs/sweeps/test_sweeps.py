"""Sweeps: resumed to the same table, refused with other settings, shown on one page."""

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxgan import cli, recipes
from jaxgan.cli import app
from jaxgan.cli.console import make_console
from jaxgan.population import programs
from jaxgan.runs.sweeps import sweep as sweeps
from jaxgan.runs.sweeps.page import write_page
from jaxgan.runs.sweeps.settings import SweepSettings, parse_grid
from jaxgan.runs.sweeps.sweep import run_sweep
from jaxgan.types import GAN

pytestmark = pytest.mark.usefixtures("narrow_recipes")
SETTINGS = SweepSettings("ring", {"gamma": (0.1, 10.0), "learning_rate": (1e-3, 1e30)}, 2, 3)


@pytest.fixture(autouse=True)
def one_after_the_other(monkeypatch):
    monkeypatch.setattr(programs, "ON_CPU", ())


@pytest.fixture(scope="module")
def whole(tmp_path_factory, narrow_recipes):
    folder = tmp_path_factory.mktemp("sweep") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "ON_CPU", ())
        return folder, run_sweep(SETTINGS, folder, devices=1)


@pytest.mark.slow
def test_a_killed_sweep_resumes_to_the_same_table_in_any_order_of_its_numbers(whole, tmp_path):
    folder, table = whole

    def kill(progress):
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(SETTINGS, tmp_path / "killed", 1, kill)
    assert len(sweeps.read_table(tmp_path / "killed")) == 3
    done = []
    swapped = SETTINGS._replace(grid=dict(reversed(SETTINGS.grid.items())))
    again = run_sweep(swapped, tmp_path / "killed", 1, lambda progress: done.append(progress.done))
    assert done == [3, 4, 5, 6, 7, 8]  # nothing is trained twice
    for name, column in table.items():
        np.testing.assert_array_equal(again[name], column)
    texts = [(each / sweeps.TABLE).read_text() for each in (folder, tmp_path / "killed")]
    assert texts[0] == texts[1]


def test_the_table_has_a_row_per_member_and_counts_the_nonfinite(whole):
    _, table = whole
    assert table["gamma"].tolist() == [0.1] * 4 + [10.0] * 4
    assert table["seed"].tolist() == [0, 1] * 4
    assert table["nonfinite"].tolist() == [0, 0, 1, 1] * 2
    assert np.isnan(table["modes"]).tolist() == [False, False, True, True] * 2


def test_a_finished_sweep_trains_nothing(whole, monkeypatch):
    monkeypatch.delattr(sweeps, "trained")
    folder, table = whole
    np.testing.assert_array_equal(run_sweep(SETTINGS, folder, 1)["modes"], table["modes"])


def test_other_settings_are_refused(whole):
    folder, _ = whole
    with pytest.raises(ValueError, match="another steps: 3, got 4"):
        run_sweep(SETTINGS._replace(steps=4), folder, 1)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"contains notes\.txt"):
        run_sweep(SETTINGS, tmp_path, 1)


def test_an_unknown_number_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ValueError, match=r"Did you mean 'gamma'\? It has learning_rate"):
        run_sweep(SETTINGS._replace(grid={"gama": (1.0,)}), tmp_path / "new", 1)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"gamma": (1.0, -1.0)}}, "gamma of recipe ring must be a number, at least 0"),
        ({"grid": {"width": (4.0,)}}, "one program cannot vary width .* --set width=4"),
        ({"hyperparameters": {"gamma": 1.0}}, "gamma is given by --grid and by --set"),
        ({"hyperparameters": {"width": 0}}, "width of recipe ring must be an integer"),
    ],
)
def test_values_that_a_sweep_cannot_take_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        run_sweep(SETTINGS._replace(**changes), tmp_path / "new", 1)


@pytest.mark.slow
def test_a_sweep_trains_all_members_with_what_is_set(whole, tmp_path):
    _, table = whole
    changed = SETTINGS._replace(hyperparameters={"b1": 0.0, "learning_rate": 0.5})
    with pytest.raises(ValueError, match="learning_rate is given by --grid and by --set"):
        run_sweep(changed, tmp_path / "new", 1)
    changed = changed._replace(grid={"gamma": (0.1, 10.0)})
    other = run_sweep(changed, tmp_path / "new", 1)
    assert other["gamma"].tolist() == [0.1, 0.1, 10.0, 10.0]
    slow = {name: column[table["learning_rate"] < 1] for name, column in table.items()}
    scores = set(table) - {"gamma", "learning_rate", "seed", "step"}
    assert any((other[name] != slow[name]).any() for name in scores)
    assert (tmp_path / "new" / "sweep.json").read_text().count("learning_rate") == 1


def test_the_page_holds_everything(whole):
    folder, table = whole
    text = write_page(folder).read_text()
    assert "8 of 8 members trained" in text
    assert "4 became non-finite" in text
    assert text.count("data:image/png;base64,") == 2
    assert "http://" not in text
    assert "https://" not in text
    assert text.count("<tr>") == 5  # a head and four settings
    assert table["modes"].shape == (8,)


@pytest.mark.slow
def test_the_command_sweeps_and_names_the_best(tmp_path):
    out = tmp_path / "spiral"
    command = ["sweep", "spiral", "--grid", "gamma=0.1,1", "--seeds", "1", "--steps", "2"]
    result = CliRunner().invoke(app, [*command, "--out", str(out), "--devices", "1"])
    assert result.exit_code == 0, result.output
    assert "2 of 2 members" in result.output
    assert "best: gamma" in result.output
    assert (out / "report.html").is_file()
    assert "sliced_wasserstein" in (out / "table.csv").read_text()


@pytest.mark.parametrize(
    "text", ["gamma", "gamma=", "gamma=1:2", "gamma=a,b", "gamma=0:1:3", "g=1,1"]
)
def test_a_grid_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="--grid"):
        parse_grid([text])


def test_a_grid_is_not_shown_as_an_emoji(capsys, monkeypatch, tmp_path):
    command = ["jaxgan", "sweep", "ring", "--grid", "gama=0.1:100:8", "--out", str(tmp_path / "x")]
    monkeypatch.setattr("sys.argv", [*command, "--grid", "gamma=0:100:8"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "gamma=0:100:8" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", [*command, "--grid", "gamma=:100:8"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "\N{HUNDRED POINTS SYMBOL}" not in capsys.readouterr().err
    make_console().print("gamma=0.1:100:8")
    assert "gamma=0.1:100:8" in capsys.readouterr().out
    assert "\N{HUNDRED POINTS SYMBOL}" not in CliRunner().invoke(app, ["sweep", "--help"]).output


SHAPES = dict.fromkeys(("ring", "grid", "spiral", "wgan", "flow"), (2,))
SHAPES |= {"cyclegan": (8, 8, 2), "pix2pix": (8, 8, 2)}


def test_all_numbers_of_recipes_can_be_given():
    for name in recipes.RECIPES:
        numbers = recipes.recipe_numbers(name)
        if numbers:
            classes = 10 if recipes.recipe(name).plan.conditional else None
            shape = SHAPES.get(name, (8, 8, 1))
            assert isinstance(recipes.recipe_maker(name, shape, classes)(**numbers), GAN)
