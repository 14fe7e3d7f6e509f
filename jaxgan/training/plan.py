"""How a GAN is trained, and how records are read: declared here, checked in `plan_checks`."""

import difflib
import math
from typing import Annotated, Any, NamedTuple, get_args

import pydantic
import pydantic_core

from jaxgan.choices import (
    Alternation,
    NonfinitePolicy,
    Parallelization,
    Player,
    Precision,
    UpdateName,
)
from jaxgan.settings import Count, Setting, documented


def _ordered(model_range: tuple[float, float]) -> tuple[float, float]:
    if not -math.inf < model_range[0] < model_range[1] < math.inf:
        wanted = "must be finite (low, high) with low < high"
        raise pydantic_core.PydanticCustomError("ordered", wanted)
    return model_range


def _as_pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


ModelRange = Annotated[
    tuple[float, float], pydantic.BeforeValidator(_as_pair), pydantic.AfterValidator(_ordered)
]


def _known_rule(update: Any) -> Any:
    if not isinstance(update, str):
        return update
    name, names = update.partition(":")[0], get_args(UpdateName)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        # Braces would be taken for fields of the message.
        raise pydantic_core.PydanticCustomError(
            "rule", f"must be an update rule, one of {', '.join(names)}{hint}"
        )
    return update


UpdateRule = Annotated[Any, pydantic.AfterValidator(_known_rule)]
"""A rule's name with its numbers, or a `jaxgan.updates.Update`."""


@documented
class Plan(NamedTuple):
    """How a GAN is trained: batches, who updates when, arithmetic and devices."""

    batch_size: Annotated[Count, Setting("Global batch size, split over the devices.")] = 64
    n_critic: Annotated[
        Count,
        Setting("Discriminator updates per round, or epochs with --alternation epochs."),
    ] = 1
    n_generator: Annotated[
        Count, Setting("Generator updates per round, or epochs with --alternation epochs.")
    ] = 1
    alternation: Annotated[
        Alternation,
        Setting(
            "Alternate after steps or after epochs. In epochs, one player trains for whole passes "
            "over the data while the other is frozen."
        ),
    ] = "steps"
    update: Annotated[
        UpdateRule,
        Setting(
            "Update rule of a round, by its name in jaxgan.updates and its numbers, such as "
            "extragradient or lookahead:k=10,alpha=0.5.",
            metavar="RULE",
        ),
    ] = "alternating"
    first: Annotated[Player, Setting("The player that is updated first.")] = "discriminator"
    accumulate: Annotated[Count, Setting("Gradient-accumulation micro-batches per update.")] = 1
    model_range: Annotated[
        ModelRange | None,
        Setting(
            "(low, high) of the generator's output, to which bounded data such as uint8 images "
            "are scaled: (0, 1) for a sigmoid, (-1, 1) for tanh.",
            python_only=True,
        ),
    ] = None
    conditional: Annotated[
        bool,
        Setting("Pass the data's labels or other condition to both players.", python_only=True),
    ] = False
    flip: Annotated[
        bool, Setting("Mirror real images, each with probability 1/2.", panel="Data")
    ] = False
    crop: Annotated[
        int,
        pydantic.Field(ge=0),
        Setting("Shift real images by up to this number of pixels.", panel="Data"),
    ] = 0
    precision: Annotated[Precision, Setting("Compute dtype of the networks.")] = "float32"
    nonfinite: Annotated[
        NonfinitePolicy,
        Setting(
            "At a non-finite loss or gradient: stop, skip the update, or roll back to the last "
            "checkpoint with a fresh key (runs in a folder only).",
            may_change=True,
        ),
    ] = "stop"
    parallel: Annotated[
        Parallelization,
        Setting(
            "Parallelization: jit over a mesh, or pmap; the numbers are the same.",
            may_change=True,
            panel="Devices",
        ),
    ] = "jit"
    devices: Annotated[
        Count | None,
        Setting("Number of devices.", may_change=True, panel="Devices", shown_default="all"),
    ] = None
    rounds_per_call: Annotated[
        Count | None,
        Setting(
            "Rounds per compiled call.",
            may_change=True,
            panel="Devices",
            shown_default="chosen for speed",
        ),
    ] = None


def batches_per_round(plan: Plan) -> int:
    """The batches of a round of both players: each update has its own."""
    return max(plan.n_critic, plan.n_generator)


@documented
class ReadOptions(NamedTuple):
    """How records that do not fit in memory are read. Results do not depend on it."""

    workers: Annotated[
        int,
        pydantic.Field(ge=0),
        Setting("Processes that read streamed data.", may_change=True, per_process=True),
    ] = 0
    max_bad_fraction: Annotated[
        float,
        pydantic.Field(ge=0, le=1),
        Setting(
            "Tolerated fraction of unreadable records; 0 stops at the first one.", may_change=True
        ),
    ] = 0.01
