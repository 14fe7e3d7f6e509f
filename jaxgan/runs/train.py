"""A run in its folder: begun, gone on with, ended at any moment without a loss.

config.json     what was asked for, on which data, with which versions
checkpoints/    all that the rest of the run depends on, by the number of rounds (Orbax)
result.json     the time taken and the last metrics
and what `jaxgan.runs.disk.log` writes on the way
"""

import contextlib
import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

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
from jaxgan.runs.run import Begun, Run
from jaxgan.runs.settings.compare import shared_settings
from jaxgan.runs.settings.config import Config, check_fields
from jaxgan.runs.settings.options import Options
from jaxgan.runs.setup import begin, check_metric, with_early_stopping, write_config
from jaxgan.runs.signals import StopSignals
from jaxgan.training.batches import ReadOptions
from jaxgan.training.loop import Progress, iterate
from jaxgan.training.state import RunState

ROLLBACKS_IN_A_ROW = 3
ROUNDS_BETWEEN_QUESTIONS = 100


# --- From outside


def train_run(
    options: Options,
    out: Path,
    force: bool = False,
    on_alert: Callable[[Alert], None] = lambda finding: None,
    begun: Begun | None = None,
) -> Result:
    """Trains into a folder, or goes on with the run that is there, to the bit.

    Args:
      options: what is asked for.
      out: the folder: new, empty, or that of a run.
      force: go on also with settings that change the mathematics.
      on_alert: called with each finding of the monitor.
      begun: called with the run and its generator updates so far once all is checked, before the
        next round is played; gives what is called with each logged row. It is not called for a run
        that has ended.
    Raises:
      FileExistsError: if there is something else in the folder, or another process trains there.
      ValueError: if options or data are no good, or change the mathematics of the run.
      NonFiniteError: if a loss or gradient is not finite, and the policy is to stop.
      OSError: if something cannot be written or no checkpoint can be read; what is on disk stays.
    """
    options = check_fields(options)
    with ExitStack() as held:
        with processes.all_or_none():
            run = begin(options, out, force, on_alert, held)
        processes.check_same(settings=shared_settings(run.config))
        return _train(run, begun)


# --- Training


def _train(run: Run, begun: Begun | None) -> Result:
    """Plays to the end, again from the last checkpoint where a rollback is asked for."""
    started = time.perf_counter()
    state, rolled_to, in_a_row = restore_or_init(run), -1, 0
    run = with_early_stopping(run, state)
    stop = _stopped_on(run, state)
    ended = stop is not None or int(state.gan.step) >= run.config.steps
    if ended and not (run.out / "result.json").exists():
        with open_log(run.out, int(state.round), int(state.gan.step)):
            pass  # stopped after its last checkpoint: the curves are still to be drawn
    if not ended and begun is not None:
        run = dataclasses.replace(run, on_row=begun(run, int(state.gan.step)))
    with StopSignals() as interrupts:
        while not (stop or int(state.gan.step) >= run.config.steps or interrupts.agreed):
            try:
                state, stop = _play(run, state, interrupts)
            except nonfinite.NonFiniteError as error:
                if run.config.plan.nonfinite != "rollback":
                    raise
                state = restore_or_init(run)
                in_a_row = in_a_row + 1 if int(state.round) == rolled_to else 1
                rolled_to = int(state.round)
                if in_a_row > ROLLBACKS_IN_A_ROW:
                    raise
                state = with_fresh_key(run, state, error, in_a_row)
    return _ended(run, state, interrupts, stop, time.perf_counter() - started)


def _stopped_on(run: Run, state: RunState) -> Alert | None:
    """What a run has stopped on before; its rows say so."""
    if not run.config.stop_on:
        return None
    stop = EarlyStopping(
        run.config, state.gan, counted(metrics_rows(run.out), int(state.round))
    ).stop
    processes.check_same(finding=str(stop))
    return stop


