"""What goes wrong for a program that uses a Chargehand, be it in its process or elsewhere."""

from collections.abc import Mapping
from typing import Any, Final, final

import orjson

from chargehand.actors.errors import LEASE_LOST, Code, Kind
from chargehand.web.operations import Operation
from chargehand.web.problems import status_of

_LOST: Final = frozenset(code.code for code in LEASE_LOST)
_SET_ASIDE: Final = frozenset(
    code.code for code in (Code.TASK_SET_ASIDE, Code.SESSION_SET_ASIDE, Code.WORKSPACE_SET_ASIDE)
)
_NOT_MADE: Final = Code.BATCH_NOT_MADE.code
_LATER: Final = (429, 503)
_INTERNAL: Final = 500
_KINDS: Final = {code.code: code.kind for code in Code}
_NEXT: Final = " (next: "


class ChargehandError(Exception):
    """Base of all errors of this package. `str` of one is its message with the next step.

    Attributes:
        code: what it is, for programs; never changes.
        message: what was wrong, in a sentence without a full stop.
        next_step: what to do about it; empty where nothing is known.
    """

    def __init__(self, code: str, message: str, next_step: str = "", text: str = "") -> None:
        sentence = f"{message}{_NEXT}{next_step})" if next_step else message
        super().__init__(text or sentence)
        self.code = code
        self.message = message
        self.next_step = next_step


class Refused(ChargehandError):
    """The scheduler understood the request, and said no. Nothing was changed.

    Attributes:
        status: the HTTP status that the API has for it.
    """

    def __init__(
        self, code: str, message: str, next_step: str = "", text: str = "", status: int = 400
    ) -> None:
        super().__init__(code, message, next_step, text)
        self.status = status


@final
class BatchRefused(Refused):
    """`create_tasks` made none of the tasks, because at least one of them was refused.

    Attributes:
        refusals: the errors of the tasks that were refused, by their index in the list. The code
            and message of this exception are those of the first one, leaving aside tasks that were
            refused only because another one was.
    """

    def __init__(self, first: Refused, refusals: Mapping[int, ChargehandError]) -> None:
        super().__init__(first.code, first.message, first.next_step, str(first), first.status)
        self.refusals = refusals


@final
class LeaseLost(Refused):
    """The run is not the caller's any more: its lease ran out, or the run was ended or canceled.
    Whoever works on it stops."""


@final
class Unavailable(ChargehandError):
    """Nobody answered in time, or the answer was to come again later. Whether a write was done is
    not known; sent again under its key it is done once.

    Attributes:
        retry_after_s: when to come again, in seconds, if that was said.
    """

    def __init__(
        self,
        code: str,
        message: str,
        next_step: str = "",
        text: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(code, message, next_step, text)
        self.retry_after_s = retry_after_s


@final
class OpenError(ChargehandError):
    """A scheduler could not be opened: its directory, an address or a setting cannot be used."""


def closed() -> ChargehandError:
    """Of what is asked of a client that was closed."""
    return ChargehandError("client_closed", "the client is closed", "make another")


def of_answer(status: int, body: bytes, retry_after_s: float | None) -> ChargehandError:
    """What an answer with an error status says."""
    try:
        said = orjson.loads(body)
        error = _error_of(status, said, retry_after_s)
        rows = enumerate(said.get("results", ()))
        refusals = {n: of_row(row["error"], Operation.CREATE_TASK) for n, row in rows}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        message = f"the answer is {status}, and none of a Chargehand"
        return _of_status(
            status, "unexpected_answer", message, "check the address", "", retry_after_s
        )
    if not refusals or not isinstance(error, Refused):
        return error
    return BatchRefused(error, {n: one for n, one in refusals.items() if one.code != _NOT_MADE})


def of_row(said: Mapping[str, Any], operation: Operation) -> ChargehandError:
    """What the row of a batch says: what the item's own `operation` would be answered with."""
    kind = _KINDS.get(said["diagnostic"]["code"], Kind.CONFLICT)
    return _error_of(status_of(kind, operation), said, None)


def _error_of(status: int, said: Mapping[str, Any], retry_after_s: float | None) -> ChargehandError:
    text, diagnostic = str(said["error"]), said["diagnostic"]
    code, message = str(diagnostic["code"]), str(diagnostic["message"])
    _, _, after = text.partition(f"{message}{_NEXT}")
    next_step = after.removesuffix(")") or str(diagnostic.get("suggested_command", ""))
    return _of_status(status, code, message, next_step, text, retry_after_s)


def _of_status(
    status: int, code: str, message: str, next_step: str, text: str, retry_after_s: float | None
) -> ChargehandError:
    if status in _LATER and code not in _SET_ASIDE:
        return Unavailable(code, message, next_step, text, retry_after_s)
    if status >= _INTERNAL and code not in _SET_ASIDE:
        return Unavailable(code, message, next_step, text)
    return refused_as(code, message, next_step, text, status)


def refused_as(code: str, message: str, next_step: str, text: str, status: int) -> Refused:
    """The refusal of that code, of the class that callers may catch it by."""
    kind = LeaseLost if code in _LOST else Refused
    return kind(code, message, next_step, text, status)
