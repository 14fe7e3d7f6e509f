"""Signals that ask a run to stop, which it does after the next save."""

import signal
import threading
from types import FrameType

HANGUP = getattr(signal, "SIGHUP", None)  # Windows has none
SIGNALS = tuple(each for each in (signal.SIGTERM, signal.SIGINT, HANGUP) if each is not None)


class StopSignals:
    """Notes SIGTERM, SIGINT (Ctrl-C) and SIGHUP (the terminal is gone) inside its `with` block.

    A second SIGTERM or SIGINT ends the process at once; SIGHUP often comes twice, from the system
    and from the shell. A SIGHUP that is ignored, as under nohup, stays ignored. Only the main
    thread receives signals: in another thread nothing is noted.

    Attributes:
      signal: number of the signal that this process received; 0 if there is none.
      agreed: number of the signal that all processes of the run know of; 0 if there is none.
    """

    def __init__(self):
        self.signal = 0
        self.agreed = 0
        self._before: dict = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            self._before = {
                number: signal.signal(number, self._note)
                for number in SIGNALS
                if number != HANGUP or signal.getsignal(number) != signal.SIG_IGN
            }
        return self

    def __exit__(self, *error):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None):
        if self.signal and number != HANGUP:
            raise KeyboardInterrupt
        self.signal = self.signal or number
