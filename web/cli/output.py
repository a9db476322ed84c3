"""Stdout as every command has it: what is written is written whole, or the command fails.

Python leaves that open. Without a buffer (`PYTHONUNBUFFERED`) the rest of a write that was cut
short is dropped in silence, and what is left in a buffer fails when nobody looks any more.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, final

from chargehand.web.exits import ClientExit

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CLOSED: Final = OSError(errno.EBADF, os.strerror(errno.EBADF))


@final
class OutputFailed(Exception):
    """Raised when stdout does not take what is written. No `OSError`: those are for somebody else
    to handle."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(f"cannot write to stdout: {cause.strerror}")
        is_pipe = isinstance(cause, BrokenPipeError)
        self.exit_with = ClientExit.BROKEN_PIPE if is_pipe else ClientExit.OUTPUT_FAILED


@final
class _Checked(io.RawIOBase):
    """Stdout's own file; None where the program was started without."""

    def __init__(self, file: io.FileIO | None) -> None:
        self._file = file
        self.is_given_up = False  # what is still written goes nowhere

    def write(self, data: "ReadableBuffer") -> int | None:
        if self.is_given_up:
            return memoryview(data).nbytes
        try:
            return self._open_file().write(data)
        except OSError as error:
            raise OutputFailed(error) from error

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._file is not None and self._file.isatty()

    def fileno(self) -> int:
        return self._open_file().fileno()

    def _open_file(self) -> io.FileIO:
        if self._file is None:
            raise _CLOSED
        return self._file


@contextmanager
def checked_output() -> Iterator[None]:
    """Stdout is checked within, and flushed at the end.

    Raises:
        SystemExit: stdout has failed; stderr says so, unless nobody reads a pipe any more.
    """
    _check_stdout()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BaseException as error:
        failure = failure_in(error)
        if failure is None:
            raise
    else:
        return
    give_up_stdout()
    if failure.exit_with is not ClientExit.BROKEN_PIPE:
        with suppress(OSError):
            print(f"chargehand: {failure}", file=sys.stderr)
    raise SystemExit(failure.exit_with)


def give_up_stdout() -> None:
    """Let what is left in buffers go nowhere, so that it does not fail again when Python ends."""
    buffer: object = getattr(sys.stdout, "buffer", None)
    if isinstance(buffer, io.BufferedWriter) and isinstance(buffer.raw, _Checked):
        buffer.raw.is_given_up = True
        sys.stdout.flush()


def failure_in(error: BaseException) -> OutputFailed | None:
    """The failure of stdout that an error is, or that is in a group of them."""
    if isinstance(error, BaseExceptionGroup):
        found = (failure_in(inner) for inner in error.exceptions)
        return next((failure for failure in found if failure is not None), None)
    return error if isinstance(error, OutputFailed) else None


def _check_stdout() -> None:
    """Put the check below stdout where that is a file; what a test has put there stays."""
    stdout = sys.stdout
    if stdout is None:  # as after the shell's `>&-`
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Checked(None)), encoding="utf-8")
        return
    if not isinstance(stdout, io.TextIOWrapper):
        return
    buffer: object = stdout.buffer
    raw = buffer.raw if isinstance(buffer, io.BufferedWriter) else buffer
    if isinstance(raw, io.FileIO):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_Checked(raw)),
            encoding=stdout.encoding,
            errors=stdout.errors,
            line_buffering=stdout.line_buffering,
        )
