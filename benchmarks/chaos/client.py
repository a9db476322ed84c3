"""Requests of clients that do not give up when the server is gone for a while."""

from collections.abc import Mapping
from typing import Any, Final, final

import httpx
import trio

RETRY_S: Final = 0.02
_UNAVAILABLE: Final = 503


@final
class Client:
    """Repeats what was not answered. Only requests whose repeat is harmless may be sent by it."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=httpx.Timeout(40.0),
            trust_env=False,
            limits=httpx.Limits(max_connections=None),
        )
        self.repeats = 0

    async def get(self, path: str, **query: str | int) -> httpx.Response:
        return await self._send("GET", path, None, query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        return await self._send("POST", path, body or {}, {})

    async def close(self) -> None:
        await self._http.aclose()

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str | int],
    ) -> httpx.Response:
        while True:
            try:
                response = await self._http.request(method, path, json=body, params=query)
            except httpx.TransportError:
                pass
            else:
                if response.status_code != _UNAVAILABLE:
                    return response
            self.repeats += 1
            await trio.sleep(RETRY_S)
