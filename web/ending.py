"""How a process ends that was asked to, even where something in it hangs."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from chargehand.web.exits import ExitCode


def end_at_once_on_a_second_signal() -> None:
    """From here on the signals' own meaning holds, though with the exit code of a shell."""

    def end(number: int, _: object) -> NoReturn:
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def end_by_force_after(seconds: float, code: Callable[[], ExitCode]) -> None:
    """A thread that hangs in the kernel, or a bug, must not hold the process.

    Args:
        code: what it ends with then.
    """

    def end() -> NoReturn:
        print(f"chargehand: not stopped after {seconds:g} s, ends by force", file=sys.stderr)
        os._exit(code())

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
