"""Every operation, with a client that hangs up at each stage of it: done or not done, nothing torn.

A write whose request has arrived as a whole is carried out, whether or not its client stays. A
claim and a drain may wait, and so end with their client; what they had begun is then given back, or
goes on. A request that has not arrived as a whole does nothing.
"""

import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any, Final, final

import pytest
import trio
import trio.testing
from attrs import define, frozen

from chargehand.actors.identity import OriginKind
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.web.app import create_app
from chargehand.web.exchange import Answerer, Exchange
from chargehand.web.lane.shortcuts import SHORTCUTS
from chargehand.web.operations import MAY_WAIT, Operation
from chargehand.web.parsing import RequestHead
from tests.actors.system.hang_ups import Countdown, check_nothing_is_held, picture
from tests.contract.likeness import renamed
from tests.contract.recorded import Recorded, good_answers
from tests.contract.situations import SITUATIONS
from tests.contract.town import Town
from tests.contract.twins import open_system
from tests.web.client import ContractClient
from tests.web.ways import answered_by_the_app, answered_by_the_lane

STAGES: Final = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55)  # steps of any task, until the client hangs up
EVERY_STAGE: Final = range(120)


@final
@define
class Visit:
    """One request, of which the client sends `parts` and then hangs up: `steps` later, or as it is
    waited for the rest."""

    method: str
    target: str
    headers: dict[str, str]
    parts: list[bytes]
    is_whole: bool
    answered: bool = False

    async def make(self, answer: Answerer, steps: int | None) -> None:
        length = sum(map(len, self.parts)) + (not self.is_whole)
        head = RequestHead(
            self.method,
            self.target.encode(),
            "1.1",
            [(name.lower().encode(), value.encode()) for name, value in self.headers.items()],
            length or None,
        )
        exchange = Exchange(head, Listening())
        for part in self.parts:
            exchange.add(part)
        if self.is_whole:
            exchange.complete()
        async with trio.open_nursery() as nursery:
            if not self.is_whole:
                nursery.start_soon(hang_up_when_it_waits, exchange)
            with nullcontext() if steps is None else Countdown(steps, exchange.hang_up):
                await answer(exchange)
        self.answered = exchange.is_answered and not exchange.is_gone


async def hang_up_when_it_waits(exchange: Exchange) -> None:
    await trio.testing.wait_all_tasks_blocked()
    exchange.hang_up()


@final
class Listening:
    """A peer that takes whatever it is sent."""

    client = server = None
    is_last = False

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()

    def made_room(self) -> None:
        pass


