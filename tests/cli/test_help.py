"""The help of each command: it fits 80 columns and says what each option takes, in one form."""

import re

import pytest
from commands import invoke, succeed

from jaxgan.recipes import RECIPES, STAGED

COMMANDS = (
    *("train", "sweep", "resume", "sample", "upscale"),
    *("evaluate", "report", "export", "recipes"),
)


def help_of(*command):
    return succeed(*command, "--help").output


@pytest.mark.parametrize("command", COMMANDS)
def test_options_that_take_no_value_show_no_type(command):
    text = help_of(command)
    assert not re.search(r"<(bool|int)|\[default: ", text)
    assert all(len(line) <= 80 for line in text.splitlines())
    shown = re.search(r"--help +-h +(\S+)", text)
    assert shown.group(1) == "Show"


def test_defaults_are_sentences_of_the_help():
    text = " ".join(re.sub("[│\n]", " ", help_of("sample")).split())
    assert "latents. Default: 0." in text
    assert "EMA generator. Default: --ema." in text
    assert "Default: 64, or up to 8 per class." in text
    assert text.count("[required]") == 2  # RUN and --out, which have no default
    assert "True" not in text


def test_the_table_of_recipes_leaves_room_for_summaries():
    lines = succeed("recipes").output.splitlines()
    assert lines[0].index("SUMMARY") <= 46
    assert all(len(line) <= 80 for line in lines)
    assert any(line.startswith("mnist-mlp") and "14 min *" in line for line in lines)


def test_no_two_recipes_have_the_same_summary():
    summaries = [each.summary for each in STAGED.values()]
    summaries += [each.summary for name, each in RECIPES.items() if "/" not in name]
    assert len(set(summaries)) == len(summaries)


def test_a_value_out_of_range_is_still_refused():
    result = invoke("sample", "run", "--out", "x.png", "--num", "0")
    assert result.exit_code == 2
    assert "--num" in result.output
