"""Reports of runs in odd places, with odd names, and on a phone."""

import json
import os
import shutil
import subprocess

import pytest
from PIL import Image
from small_game import command

from jaxgan.runs.disk.folder import check_new, held_folder
from jaxgan.runs.disk.log import image_name, write_event
from jaxgan.runs.outputs.report.page import write_report
from jaxgan.runs.settings.options import Input
from jaxgan.settings import check_fields

ODD = os.fsdecode(b"run\xff")  # a lone surrogate, as names have that are no UTF-8


@pytest.mark.slow
def test_names_that_are_no_utf8_are_escaped(ended):
    run = ended.rename(ended.parent / ODD)
    write_event(run, "kind\ud800", 7, "message\udcff")
    page = write_report(run).read_text("utf-8")
    assert "<title>small — run\\udcff" in page
    assert "kind\\ud800" in page
    assert "message\\udcff" in page


def test_runs_are_not_begun_where_nothing_could_be_saved_or_read_again(tmp_path):
    for begin in (check_new, lambda out: held_folder(out).__enter__()):
        with pytest.raises(ValueError, match=r"--out must be a UTF-8 path, .*\\udcff'"):
            begin(tmp_path / ODD)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"^source must be in UTF-8, .*got 'npz:run\\udcff'"):
        check_fields(Input(f"npz:{ODD}"))
    check_fields(Input("npz:ä€.npz"))


@pytest.mark.slow
def test_pictures_outside_the_runs_folder_are_left_out_and_counted(ended, tmp_path):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (2, 2), "red").save(secret)
    before = write_report(ended).read_text().count("data:image/png")
    (ended / "samples" / image_name(99)).symlink_to(secret)
    (ended / "samples" / image_name(98)).symlink_to(tmp_path / "missing.png")
    page = write_report(ended).read_text()
    assert page.count("data:image/png") == before
    assert "2 left out: unreadable, or links to files outside" in page


def test_links_within_the_runs_folder_are_shown(ended):
    found = ended / "samples" / image_name(4)
    moved = found.rename(ended / "kept.png")
    found.symlink_to(moved)
    assert "left out: unreadable" not in write_report(ended).read_text()


def test_a_run_behind_a_link_has_its_pictures(ended, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(ended)
    assert command("report", link, "--out", tmp_path / "page.html") == (0, "")
    assert "left out: unreadable" not in (tmp_path / "page.html").read_text()


@pytest.mark.slow
def test_names_stay_whole_on_a_phone(ended, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no chromium here")
    script = """<script>addEventListener("load", () => {
      document.body.style.width = "335px";
      const broken = [...document.querySelectorAll("th, td:first-child")].filter(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return !/[\\s-]/.test(cell.textContent.trim()) && range.getClientRects().length > 1;
      });
      document.title = "broken " + JSON.stringify(broken.map(cell => cell.textContent));
    });</script>"""
    file = write_report(ended, tmp_path / "page.html")
    file.write_text(file.read_text().replace("</body>", script + "</body>"))
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    title = done.stdout.partition("<title>")[2].partition("</title>")[0]
    assert json.loads(title.removeprefix("broken ")) == []
