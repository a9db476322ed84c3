"""Requests of clients that do not give up when the server is gone for a while."""

from collections.abc import Mapping
from contextlib import suppress
from secrets import token_hex
from types import MappingProxyType
from typing import Any, Final, final

import httpx
import trio

from chargehand.web.client.whole_body import SENT_WHOLE

RETRY_S: Final = 0.02
_UNAVAILABLE: Final = 503


@final
class Client:
    """Repeats what was not answered, writes under a key, so that each is done once."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=httpx.Timeout(40.0),
            trust_env=False,
            verify=False,  # there is no TLS, and reading certificates takes its time
            limits=httpx.Limits(max_connections=None),
            event_hooks=SENT_WHOLE,
        )
        self.repeats = 0

    async def get(self, path: str, **query: str | int) -> httpx.Response:
        return await self.send("GET", path, query=query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        return await self.send("POST", path, body or {}, headers={"Idempotency-Key": token_hex(16)})

    async def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str | int] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> httpx.Response:
        while True:
            with suppress(httpx.TransportError):
                response = await self.send_once(method, path, body, query=query, headers=headers)
                if response.status_code != _UNAVAILABLE:
                    return response
            self.repeats += 1
            await trio.sleep(RETRY_S)

    async def send_once(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str | int] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> httpx.Response:
        """Raises: httpx.TransportError: there was no answer."""
        return await self._http.request(method, path, json=body, params=query, headers=headers)

    async def close(self) -> None:
        await self._http.aclose()
