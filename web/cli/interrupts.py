"""Ctrl-C: ends the program at once, without a traceback, whatever it is doing.

`KeyboardInterrupt` would do that only where somebody waits for it: not while modules are loaded,
nor in a `finally` or in what a library calls back. A client has nothing to save: what it printed is
flushed, and what it sent is the server's.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from chargehand.web.exits import ClientExit


def end_on_interrupt() -> None:
    """From here on, for the life of the process; one that is to ignore Ctrl-C goes on to."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _end)


@contextmanager
def interrupt_raised() -> Iterator[None]:
    """Within, it is raised, for what has something to put back: a screen, another process."""
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, _end)


def _end(_: int, __: FrameType | None) -> None:
    with suppress(OSError):
        os.write(2, b"\n")  # behind the ^C that a terminal shows
    os._exit(ClientExit.INTERRUPTED)
