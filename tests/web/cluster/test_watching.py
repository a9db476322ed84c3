"""What a node does about what may never be answered: it ends the wait for it."""

import socket

import httpx
import psycopg
import pytest
import trio

from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.postgres import connection as connection_module
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.replicated import asking as asking_module
from chargehand.persistence.replicated import member as member_module
from chargehand.persistence.replicated.member import LOOKS_S, Member
from chargehand.persistence.replicated.near import Near
from chargehand.persistence.replicated.shard import Owner
from chargehand.web.cluster.roles import HUNG_S, Roles
from tests.persistence.replicated.memory import MemoryLink, MemoryTables, Shared
from tests.web.cluster.nodes import Asked, saying

S_MAX = 120


@pytest.fixture
def boot_s(monkeypatch):
    """The clock of members and connections, which stands still; in seconds, in a list."""
    now_s = [1000.0]
    for module in (member_module, asking_module, connection_module):
        monkeypatch.setattr(module, "boot_ns", lambda: int(now_s[0] * 1e9))
    monkeypatch.setattr(member_module, "AGAIN_S", 0.001)
    return now_s


class HungConnection:
    """To a server that has taken a statement, and says nothing any more."""

    closed = False

    def __init__(self, begins):
        self._line, self._server = socket.socketpair()
        self._begins = begins

    def add_notice_handler(self, handler):
        """It says nothing."""

    def fileno(self):
        return self._line.fileno()

    def execute(self, *args, **more):
        self._begins()
        self._line.settimeout(S_MAX)
        assert self._line.recv(1) == b""
        raise psycopg.OperationalError("the connection was cut")

    def close(self):
        self._line.close()
        self._server.close()


class HungLink:
    """A database that answers from memory, and nothing from some moment on."""

    def __init__(self, shared):
        self._inner = MemoryLink(shared)
        self._shard = ShardLink(JournalAddress("host=nowhere"))
        self.hangs = False
        self.hung = trio.Event()  # a request hangs
        self.cut: set[HungConnection] = set()

    def ask(self, request):
        return self._shard.ask(request) if self.hangs else self._inner.ask(request)

    def interrupt(self):
        self._shard.interrupt()

    def end_hung(self, seconds):
        self._shard.end_hung(seconds)

    def drop(self):
        self._shard.drop()


@pytest.fixture
async def hung(boot_s, monkeypatch):
    """A member whose request hangs, and its link."""
    shared = Shared()
    link = HungLink(shared)
    token = trio.lowlevel.current_trio_token()

    def connect(address):
        return HungConnection(lambda: token.run_sync_soon(lambda: link.hung.set()))

    def cut(connection):
        link.cut.add(connection)
        cut_off(connection)

    cut_off = connection_module._cut
    monkeypatch.setattr(connection_module, "connect", connect)
    monkeypatch.setattr(connection_module, "_cut", cut)
    near = Near(MemoryStore(), MemoryTables(shared))
    member = Member(Owner("one", "one", "one:1"), link, near, ttl_s=0.3)
    member.start()
    with trio.fail_after(S_MAX):
        await member.wait_active()
        link.hangs = True
        boot_s[0] += 1  # a renewal is due
        await link.hung.wait()
    yield member, link
    link.hangs = False
    await member.stop()


async def test_a_request_is_interrupted_when_it_has_hung_too_long_and_once(hung, boot_s):
    member, link = hung
    boot_s[0] += HUNG_S - 1
    member.end_hung(HUNG_S)
    assert not link.cut
    boot_s[0] += 2
    link.hung = trio.Event()
    for _ in range(5):  # as the watch does, before the thread has come to it
        member.end_hung(HUNG_S)
    with trio.fail_after(S_MAX):
        await link.hung.wait()  # the next one, which has not hung for long
    for _ in range(5):
        member.end_hung(HUNG_S)
    assert len(link.cut) == 1


async def test_a_request_that_takes_longer_than_a_ttl_is_trouble_until_it_is_answered(
    hung, boot_s, caplog
):
    member, link = hung
    member.end_hung(HUNG_S)
    assert member.trouble is None
    boot_s[0] += member.ttl_s + 0.1
    for _ in range(5):
        member.end_hung(HUNG_S)
    assert "chargehand journal status" in member.trouble
    assert caplog.text.count("the database gives no answer") == 1
    link.hangs = False
    boot_s[0] += HUNG_S + 1
    member.end_hung(HUNG_S)
    with trio.fail_after(S_MAX):
        while member.trouble is not None:
            await trio.lowlevel.checkpoint()
    assert caplog.text.count("the database answers again") == 1


