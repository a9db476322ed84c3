"""A webhook that was down for a while: it is told what it missed, in order, when it is back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, final

import trio
from attrs import define, field

from benchmarks.chaos.server import free_port
from tests.edge.receiver import Receiver, receiving
from tests.scenarios.looks import runs, task
from tests.scenarios.patterns import ABSENT, ANY, Pattern
from tests.scenarios.story import OPERATOR, Look, Outside, Scenario, Step, agent

BAKER: Final = agent("sess-baker", "baker")

_SUBSCRIPTIONS: Final = "/api/tasks/bread/notifications/bridges"
_SUBSCRIBE: Final = OPERATOR.post(
    _SUBSCRIPTIONS,
    {
        "subscription_id": "sub-team",
        "bridge_instance_id": "team",
        "delivery_mode": "direct-send",
        "peer_id": "the-team",
    },
)


@final
@define(eq=False)
class Team:
    """Those who listen to the webhook, or do not."""

    options: tuple[str, ...]
    port: int
    nursery: trio.Nursery
    _receivers: list[Receiver] = field(factory=list)
    _listening: trio.CancelScope | None = None
    _gone: trio.Event = field(factory=trio.Event)

    async def listen(self) -> None:
        if self._listening is None:
            await self.nursery.start(self._listen)

    async def leave(self) -> None:
        """From now on nobody listens on the port."""
        if self._listening is not None:
            self._listening.cancel()
            await self._gone.wait()

    async def _listen(self, *, task_status: trio.TaskStatus[None]) -> None:
        self._gone = trio.Event()
        with trio.CancelScope() as self._listening:
            async with receiving(self.port) as receiver:
                self._receivers.append(receiver)
                task_status.started()
                await trio.sleep_forever()
        self._listening = None
        self._gone.set()

    async def wait_for_request(self) -> None:
        receiver = self._receivers[-1]
        await receiver.wait_for(len(receiver.requests) + 1)

    @property
    def told(self) -> list[str]:
        """The statuses of the messages, in the order in which each came first."""
        requests = [request for receiver in self._receivers for request in receiver.requests]
        first = {request.id: request for request in reversed(requests)}
        return [
            request.json["provider_metadata"]["status"]
            for request in requests
            if first[request.id] is request
        ]


@asynccontextmanager
async def a_team(directory: Path) -> AsyncIterator[Team]:
    """A team that listens, and the configuration of a server that knows of it."""
    port = free_port()
    configuration = directory / "chargehand.toml"
    configuration.write_text(
        f'[[bridges]]\nid = "team"\nurl = "http://127.0.0.1:{port}/hook"\nsecret = "shared"\n',
        encoding="utf-8",
    )
    async with trio.open_nursery() as nursery:
        team = Team((f"--config={configuration}",), port, nursery)
        await team.listen()
        yield team
        nursery.cancel_scope.cancel()


def _hears(*statuses: str) -> Outside:
    """The team is told these, each one once but for repeats, and nothing else."""

    async def hear(team: Team) -> None:
        while len(team.told) < len(statuses):
            await team.wait_for_request()
        assert team.told == list(statuses)

    return Outside(hear)


def _cursor(**expected: Pattern) -> Look:
    return Look(f"{_SUBSCRIPTIONS}/sub-team", {"subscription": {"cursor": expected}})


def _again(key: str, run: str) -> tuple[Step, ...]:
    return (
        Step(
            f"more bread is wanted: {key}",
            OPERATOR.post("/api/tasks/bread/runs", {"idempotency_key": key}),
            201,
            sees=(task("bread", status="ready"),),
        ),
        Step(
            f"the baker takes it: {key}",
            BAKER.claims(key),
            keeps={run: "claim.run.id"},
        ),
    )


SCENARIO: Final = Scenario(
    "a webhook that was down for a while",
    follows=("bread",),
    around=a_team,
    steps=(
        Step(
            "bread is wanted",
            OPERATOR.post("/api/tasks", {"id": "bread", "scope": "global", "title": "Bread"}),
            201,
            again=409,
        ),
        Step(
            "a team wants to be told of it",
            _SUBSCRIBE,
            201,
            shows={"subscription": {"subscription_id": "sub-team", "task_id": "bread"}},
            sees=(_cursor(last_delivery_id=ABSENT, last_error=ABSENT),),
        ),
        *_again("first", "first"),
        Step(
            "the bread is baked",
            BAKER.of_its_run("complete", "{first}", result={"loaves": 2}),
            sees=(task("bread", status="completed"),),
        ),
        Step(
            "the team is told",
            _hears("completed"),
            soon=True,
            sees=(_cursor(last_delivery_id=ANY, last_delivered_at=ANY, last_error=ABSENT),),
        ),
        Step("the team goes home", Outside(Team.leave)),
        *_again("second", "second"),
        Step(
            "and is baked; nobody can be told",
            BAKER.of_its_run("complete", "{second}", result={"loaves": 3}),
            soon=True,
            restless=True,
            sees=(task("bread", status="completed"), _cursor(last_error=ANY)),
        ),
        *_again("third", "third"),
        Step(
            "and then nobody wants any more",
            OPERATOR.post("/api/tasks/bread/cancel", {"reason": "closing time"}),
            soon=True,
            restless=True,
            sees=(
                task("bread", status="canceled"),
                runs("bread", "completed", "completed", "canceled"),
                _cursor(last_error=ANY),
            ),
        ),
        Step("the team comes back", Outside(Team.listen), restless=True),
        Step(
            "does not want to wait for the next attempt",
            _SUBSCRIBE,
            201,
            restless=True,
            shows={"subscription": {"subscription_id": "sub-team", "task_id": "bread"}},
        ),
        Step(
            "and is told what it missed",
            _hears("completed", "completed", "canceled"),
            soon=True,
            sees=(_cursor(last_delivery_id=ANY, last_error=ABSENT),),
        ),
    ),
)
