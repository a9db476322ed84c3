"""The header Idempotency-Key: a write that is sent again has one effect, whichever it is."""

from contextlib import asynccontextmanager

import pytest
import trio

from chargehand.actors.bridges.bridge import Bridge, Gone
from chargehand.actors.identity import OriginKind
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.actors.task.state import Scope
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import memory_journal
from chargehand.web.operations import Operation as Op
from tests.actors.system.desk import CrashStore
from tests.web.client import ContractClient
from tests.web.ways import by_the_app, by_the_lane
from tests.web.writes import AGENT, SITUATIONS, WRITES, Stage, Write

NOW_NS = 1_790_000_000_123_456_700
every_write = pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.name)


way_in = pytest.mark.parametrize("way_in", ["http", "uds"])


class Server:
    """A system with both of its ways in."""

    def __init__(self, system, store, nursery):
        self.system = system
        self.store = store
        self.http = ContractClient(by_the_app(system, OriginKind.HTTP, nursery))
        self.uds = ContractClient(by_the_lane(system, OriginKind.UDS, nursery))

    @property
    def written(self) -> int:
        return self.system.journal.next_seq


@asynccontextmanager
async def serving(store=None, **settings):
    store = MemoryStore() if store is None else store

    async def take(message):
        pass

    async def take_later(message):
        """Wants no more, until it is asked again; then it takes its time."""
        if message.subscription.updated_at_ns == message.subscription.created_at_ns:
            raise Gone("answered 410 Gone")
        await trio.sleep_forever()

    bridges = [
        Bridge("ops", Scope.GLOBAL, None, take),
        Bridge("moody", Scope.GLOBAL, None, take_later),
    ]
    chosen = Settings(lease_expiries_max=1, **settings)
    journal = memory_journal(store)
    async with (
        run_system(journal, chosen, wall_ns=NOW_NS, bridges=bridges) as system,
        trio.open_nursery() as nursery,
    ):
        yield Server(system, store, nursery)
        nursery.cancel_scope.cancel()


def thing(answered) -> object:
    """What an answer is about: its ids, of whatever it holds."""
    found = set()

    def look(value):
        match value:
            case dict():
                for name, member in value.items():
                    if name in {"id", "run_id", "task_id", "review_id", "subscription_id"}:
                        found.add((name, str(member)))
                    if name != "events":  # of a task's detail: the newest ones, as they are now
                        look(member)
            case list():
                for member in value:
                    look(member)

    look(answered.json if answered.body else None)
    return found


def test_every_write_has_a_situation():
    assert set(SITUATIONS) == set(WRITES)


@way_in
@every_write
async def test_sent_twice_it_has_one_effect_and_the_same_answer(autojump_clock, operation, way_in):
    async with serving() as server:
        client = getattr(server, way_in)
        write = await SITUATIONS[operation](Stage(client))
        before = server.written
        first = await write.send(client, "k")
        assert first.status == operation.success, first.body
        written = server.written
        assert written > before
        again = await write.send(client, "k")
        assert (again.status, thing(again)) == (first.status, thing(first))
        assert server.written == written


@every_write
async def test_it_may_be_sent_again_over_the_other_transport(autojump_clock, operation):
    async with serving() as server:
        write = await SITUATIONS[operation](Stage(server.http))
        first = await write.send(server.http, "k")
        written = server.written
        again = await write.send(server.uds, "k")
        assert (again.status, thing(again)) == (first.status, thing(first))
        assert server.written == written


@every_write
@pytest.mark.parametrize("checkpoint", [False, True], ids=["from_the_log", "from_the_tables"])
async def test_it_may_be_sent_again_after_a_restart(autojump_clock, operation, checkpoint):
    async with serving() as server:
        write = await SITUATIONS[operation](Stage(server.http))
        first = await write.send(server.http, "k")
        if checkpoint:
            await server.system.checkpointer.checkpoint()
        store = server.store.copy()
    async with serving(store, boot_grace_s=0) as server:
        written = server.written
        again = await write.send(server.http, "k")
        assert (again.status, thing(again)) == (first.status, thing(first))
        assert server.written == written


