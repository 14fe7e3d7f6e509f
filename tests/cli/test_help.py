"""The help of each command: it fits 80 columns and says what each option takes, in one form."""

import re

import pytest
from commands import invoke, succeed

from jaxgan.recipes import RECIPES, STAGED

COMMANDS = (
    *("train", "sweep", "resume", "sample", "upscale"),
    *("evaluate", "report", "export", "push", "video", "traverse", "neighbours", "recipes"),
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


def test_the_table_of_recipes_has_one_line_for_each_with_data_steps_and_time():
    lines = succeed("recipes").output.splitlines()
    single = [name for name in RECIPES if "/" not in name]
    assert [line.split()[0] for line in lines[1:-1]] == [*single, *STAGED]
    assert lines[0].split() == ["NAME", "DATA", "STEPS", "TIME", "SUMMARY"]
    assert lines[0].index("SUMMARY") <= 54
    assert all(len(line) <= 80 for line in lines)
    rows = {line.split()[0]: " ".join(line.split()) for line in lines}
    assert rows["mnist-mlp"].startswith("mnist-mlp digits 40,000 14 min * The original GAN")
    assert rows["lapgan"].startswith("lapgan digits 16,000 ")  # of all stages


def test_the_details_of_a_recipe_list_its_hyper_parameters_with_their_defaults():
    text = " ".join(succeed("recipes", "stylegan2").output.split())
    assert "hyper-parameters, for --set NAME=VALUE learning_rate 0.0025 Learning rate" in text
    assert "gamma 1 Strength of R1, which has the weight gamma / 2. auto: 0.0002 *" in text
    assert "width 64 The most channels" in text
    staged = succeed("recipes", "srgan-mse").output
    assert "pretrain_learning_rate  0.001" in staged
    assert "pixels" in staged


def test_no_two_recipes_have_the_same_summary():
    summaries = [each.summary for each in STAGED.values()]
    summaries += [each.summary for name, each in RECIPES.items() if "/" not in name]
    assert len(set(summaries)) == len(summaries)


def test_a_value_out_of_range_is_still_refused():
    result = invoke("sample", "run", "--out", "x.png", "--num", "0")
    assert result.exit_code == 2
    assert "--num" in result.output
