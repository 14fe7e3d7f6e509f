"""The page of a run: whole in one file, true to the run's files, safe, alive in a browser."""

import html.parser
import json
import re
import shutil
import subprocess

import pytest
from PIL import Image
from small_game import STEPS, command

from jaxgan import recipes
from jaxgan.recipes import StagedRecipe
from jaxgan.runs.disk.log import image_name, write_event
from jaxgan.runs.outputs.report import page as report
from jaxgan.runs.outputs.report.page import write_report

pytestmark = pytest.mark.slow  # CI runs them by themselves

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
METRICS = {"discriminator_loss", "generator_loss", "accuracy_real", "accuracy_fake", "diversity"}


class Page(html.parser.HTMLParser):
    """What a page holds: its tags with their attributes, its texts, the data of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.scripts, self._within = [], [], [], None
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._within = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._within = None

    def handle_data(self, data):
        if self._within == "script":
            self.scripts[-1] += data
        elif self._within != "style":
            self.words.append(data)

    def all(self, tag):
        return [attrs for found, attrs in self.tags if found == tag]

    def samples(self):
        return [image for image in self.all("img") if image["alt"].startswith("step ")]

    def figures(self):
        tags = self.all("script")
        places = [i for i, attrs in enumerate(tags) if attrs.get("class") == "figures"]
        return [json.loads(self.scripts[place]) for place in places]


def page_of(run):
    return Page(write_report(run).read_text())


@pytest.fixture(scope="module")
def whole(undisturbed):
    return Page(report.page(undisturbed))


@pytest.fixture
def interactive():
    pytest.importorskip("plotly")


# --- What is in it


def test_the_command_writes_one_page_and_leaves_nothing_beside(ended, tmp_path):
    before = {path.name for path in ended.iterdir()}
    assert command("report", ended)[0] == 0
    assert {path.name for path in ended.iterdir()} == before | {"report.html"}
    assert command("report", ended, "--out", tmp_path / "new" / "page.html")[0] == 0
    pages = ended / "report.html", tmp_path / "new" / "page.html"
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_nothing_is_loaded_from_elsewhere(whole):
    loaded = [
        value
        for _, attrs in whole.tags
        for name, value in attrs.items()
        if name in ("src", "href", "srcset", "data", "action", "poster")
    ]
    assert loaded
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in loaded)
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in whole.tags}
    (policy,) = [meta["content"] for meta in whole.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'")


def test_it_says_what_was_asked_for_and_what_came(whole):
    assert f"Finished: {STEPS} generator updates" in whole.text
    assert re.search(r"\(\S+ updates per second\)", whole.text)
    assert "Batch size 16" in whole.text
    assert "256 samples of shape 3" in whole.text
    assert "plan.batch_size 16" in whole.text
    assert "jaxlib" in whole.text


def test_pictures_are_those_of_the_folder_the_last_one_shown(whole, undisturbed):
    images = whole.samples()
    assert len(images) == len(list((undisturbed / "samples").iterdir())) == 3
    assert [image["alt"] for image in images] == [f"step {n}" for n in (4, 8, 12)]
    assert ["hidden" in image for image in images] == [True, True, False]
    (slider,) = whole.all("input")
    assert (slider["type"], slider["max"], slider["value"]) == ("range", "2", "2")


def test_many_pictures_are_thinned_and_that_is_said(ended):
    for step in range(1, 101):
        Image.new("RGB", (2, 2)).save(ended / "samples" / image_name(step))
    (ended / "samples" / "step_of_mine.png").write_text("none of ours")
    page = page_of(ended)
    assert len(page.samples()) == 60
    assert page.samples()[0]["alt"] == "step 1"
    assert page.samples()[-1]["alt"] == "step 100"
    assert "60 of 100 images" in page.text


def test_a_single_picture_has_no_slider(ended):
    for step in (4, 8):
        (ended / "samples" / image_name(step)).unlink()
    page = page_of(ended)
    assert (len(page.samples()), page.all("input")) == (1, [])
    assert "Samples at step 12." in page.text


def test_real_samples_are_shown_where_there_is_an_image_of_them(ended, whole):
    assert not [image for image in whole.all("img") if image["alt"] == "real samples"]
    Image.new("RGB", (2, 2)).save(ended / "samples" / "real.png")
    page = page_of(ended)
    assert [image for image in page.all("img") if image["alt"] == "real samples"]
    assert len(page.samples()) == 3


def test_each_metric_has_a_curve_with_the_numbers_of_the_file(whole, undisturbed, interactive):
    (figures,) = whole.figures()
    curves = {trace["legendgroup"]: trace for figure in figures for trace in figure["data"]}
    lines = (undisturbed / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert set(curves) == set(rows[0]) - {"round", "step"} > METRICS
    for name, curve in curves.items():
        assert curve["x"] == [row["step"] for row in rows]
        assert curve["y"] == pytest.approx([row[name] for row in rows], rel=1e-4)
    places = [div for div in whole.all("div") if div.get("class") == "plot"]
    assert len(places) == len(figures)


def test_without_plotly_the_curves_are_a_picture(ended, monkeypatch):
    monkeypatch.setattr(report, "plotly_script", lambda: None)
    page = page_of(ended)
    assert page.all("img")[-1]["alt"] == "curves of losses, accuracy and diversity"
    assert "pip install 'jaxgan[report]'" in page.text
    assert not page.figures()
    assert len((ended / "report.html").read_text()) < 100_000


def test_scores_have_values_and_errors_and_empty_columns_are_hidden(ended):
    scores = [{"name": "fd_pixels@10k", "value": 1.23456, "error": 0.5, "baseline": None}]
    text = json.dumps({"scores": scores, "features": "pixels", "versions": {"jax": "0.1.2"}})
    (ended / "scores.json").write_text(text)
    page = page_of(ended)
    assert "score value error fd_pixels@10k 1.235 0.5" in page.text
    assert "Unreliable" not in page.text
    assert "versions.jax 0.1.2" in page.text


def test_scores_of_few_samples_are_marked(ended):
    scores = [{"name": "fd_pixels@200", "value": 1.0, "error": None, "baseline": 0.5}]
    (ended / "scores.json").write_text(json.dumps({"scores": scores, "samples": 200}))
    page = page_of(ended)
    assert "score value real-data baseline fd_pixels@200 1 0.5" in page.text
    assert "Unreliable: only 200 samples were scored" in page.text


def test_scores_of_an_earlier_step_than_the_last_are_marked(ended):
    scores = [{"name": "fd_pixels@10k", "value": 1.0, "error": None, "baseline": 0.5}]
    for step, told in ((8, True), (12, False)):
        (ended / "scores.json").write_text(json.dumps({"scores": scores, "step": step}))
        text = "Older: these are the scores of step 8, and the run has reached step 12."
        assert (text in page_of(ended).text) == told


def test_events_are_told_and_warnings_stand_out(ended):
    write_event(ended, "collapse", 7, "diversity fell")
    write_event(ended, "resume", 8, "goes on")
    page = page_of(ended)
    assert "7 ⚠ collapse diversity fell" in page.text
    assert "8 resume goes on" in page.text


def test_of_very_many_events_the_last_are_told(ended):
    for number in range(250):
        write_event(ended, "skip", number, f"event {number}.")
    page = page_of(ended)
    assert "The last 200 of 250." in page.text
    assert "event 249." in page.text
    assert "event 49." not in page.text


def test_hostile_names_and_texts_are_only_text(ended, tmp_path):
    run = ended.rename(tmp_path / HOSTILE.replace("/", "∕"))
    write_event(run, HOSTILE, 7, HOSTILE)
    row = {"round": 13, "step": 13, HOSTILE: 1.0}
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    plain, page = Page(report.page(run)), page_of(run)
    assert not any("onerror" in attrs for _, attrs in page.tags)
    assert page.text.count("alert(1)") >= 3
    assert len(page.all("script")) == len(plain.all("script")) <= 4
    if page.figures():
        assert HOSTILE in [figure["title"] for figure in page.figures()[0]]


# --- Runs that are not whole


def test_an_unfinished_run_says_so(begun):
    page = page_of(begun)
    assert re.search(r"Not finished: \d of 12 generator updates logged", page.text)
    assert "Finished" not in page.text
    assert "Latest metrics" in page.text
    assert f"Not evaluated yet: run jaxgan evaluate {begun}" in page.text


def test_a_run_with_nothing_but_its_configuration_has_a_page(ended):
    for name in ("metrics.jsonl", "result.json"):
        (ended / name).unlink()
    shutil.rmtree(ended / "samples")
    page = page_of(ended)
    assert "Not finished: no metrics yet, of 12 generator updates" in page.text
    assert "No images of samples yet" in page.text
    assert "No metrics yet." in page.text
    assert "No events." in page.text
    assert not page.all("img")


def test_rows_that_are_no_numbers_are_left_out_and_counted(ended):
    row = {"round": 13, "step": 13, "generator_loss": "low"}
    with (ended / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n{\n")
    page = page_of(ended)
    assert "2 invalid line(s) of metrics.jsonl are left out." in page.text
    assert "low" not in page.text.split("Final metrics")[1]


def test_an_early_stop_is_told(ended):
    result = json.loads((ended / "result.json").read_text())
    (ended / "result.json").write_text(json.dumps(result | {"step": 8, "finding": "collapse"}))
    assert "Stopped early at step 8: collapse" in page_of(ended).text


def test_stages_have_a_section_each(ended, tmp_path, monkeypatch):
    base = recipes.RECIPES["small"]
    stages = tuple(
        recipes.Recipe(f"pair/{name}", "", base.data, base.gan, STEPS, base.plan)
        for name in ("first", "second")
    )
    staged = StagedRecipe("pair", "Two of them", stages, drawn_by="pyramid")
    monkeypatch.setitem(recipes.STAGED, "pair", staged)
    run = tmp_path / "staged"
    run.mkdir()
    (run / "stages.json").write_text(json.dumps({"recipe": "pair", "overrides": {}}))
    ended.rename(run / "first")
    Image.new("RGB", (2, 2)).save(run / "levels.png")
    page = page_of(run)
    assert page.all("img")[0]["alt"].startswith("samples at all levels")
    assert "pair: Two of them" in page.text
    assert f"Stage 1: first Finished: {STEPS} generator updates" in page.text
    assert "Stage 2: second Not started yet." in page.text
    assert [a["href"] for a in page.all("a")] == ["#stage-1", "#stage-2"]
    shutil.copytree(run / "first", run / "second")
    scores = [{"name": "fd@1k", "value": 2.5, "error": None, "baseline": None}]
    (run / "scores.json").write_text(json.dumps({"scores": scores}))  # those of the whole
    first, second = page_of(run).text.split("Stage 2: second")
    assert "fd@1k 2.5" in second
    assert "fd@1k" not in first


@pytest.mark.parametrize("name", ["result.json", "scores.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"scores": 3, "step": "x"}'])
def test_damaged_files_are_named(ended, name, text):
    (ended / name).write_text(text)
    status, error = command("report", ended)
    assert status == 2
    assert f"{name} is damaged" in error
    assert not (ended / "report.html").exists()


def test_folders_that_are_no_runs_are_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        status, error = command("report", folder)
        assert status == 2
        assert "is not a run's folder" in error
    assert not list(tmp_path.iterdir())


def test_other_endings_are_refused(ended):
    status, error = command("report", ended, "--out", ended / "report.pdf")
    assert status == 2
    assert "--out must end in .html, got" in error


# --- In a browser


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("there is no chromium here")
    return found


def opened(browser, file, profile):
    """The page after its scripts ran, and what the browser's console said."""
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={profile}", "--virtual-time-budget=5000", "--dump-dom", file.as_uri(),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return Page(done.stdout), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.slow
def test_a_browser_draws_all_curves_without_a_complaint(
    browser, interactive, ended, whole, tmp_path
):
    page, console = opened(browser, write_report(ended), tmp_path / "profile")
    assert console == []
    assert page.all("title")
    assert f"small — {ended.name} – jaxgan report" in page.text
    assert len(page.samples()) == 3
    curves = [g for g in page.all("g") if "trace" in g.get("class", "").split()]
    drawn = [g for g in curves if "scatter" in g["class"].split()]
    assert len(drawn) == sum(len(figure["data"]) for figure in whole.figures()[0])
    assert len(page.all("output")) == 1
    assert "step 12" in page.text