async def test_each_request_that_hangs_is_interrupted(hung, boot_s):
    member, link = hung
    for count in (1, 2, 3):
        boot_s[0] += HUNG_S + 1
        link.hung = trio.Event()
        member.end_hung(HUNG_S)
        with trio.fail_after(S_MAX):
            await link.hung.wait()  # it asks again, as what became of it is not known
        assert len(link.cut) == count


async def test_what_the_database_answers_again_ends_the_doubt(hung, boot_s):
    member, link = hung
    assert not member.may_answer()
    link.hangs = False
    boot_s[0] += HUNG_S + 1
    epoch = member.epoch
    member.end_hung(HUNG_S)
    with trio.fail_after(S_MAX):
        while not member.may_answer():
            await trio.lowlevel.checkpoint()
    assert member.epoch > epoch
    assert len(link.cut) == 1


async def test_the_watch_looks_for_what_hangs(make_node, autojump_clock):
    node = make_node("one")
    with trio.move_on_after(1):
        await node.roles.watch()
    assert node.member.hung_s == [HUNG_S] * round(1 / LOOKS_S - 1)


async def test_between_turns_there_is_nothing_to_watch(autojump_clock):
    with trio.move_on_after(1) as scope:
        await Roles("one:1").watch()
    assert scope.cancelled_caught


# --- requests to a node that is active no more --------------------------------------------------


async def never(exchange):
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {}, (200, b"second")),
        ("POST", {"Idempotency-Key": "k"}, (200, b"second")),
        ("POST", {}, (503, "node_lost")),
    ],
)
async def test_what_was_asked_of_a_node_that_is_active_no_more_is_waited_for_no_longer(
    make_node, autojump_clock, nursery, method, headers, expected
):
    standby, first, second = make_node("standby"), make_node("first"), make_node("second")
    first.become_active(never)
    standby.see(first)
    nursery.start_soon(standby.roles.watch)
    asked = Asked(method, "/api/tasks", headers=headers)

    async def take_over():
        await first.arrived.wait()
        await trio.sleep(10)
        second.become_active(saying("second"))
        standby.see(second, epoch=2)

    nursery.start_soon(take_over)
    with trio.fail_after(20):
        await standby.ask(asked)
    assert trio.current_time() == pytest.approx(10, abs=3 * LOOKS_S)
    status, said = expected
    assert asked.status == status
    assert (asked.body if status == 200 else asked.code) == said


async def test_what_was_asked_of_the_active_node_is_waited_for_while_nobody_else_is(
    make_node, autojump_clock, nursery
):
    """The database may show no owner for a moment, as one hands over."""
    standby, first = make_node("standby"), make_node("first")

    async def slow(exchange):
        await trio.sleep(10)
        await saying("first")(exchange)

    first.become_active(slow)
    standby.see(first)
    nursery.start_soon(standby.roles.watch)

    async def release():
        await first.arrived.wait()
        await trio.sleep(5)
        standby.see(None)

    nursery.start_soon(release)
    asked = Asked("POST", "/api/tasks")
    await standby.ask(asked)
    assert (asked.status, asked.body) == (200, b"first")


async def test_a_stream_from_a_node_that_is_active_no_more_ends(make_node, autojump_clock, nursery):
    """So that its client follows it again, elsewhere."""
    standby, first, second = make_node("standby"), make_node("first"), make_node("second")
    standby.see(first)
    nursery.start_soon(standby.roles.watch)
    asked = Asked("GET", "/api/stream")

    class Silent(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b"id: 1\n\n"
            second.become_active(saying("second"))
            standby.see(second, epoch=2)
            await trio.sleep_forever()

    async def stream(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Silent())

    first.take_in = stream
    with trio.fail_after(20):
        await standby.ask(asked)
    assert b"id: 1" in asked.body
    assert not asked.exchange.is_answered  # so the connection ends, as the answer does not
    assert asked.exchange.closes