@every_write
async def test_two_at_once_have_one_effect_and_the_same_answer(autojump_clock, operation):
    async with serving() as alone:
        write = await SITUATIONS[operation](Stage(alone.http))
        before = alone.written
        await write.send(alone.http, "k")
        effect = alone.written - before
    answers = []
    async with serving() as server:
        write = await SITUATIONS[operation](Stage(server.http))
        before = server.written

        async def send(client):
            answers.append(await write.send(client, "k"))

        async with trio.open_nursery() as nursery:
            for client in (server.http, server.uds, server.http):
                nursery.start_soon(send, client)
        assert server.written - before == effect
    assert {answered.status for answered in answers} == {operation.success}
    assert len({frozenset(thing(answered)) for answered in answers}) == 1


@every_write
async def test_another_request_under_the_key_is_refused(autojump_clock, operation):
    async with serving() as server:
        write = await SITUATIONS[operation](Stage(server.http))
        await write.send(server.http, "k")
        written = server.written
        other = Write(Op.CREATE_TASK, {}, {"scope": "global", "title": "x"}, None, write.headers)
        refused = []
        for client in (server.http, server.uds):
            refused.append(await other.send(client, "k"))
            if write.other is not None:
                refused.append(await write.send(client, "k", write.other))
        for answered in refused:
            assert (answered.status, answered.code) == (409, "idempotency_key_reused")
        assert server.written == written


@every_write
async def test_of_two_different_requests_at_once_one_is_refused(autojump_clock, operation):
    answers = []
    async with serving() as server:
        write = await SITUATIONS[operation](Stage(server.http))

        async def send(body):
            answers.append(await write.send(server.http, "k", body))

        async with trio.open_nursery() as nursery:
            for body in (write.body, write.other):
                nursery.start_soon(send, body)
    done = [answered for answered in answers if answered.status == operation.success]
    if write.other is None:
        assert len(done) == 2
    else:
        [refused] = [answered for answered in answers if answered not in done]
        assert (refused.status, refused.code) == (409, "idempotency_key_reused")


@every_write
async def test_a_refusal_uses_no_key_up(autojump_clock, operation):
    """Whatever was refused under the key, the write itself may follow under it."""
    async with serving() as server:
        write = await SITUATIONS[operation](Stage(server.http))
        bad = await server.http.send("POST", "/api/tasks", {}, {"Idempotency-Key": "k"})
        assert bad.status == 422
        assert (await write.send(server.http, "k")).status == operation.success


async def test_a_bulk_operation_that_a_crash_has_cut_in_two_goes_on_when_it_is_sent_again():
    store = CrashStore()
    async with serving(store) as server:
        runs = [await Stage(server.http).queued() for _ in range(4)]
        write = Write(Op.BULK_FAIL, {}, {"run_ids": [*runs, "run-unknown"], "reason": "because"})
        before = len(store.crash_points)
        whole = await write.send(server.http, "k")
    assert [row["ok"] for row in whole.json["results"]] == [True] * 4 + [False]
    cut = 0
    for crashed in store.crash_points[before:]:
        async with serving(crashed) as server:
            written = server.written
            again = await write.send(server.http, "k")
            assert (again.status, thing(again)) == (200, thing(whole))
            assert [row["ok"] for row in again.json["results"]] == [True] * 4 + [False]
            cut += server.written - written > 0
            other = await write.send(server.http, "k", {"run_ids": runs[:1], "reason": "x"})
            assert (other.status, other.code) == (409, "idempotency_key_reused")
    assert cut > 1


# --- the key ------------------------------------------------------------------------------------


async def create(client, key, title="T", **headers) -> object:
    body = {"scope": "global", "title": title}
    return await client.send("POST", "/api/tasks", body, {"Idempotency-Key": key, **headers})


async def test_a_key_belongs_to_its_caller():
    async with serving() as server:
        mine = await create(server.http, "k")
        other = await create(server.http, "k", **AGENT)
        assert mine.json["task"]["id"] != other.json["task"]["id"]