@pytest.mark.slow
def test_a_complaint_of_the_page_would_be_seen(browser, ended, tmp_path):
    file = tmp_path / "wrong.html"
    file.write_text("<title>wrong</title><script>console.error('planted'); missing()</script>")
    _, console = opened(browser, file, tmp_path / "profile")
    assert "planted" in console[0]
    assert "missing is not defined" in console[1]


@pytest.mark.slow
def test_the_slider_changes_the_picture_and_a_zoom_is_everyones(
    browser, interactive, ended, tmp_path
):
    script = """<script>addEventListener("load", async () => {
      const slider = document.querySelector("input");
      slider.value = 1;
      slider.dispatchEvent(new Event("input"));
      const plots = [...document.querySelectorAll(".plot")];
      await new Promise(done => setTimeout(done, 500));
      await Plotly.relayout(plots[0], {"xaxis.range[0]": 2, "xaxis.range[1]": 7});
      await new Promise(done => setTimeout(done, 500));
      document.title = JSON.stringify(plots.map(plot => plot.layout.xaxis.range));
    });</script>"""
    file = write_report(ended)
    file.write_text(file.read_text().replace("</body>", script + "</body>"))
    page, console = opened(browser, file, tmp_path / "profile")
    assert console == []
    assert ["hidden" in image for image in page.all("img")] == [True, False, True]
    assert "step 8" in page.text
    ranges = json.loads(page.words[page.words.index(next(w for w in page.words if "[[" in w))])
    assert len(ranges) > 5
    assert all(each == [2, 7] for each in ranges)
