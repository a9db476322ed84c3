"""A stream client that comes back with the last number it has seen."""

from contextlib import suppress
from typing import Final, final

import httpx
import trio

from benchmarks.chaos.ledger import Change

_SILENCE_S: Final = 20.0  # the server sends a comment every 15 s
_OK: Final = 200


@final
class Follower:
    """`seqs` are the numbers received, in order of arrival, over all connections."""

    def __init__(self, url: str, task_id: str) -> None:
        self._url = f"{url}/api/tasks/{task_id}/stream"
        self.seqs: list[int] = []
        self.connections = 0
        self.change = Change()

    async def run(self) -> None:
        """Follow until canceled."""
        async with httpx.AsyncClient(
            timeout=httpx.Timeout(5.0, read=_SILENCE_S), trust_env=False
        ) as client:
            while True:
                with suppress(httpx.TransportError):
                    await self._follow(client)
                await trio.sleep(0.02)

    async def _follow(self, client: httpx.AsyncClient) -> None:
        headers = {"Last-Event-ID": str(self.seqs[-1])} if self.seqs else {}
        query = {} if self.seqs else {"after_sequence": 0}
        async with client.stream("GET", self._url, headers=headers, params=query) as response:
            if response.status_code != _OK:
                return
            self.connections += 1
            pending: int | None = None
            async for line in response.aiter_lines():
                if line.startswith("id:"):
                    pending = int(line.removeprefix("id:"))
                elif not line and pending is not None:  # an event counts once it has come whole
                    self.seqs.append(pending)
                    self.change.tell()
                    pending = None
