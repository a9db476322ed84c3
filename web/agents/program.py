"""A handler that is a program: a process for each claim, in whatever language."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, final

import orjson
import trio

from chargehand.actors.limits import RESULT_BYTES_MAX
from chargehand.web.agents.claims import Claim
from chargehand.web.agents.endings import Fail, Release
from chargehand.web.cli.environment import (
    AGENT_VARIABLES,
    ATTEMPT_VARIABLE,
    CLAIM_VARIABLE,
    RUN_VARIABLE,
    SESSION_VARIABLES,
    TASK_VARIABLE,
    TITLE_VARIABLE,
)

TRY_AGAIN: Final = 75  # EX_TEMPFAIL of sysexits.h
LAST_OUTPUT_S: Final = 1.0  # for output behind the end of the program
STOP_S: Final = 10.0  # from SIGTERM to SIGKILL
_LINE_BYTES_MAX: Final = RESULT_BYTES_MAX + 1024  # with what is around it
_ERRORS_BYTES_MAX: Final = 8192
_STDERR: Final = 2
_OUTPUT_BYTES_MAX: Final = RESULT_BYTES_MAX // 2  # quotes and line ends take two bytes in JSON
_CUT: Final = "…"
_IDS: Final = {"{run_id}": "run_id", "{task_id}": "task_id"}


@final
class Program:
    """Runs a command for each claim; its output is the result.

    The claim stands as one line of JSON on its standard input, as the API shows it, and its ids in
    `CHARGEHAND_RUN_ID` and others of the environment. If it ends with 0, the run is completed:
    with the last line of its output, if that is a JSON object, else with the last 32 KiB of the
    output as `output`. An object of more than 64 KiB fails the run. With 75 the run is given back;
    with any other code it fails, with the last line as the error, be it of the output or, if there
    is none, of standard error. What it writes there is passed on as it comes.

    Canceled, it is sent SIGTERM, and SIGKILL 10 s later, with all processes that it has started.

    Args:
        command: its words; no shell reads them. `{run_id}` and `{task_id}` are replaced.
        environment: added to this process's own.
    """

    def __init__(self, command: str, environment: Mapping[str, str]) -> None:
        """Raises: ValueError: there is no such program, or a quotation mark is not closed."""
        self._words = shlex.split(command)
        if not self._words or shutil.which(self._words[0]) is None:
            raise ValueError(f"there is no program {self._words[0] if self._words else ''!r}")
        self._environment = environment
        self._passing_on = trio.CapacityLimiter(1)

    async def __call__(self, claim: Claim) -> object:
        """The result of the run. Raises: Fail, Release."""
        process = await trio.lowlevel.open_process(
            [_with_ids(word, claim) for word in self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **self._environment, **_variables(claim)},
            start_new_session=True,  # a Ctrl-C is for us; we stop it
        )
        output, errors = _Tail(_LINE_BYTES_MAX), _Tail(_ERRORS_BYTES_MAX)
        reading = trio.CancelScope(shield=True)  # what it has to say as it is stopped, too
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_hand_over, process, orjson.dumps(claim.data) + b"\n")
            nursery.start_soon(self._read_all, process, reading, output, errors)
            try:
                code = await process.wait()
            finally:
                await _stop(process)
                # What it has started, and left behind, may hold its output open.
                until_s = trio.current_time() + LAST_OUTPUT_S
                nursery.cancel_scope.deadline = reading.deadline = until_s
        return _result(code, output, errors)

    async def _read_all(
        self, process: trio.Process, scope: trio.CancelScope, output: "_Tail", errors: "_Tail"
    ) -> None:
        with scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_read, process.stdout, output)
                nursery.start_soon(_read, process.stderr, errors, self._pass_on)

    async def _pass_on(self, piece: bytes) -> None:
        """In a thread, as whoever reads it may take his time, and nothing else is to wait."""
        await trio.to_thread.run_sync(
            _write, piece, abandon_on_cancel=True, limiter=self._passing_on
        )


@final
class _Tail:
    """The last bytes of an output."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._kept = bytearray()
        self._line_start = b""  # of the line that the kept bytes begin in

    def take(self, piece: bytes) -> None:
        self._kept += piece
        if len(self._kept) > self._bytes_max:
            gone = bytes(self._kept[: -self._bytes_max])
            del self._kept[: -self._bytes_max]
            _, line_end, line = gone.rpartition(b"\n")
            self._line_start = line[:1] if line_end else self._line_start or gone[:1]

    def text(self, bytes_max: int) -> str:
        """Its end, marked as such where it is not all."""
        whole = self._kept.rstrip()
        kept = whole[-bytes_max:]
        text = kept.decode(errors="replace").strip()
        return f"{_CUT}{text}" if self._line_start or len(kept) < len(whole) else text

    @property
    def last_line(self) -> str:
        """What is kept of it."""
        return self._kept.rstrip().rpartition(b"\n")[2].decode(errors="replace").strip()

    @property
    def ends_with_large_object(self) -> bool:
        """Whether the last line is a JSON object, by its looks, that is too large to be kept."""
        whole = self._kept.rstrip()
        return self._line_start == b"{" and b"\n" not in whole and whole.endswith(b"}")


def _with_ids(word: str, claim: Claim) -> str:
    for mark, name in _IDS.items():
        word = word.replace(mark, getattr(claim, name))
    return word


def _variables(claim: Claim) -> dict[str, str]:
    """By which it knows the claim, and `chargehand` in it speaks as its agent."""
    return {
        RUN_VARIABLE: claim.run_id,
        TASK_VARIABLE: claim.task_id,
        TITLE_VARIABLE: claim.title,
        ATTEMPT_VARIABLE: str(claim.attempt),
        CLAIM_VARIABLE: claim.token,
        SESSION_VARIABLES[0]: claim.agent.session,
        AGENT_VARIABLES[0]: claim.agent.name,
    }


async def _hand_over(process: trio.Process, claim: bytes) -> None:
    assert process.stdin is not None
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # it does not read it
        async with process.stdin:
            await process.stdin.send_all(claim)


async def _read(
    stream: trio.abc.ReceiveStream | None,
    tail: _Tail,
    pass_on: Callable[[bytes], Awaitable[None]] | None = None,
) -> None:
    assert stream is not None
    async with stream:
        while piece := await stream.receive_some():
            tail.take(bytes(piece))
            if pass_on is not None:
                await pass_on(bytes(piece))


def _write(piece: bytes) -> None:
    """To our standard error; what nobody reads is left."""
    with suppress(OSError):
        while piece:
            piece = piece[os.write(_STDERR, piece) :]


async def _stop(process: trio.Process) -> None:
    """End what is left of it."""
    if process.poll() is None:
        _send(process, signal.SIGTERM)
        with trio.CancelScope(deadline=trio.current_time() + STOP_S, shield=True):
            await process.wait()
    if process.poll() is None:
        _send(process, signal.SIGKILL)
        with trio.CancelScope(shield=True):
            await process.wait()


def _send(process: trio.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _result(code: int, output: _Tail, errors: _Tail) -> object:
    """Raises: Fail, Release."""
    last = output.last_line
    printed = output.text(_OUTPUT_BYTES_MAX)
    if code:
        last = last or errors.last_line
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if code == TRY_AGAIN:
            raise Release(last or how)
        raise Fail(last or how, {"exit": how, "output": printed})
    if output.ends_with_large_object:
        raise Fail("its result was refused: its last line is a JSON object of more than 64 KiB")
    result = _object(last)
    if result is not None:
        return result
    return {"output": printed} if printed else None


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
