"""What one compiled call of a run leaves to be written: rows, pictures, nonfinite_updates."""

from typing import NamedTuple

import jax

from jaxgan import nonfinite
from jaxgan.data import Dataset
from jaxgan.parallel import processes
from jaxgan.runs.disk.log import Row, RunLog, row_of
from jaxgan.runs.early_stopping import EarlyStopping
from jaxgan.runs.run import Run
from jaxgan.runs.snapshots import real_image, snapshot_image
from jaxgan.training.loop import Progress

ROUNDS_SKIPPED_IN_A_ROW = 100


class PendingRecord(NamedTuple):
    """What one compiled call left to write, until the next one has been started."""

    progress: Progress
    samples: list[jax.Array] | None  # in pieces
    due: list[int]  # places of the rounds that are logged
    scores: Row  # of the state after the last of them


def pending_record(run: Run, progress: Progress, step: int, played: int) -> PendingRecord:
    """What there will be to write of a call, after the so many updates and rounds before it."""
    config = run.config
    ends = progress.step >= config.steps
    pictured = ends or progress.step // config.sample_every > step // config.sample_every
    due = [
        place
        for place, number in enumerate(range(played + 1, progress.round + 1))
        if number % config.log_every == 0
    ]
    state, every = progress.state.gan, config.scoring.every
    scores: Row = {}
    if run.scorer is not None and (ends or progress.step // every > step // every):
        scores = run.scorer.of(state)
        due = sorted({*due, progress.round - played - 1})  # the last round has the scores
    return PendingRecord(progress, run.draw(state) if pictured else None, due, scores)


def note_left_out(run: Run, journal: RunLog):
    """Counts the files that are no samples, and names the records that could not be decoded."""
    if run.dataset.left_out:
        journal.write_event("record", 0, f"left out: {', '.join(run.dataset.left_out)}")
    for message in run.dataset.bad if isinstance(run.dataset, Dataset) else ():
        journal.write_event("record", 0, message)


def write_real_samples(run: Run, journal: RunLog):
    """Writes an image of real samples, to compare those of the generator with."""
    image = real_image(run) if processes.is_writer() else None
    if image is not None:
        journal.write_real_image(image)


def write_record(run: Run, journal: RunLog, watch: EarlyStopping, entry: PendingRecord):
    """Writes what a call left; waits for it to end.

    Raises:
      NonFiniteError: if a hundred rounds in a row had updates that were skipped.
    """
    progress = entry.progress
    skips = run.config.plan.nonfinite == "skip"
    if entry.due or skips:
        values = jax.device_get(progress.metrics)  # waits for the call that made them
        found = nonfinite.nonfinite_updates(values, progress.state.gan) if skips else []
        if found:
            journal.write_event("skip", found[0].round, _skipped(found))
        shown = {name: x for name, x in values.items() if name not in nonfinite.COUNTS}
        rows = [row_of(shown, place) for place in entry.due]
        if entry.scores:
            rows[-1] |= entry.scores
        journal.write_rows(rows)
        for row in rows if processes.is_writer() else ():
            run.on_row(row)
        watch.see(rows, journal)
        _check_skipped(journal, found, len(values["round"]))
    for message in progress.bad:
        journal.write_event("record", progress.round, message)
    if entry.samples is not None and processes.is_writer():
        picture = snapshot_image(run, entry.samples)
        if picture is not None:
            journal.write_image(picture, progress.step, progress.round)


def _skipped(found: list[nonfinite.NonFinite]) -> str:
    turns = sum(nonfinite.turns for nonfinite in found)
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"skipped {turns} update(s): {found[0]}{more}"


def _check_skipped(journal: RunLog, found: list[nonfinite.NonFinite], rounds: int):
    everyone = len({nonfinite.round for nonfinite in found}) == rounds
    journal.skipped_in_a_row = journal.skipped_in_a_row + rounds if everyone else 0
    if journal.skipped_in_a_row >= ROUNDS_SKIPPED_IN_A_ROW:
        raise nonfinite.NonFiniteError(found[-1])
