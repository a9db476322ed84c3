"""Sends a request on to the active node, and its answer back, piece by piece.

What the client sent goes along as it is, with how it came in; the guard here has let it in already.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Final, final

import httpx
import trio

from chargehand.web.cluster.repeating import is_repeatable, next_step
from chargehand.web.cluster.roles import (
    NOT_A_NODE,
    NOT_ACTIVE,
    RETRY_AFTER,
    UNTOUCHED,
    WAITED,
    Roles,
)
from chargehand.web.exchange import Exchange
from chargehand.web.listeners import Way
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import RawHeaders, Refusal

SECRET: Final = b"chargehand-secret"
WAY: Final = b"chargehand-way"

CONNECT_S: Final = 2.0
_SOON: Final = {"timeout": httpx.Timeout(CONNECT_S).as_dict()}
_CONNECTIONS_MAX: Final = 8192
_ALIVE: Final = 256  # unused ones that are kept
# They are between two neighbours, and each pair has its own.
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"transfer-encoding",
        b"te",
        b"trailer",
        b"upgrade",
        b"expect",
        b"content-length",
        b"proxy-connection",
    }
)


class Outcome(Enum):
    """Of an attempt."""

    ANSWERED = "answered"
    NOT_DONE = "not done"  # nothing happened there: it may be sent to another one
    LOST = "lost"  # it may have been done, and may be sent again
    WAITED = "waited"  # the same, after a wait in which no other node became active
    NOT_KNOWN = "not known"  # nothing happened: this node has not the secret that is known there


@final
class Forwarder:
    """Args: secret: what the nodes know each other by."""

    def __init__(self, client: httpx.AsyncClient, roles: Roles, secret: bytes) -> None:
        self._client = client
        self._roles = roles
        self._secret = secret

    @classmethod
    @asynccontextmanager
    async def opened(cls, roles: Roles, secret: str) -> "AsyncIterator[Forwarder]":
        logging.getLogger("httpx").setLevel(logging.WARNING)  # else it has a line for each request
        limits = httpx.Limits(max_connections=_CONNECTIONS_MAX, max_keepalive_connections=_ALIVE)
        timeout = httpx.Timeout(None, connect=CONNECT_S)
        async with httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False) as client:
            yield cls(client, roles, secret.encode())

    async def ask(self, address: str, path: bytes, headers: RawHeaders) -> httpx.Response:
        """What the node at `address` answers to a question of this node's own.

        Raises:
            httpx.HTTPError: it has not answered in time.
        """
        url = httpx.URL(f"http://{address}").copy_with(raw_path=path)
        own = [*headers, *self._signs(Way.TCP)]
        request = httpx.Request("GET", url, headers=own, extensions=_SOON)
        return await self._client.send(request)

    async def forward(self, exchange: Exchange, way: Way, address: str) -> Outcome:
        """Have the node at `address` answer. A client that hangs up is heard of there, too."""
        with trio.CancelScope() as scope:
            exchange.cancel_when_gone(scope)
            with self._roles.asking(address, exchange, scope):
                return await self._forward(exchange, way, address)
        if exchange.is_gone or exchange.status is not None:
            return Outcome.ANSWERED  # as far as it goes: a stream is followed again
        is_stuck = self._roles.elsewhere == address
        return await _lost(exchange, Outcome.WAITED if is_stuck else Outcome.LOST)

    async def _forward(self, exchange: Exchange, way: Way, address: str) -> Outcome:
        request = self._request(exchange, way, address)
        try:
            response = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Outcome.NOT_DONE
        except httpx.TransportError:
            return await _lost(exchange)
        try:
            if is_stranger(response):
                return Outcome.NOT_KNOWN
            not_active = response.headers.get(NOT_ACTIVE[0].decode())
            if not_active == UNTOUCHED:
                return Outcome.NOT_DONE
            if not_active and is_repeatable(exchange.head):
                return Outcome.WAITED if not_active == WAITED else Outcome.LOST
            await _pass_back(exchange, response)
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                await response.aclose()
        return Outcome.ANSWERED

    def _request(self, exchange: Exchange, way: Way, address: str) -> httpx.Request:
        head = exchange.head
        headers = [(name, value) for name, value in head.headers if name not in _HOP_BY_HOP]
        headers += self._signs(way)
        url = httpx.URL(f"http://{address}").copy_with(raw_path=head.target)
        return httpx.Request(head.method, url, headers=headers, content=exchange.body or None)

    def _signs(self, way: Way) -> list[tuple[bytes, bytes]]:
        """By which a node knows another one."""
        return [(SECRET, self._secret), (WAY, way.value.encode())]


def is_stranger(response: httpx.Response) -> bool:
    """Whether who asked has not the secret that is known there."""
    return NOT_A_NODE[0].decode() in response.headers


async def _lost(exchange: Exchange, outcome: Outcome = Outcome.LOST) -> Outcome:
    """Nobody knows what became of it: what may be sent twice is, as `outcome` says."""
    if is_repeatable(exchange.head):
        return outcome
    lost = Refusal.of(
        EdgeCode.NODE_LOST,
        "the active node was lost before it answered: what was asked may have been done",
        next_step(exchange.head),
        RETRY_AFTER,
    )
    await exchange.refuse(lost)
    return Outcome.ANSWERED


async def _pass_back(exchange: Exchange, response: httpx.Response) -> None:
    headers = [
        (name.lower(), value)
        for name, value in response.headers.raw
        if name.lower() not in _HOP_BY_HOP or name.lower() == b"content-length"
    ]
    exchange.begin(response.status_code, headers)
    try:
        async for piece in response.aiter_raw():
            await exchange.send(piece, True)
    except httpx.TransportError:
        return  # the connection ends with what is missing: a stream is followed again elsewhere
    await exchange.send(b"", False)
