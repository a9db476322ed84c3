"""The calls of a program as HTTP requests."""

import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Final

import httpx
import trio

from chargehand.web.agents.api import Api
from chargehand.web.agents.asking import Answered, Request, linked_from
from chargehand.web.agents.errors import ChargehandError, Unavailable, closed, of_answer
from chargehand.web.client.connections import Connections
from chargehand.web.client.patience import Patience
from chargehand.web.headers import IDEMPOTENCY_HEADER, LAST_EVENT_HEADER
from chargehand.web.retry_after import retry_after_s

CLAIMS_WAITING: Final = 32  # of one pool: each takes a connection
CONNECT_S: Final = 5.0
QUIET_S: Final = 45.0  # three of the server's comments missed: the stream is lost

_log = logging.getLogger("chargehand.client")


class OverHttp(Api):
    """Sends a request again, under its key, until it is answered.

    Args:
        brief: for requests that are answered at once.
        waiting: for those that may take their time, and streams, so that they keep no heartbeat
            from being sent.
        patience_s: how long a server that does not answer is waited for.
        where: the address, for people.
    """

    waiting_max = CLAIMS_WAITING

    def __init__(
        self,
        brief: Connections,
        waiting: Connections,
        patience_s: float,
        where: str,
    ) -> None:
        self._brief = brief
        self._waiting = waiting
        self._patience_s = patience_s
        self._where = where
        self._is_closed = False

    async def aclose(self) -> None:
        """Close all connections; what is asked afterwards is refused as `client_closed`."""
        self._is_closed = True
        with trio.CancelScope(shield=True):
            await self._brief.aclose()
            await self._waiting.aclose()

    async def _answered(self, request: Request) -> Answered:
        self._check_open()
        connections = self._waiting if request.waits else self._brief
        headers = {} if request.agent is None else request.agent.headers
        if request.key is not None:
            headers[IDEMPOTENCY_HEADER] = request.key
        if request.body:
            headers["Content-Type"] = "application/json"
        patience = Patience(self._patience_s)
        while True:
            try:
                async with connections.one() as client:
                    answer = await client.request(
                        request.method,
                        request.path,
                        params=request.query or None,
                        content=request.body,
                        headers=headers,
                    )
                if answer.is_success and (not answer.content or answer.content[:1] == b"{"):
                    return Answered(answer.content, linked_from(answer.headers.get("Link")))
                cause = await _error_of(answer)
            except httpx.TransportError as error:
                cause = self._unreachable(error)
            if not isinstance(cause, Unavailable) or not await patience.pause(cause.retry_after_s):
                raise cause

    async def _lines(
        self, path: str, query: Mapping[str, str], last_id: str | None
    ) -> AsyncGenerator[str, None]:
        async with self._waiting.one() as client:
            answer = await self._stream(client, path, query, last_id)
            lines = answer.aiter_lines()
            try:
                async for line in lines:
                    yield line
            except httpx.TransportError as error:  # whoever reads it comes back
                _log.info("a stream of %s broke off: %r", self._where, error)
            finally:
                with trio.CancelScope(shield=True):
                    await answer.aclose()
                    # The generators inside one another are unwound by an error of the innermost.
                    with suppress(httpx.HTTPError, httpx.StreamError):
                        async for _ in lines:
                            pass

    async def _stream(
        self, client: httpx.AsyncClient, path: str, query: Mapping[str, str], last_id: str | None
    ) -> httpx.Response:
        """One that is open; the server is waited for."""
        self._check_open()
        headers = {"Accept": "text/event-stream"}
        if last_id is not None:
            headers[LAST_EVENT_HEADER] = last_id
        request = client.build_request(
            "GET",
            path,
            params=query or None,
            headers=headers,
            timeout=httpx.Timeout(QUIET_S, connect=CONNECT_S),
        )
        patience = Patience(self._patience_s)
        while True:
            try:
                answer = await client.send(request, stream=True)
                if answer.is_success:
                    return answer
                cause = await _error_of(answer)
            except httpx.TransportError as error:
                cause = self._unreachable(error)
            if not isinstance(cause, Unavailable) or not await patience.pause(cause.retry_after_s):
                raise cause

    def _check_open(self) -> None:
        if self._is_closed:
            raise closed()

    def _unreachable(self, error: httpx.TransportError) -> Unavailable:
        why = str(error) or type(error).__name__
        return Unavailable(
            "unreachable",
            f"{self._where} does not answer: {why}",
            "see whether the server runs, and at which address",
        )


async def _error_of(answer: httpx.Response) -> ChargehandError:
    try:
        body = await answer.aread()
    finally:
        with trio.CancelScope(shield=True):
            await answer.aclose()
    return of_answer(answer.status_code, body, retry_after_s(answer.headers, time.time()))
