"""A run in its folder, which can be interrupted at any moment and resumed without a loss.

config.json     the options, the data and the versions of the run
checkpoints/    full training states, named by round (Orbax)
result.json     the training time and the last metrics
and the files of `jaxgan.runs.disk.log`
"""

import contextlib
import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import jax
from orbax.checkpoint import CheckpointManager

from jaxgan import nonfinite
from jaxgan.atomic import replace_file
from jaxgan.monitor.detector import Alert
from jaxgan.parallel import processes
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.folder import CHECKPOINTS
from jaxgan.runs.disk.log import RunLog, counted, metrics_rows, open_log
from jaxgan.runs.disk.result import Result, has_result
from jaxgan.runs.early_stopping import EarlyStopping
from jaxgan.runs.record import (
    note_left_out,
    pending_record,
    write_real_samples,
    write_record,
)
from jaxgan.runs.restore import quarantine_later_checkpoints, restore_or_init, with_fresh_key
from jaxgan.runs.run import OnStart, Run
from jaxgan.runs.settings.compare import shared_settings
from jaxgan.runs.settings.options import Options
from jaxgan.runs.setup import begin, check_metric, with_early_stopping, write_config
from jaxgan.runs.signals import StopSignals
from jaxgan.settings import check_fields
from jaxgan.training.loop import Progress, iterate
from jaxgan.training.state import RunState

ROLLBACKS_IN_A_ROW = 3
ROUNDS_BETWEEN_QUESTIONS = 100


# --- From outside


def train_run(
    options: Options,
    out: Path,
    force: bool = False,
    on_alert: Callable[[Alert], None] = lambda alert: None,
    on_start: OnStart | None = None,
) -> Result:
    """Trains into a folder, or resumes the run that is there, to the bit.

    Args:
      options: of the run.
      out: the folder: new, empty, or that of a run.
      force: accept settings that change the results.
      on_alert: called with each alert of the monitor.
      on_start: called with the run and its generator updates so far after all checks, before the
        next round; returns what is called with each logged row. It is not called for a run that
        has ended.
    Raises:
      FileExistsError: if there is something else in the folder, or another process trains there.
      ValueError: if options or data are invalid, or would change the results of the run.
      NonFiniteError: if a loss or gradient is non-finite, and the policy is to stop.
      OSError: if something cannot be written or no checkpoint can be read; the files stay.
    """
    options = check_fields(options)
    with ExitStack() as held:
        with processes.all_or_none():
            run = begin(options, out, force, on_alert, held)
        processes.check_same(settings=shared_settings(run.config))
        return _train(run, on_start)


# --- Training


def _train(run: Run, on_start: OnStart | None) -> Result:
    """Trains to the end; after a rollback, again from the last checkpoint."""
    started = time.perf_counter()
    (state, start), rolled_to, in_a_row = restore_or_init(run), -1, 0
    run = dataclasses.replace(with_early_stopping(run, state), start=start)
    steps, stop, before = run.config.options.steps, _stopped_on(run, state), int(state.gan.step)
    ended = stop is not None or int(state.gan.step) >= steps
    if ended and not (run.out / "result.json").exists():
        with open_log(run.out, int(state.round), int(state.gan.step)):
            pass  # it ended after its last checkpoint: the curves are still to be drawn
    if not ended and on_start is not None:
        run = dataclasses.replace(run, on_row=on_start(run, int(state.gan.step)))
    with StopSignals() as signals:
        while not (stop or int(state.gan.step) >= steps or signals.agreed):
            try:
                state, stop = _play(run, state, signals)
            except nonfinite.NonFiniteError as error:
                if run.config.options.plan.nonfinite != "rollback":
                    raise
                state, _ = restore_or_init(run)
                in_a_row = in_a_row + 1 if int(state.round) == rolled_to else 1
                rolled_to = int(state.round)
                if in_a_row > ROLLBACKS_IN_A_ROW:
                    raise
                state = with_fresh_key(run, state, error, in_a_row)
    session = _Session(time.perf_counter() - started, int(state.gan.step) - before)
    return _result(run, state, signals, stop, session)


def _stopped_on(run: Run, state: RunState) -> Alert | None:
    """The alert that stopped the run before, according to its rows."""
    if not run.config.options.stop_on:
        return None
    rows = counted(metrics_rows(run.out), int(state.round))
    stop = EarlyStopping(run.config, state.gan, rows).stop
    processes.check_same(finding=str(stop))
    return stop


class _Session(NamedTuple):
    """How long a session took, and its generator updates."""

    seconds: float
    updates: int


