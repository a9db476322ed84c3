"""How a process ends: the exit codes of the server and of its clients, and the error of the one."""

from enum import IntEnum
from typing import final


class ExitCode(IntEnum):
    """Codes of `chargehand serve` and `verify`; those of sysexits.h where one fits."""

    CLEAN = 0
    USAGE = 2  # an unknown option or command
    DAMAGED = 65  # `chargehand verify` has found faults
    CANNOT_LISTEN = 69  # an address or the socket path is taken
    INTERNAL = 70  # a bug, or a stop that did not end within its deadline
    CANNOT_OPEN = 73  # the data directory, or the journal in a database: see README
    STORAGE_FAILED = 74  # a commit failed while running; what was acknowledged is on disk
    BAD_SETTING = 78


class ClientExit(IntEnum):
    """Codes of the commands that speak to a server; those of sysexits.h where one fits."""

    DONE = 0
    PARTLY = 1  # of many runs or tasks some were refused; or a question was not answered with yes
    USAGE = 2
    NOTHING = 3  # there was nothing to claim
    CONFLICT = 4  # not in this state: 409
    INVALID = 65  # what was sent: 400, 413, 422
    NOT_FOUND = 66
    UNREACHABLE = 69
    OUTPUT_FAILED = 74  # stdout does not take what is written
    STRANGE = 76  # the answer is no answer of such a server
    LATER = 75  # too much, too often, or stopping: 429, 503; or a drain that was not completed
    NOT_ALLOWED = 77  # 401, 403
    INTERRUPTED = 130  # Ctrl-C
    BROKEN_PIPE = 141  # whoever read the output has gone


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
