"""A function in a process of its own: it has a core, an interpreter and memory to itself."""

import multiprocessing
import resource
import signal
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, ParamSpec, TypeVar, final

_P = ParamSpec("_P")
_T = TypeVar("_T")

_ENDS_S: Final = 5.0  # behind its result, or when it is terminated


def open_all_files() -> None:
    """Let this process open as many files as it may."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))


def end_on_sigterm() -> None:
    """Have SIGTERM end this process as Ctrl-C does, so that it stops the servers it has started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@final
class Broken(Exception):
    """It has raised, has died, or took too long; the message says which."""


def apart(limit_s: float, function: Callable[_P, _T], *args: _P.args, **more: _P.kwargs) -> _T:
    """What it returns. It stands in a module, and what goes in and comes out is pickled.

    Raises:
        Broken: there is nothing within `limit_s`.
    """
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_call, args=(theirs, function, args, more))
    process.start()
    theirs.close()
    try:
        if not ours.poll(limit_s):
            raise Broken(f"nothing within {limit_s:.0f} s")
        result, trouble = ours.recv()
    except EOFError:
        process.join()
        raise Broken(f"the process ended with {process.exitcode}") from None
    else:
        process.join(_ENDS_S)
        process.kill()  # a library's thread may still run
    finally:
        ours.close()
        process.terminate()  # it stops what it has started
        process.join(_ENDS_S)
        process.kill()
        process.join()
    if trouble is not None:
        raise Broken(trouble)
    returned: _T = result
    return returned


def _call(
    results: Connection, function: Callable[..., Any], args: tuple[Any, ...], more: dict[str, Any]
) -> None:
    end_on_sigterm()
    try:
        results.send((function(*args, **more), None))
    except BaseException as error:
        results.send((None, "".join(traceback.format_exception(error)).strip()))
