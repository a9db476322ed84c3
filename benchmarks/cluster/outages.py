"""Who notices that a database fails over: callers of nodes, and a probe that writes into the
database itself. Each knows for how long it had no answer."""

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import Final, final

import httpx
import psycopg
import trio

from benchmarks.chaos.client import Client
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import connect

CALL_S: Final = 0.02
PROBE_S: Final = 0.005
AGAIN_S: Final = 0.02
"""After an error of the probe."""


@final
class Answers:
    """When somebody was answered."""

    def __init__(self) -> None:
        self._at_s: list[float] = []

    def add(self) -> None:
        self._at_s.append(time.monotonic())

    @property
    def last_s(self) -> float:
        return self._at_s[-1] if self._at_s else 0.0

    def outage_s(self, since_s: float) -> float:
        """The longest time between two of them that does not end before."""
        pairs = zip(self._at_s, self._at_s[1:], strict=False)
        return max((after - before for before, after in pairs if after > since_s), default=0.0)


@final
class Probe:
    """Writes one row after the other, each a commit, over a connection that is made anew after each
    error."""

    def __init__(self, address: JournalAddress) -> None:
        self.answers: Final = Answers()
        self.failed_s = 0.0  # when it failed last
        self._address = address
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        with connect(self._address) as connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._address.schema}.probe (number bigint)"
            )
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(psycopg.Error):
                self._write()
            self.failed_s = time.monotonic()
            self._stop.wait(AGAIN_S)

    def _write(self) -> None:
        """Until there is an error, or a warning, as of a commit that does not wait."""
        text = f"INSERT INTO {self._address.schema}.probe VALUES (%s)"
        warnings: list[object] = []
        with connect(self._address) as connection:
            connection.add_notice_handler(warnings.append)
            while not self._stop.is_set():
                connection.execute(text, (time.monotonic_ns(),))
                if warnings:
                    return
                self.answers.add()
                self._stop.wait(PROBE_S)


@final
class Caller:
    """Creates tasks at one node.

    Args:
        has_keys: sends again what was not answered, under the same key; else each is sent once.
    """

    def __init__(self, client: Client, *, has_keys: bool) -> None:
        self.answers: Final = Answers()
        self.unsure: Final[set[str]] = set()  # titles of what was sent once, and not answered
        self._has_keys = has_keys
        self._sent = 0
        self.created: Final[dict[str, str]] = {}  # title to id, of what was answered
        self._client = client
        self._prefix = token_hex(4)

    async def run(self, stop: trio.Event) -> None:
        """Return once what was sent last is answered."""
        while not stop.is_set():
            self._sent += 1
            title = f"{self._prefix} {self._sent}"
            answered = await self._create(title)
            if answered is None:
                self.unsure.add(title)
            else:
                assert answered.is_success, answered.text
                self.created[title] = answered.json()["task"]["id"]
                self.answers.add()
            await trio.sleep(CALL_S)

    async def _create(self, title: str) -> httpx.Response | None:
        path, body = "/api/tasks", {"scope": "global", "title": title}
        if self._has_keys:
            return await self._client.post(path, body)
        with contextlib.suppress(httpx.TransportError):
            answered = await self._client.send_once("POST", path, body)
            if answered.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answered
        return None
