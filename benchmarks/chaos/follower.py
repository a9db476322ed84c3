"""A stream client that comes back with the last number it has seen."""

import json
from contextlib import suppress
from typing import Any, Final, final

import httpx
import trio
from attrs import frozen

from benchmarks.chaos.ledger import Change
from chargehand.web.client.whole_body import SENT_WHOLE

_SILENCE_S: Final = 20.0  # the server sends a comment every 15 s
_OK: Final = 200


@final
@frozen
class Received:
    """An event of the stream."""

    seq: int
    type: str
    task_id: str


@final
class Follower:
    """`received` is what has come, in order of arrival, over all connections.

    Args:
        change: is notified of each event; several followers may share one.
    """

    def __init__(self, url: str, task_id: str, change: Change | None = None) -> None:
        self.task_id = task_id
        self._url = f"{url}/api/tasks/{task_id}/stream"
        self.received: list[Received] = []
        self.connections = 0
        self.change = Change() if change is None else change

    @property
    def seqs(self) -> list[int]:
        return [received.seq for received in self.received]

    async def run(self) -> None:
        """Follow until canceled."""
        async with httpx.AsyncClient(
            timeout=httpx.Timeout(5.0, read=_SILENCE_S),
            trust_env=False,
            verify=False,
            event_hooks=SENT_WHOLE,
        ) as client:
            while True:
                with suppress(httpx.TransportError):
                    await self._follow(client)
                await trio.sleep(0.02)

    async def _follow(self, client: httpx.AsyncClient) -> None:
        headers = {"Last-Event-ID": str(self.received[-1].seq)} if self.received else {}
        query = {} if self.received else {"after_sequence": 0}
        async with client.stream("GET", self._url, headers=headers, params=query) as response:
            if response.status_code != _OK:
                return
            self.connections += 1
            frame: dict[str, str] = {}
            async for line in response.aiter_lines():
                if line:
                    name, _, value = line.partition(":")
                    frame[name] = value.strip()
                    continue
                if "id" in frame:  # an event counts once it has come whole
                    self._take(int(frame["id"]), json.loads(frame["data"]))
                frame = {}

    def _take(self, seq: int, event: dict[str, Any]) -> None:
        if event["sequence"] != seq:
            raise AssertionError(f"event {seq} says that it is {event['sequence']}")
        self.received.append(Received(seq, event["type"], event["timeline"]["task"]["id"]))
        self.change.notify()
