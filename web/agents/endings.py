"""How a run ends that a handler did not complete: by what it raises, and by the pool's rule."""

from collections.abc import Callable
from typing import final

from chargehand.web.agents.claims import Claim


class Ending(Exception):
    """What is to become of the run. Raised by a handler, or given by the rule of its pool."""


@final
class Fail(Ending):
    """The run has failed. The task is tried again only if an operator asks for that.

    Args:
        error: what went wrong; cut at 64 KiB.
        metadata: facts for whoever looks into it: JSON of at most 64 KiB.
    """

    def __init__(self, error: str, metadata: object = None) -> None:
        super().__init__(error)
        self.error = error
        self.metadata = metadata


@final
class Release(Ending):
    """The run goes back into its place in the queue, for whoever claims next. It may well be the
    same agent: wait before, where that would not help.

    Args:
        reason: why; cut at 4,096 characters.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@final
class NeedsPerson(Ending):
    """The run has failed, and a person is asked to judge it: a review is requested. If they reject
    it with guidance, the task gets another run, which has the guidance in its metadata.

    Args:
        reason: what the person should know; cut at 4,096 characters.
        metadata: facts for them: JSON of at most 64 KiB.
    """

    def __init__(self, reason: str, metadata: object = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.metadata = metadata


ErrorRule = Callable[[Claim, Exception], Ending]
"""What becomes of a run whose handler raised an exception. `SystemExit` comes as a `Fail`."""


def fail_on_error(claim: Claim, error: Exception) -> Ending:
    """The rule of pools that are given no other: what is an `Ending` is heeded, all else fails the
    run with the exception's name and text."""
    if isinstance(error, Ending):
        return error
    return Fail(error_text(error), {"exception": type(error).__qualname__})


def error_text(error: BaseException) -> str:
    """The name and the text of an exception; of a group, those of what is in it."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(map(error_text, error.exceptions))
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def is_of_handler(error: BaseException) -> bool:
    """Whether it is about the handler alone, or a group of such: all but what ends the program, or
    is a cancellation. A handler that exits ends its own work and no more."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_of_handler, error.exceptions))
    return isinstance(error, Exception | SystemExit)
