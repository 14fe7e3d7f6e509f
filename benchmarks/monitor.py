"""Judges the training monitor by games whose failures are planted: recall, false alarms, delay.

    python benchmarks/monitor.py --keep histories --json monitor.json --picture monitor.png

Sixty small games are played (see `monitor_games`): 20 healthy ones, and 40 that fail in eight ways.
The monitor then reads their histories, twice: as a run without scores logs them, and as one with
scores does, where the distance to the data in every 30th round is the score that may deteriorate.
Half of the games of each way, drawn once by a fixed seed, choose the thresholds; all figures are of
the other half. The search tries the values of `CANDIDATES` one threshold at a time, in order, and
keeps a value if it makes the gain larger: right warnings, minus twice the false alarms.

An alarm is any warning but `equilibrium`. It is false in a healthy game, and before the failure
begins. A warning is right if it is of a kind in `RIGHT`, once the failure has begun. Histories in
the folder of --keep are not made again.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from machine import print_machine
from monitor_games import HEALTHY, SIZES, Game, History, games, play

from jaxgan import monitor
from jaxgan.monitor import Alert, Kind, Thresholds

RIGHT: Mapping[str, tuple[Kind, ...]] = {
    "strong discriminator": ("discriminator-wins",),
    "saturation": ("discriminator-wins",),
    "blind discriminator": ("discriminator-fails",),
    "oscillation": ("oscillation", "deterioration"),
    "exploding logits": ("oscillation", "deterioration"),
    "collapse": ("collapse",),
    "slow collapse": ("collapse", "deterioration"),
    "deterioration": ("deterioration",),
}
CANDIDATES: Mapping[str, tuple] = {
    "transient": (500, 1000),
    "rows": (10, 20, 40),
    "accuracy": (0.9, 0.95, 0.98, 0.99),
    "winning_dprime": (3.0, 4.0, 5.0, 6.0),
    "chance_dprime": (0.1, 0.25, 0.4),
    "min_logit_std": (1e-5, 1e-4, 1e-3),
    "oscillating": (0.05, 0.1, 0.2),
    "collapsed": (0.4, 0.5, 0.6, 0.7),
    "min_diversity": (0.15, 0.25, 0.35),
    "relative_tolerance": (0.15, 0.25, 0.5, 1.0),
}
FALSE_ALARM_COSTS = 2
SCORED = {"score": "score", "mode": "min"}


class Verdict(NamedTuple):
    """What the monitor said of a game.

    Attributes:
      alarms: warnings after the failure began, `equilibrium` left out.
      right: the first right one; None if there is none.
      false: alarms in a healthy game, or before the failure began.
      calm: whether it said `equilibrium`, of a failing game after the failure began.
    """

    alarms: list[Alert]
    right: Alert | None
    false: list[Alert]
    calm: bool


class Played(NamedTuple):
    """A game with its history."""

    game: Game
    history: History


# --- Histories


def histories(keep: Path | None) -> list[Played]:
    """All games, played or read from a folder."""
    found = []
    for number, game in enumerate(games()):
        name = f"{game.way} {game.size} {game.name}"
        file = None if keep is None else keep / (name.replace(" ", "-") + ".npz")
        if file is not None and file.exists():
            with np.load(file) as stored:
                found.append(Played(game, dict(stored)))
            continue
        history = play(game, seed=number)
        if file is not None:
            np.savez(file, **history)
        found.append(Played(game, history))
        print(f"{number + 1:2} {name}: distance {history['score'][-1]:.3g}", flush=True)
    return found


def halves(played: Iterable[Played], seed: int = 0) -> tuple[list[Played], list[Played]]:
    """Two halves; of each way they have equally many games, or one more or less in turn."""
    chance, chosen, held_out = np.random.default_rng(seed), [], []
    ways: dict[str, list[Played]] = {}
    for each in played:
        ways.setdefault(each.game.way, []).append(each)
    for number, way in enumerate(sorted(ways)):
        order = [ways[way][place] for place in chance.permutation(len(ways[way]))]
        middle = (len(order) + number % 2) // 2
        chosen += order[:middle]
        held_out += order[middle:]
    return chosen, held_out


# --- Verdicts


def verdict(played: Played, thresholds: Thresholds) -> Verdict:
    """What the monitor says of a game."""
    game, begun = played.game, played.game.onset
    said = monitor.alerts(played.history, thresholds)
    late = [alert for alert in said if begun is not None and alert.round > begun]
    alarms = [alert for alert in late if alert.kind != "equilibrium"]
    right = next((alert for alert in alarms if alert.kind in RIGHT[game.way]), None)
    false = [alert for alert in said if alert.kind != "equilibrium" and alert not in late]
    return Verdict(alarms, right, false, len(late) > len(alarms))


def gain(played: Iterable[Played], thresholds: Thresholds) -> int:
    """Right warnings, minus twice the games with a false alarm."""
    found = [verdict(each, thresholds) for each in played]
    rights = sum(each.right is not None for each in found)
    return rights - FALSE_ALARM_COSTS * sum(bool(each.false) for each in found)


def chosen_thresholds(played: list[Played]) -> Thresholds:
    """The thresholds that the search ends with, from the defaults on; with scores."""
    best = Thresholds(**SCORED)
    most = gain(played, best)
    for name, values in CANDIDATES.items():
        for value in values:
            other = best._replace(**{name: value})
            got = most if other == best else gain(played, other)
            if got > most:
                best, most = other, got
    return best


# --- Tables


def rows_of(played: list[Played], thresholds: Thresholds) -> list[dict[str, Any]]:
    """A row for each way to fail, and one for healthy games."""
    ways = sorted({each.game.way for each in played}, key=[*RIGHT, HEALTHY].index)
    return [row_of(way, [p for p in played if p.game.way == way], thresholds) for way in ways]


def row_of(way: str, played: list[Played], thresholds: Thresholds) -> dict[str, Any]:
    """What was said of the games of a way."""
    found = [verdict(each, thresholds) for each in played]
    delays = [
        said.right.step - each.game.onset
        for each, said in zip(played, found, strict=True)
        if said.right is not None and each.game.onset is not None
    ]
    return {
        "way": way,
        "games": len(found),
        "right_kinds": RIGHT.get(way, ()),
        "right": len(delays),
        "any": sum(bool(each.alarms) for each in found),
        "false": sum(bool(each.false) for each in found),
        "equilibrium": sum(each.calm for each in found),
        "delays": sorted(delays),
    }


def kinds_of(played: list[Played], thresholds: Thresholds) -> list[dict[str, Any]]:
    """Each kind of alarm: recall where it is the first right one, false alarms and delay."""
    found = [(each.game, verdict(each, thresholds)) for each in played]
    rows = []
    for kind in dict.fromkeys(kinds[0] for kinds in RIGHT.values()):
        firsts = [
            (game, next((alert for alert in said.alarms if alert.kind == kind), None))
            for game, said in found
            if game.way in RIGHT and RIGHT[game.way][0] == kind
        ]
        delays = [alert.step - game.onset for game, alert in firsts if alert is not None]
        rows.append(
            {
                "kind": kind,
                "games": len(firsts),
                "right": len(delays),
                "false": sum(any(a.kind == kind for a in said.false) for _, said in found),
                "delay": float(np.median(delays)) if delays else None,
            }
        )
    return rows


def print_table(title: str, rows: list[dict[str, Any]]):
    """The rows as a table of Markdown."""
    print(f"\n{title}\n")
    columns = "Way", "Games", "Right warning", "Any alarm", "`equilibrium`", "False alarm"
    print("|", " | ".join([*columns, "Delay, median (range)"]), "|")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        delays = row["delays"]
        delay = f"{np.median(delays):.0f} ({delays[0]}–{delays[-1]})" if delays else "–"
        failing = row["way"] != HEALTHY
        cells = [row["right"], row["any"], row["equilibrium"]] if failing else ["–"] * 3
        texts = map(str, [row["way"], row["games"], *cells, row["false"], delay])
        print("|", " | ".join(texts), "|")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder of the histories")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    print_machine()
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    played = histories(arguments.keep)
    choosing, held_out = halves(played)
    chosen = chosen_thresholds(choosing)
    before = Thresholds(**SCORED)
    changes = {k: v for k, v in chosen._asdict().items() if v != getattr(before, k)}
    print(f"\nChosen on {len(choosing)} games: {changes or 'the defaults'}")
    limits = {
        "defaults, without scores": Thresholds(),
        "defaults, with scores": before,
        "chosen, without scores": chosen._replace(score="diversity", mode="max"),
        "chosen, with scores": chosen,
    }
    tables = {name: rows_of(held_out, each) for name, each in limits.items()}
    kinds = {name: kinds_of(held_out, each) for name, each in limits.items()}
    for name in list(limits)[:2]:  # the defaults were chosen on none of them
        tables[f"all games, {name}"] = rows_of(played, limits[name])
        kinds[f"all games, {name}"] = kinds_of(played, limits[name])
    for title, rows in tables.items():
        print_table(title, rows)
        print(*kinds[title], sep="\n")
    if arguments.json:
        gains = {name: gain(choosing, t) for name, t in (("before", before), ("after", chosen))}
        report = {"chosen": changes, "gain": gains, "held_out": tables, "kinds": kinds}
        report["games"] = [told(each, chosen) for each in played]
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    if arguments.picture:
        picture(played, before).savefig(arguments.picture, dpi=110)


def told(played: Played, thresholds: Thresholds) -> dict[str, Any]:
    """A game, how it ended, and what was said of it by the defaults and by other thresholds."""
    game, score = played.game, played.history["score"]
    at = {"defaults": Thresholds(**SCORED), "chosen": thresholds}
    return {
        "way": game.way,
        "size": game.size,
        "name": game.name,
        "onset": game.onset,
        "distance": float(score[-1]),
        "best_distance": float(np.nanmin(score)),
        "said": {
            name: [[alert.kind, alert.round] for alert in monitor.alerts(played.history, limits)]
            for name, limits in at.items()
        },
    }


# --- Picture


def picture(played: list[Played], thresholds: Thresholds) -> plt.Figure:
    """A game of each way, the smallest one that was found, with the onset and the alarms."""
    figure, axes = plt.subplots(2, 4, figsize=(15, 6), layout="constrained", sharex=True)
    for way, panel in zip(RIGHT, axes.flat, strict=True):
        own = [each for each in played if each.game.way == way]
        found = [each for each in own if verdict(each, thresholds).right is not None]
        draw(panel, min(found or own, key=lambda each: SIZES.index(each.game.size)), thresholds)
    for panel in axes[1]:
        panel.set_xlabel("generator updates")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def draw(panel: plt.Axes, played: Played, thresholds: Thresholds):
    """One game."""
    game, history = played
    panel.set_title(f"{game.way}: {game.name} ({game.size})", fontsize=9)
    curves = {"diversity": "tab:green", "score": "tab:blue", "logit_std": "tab:grey"}
    names = {"score": "distance to the data", "logit_std": "standard deviation of the logits"}
    for name, colour in curves.items():
        known = np.isfinite(history[name])
        label = names.get(name, name)
        panel.semilogy(
            history["round"][known][:: 1 if name == "score" else 12],
            np.maximum(history[name][known][:: 1 if name == "score" else 12], 1e-4),
            color=colour,
            label=label,
            linewidth=1,
        )
    panel.axvline(game.onset, color="black", linestyle=":", label="onset")
    for place, alert in enumerate(verdict(played, thresholds).alarms):
        panel.axvline(alert.round, color="tab:red", linewidth=1)
        style = {"rotation": 90, "fontsize": 7, "color": "tab:red", "ha": "right"}
        height = 0.02 + 0.35 * (place % 2)  # alarms may follow each other closely
        panel.text(alert.round, height, alert.kind, transform=panel.get_xaxis_transform(), **style)


if __name__ == "__main__":
    main()
