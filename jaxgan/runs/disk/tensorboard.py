"""Metrics and images in TensorBoard's format.

They are written by the caller, not by a thread: tensorboardX's own writer loses data when the disk
is full, and then hangs.
"""

import math
import platform
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter
from tensorboardX.summary import image as image_summary

FLUSH_SECONDS = 30.0


class EventFile:
    """A new event file in a folder; close it at the end."""

    def __init__(self, folder: Path, purge_step: int | None):
        """Create the file; TensorBoard hides the steps of other files from `purge_step` on."""
        now = time.time_ns()  # files are read in the order of their names
        name = f"events.out.tfevents.{now // 10**9:010d}.{platform.node()}.{now % 10**9:09d}"
        self.path = folder / name
        self._records = RecordWriter(str(self.path))
        self._flushed = time.monotonic()
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        if purge_step is not None:
            start = SessionLog(status=SessionLog.START)
            self._write(Event(wall_time=time.time(), step=purge_step, session_log=start))

    def write_scalars(self, values: Mapping[str, float | None], step: int):
        """Add the value of each name; None becomes NaN."""
        for name, value in values.items():
            number = math.nan if value is None else value
            self._write_summary(Summary(value=[Summary.Value(tag=name, simple_value=number)]), step)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def write_image(self, name: str, image: np.ndarray, step: int):
        """Add an image uint8 [height, width, 3]."""
        self._write_summary(image_summary(name, image, dataformats="HWC"), step)

    def flush(self):
        """Flush the file to disk."""
        self._named(self._records.flush)
        self._flushed = time.monotonic()

    def close(self):
        """Close the file, even if flushing it fails."""
        try:
            self.flush()
        finally:
            self._named(self._records.close)

    def _write_summary(self, found: Summary, step: int):
        self._write(Event(wall_time=time.time(), step=step, summary=found))

    def _write(self, event: Event):
        self._named(self._records.write, event.SerializeToString())

    def _named(self, call, *arguments):
        try:
            call(*arguments)
        except OSError as error:  # without a file name when the disk is full
            error.filename = error.filename or str(self.path)
            raise
