"""How a program asks: one request answered, the lines of one stream, and what stands in them."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, NamedTuple, final
from urllib.parse import quote
from uuid import uuid4

import orjson

from chargehand.actors.limits import ONCE_KEY_CHARS_MAX
from chargehand.web.agents.claims import Agent
from chargehand.web.agents.errors import Refused, refused_as

_INVALID: Final = "invalid_request"


@final
class Request(NamedTuple):
    """One request.

    Args:
        path: with its parameters, quoted.
        body: JSON, or nothing.
        agent: who calls; None: the local user.
        key: under which it has one effect; None where it may be repeated without one.
        waits: whether the scheduler may take its time.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    agent: Agent | None = None
    key: str | None = None
    waits: bool = False


@final
class Answered(NamedTuple):
    """What a request was answered with.

    Args:
        next_link: where a list goes on; None where it does not.
    """

    body: bytes
    next_link: str | None = None


class Asking(ABC):
    """What the calls of a program are made of."""

    waiting_max: int | None = None
    """How many claims should wait at a time; None: as many as there are."""

    loses_answers: bool = True
    """Whether an answer may be lost on its way, so that claims need a key to be asked for again."""

    session_prefix: str = ""
    """What the ids of sessions begin with that pools make up."""

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        agent: Agent | None = None,
        key: str | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Any operation of the API, as `GET /docs` describes them. Returns the answer, parsed; None
        where it has no body.

        Args:
            path: begins with `/api/`.
            body: what is sent as JSON.
            query: parameters behind the path.
            agent: who calls; None: the local user.
            key: under which a write has one effect, however often it is sent: up to 200
                characters of printable ASCII; None: one of its own.
        """
        if method != "GET":
            key = _key(key)
        raw = b"" if body is None else encoded(body)
        answer = await self._send(Request(method, path, query or {}, raw, agent, key))
        return orjson.loads(answer) if answer else None

    async def _write(
        self,
        path: str,
        members: Mapping[str, object],
        *,
        agent: Agent | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        raw = await self._send(Request("POST", path, {}, body_of(members), agent, _key(key)))
        answer: dict[str, Any] = orjson.loads(raw)
        return answer

    async def _send(self, request: Request) -> bytes:
        """The body of the answer. Raises: Refused, Unavailable."""
        return (await self._answered(request)).body

    @abstractmethod
    async def _answered(self, request: Request) -> Answered:
        """Raises: Refused, Unavailable."""

    @abstractmethod
    def _lines(
        self, path: str, query: Mapping[str, str], last_id: str | None
    ) -> AsyncGenerator[str, None]:
        """The lines of a stream, behind event `last_id`, until it breaks off. Raises: Refused."""


def new_key() -> str:
    """An idempotency key that nobody has used."""
    return uuid4().hex


def _key(given: str | None) -> str:
    """Raises: Refused: no header can hold it."""
    if given is None:
        return new_key()
    if not (given.isascii() and given.isprintable() and 0 < len(given) <= ONCE_KEY_CHARS_MAX):
        message = f"a key must be 1 to {ONCE_KEY_CHARS_MAX} characters of printable ASCII"
        raise refused_as(_INVALID, message, "use a UUID, such as of uuid.uuid4()", "", 422)
    return given


def body_of(members: Mapping[str, object]) -> bytes:
    return encoded({name: value for name, value in members.items() if value is not None})


def encoded(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise not_json(error) from error


def not_json(error: TypeError, where: str = "") -> Refused:
    """The refusal of a value that cannot be sent. Args: where: it stands, with what parts it."""
    message = f"{where}a value cannot be written as JSON: {error}"
    return refused_as(_INVALID, message, "give what JSON has: texts, numbers, lists", "", 422)


def linked_from(header: str | None) -> str | None:
    """Where a `Link` header of the API leads."""
    return None if header is None else header.partition("<")[2].partition(">")[0]


def quoted(part: str) -> str:
    return quote(part, safe="")