def _result(
    run: Run, state: RunState, signals: StopSignals, stop: Alert | None, session: _Session
) -> Result:
    """The result of a run, which is written unless a signal interrupted it."""
    rows = metrics_rows(run.out)
    played, step, discarded = (int(n) for n in (state.round, state.gan.step, state.discarded))
    last, stopped = rows[-1] if rows else {}, signals.agreed or None
    finding = None if stop is None else str(stop)
    seconds, updates = round(session.seconds, 1), session.updates
    result = Result(seconds, played, step, discarded, last, stopped, finding, updates)
    if stopped is None and processes.is_writer() and not has_result(run.out, played):
        text = json.dumps(result._asdict(), indent=2) + "\n"
        replace_file(run.out / "result.json", lambda beside: beside.write_text(text))
    return result


def _play(run: Run, state: RunState, signals: StopSignals) -> tuple[RunState, Alert | None]:
    """Trains from a state to the end or a stop; returns the saved state, and the alert."""
    options = run.config.options
    step, played = int(state.gan.step), int(state.round)
    more, reading = options.steps - step, options.input.reading
    calls = iterate(run.gan, run.dataset, more, options.plan, state, reading)
    check_metric(run, state)
    with contextlib.closing(calls):
        first = next(calls)  # compiles, and so rejects what cannot be trained
        write_config(run, played)
        quarantine_later_checkpoints(run, played)
        with (
            checkpoint.open_manager(run.out / CHECKPOINTS, options.saving.keep) as manager,
            open_log(run.out, played, step, options.track) as journal,
        ):
            if played:
                journal.write_event("resume", played, "resumes from the checkpoint of this round")
            else:
                note_left_out(run, journal)
                if run.start:
                    journal.write_event("start", 0, run.start)
                write_real_samples(run, journal)
            watch = EarlyStopping(run.config, state.gan, journal.rows, run.on_alert)
            writer = _Writer(run, journal, watch, manager, signals)
            state = _write_calls(writer, itertools.chain([first], calls), step, played)
            return state, watch.stop


class _Writer(NamedTuple):
    """Everything that the calls of a run are written to."""

    run: Run
    journal: RunLog
    watch: EarlyStopping
    manager: CheckpointManager
    signals: StopSignals


def _write_calls(writer: _Writer, calls: Iterable[Progress], step: int, played: int) -> RunState:
    """Writes the records of calls, each after the next has started; returns the last state.

    The device works while the host writes. The state is saved when that is due, and at a stop.
    """
    run, journal, watch = writer.run, writer.journal, writer.watch
    options = run.config.options
    waiting, saved_at = None, time.monotonic()
    try:
        for progress in calls:
            record = pending_record(run, progress, step, played)
            if waiting is not None:
                write_record(run, journal, watch, waiting)
            waiting = record
            late = False
            if _asks_others(run, progress, played):
                late = _agree(writer, saved_at)
            due = late or _save_is_due(run, progress, step)
            stopped = writer.signals.agreed > 0
            if due or stopped or (record.due and options.stop_on):
                nonfinite.raise_if_nonfinite(
                    progress.metrics, progress.state.gan, options.plan.nonfinite
                )
                write_record(run, journal, watch, waiting)
                waiting = None
            if due or stopped or watch.stop:
                nonfinite.check_finite_state(progress.state.gan, progress.round)
                checkpoint.save(writer.manager, progress.round, progress.state, journal.settle())
                saved_at = time.monotonic()
            if stopped or watch.stop:
                _note_stop(writer, progress.round)
                break
            step, played = progress.step, progress.round
    except nonfinite.NonFiniteError as error:
        if waiting is not None and options.plan.nonfinite != "skip":  # its rows may say why
            write_record(run, journal, watch, waiting)
        journal.write_event("nonfinite", error.nonfinite.round, str(error))
        raise
    checkpoint.finish(writer.manager)
    return progress.state


def _save_is_due(run: Run, progress: Progress, step: int) -> bool:
    """Whether a call has reached a step to save at; `step` is the one before it."""
    every, last = run.config.options.saving.every, run.config.options.steps
    return progress.step // every > step // every or progress.step >= last


def _asks_others(run: Run, progress: Progress, played: int) -> bool:
    """Whether the processes of a run agree after this call on whether to save or to stop."""
    rounds = ROUNDS_BETWEEN_QUESTIONS if jax.process_count() > 1 else 1
    ends = progress.step >= run.config.options.steps
    return progress.round // rounds > played // rounds or ends


def _agree(writer: _Writer, saved_at: float) -> bool:
    """Shares the signals of all processes; returns whether the last save is too long ago."""
    minutes = writer.run.config.options.saving.minutes
    late = int(time.monotonic() - saved_at > 60 * minutes)
    late, writer.signals.agreed = processes.largest([late, writer.signals.signal])
    return late > 0


def _note_stop(writer: _Writer, played: int):
    """Writes events on why the run stops."""
    signal, alert = writer.signals.agreed, writer.watch.stop
    if signal:
        writer.journal.write_event("signal", played, f"signal {signal}: saved")
    if alert is not None:
        writer.journal.write_event("stop", played, f"stopped early on {alert.kind}")
