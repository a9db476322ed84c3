"""Ctrl-C: ends the program at once, without a traceback, whatever it is doing.

`KeyboardInterrupt` would do that only where somebody waits for it: not while modules are loaded,
nor in a `finally` or in what a library calls back. A client has nothing to save: what it printed is
flushed, and what it sent is the server's.

Nor is a handler enough. Python calls it between two instructions, so a signal caught just before a
read of the terminal is handled when somebody has typed a line. Therefore a thread waits for the
signal as well, at the descriptor that Python writes to when it catches one.
"""

import _thread
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from chargehand.web.exits import ClientExit

_held: Final = _thread.allocate_lock()


def end_on_interrupt() -> None:
    """From here on, for the life of the process; one that is to ignore Ctrl-C goes on to."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    caught, write_end = os.pipe()
    os.set_blocking(write_end, False)
    _held.acquire()
    signal.signal(signal.SIGINT, _wait_for_the_end)
    signal.set_wakeup_fd(write_end)
    _thread.start_new_thread(_end_when_caught, (caught,))


@contextmanager
def interrupt_raised() -> Iterator[None]:
    """Within, it is raised, for what has something to put back: a screen, another process."""
    with _handled_by(signal.default_int_handler):
        yield


@contextmanager
def wakeups_left_to_trio() -> Iterator[None]:
    """Within, Ctrl-C ends the program as before, but for the signals that Trio's loop receives."""
    with _handled_by(lambda *_: _end()):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """In place of the thread."""
    if signal.getsignal(signal.SIGINT) is not _wait_for_the_end:
        yield
        return
    signal.signal(signal.SIGINT, handler)
    ours = signal.set_wakeup_fd(-1)
    try:
        yield
    finally:
        signal.set_wakeup_fd(ours)
        signal.signal(signal.SIGINT, _wait_for_the_end)


def _wait_for_the_end(_: int, __: FrameType | None) -> None:
    """Keep the program from doing anything more: the thread is about to end it."""
    _held.acquire()


def _end_when_caught(caught: int) -> None:
    while signal.SIGINT not in os.read(caught, 1):
        pass
    _end()


def _end() -> None:
    with suppress(OSError):
        os.write(2, b"\n")  # behind the ^C that a terminal shows
    os._exit(ClientExit.INTERRUPTED)
