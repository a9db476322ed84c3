"""Answers what has a shortcut, by the same rules as the application and without it."""

from typing import Final, final

import trio

from chargehand.actors.identity import OriginKind
from chargehand.actors.system import System
from chargehand.web.answering import JSON, answer_to, refuses_unknown
from chargehand.web.call import Call, Handler
from chargehand.web.exchange import Answerer, Exchange
from chargehand.web.headers import RequestHeaders
from chargehand.web.ignored import Ignored
from chargehand.web.lane.shortcuts import Shortcuts
from chargehand.web.operations import MAY_WAIT
from chargehand.web.queries import Query
from chargehand.web.refusal import RawHeaders
from chargehand.web.responses import EventStreamResponse, Headers, HttpResponse

_NO_QUERY: Final[Query] = {}
_CONTENT_TYPE: Final = (b"content-type", JSON.encode())


@final
class Lane:
    """An `Answerer` behind the guard, in front of the application.

    Args:
        application: answers what has no shortcut.
        transport: HTTP or UDS.
        strict: members that an operation does not know are refused.
    """

    def __init__(
        self, system: System, transport: OriginKind, application: Answerer, *, strict: bool
    ) -> None:
        self._system = system
        self._transport = transport
        self._application = application
        self._strict = strict
        self._shortcuts = Shortcuts()

    async def __call__(self, exchange: Exchange) -> None:
        head = exchange.head
        found = self._shortcuts.find(head.method, head.target)
        if found is None:
            await self._application(exchange)
            return
        operation, handler, ids = found
        body = exchange.body
        assert body is not None, "the guard has not left the body"
        call = Call(
            self._system,
            operation,
            self._transport,
            head.target.decode("ascii"),
            ids,
            _NO_QUERY,
            RequestHeaders(head.headers),
            body,
            Ignored(operation, refuses_unknown(operation, self._strict)),
        )
        if operation not in MAY_WAIT:
            await _answer(exchange, call, handler)
            return
        with trio.CancelScope() as while_there:
            exchange.cancel_when_gone(while_there)
            await _answer(exchange, call, handler)


async def _answer(exchange: Exchange, call: Call, handler: Handler) -> None:
    response = await answer_to(call, handler)
    assert not isinstance(response, EventStreamResponse), "a stream has no shortcut"
    headers = _raw_headers(response, call.ignored.headers())
    await exchange.answer(response.status, headers, response.body)


def _raw_headers(response: HttpResponse, more: Headers) -> RawHeaders:
    headers = [_CONTENT_TYPE] if response.body else []
    headers.append((b"content-length", b"%d" % len(response.body)))
    for name, value in (*response.headers, *more):
        headers.append((name.lower().encode(), value.encode()))
    return headers
