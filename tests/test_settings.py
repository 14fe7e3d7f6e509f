"""Settings are declared once; all that is derived from a declaration follows it."""

from typing import Annotated, NamedTuple

import numpy as np
import pydantic
import pytest

from jaxgan import Plan
from jaxgan.runs.settings import compare
from jaxgan.runs.settings.options import Options
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.settings import (
    Count,
    Setting,
    check_fields,
    declared,
    documented,
    flatten,
    read_json,
    with_values,
)

SETTINGS = {each.path: each for each in declared(Options)}
MAY_CHANGE = {
    *("steps", "log_every", "sample_every", "stop_on", "track"),
    *("input.source", "input.max_memory", "input.max_pixels", "input.tfds_manual_dir"),
    *("input.reading.workers", "input.reading.max_bad_fraction"),
    *("plan.nonfinite", "plan.parallel", "plan.devices", "plan.rounds_per_call"),
    *("saving.every", "saving.minutes", "saving.keep.last", "saving.keep.best"),
    *("scoring.metrics", "scoring.every", "scoring.num", "scoring.features"),
}


class Small(NamedTuple):
    """Two settings."""

    width: Annotated[Count, Setting("Width in pixels.", may_change=True)]
    rate: Annotated[float, pydantic.Field(ge=0, le=1), Setting("Learning rate.")] = 0.5
    undeclared: int = 1


class Large(NamedTuple):
    small: Annotated[Small, Setting("A group.", panel="Sizes", shown_default="")]
    depth: Annotated[int, Setting("Depth.", flag="--layers", panel="Layers")] = 2


def test_the_settings_that_may_change_on_resume_are_these():
    assert {path for path, each in SETTINGS.items() if each.setting.may_change} == MAY_CHANGE


def test_a_setting_may_not_change_unless_that_is_declared(monkeypatch):
    found = {each.path: each.setting for each in declared(Large)}
    assert [path for path in found if found[path].may_change] == ["small.width"]
    monkeypatch.setattr(compare, "_SETTINGS", found)
    monkeypatch.setattr(compare, "differences", lambda old, new: dict.fromkeys(found, (1, 2)))
    assert compare.changes(None, None) == [
        "small rate 1 -> 2", "small undeclared 1 -> 2", "depth 1 -> 2",
    ]  # fmt: skip


def test_each_setting_has_its_own_option_and_a_help_text():
    flags = [each.setting.flag for each in SETTINGS.values()]
    assert len(set(flags)) == len(flags)
    for path, each in SETTINGS.items():
        assert each.setting.help.endswith("."), path
        assert each.setting.panel or path == "recipe", path


def test_declarations_are_found_in_all_groups():
    width, rate, undeclared, depth = declared(Large)
    assert (width.path, width.setting.flag, width.setting.panel) == (
        "small.width",
        "--width",
        "Sizes",
    )
    assert (rate.default, rate.setting.shown_default) == (0.5, "")
    assert (undeclared.setting.help, undeclared.setting.flag) == ("", "--undeclared")
    assert (depth.path, depth.setting.flag, depth.setting.panel) == ("depth", "--layers", "Layers")


def test_values_are_replaced_by_their_dotted_names():
    values = Large(Small(3))
    changed = with_values(values, {"small.width": 4, "depth": 5})
    assert flatten(changed) == {
        "small.width": 4, "small.rate": 0.5, "small.undeclared": 1, "depth": 5,
    }  # fmt: skip
    assert values == Large(Small(3))
    for name in ("x", "small.x", "depth.x"):
        with pytest.raises(ValueError, match=f"there is no setting '{name}'"):
            with_values(values, {name: 1})


def test_values_out_of_their_range_are_named():
    with pytest.raises(
        ValueError, match=r"^small.width should be .* 1, got 0; small.rate .* 2\.0$"
    ):
        check_fields(Large(Small(0, 2.0)))
    with pytest.raises(ValueError, match="width should be a valid integer, got True"):
        check_fields(Large(Small(True)))
    assert check_fields(Large(Small(np.int64(3)))) == Large(Small(3))


def test_json_has_all_fields_and_no_others():
    assert read_json(Large, b'{"small": {"width": 3}}') == Large(Small(3))
    with pytest.raises(ValueError, match="small: field required"):
        read_json(Large, b"{}")
    with pytest.raises(ValueError, match="x: extra inputs are not permitted, got 1"):
        read_json(Large, b'{"small": {"width": 3, "x": 1}}')


def test_fields_are_documented_by_their_help():
    text = documented(Small).__doc__
    assert text.startswith("Two settings.\n\n    Attributes:\n      width: Width in pixels.\n")
    assert "      batch_size: Global batch size, split over the devices.\n" in Plan.__doc__


def test_options_of_all_recipes_are_valid():
    from jaxgan.recipes import RECIPES

    for name in RECIPES:
        options = options_from_recipe(name)
        assert check_fields(options) == options
