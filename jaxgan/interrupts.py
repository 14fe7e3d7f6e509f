"""Requests to stop, taken at the next good moment."""

import signal
import threading
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupts:
    """Notes SIGTERM and SIGINT (Ctrl-C) while it is entered; a second one ends the process at once.

    `signal` is the number of the one that came, 0 before; `agreed` what all processes of the run
    know of. Only the main thread gets signals: in another one this notes nothing.
    """

    def __init__(self):
        self.signal = 0
        self.agreed = 0
        self._before: dict = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *error):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None):
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
