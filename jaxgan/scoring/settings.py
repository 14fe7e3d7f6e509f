"""The scores that a run takes while it trains."""

from typing import Annotated, NamedTuple

import pydantic

from jaxgan.settings import Count, Setting, documented


def _absolute_features(features: str) -> str:
    from jaxgan.data.sources import absolute

    return absolute(features, kinds=("inception", "dinov2", "clip", "onnx"))


@documented
class Scoring(NamedTuple):
    """Scores during training. They do not influence it."""

    metrics: Annotated[
        tuple[str, ...],
        Setting(
            "Score samples during training, by some of the metrics of `jaxgan evaluate`.",
            may_change=True,
            flag="--score",
            metavar="NAME[,NAME]|none",
        ),
    ] = ()
    every: Annotated[
        Count,
        Setting(
            "Generator updates between scores.",
            may_change=True,
            flag="--score-every",
            shown_default="10 times per run",
        ),
    ] = 1000
    num: Annotated[
        int,
        pydantic.Field(ge=2, lt=2**31),
        Setting("Number of scored samples.", may_change=True, flag="--score-num"),
    ] = 2000
    features: Annotated[
        str | None,
        Setting(
            "Feature extractor of the scores, as `jaxgan evaluate --features` takes it.",
            may_change=True,
            flag="--score-features",
            shown_default="chosen for the data",
            absolute=_absolute_features,
        ),
    ] = None
