"""What a node makes of it that another one has its name."""

import logging
import threading
from datetime import UTC, datetime

import pytest
import trio

from chargehand.persistence.postgres.presence import Holder, Seen
from chargehand.persistence.replicated.shard import Owner
from chargehand.web.cluster.presence import NodePresence
from chargehand.web.cluster.roles import Roles
from chargehand.web.exits import Fatal
from tests.process.conftest import S_MAX

ME = Owner("mine", "a", "10.0.0.1:2125")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Said:
    """In place of `Presence`. Attributes: has: who has the name; it gives it up as it was seen."""

    def __init__(self, has: Holder | None = None) -> None:
        self.has = has
        self.forgot = 0

    def say(self, owner: Owner, _: int, former: Holder | None) -> bool:
        if self.has is None or self.has.process == owner.process or self.has == former:
            self.has = Holder(owner.process, owner.address, NOW)
            return True
        return False

    def holder(self, _: str) -> Holder | None:
        return self.has

    def leave(self, _: Owner) -> None:
        self.has = None

    def forget(self) -> None:
        self.forgot += 1


def node(said: Said, roles: Roles | None = None, former: Holder | None = None) -> NodePresence:
    return NodePresence(roles or Roles(ME.address), ME, said, said, former, ttl_s=5)


def errors(caplog) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]


async def test_two_that_start_at_once_under_one_name_are_one_too_many():
    presence = node(Said(Holder("theirs", "10.0.0.2:2125", NOW)))
    with pytest.raises(Fatal, match=r"10\.0\.0\.2:2125"):
        await presence._say()
    assert not presence.said.is_set()


async def test_what_a_killed_process_of_this_node_had_under_way_does_not_keep_the_name():
    former = Holder("killed", ME.address, datetime(2025, 1, 1, tzinfo=UTC))
    said = Said(Holder("killed", ME.address, NOW))  # it came in after `former` was read
    presence = node(said, former=former)
    assert not await presence._say()
    assert await presence._say()
    assert presence.said.is_set()
    assert said.has.process == ME.process


async def test_a_node_whose_name_another_one_has_taken_says_so_once(caplog):
    said = Said()
    presence = node(said)
    assert await presence._say()
    said.has = Holder("theirs", "10.0.0.2:2125", NOW)
    for _ in range(3):
        assert not await presence._say()
    [line] = errors(caplog)
    assert "10.0.0.2:2125" in line
    assert said.has.process == "theirs"
    said.has = None
    assert await presence._say()


async def test_a_node_that_has_left_says_nothing_any_more():
    said = Said()
    presence = node(said)
    assert await presence._say()
    await presence.leave()
    assert not await presence._say()
    assert said.has is None


async def test_only_the_active_node_forgets_others(make_node):
    fake = make_node("one")
    said = Said()
    presence = node(said, fake.roles)
    assert await presence._say()
    assert said.forgot == 0
    fake.become_active(None)
    assert await presence._say()
    assert said.forgot == 1


async def test_a_look_at_the_nodes_does_not_wait_for_what_is_said(nursery):
    """That waits for the database's copies."""

    class Stuck(Said):
        def __init__(self) -> None:
            super().__init__()
            self.begun, self.goes_on = threading.Event(), threading.Event()

        def say(self, owner: Owner, followed_seq: int, former: Holder | None) -> bool:
            self.begun.set()
            self.goes_on.wait()
            return super().say(owner, followed_seq, former)

        def nodes(self) -> list[Seen]:
            return [Seen("a", ME.address, 0.1, 0)]

    said = Stuck()
    presence = node(said)
    nursery.start_soon(presence._say)
    try:
        await trio.to_thread.run_sync(said.begun.wait)
        with trio.fail_after(S_MAX):
            [one] = await presence.nodes()
        assert one.name == "a"
    finally:
        said.goes_on.set()


def test_a_node_is_said_to_be_gone_before_another_one_takes_over_from_it():
    assert 0 < node(Said()).is_gone_s < 5
