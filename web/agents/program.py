"""A handler that is a program: a process for each claim, in whatever language."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
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
_OUTPUT_BYTES_MAX: Final = RESULT_BYTES_MAX // 2  # quotes and line ends take two bytes in JSON
_PIECE_BYTES: Final = 65_536
_CUT: Final = "…"
_IDS: Final = {"{run_id}": "run_id", "{task_id}": "task_id"}


@final
class Program:
    """Runs a command for each claim; its output is the result.

    The claim stands as one line of JSON on its standard input, as the API shows it, and its ids in
    `CHARGEHAND_RUN_ID` and others of the environment. If it ends with 0, the run is completed:
    with the last line of its output, if that is a JSON object, else with the end of the output as
    `output`. With 75 the run is given back; with any other code it fails, with the last line as the
    error. What it writes to standard error is not touched.

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

    async def __call__(self, claim: Claim) -> object:
        """The result of the run. Raises: Fail, Release."""
        process = await trio.lowlevel.open_process(
            [_with_ids(word, claim) for word in self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **self._environment, **_variables(claim)},
            start_new_session=True,  # a Ctrl-C is for us; we tell it to stop
        )
        output = _Tail(_OUTPUT_BYTES_MAX)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_hand_over, process, orjson.dumps(claim.data) + b"\n")
                nursery.start_soon(_read, process, output)
                code = await process.wait()
                # What it has started, and left behind, may hold its output open.
                nursery.cancel_scope.deadline = trio.current_time() + LAST_OUTPUT_S
        finally:
            await _stop(process)
        return _result(code, output.text)


@final
class _Tail:
    """The last bytes of an output."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._kept = bytearray()
        self._is_cut = False

    def take(self, piece: bytes) -> None:
        self._kept += piece
        if len(self._kept) > self._bytes_max:
            del self._kept[: -self._bytes_max]
            self._is_cut = True

    @property
    def text(self) -> str:
        text = self._kept.decode(errors="replace").strip()
        return f"{_CUT}{text}" if self._is_cut else text


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


async def _read(process: trio.Process, output: _Tail) -> None:
    assert process.stdout is not None
    async with process.stdout:
        async for piece in process.stdout:
            output.take(bytes(piece))


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


def _result(code: int, output: str) -> object:
    """Raises: Fail, Release."""
    last = output.rpartition("\n")[2].strip()
    if code == TRY_AGAIN:
        raise Release(last or f"exit code {code}")
    if code:
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise Fail(last or how, {"exit": how, "output": output})
    told = _object(last)
    if told is not None:
        return told
    return {"output": output} if output else None


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
