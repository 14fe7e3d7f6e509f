"""The record of one compiled call of a run: its rows, sample images and skipped updates."""

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
from jaxgan.training.sampling import Drawn

ROUNDS_SKIPPED_IN_A_ROW = 100


class PendingRecord(NamedTuple):
    """The record of a compiled call, to be written after the next call has started.

    Attributes:
      progress: the results of the call.
      samples: of its sample image, in pieces; None without one.
      due: indices of its rounds that are logged.
      scores: of the state after the last of them.
    """

    progress: Progress
    samples: list[Drawn] | None
    due: list[int]
    scores: Row


def pending_record(run: Run, progress: Progress, step: int, played: int) -> PendingRecord:
    """The record of a call, given the generator updates and rounds before it."""
    options = run.config.options
    ends = progress.step >= options.steps
    pictured = ends or progress.step // options.sample_every > step // options.sample_every
    due = [
        index
        for index, number in enumerate(range(played + 1, progress.round + 1))
        if number % options.log_every == 0
    ]
    state, every = progress.state.gan, options.scoring.every
    scores: Row = {}
    if run.scorer is not None and (ends or progress.step // every > step // every):
        scores = run.scorer.of(state)
        due = sorted({*due, progress.round - played - 1})  # the last round has the scores
    return PendingRecord(progress, run.draw(state) if pictured else None, due, scores)


def note_left_out(run: Run, journal: RunLog):
    """Writes events on files that are not samples, and on records that could not be decoded."""
    if run.dataset.left_out:
        journal.write_event("record", 0, f"left out: {', '.join(run.dataset.left_out)}")
    for message in run.dataset.bad if isinstance(run.dataset, Dataset) else ():
        journal.write_event("record", 0, message)


def write_real_samples(run: Run, journal: RunLog):
    """Writes an image of real samples, to compare those of the generator with."""
    image = real_image(run) if processes.is_writer() else None
    if image is not None:
        journal.write_real_image(image)


def write_record(run: Run, journal: RunLog, watch: EarlyStopping, record: PendingRecord):
    """Writes the record of a call; waits for the call to end.

    Raises:
      NonFiniteError: if updates were skipped in each of a hundred rounds in a row.
    """
    progress = record.progress
    skips = run.config.options.plan.nonfinite == "skip"
    if record.due or skips:
        values = jax.device_get(progress.metrics)  # waits for the call that made them
        found = nonfinite.nonfinite_updates(values, progress.state.gan) if skips else []
        if found:
            journal.write_event("skip", found[0].round, _skipped(found))
        shown = {name: x for name, x in values.items() if name not in nonfinite.COUNTS}
        rows = [row_of(shown, place) for place in record.due]
        if record.scores:
            rows[-1] |= record.scores
        journal.write_rows(rows)
        for row in rows if processes.is_writer() else ():
            run.on_row(row)
        watch.see(rows, journal)
        _check_skipped(journal, found, len(values["round"]))
    for message in progress.bad:
        journal.write_event("record", progress.round, message)
    if record.samples is not None and processes.is_writer():
        picture = snapshot_image(run, record.samples)
        if picture is not None:
            journal.write_image(picture, progress.step, progress.round)


def _skipped(found: list[nonfinite.NonFinite]) -> str:
    updates = sum(each.updates for each in found)
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"skipped {updates} update(s): {found[0]}{more}"


def _check_skipped(journal: RunLog, found: list[nonfinite.NonFinite], rounds: int):
    in_every_round = len({each.round for each in found}) == rounds
    journal.skipped_in_a_row = journal.skipped_in_a_row + rounds if in_every_round else 0
    if journal.skipped_in_a_row >= ROUNDS_SKIPPED_IN_A_ROW:
        raise nonfinite.NonFiniteError(found[-1])