@final
@frozen
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def whole(self) -> Visit:
        return Visit(self.method, self.target, self.headers, [self.body] if self.body else [], True)

    def cut(self) -> Visit:
        half = self.body[: len(self.body) // 2]
        return Visit(self.method, self.target, self.headers, [half] if half else [], False)


async def as_recorded(recorded: Recorded, town: Town) -> Request:
    """The request of the recording, in a situation like that of the original."""
    await SITUATIONS[recorded.operation](town, recorded)
    body = "" if recorded.body is None else renamed(json.dumps(recorded.body), town.names)
    target = renamed(recorded.path, town.names)
    return Request(recorded.operation.method, target, recorded.headers, body.encode())


async def the_end_of_a_session(town: Town) -> Request:
    """Of one that holds a lease, for whose run another one waits."""
    run = {"id": "run-1", "task_id": "t", "origin": {"ref": "tasks.enqueue_run"}}
    await town.enqueue(run)
    await town.lease("sess-gone", lease_seconds=86_400)
    return Request("DELETE", "/api/sessions/sess-gone", {}, b"")


async def a_new_workspace(_: Town) -> Request:
    return Request("POST", "/api/workspaces", {}, b'{"root_dir": "/srv/shop"}')


async def a_stream(town: Town) -> Request:
    await town.create({"id": "t"})
    return Request("GET", "/api/tasks/t/stream?after_sequence=0", {}, b"")


async def what_is_undelivered(town: Town) -> Request:
    await town.create({"id": "t"})
    return Request("POST", "/api/tasks/t/notifications/undelivered/resend", {}, b"{}")


async def a_batch_of_claims(town: Town) -> Request:
    """Of which there are two runs, and room for one."""
    for number in (1, 2):
        origin = {"ref": "tasks.enqueue_run"}
        await town.enqueue({"id": f"run-{number}", "task_id": f"t{number}", "origin": origin})
    target = Operation.CLAIM_BATCH.path
    return Request("POST", target, await town.act_as("sess-1"), b'{"max_runs": 2, "wait": true}')


async def a_batch_of_one(operation: Operation, members: dict[str, object], town: Town) -> Request:
    """Of a run that the caller holds."""
    run = {"id": "run-1", "task_id": "t", "origin": {"ref": "tasks.enqueue_run"}}
    await town.enqueue(run)
    claim = await town.lease("sess-1", lease_seconds=86_400)
    body = {"items": [{"run_id": claim["run"]["id"], **members}]}
    headers = await town.act_as("sess-1")
    return Request("POST", operation.path, headers, json.dumps(body).encode())


async def a_stream_of_all(_: Town) -> Request:
    return Request("GET", f"{Operation.STREAM.path}?after_sequence=0", {}, b"")


async def a_list_of_dependents(town: Town) -> Request:
    await town.create({"id": "t"})
    return Request("GET", "/api/tasks/t/dependents", {}, b"")


async def a_list_of_all(operation: Operation, _: Town) -> Request:
    return Request("GET", operation.path, {}, b"")


async def a_batch_of_tasks(_: Town) -> Request:
    task = {"scope": "global", "title": "T"}
    items = [{**task, "parent_ref": "a"}, {**task, "ref": "a"}]
    return Request("POST", Operation.CREATE_BATCH.path, {}, json.dumps({"items": items}).encode())


async def many_tasks(operation: Operation, members: dict[str, object], town: Town) -> Request:
    for number in range(3):
        await town.create({"id": f"t{number}", "approval_policy": "manual"})
    body = {"filter": {"all": True}, **members}
    return Request("POST", operation.path, {}, json.dumps(body).encode())


async def many_runs(operation: Operation, status: str, town: Town) -> Request:
    for number in range(3):
        origin = {"ref": "tasks.enqueue_run"}
        await town.enqueue({"id": f"run-{number}", "task_id": f"t{number}", "origin": origin})
    if status == "canceled":
        body = {"filter": {"all": True}}
        await town.client.post(Operation.BULK_CANCEL_RUNS.path, body)
    body = {"filter": {"status": status}}
    return Request("POST", operation.path, {}, json.dumps(body).encode())


MANY_TASKS: Final[dict[Operation, dict[str, object]]] = {
    Operation.BULK_CANCEL_TASKS: {},
    Operation.BULK_APPROVE_TASKS: {},
    Operation.BULK_PAUSE_TASKS: {"reason": "later"},
    Operation.BULK_RESUME_TASKS: {},
    Operation.BULK_ARCHIVE_TASKS: {},
}


BATCHES: Final[dict[Operation, dict[str, object]]] = {
    Operation.HEARTBEAT_BATCH: {"lease_seconds": 60},
    Operation.RELEASE_BATCH: {"reason": "later"},
    Operation.COMPLETE_BATCH: {"result": {}},
    Operation.FAIL_BATCH: {"error": "the build failed"},
}
LISTS_OF_ALL: Final = (Operation.LIST_ALL_RUNS, Operation.LIST_ALL_REVIEWS)
OWN: Final[dict[Operation, Callable[[Town], Awaitable[Request]]]] = {
    Operation.END_SESSION: the_end_of_a_session,
    Operation.CREATE_WORKSPACE: a_new_workspace,
    Operation.STREAM_TASK: a_stream,
    Operation.STREAM: a_stream_of_all,
    **{one: partial(a_list_of_all, one) for one in LISTS_OF_ALL},
    Operation.LIST_DEPENDENTS: a_list_of_dependents,
    Operation.CLAIM_BATCH: a_batch_of_claims,
    Operation.CREATE_BATCH: a_batch_of_tasks,
    **{one: partial(a_batch_of_one, one, members) for one, members in BATCHES.items()},
    **{one: partial(many_tasks, one, members) for one, members in MANY_TASKS.items()},
    Operation.BULK_CANCEL_RUNS: partial(many_runs, Operation.BULK_CANCEL_RUNS, "queued"),
    Operation.BULK_RETRY_RUNS: partial(many_runs, Operation.BULK_RETRY_RUNS, "canceled"),
    Operation.RESEND_UNDELIVERED: what_is_undelivered,
}
FIRST_RECORDED: Final = {one.operation: one for one in reversed(good_answers())}
REQUESTS: Final[dict[Operation, Callable[[Town], Awaitable[Request]]]] = {
    **{operation: partial(as_recorded, one) for operation, one in FIRST_RECORDED.items()},
    **OWN,
}
AnsweredBy = Callable[[System], Answerer]
by_each_way = pytest.mark.parametrize(
    ("operation", "answered_by"),
    [
        *(pytest.param(one, answered_by_the_app, id=one.name) for one in REQUESTS),
        *(pytest.param(one, answered_by_the_lane, id=f"{one.name}-lane") for one in SHORTCUTS),
    ],
)


@asynccontextmanager
async def situation(operation: Operation, answered_by: AnsweredBy) -> Any:
    """A system with a request that would succeed."""
    async with open_system(Settings(lease_expiries_max=1, drain_s=3, wait_s=3)) as system:
        town = Town(ContractClient(create_app(system, OriginKind.UDS)))
        await town.settle()
        request = await REQUESTS[operation](town)
        await trio.testing.wait_all_tasks_blocked()
        yield system, answered_by(system), request


async def left_by(
    operation: Operation,
    answered_by: AnsweredBy,
    part: Callable[[Request], Visit],
    steps: int | None,
) -> Any:
    """Pictures of before and after a visit, and whether it was answered."""
    async with situation(operation, answered_by) as (system, answer, request):
        before = picture(system)
        visit = part(request)
        with trio.fail_after(3600):
            await visit.make(answer, steps)
        await trio.testing.wait_all_tasks_blocked()
        after = picture(system)
        await trio.sleep(3.1)  # every claim and drain is over
        await trio.testing.wait_all_tasks_blocked()
        check_nothing_is_held(system)
        assert len(system.views.streams) == 0
        return before, after, visit.answered


@by_each_way
async def test_a_request_is_done_or_not_done_whenever_its_client_goes(
    operation, answered_by, autojump_clock
):
    endless = operation in (Operation.STREAM_TASK, Operation.STREAM)
    before, whole, answered = await left_by(
        operation, answered_by, Request.whole, 200 if endless else None
    )
    assert answered is not endless
    for steps in EVERY_STAGE if operation in MAY_WAIT else STAGES:
        _, left, answered = await left_by(operation, answered_by, Request.whole, steps)
        if operation in MAY_WAIT:
            assert left in (before, whole), f"torn after {steps} steps"
        else:
            assert left == whole, f"not carried out after {steps} steps"
        if answered:
            break


@by_each_way
async def test_a_request_that_is_cut_short_does_nothing(operation, answered_by, autojump_clock):
    if operation.method in {"GET", "DELETE"}:
        return
    before, left, answered = await left_by(operation, answered_by, Request.cut, None)
    assert left == before
    assert not answered


def test_every_write_is_among_them():
    writes = {operation for operation in Operation if operation.method != "GET"}
    assert writes <= REQUESTS.keys()