def _ended(
    run: Run, state: RunState, interrupts: StopSignals, stop: Alert | None, seconds: float
) -> Result:
    rows = metrics_rows(run.out)
    played, step, discarded = (int(n) for n in (state.round, state.gan.step, state.discarded))
    last, stopped = rows[-1] if rows else {}, interrupts.agreed or None
    finding = None if stop is None else str(stop)
    result = Result(round(seconds, 1), played, step, discarded, last, stopped, finding)
    if stopped is None and processes.is_writer() and not has_result(run.out, played):
        text = json.dumps(result._asdict(), indent=2) + "\n"
        replace_file(run.out / "result.json", lambda beside: beside.write_text(text))
    return result


def _play(run: Run, state: RunState, interrupts: StopSignals) -> tuple[RunState, Alert | None]:
    """Trains from a state on until the end or a stop; gives the state then, saved, and why."""
    config = run.config
    step, played = int(state.gan.step), int(state.round)
    reading = ReadOptions(config.input.workers, config.input.max_bad_fraction)
    calls = iterate(run.gan, run.dataset, config.steps - step, config.plan, state, reading)
    check_metric(run, state)
    with contextlib.closing(calls):
        first = next(calls)  # compiles, and so refuses what cannot be trained
        write_config(run, played)
        quarantine_later_checkpoints(run, played)
        with (
            checkpoint.open_manager(run.out / CHECKPOINTS, config.saving.keep) as manager,
            open_log(run.out, played, step) as journal,
        ):
            if played:
                journal.write_event("resume", played, "goes on from the checkpoint of this round")
            else:
                note_left_out(run, journal)
                write_real_samples(run, journal)
            watch = EarlyStopping(config, state.gan, journal.rows, run.on_alert)
            every = itertools.chain([first], calls)
            state = _write_down(run, every, journal, watch, manager, interrupts, step, played)
            return state, watch.stop


def _write_down(
    run: Run,
    calls: Iterable[Progress],
    journal: RunLog,
    watch: EarlyStopping,
    manager: CheckpointManager,
    interrupts: StopSignals,
    step: int,
    played: int,
) -> RunState:
    """Goes through the calls, one late in writing: the device works while the host writes."""
    waiting, saved_at = None, time.monotonic()
    try:
        for progress in calls:
            entry = pending_record(run, progress, step, played)
            if waiting is not None:
                write_record(run, journal, watch, waiting)
            waiting = entry
            due, stops = _is_due(run.config, progress, step, played, saved_at, interrupts)
            if due or stops or (entry.due and run.config.stop_on):
                nonfinite.raise_if_nonfinite(
                    progress.metrics, progress.state.gan, run.config.plan.nonfinite
                )
                write_record(run, journal, watch, waiting)
                waiting = None
            if due or stops or watch.stop:
                nonfinite.check_finite_state(progress.state.gan, progress.round)
                checkpoint.save(manager, progress.round, progress.state, journal.settle())
                saved_at = time.monotonic()
            if stops:
                journal.write_event("signal", progress.round, f"signal {interrupts.agreed}: saved")
            if watch.stop:
                journal.write_event("stop", progress.round, f"stopped early on {watch.stop.kind}")
            if stops or watch.stop:
                break
            step, played = progress.step, progress.round
    except nonfinite.NonFiniteError as error:
        if waiting is not None and run.config.plan.nonfinite != "skip":  # it may be why
            write_record(run, journal, watch, waiting)
        journal.write_event("nonfinite", error.nonfinite.round, str(error))
        raise
    checkpoint.finish(manager)
    return progress.state


def _is_due(
    config: Config,
    progress: Progress,
    step: int,
    played: int,
    saved_at: float,
    interrupts: StopSignals,
) -> tuple[bool, bool]:
    """Whether to save now, and to stop for a signal that any process got: all say the same."""
    every = config.saving.every
    due = progress.step // every > step // every or progress.step >= config.steps
    asked = ROUNDS_BETWEEN_QUESTIONS if jax.process_count() > 1 else 1
    if progress.round // asked > played // asked or progress.step >= config.steps:
        late = int(time.monotonic() - saved_at > 60 * config.saving.minutes)
        late, interrupts.agreed = processes.largest([late, interrupts.signal])
        due = due or late > 0
    return due, interrupts.agreed > 0