@pytest.mark.parametrize("key", ["", "   "])
async def test_a_blank_key_is_none(key):
    async with serving() as server:
        first, second = await create(server.http, key), await create(server.http, key)
        assert first.json["task"]["id"] != second.json["task"]["id"]


async def test_a_key_has_two_hundred_characters_at_most():
    async with serving() as server:
        first, again = [await create(server.http, "k" * 200) for _ in range(2)]
        assert first.json == again.json
        refused = await create(server.http, "k" * 201)
        assert (refused.status, refused.code) == (422, "invalid_request")
        assert refused.pointer == "Idempotency-Key"


async def test_a_body_is_equal_whatever_the_order_of_its_members():
    bodies = [b'{"scope":"global","title":"T"}', b' {"title": "T", "scope": "global"}\n']
    async with serving() as server:
        keyed = {"Idempotency-Key": "k"}
        answers = [await server.http.send("POST", "/api/tasks", body, keyed) for body in bodies]
        assert answers[0].json == answers[1].json


@pytest.mark.parametrize("body", [b"{", b"[" * 300 + b"]" * 300, b"[]", b'"x"'])
async def test_a_body_that_is_none_is_refused_under_a_key_too(body):
    async with serving() as server:
        answered = await server.http.send("POST", "/api/tasks", body, {"Idempotency-Key": "k"})
        assert answered.status == 422


async def test_a_read_has_no_key():
    async with serving() as server:
        task = await server.http.created()
        keyed = {"Idempotency-Key": "k" * 300}
        assert (await server.http.send("GET", f"/api/tasks/{task['id']}", b"", keyed)).status == 200


async def test_a_key_is_forgotten_after_its_time(autojump_clock):
    async with serving(idempotency_s=60) as server:
        first = await create(server.http, "k")
        await trio.sleep(59)
        assert (await create(server.http, "k")).json == first.json
        await trio.sleep(2)
        assert (await create(server.http, "k", title="another")).status == 201


async def test_the_answer_shows_the_thing_as_it_is_now():
    async with serving() as server:
        first = (await create(server.http, "k")).json["task"]
        await server.http.send("PATCH", f"/api/tasks/{first['id']}", {"title": "New"})
        again = await create(server.http, "k")
        assert again.json["task"]["title"] == "New"


async def test_a_repeat_is_answered_before_if_match_is_looked_at():
    """The first one has made the ETag that it was sent with an old one."""
    async with serving() as server:
        path = f"/api/tasks/{(await server.http.created())['id']}"
        sent = {"If-Match": (await server.http.get(path)).headers["etag"]}
        for key, status in (("k", 200), ("k", 200), ("other", 412)):
            keyed = {**sent, "Idempotency-Key": key}
            answered = await server.http.send("PATCH", path, {"title": f"New {key}"}, keyed)
            assert answered.status == status


async def test_what_was_deleted_since_is_not_made_again():
    async with serving() as server:
        first = (await create(server.http, "k")).json["task"]
        await server.http.send("DELETE", f"/api/tasks/{first['id']}")
        again = await create(server.http, "k")
        assert (again.status, again.code) == (404, "task_not_found")
        listed = await server.http.get("/api/tasks")
        assert listed.json["tasks"] == []


async def test_a_subscription_that_was_deleted_since_is_not_made_again():
    async with serving() as server:
        write = await SITUATIONS[Op.CREATE_SUBSCRIPTION](Stage(server.http))
        await write.send(server.http, "k")
        await server.http.send("DELETE", f"{write.target}/sub")
        again = await write.send(server.http, "k")
        assert (again.status, again.code) == (404, "bridge_subscription_not_found")


async def test_a_caller_who_hangs_up_leaves_its_key_to_the_next():
    async with serving() as server:
        gone = trio.CancelScope()

        async def first():
            with gone:
                await create(server.http, "k")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(first)
            await trio.lowlevel.checkpoint()
            gone.cancel()
        again = [await create(server.http, "k") for _ in range(2)]
        assert again[0].json == again[1].json
        assert len((await server.http.get("/api/tasks")).json["tasks"]) == 1
