"""What the registry forgets, and when: while it runs, and what is stored when it starts."""

import pytest
import trio

from chargehand.actors.clock import VirtualTime
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.persistence.store import Table
from tests.actors.system.desk import NOW_NS, NS, Desk, agent, started


def known(desk: Desk) -> list[str]:
    return [session.id for session in desk.system.roster.stored_sessions()]


async def stored(desk: Desk) -> list[bytes]:
    """The sessions that the tables hold after a checkpoint."""
    await desk.system.checkpointer.checkpoint()
    rows = desk.store.scan(Table.HEADS, b"@session/", b"@session0", 100, len)
    return [key.removeprefix(b"@session/") for key, _ in rows]


async def test_an_ended_session_is_refused_for_its_time_and_then_forgotten():
    async with started(ended_session_s=100) as desk:
        await desk.register("s1")
        await desk.system.end_session("s1")
        await trio.sleep(99)
        with pytest.raises(Rejected) as caught:
            await desk.system.identify("s1", "bot")
        assert caught.value.code is Code.IDENTITY_STALE
        assert await stored(desk) == [b"s1"]
        await trio.sleep(2)
        assert known(desk) == []
        assert await stored(desk) == []
        await desk.register("s1")
        assert await stored(desk) == [b"s1"]


async def test_an_ended_session_is_forgotten_after_a_restart_too():
    async with started(ended_session_s=100) as desk:
        await desk.register("s1")
        await desk.system.end_session("s1")
        await trio.sleep(60)
    async with started(desk.store, ended_session_s=100) as later:
        assert known(later) == ["s1"]
        await trio.sleep(101)
        assert known(later) == []
        assert await stored(later) == []


async def test_a_session_that_registered_itself_and_worked_is_forgotten_when_it_has_gone():
    async with started(self_registered_idle_s=90) as desk:
        run = await desk.queued()
        await desk.claim("s1", lease_seconds=360)
        assert known(desk) == ["s1"]
        await trio.sleep(300)
        assert known(desk) == ["s1"], "it holds a lease"
        await desk.complete("s1", run.id)
        await trio.sleep(91)
        assert known(desk) == ["s1"], "it called 91 s ago, and is looked at at times"
        await trio.sleep(90)
        assert known(desk) == []
        assert await stored(desk) == []


async def test_a_session_that_was_registered_is_kept_until_it_ends():
    async with started(self_registered_idle_s=10) as desk:
        await desk.register("s1")
        await trio.sleep(100)
        assert known(desk) == ["s1"]


async def test_a_session_that_calls_is_not_forgotten():
    async with started(self_registered_idle_s=10) as desk:
        run = await desk.queued()
        await desk.claim("s1")
        await desk.complete("s1", run.id)
        for _ in range(20):
            await trio.sleep(9)
            await desk.system.identify("s1", "bot")
        assert known(desk) == ["s1"]


async def test_an_idle_visitor_is_dropped_without_anybody_asking():
    async with started(self_registered_idle_s=10) as desk:
        await desk.system.identify("s1", "bot")
        await trio.sleep(9)
        assert [session.id for session in desk.system.roster.sessions()] == ["s1"]
        await trio.sleep(2)
        assert desk.system.roster.sessions() == []
        assert known(desk) == []


async def test_a_visitor_that_claims_is_on_disk_before_its_claim():
    async with started() as desk:
        await desk.queued()
        claimed = await desk.claim("s1")
        assert claimed is not None
        [session] = desk.system.roster.stored_sessions()
        assert session.last_seq < claimed.task.last_seq
        assert session.self_registered


async def test_a_session_that_has_gone_is_not_counted_on():
    async with started(session_away_s=90, starvation_s=30, max_leases_per_session=2) as desk:
        await desk.register("s1")
        run = await desk.queued()
        await trio.sleep(80)
        assert (await desk.run(run.id)).starved_at_ns is None
        await trio.sleep(50)
        assert (await desk.run(run.id)).starved_at_ns is not None
        await desk.ask_run(c.CancelRun(run.id))
        await desk.system.identify("s1", "bot")
        another = await desk.queued()
        await trio.sleep(80)
        await desk.system.identify("s1", "bot")
        await trio.sleep(80)
        assert (await desk.run(another.id)).starved_at_ns is None


async def test_an_ended_session_is_away_at_once():
    async with started() as desk:
        await desk.register("s1")
        assert not desk.system.roster.is_away("s1")
        await desk.system.end_session("s1")
        assert desk.system.roster.is_away("s1")
        with pytest.raises(Rejected):
            await desk.system.ask_run(c.Heartbeat("run-none", 10), agent("s1"))


async def test_a_session_registered_under_a_forgotten_id_is_kept():
    """The wait for the id counts a suspend of the host, and the deadline that it was looked at by
    does not: it must not hit whoever has the id by then."""
    time = VirtualTime(NOW_NS + int(trio.current_time() * NS), watched=True)
    async with started(time=time, ended_session_s=100) as desk:
        await desk.register("s1")
        await desk.system.end_session("s1")
        await trio.sleep(40)
        time.suspend(50)
        await trio.sleep(20)
        await desk.register("s1")
        await trio.sleep(1000)
        assert known(desk) == ["s1"]


async def test_an_id_is_free_as_soon_as_its_time_is_over_though_nobody_called_since_the_end():
    time = VirtualTime(NOW_NS + int(trio.current_time() * NS), watched=True)
    async with started(time=time, ended_session_s=100) as desk:
        await desk.register("s1")
        await desk.system.end_session("s1")
        time.suspend(101)
        await trio.sleep(1)
        await desk.register("s1", capabilities=("gpu",))
        assert desk.system.roster.session("s1").capabilities == ("gpu",)
