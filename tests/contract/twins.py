"""Two equal systems: one behind h11 and the application, one behind the lane. Each request goes to
both, byte for byte, and both must answer the same bytes, at the same moment."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final, final

import trio
from attrs import define

from chargehand.actors.bridges.bridge import Bridge
from chargehand.actors.ids import Randomness
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task.state import Scope
from chargehand.persistence.opening import memory_journal
from chargehand.web.h11_parser import H11Parser
from chargehand.web.lane.parser import LaneParser
from tests.contract.scene import SCENE_BRIDGE_ID
from tests.contract.town import BRIDGE_ID, ROOT_DIR
from tests.web.ways import Way, answered_by_the_app, answered_by_the_lane, request_of

WALL_NS: Final = 1_790_000_000_123_456_700

_DATE: Final = re.compile(rb"\r\ndate: [^\r]*")


def without_date(answer: bytes) -> bytes:
    return _DATE.sub(b"", answer)


def count_for_chance(randomness: Randomness, count: int) -> bytes:
    """In place of `Randomness.take`: the same for both."""
    randomness._used += 1
    return randomness._used.to_bytes(count, "big")


@final
class Counted:
    """Ids that are the same in each system."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def suffix(self, now_ns: int) -> str:
        return f"{next(self._numbers):024x}"


async def nowhere(_: object) -> None:
    """Takes every message."""


@asynccontextmanager
async def open_system(settings: Settings) -> AsyncIterator[System]:
    """As all others that are opened with these settings."""
    bridges = [
        Bridge(BRIDGE_ID, Scope.WORKSPACE, ROOT_DIR, nowhere),
        Bridge(SCENE_BRIDGE_ID, Scope.GLOBAL, None, nowhere),
    ]
    async with run_system(
        memory_journal(), settings, wall_ns=WALL_NS, ids=Counted(), bridges=bridges
    ) as system:
        yield system


@final
@define(eq=False)
class Twins:
    """An ASGI application, as clients of the contract ask one."""

    by_the_app: Way
    by_the_lane: Way

    @property
    def ways(self) -> tuple[Way, Way]:
        return self.by_the_app, self.by_the_lane

    @property
    def systems(self) -> tuple[System, System]:
        return self.by_the_app.system, self.by_the_lane.system

    async def both(self, raw: bytes) -> bytes:
        """What both answer to `raw`, behind which they must close."""
        answers: dict[Way, bytes] = {}

        async def ask(way: Way) -> None:
            answers[way] = without_date(await way.answer_to(raw))

        async with trio.open_nursery() as nursery:
            for way in self.ways:
                nursery.start_soon(ask, way)
        lane, app = answers[self.by_the_lane], answers[self.by_the_app]
        assert lane == app, (raw, lane, app)
        return lane

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]
    ) -> None:
        body = (await receive())["body"]
        answer = await self.both(request_of(scope, body, b"connection: close"))
        head, _, told = answer.partition(b"\r\n\r\n")
        status, *named = head.split(b"\r\n")
        headers = [tuple(line.split(b": ", 1)) for line in named]
        start = {"type": "http.response.start", "status": int(status.split()[1])}
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": told})


@asynccontextmanager
async def open_twins(settings: Settings, *, strict: bool = False) -> AsyncIterator[Twins]:
    async with (
        open_system(settings) as one,
        open_system(settings) as other,
        trio.open_nursery() as nursery,
    ):
        yield Twins(
            Way(one, answered_by_the_app(one, strict=strict), H11Parser, nursery),
            Way(other, answered_by_the_lane(other, strict=strict), LaneParser, nursery),
        )
        nursery.cancel_scope.cancel()
