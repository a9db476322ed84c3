"""How the process ends: the exit codes, and the error that carries one."""

from enum import IntEnum
from typing import final


class ExitCode(IntEnum):
    """Codes of `chargehand serve`; those of sysexits.h where one fits."""

    CLEAN = 0
    USAGE = 2  # an unknown option or command
    CANNOT_LISTEN = 69  # an address or the socket path is taken
    INTERNAL = 70  # a bug, or a stop that did not end within its deadline
    CANNOT_OPEN = 73  # the data directory: locked, not writable, of another format, damaged
    STORAGE_FAILED = 74  # a commit failed while running; what was acknowledged is on disk
    BAD_SETTING = 78


@final
class Fatal(Exception):
    """Ends the process: one line on stderr, then `code`."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def first_leaf(group: BaseException) -> BaseException:
    """The first of the errors in a group of groups."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
