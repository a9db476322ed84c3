"""What the database does with what a node asks of it, and which of its answers are safe."""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from benchmarks.cluster.postgres import S_MAX
from chargehand.actors.limits import NS
from chargehand.actors.ports import StorageError
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.postgres.schema import create, find
from chargehand.persistence.replicated.shard import (
    NOBODY,
    Append,
    Batch,
    Done,
    Found,
    Look,
    Owner,
    Raise,
    Release,
    Renew,
    Row,
    Take,
    Unknown,
)

ONE = Owner("p1", "one", "10.0.0.1:2124", 5 * NS)
TWO = Owner("p2", "two", "10.0.0.2:2124")


@pytest.fixture
def open_link() -> Iterator[Callable[..., ShardLink]]:
    opened: list[ShardLink] = []

    def make(address: JournalAddress, **options: bool) -> ShardLink:
        opened.append(ShardLink(address, **options))
        return opened[-1]

    yield make
    for link in opened:
        link.drop()


@pytest.fixture
def link(open_link, address) -> ShardLink:
    return open_link(address)


def row_of(answer) -> Row:
    assert isinstance(answer, Done | Found), answer
    return answer.row


def taken(link: ShardLink, owner: Owner = ONE) -> Row:
    answer = link.ask(Take(row_of(link.ask(Look())), owner))
    assert isinstance(answer, Done), answer
    return answer.row


def log(servers, address) -> list[tuple[object, ...]]:
    return servers[0].execute(
        f"SELECT first_seq, last_seq, frames FROM {address.schema}.log ORDER BY first_seq"
    )


def test_a_new_journal_is_nobodys(link):
    assert link.ask(Look()) == Found(Row(0, 0, NOBODY, 0))


def test_each_request_is_done_where_its_condition_holds(link, servers, address):
    row = taken(link)
    assert row == Row(1, 0, ONE, 1)
    row = row_of(link.ask(Append(1, ONE, 0, Batch(3, b"\x00frames"))))
    assert row == Row(1, 3, ONE, 2)
    assert link.ask(Renew(1, ONE)) == Done(Row(1, 3, ONE, 3))
    assert link.ask(Raise(1, ONE)) == Done(Row(2, 3, ONE, 4))
    assert link.ask(Append(2, ONE, 3, Batch(4, b"more"))) == Done(Row(2, 4, ONE, 5))
    assert link.ask(Release(2, ONE)) == Done(Row(2, 4, NOBODY, 6))
    assert log(servers, address) == [(1, 3, b"\x00frames"), (4, 4, b"more")]
    assert find(address).head == 4


def test_nothing_is_changed_where_it_does_not(link, servers, address):
    row = taken(link)
    refused = [
        Take(Row(0, 0, NOBODY, 0), TWO),
        Take(Row(1, 0, ONE, 0), TWO),  # it has moved since
        Raise(0, ONE),
        Raise(1, TWO),
        Append(0, ONE, 0, Batch(1, b"x")),
        Append(1, TWO, 0, Batch(1, b"x")),
        Append(1, ONE, 1, Batch(2, b"x")),
        Renew(1, TWO),
        Renew(2, ONE),
        Release(1, TWO),
    ]
    for request in refused:
        assert link.ask(request) == Found(row), request
    assert log(servers, address) == []


def test_an_owner_that_was_superseded_writes_nothing(link, open_link, address):
    row = taken(link)
    other = open_link(address)
    now = row_of(other.ask(Take(row, TWO)))
    for request in (Append(1, ONE, 0, Batch(1, b"x")), Renew(1, ONE), Raise(1, ONE)):
        assert link.ask(request) == Found(now)


def test_a_database_that_is_away_knows_nothing(open_link):
    away = JournalAddress.parse("postgresql://postgres@127.0.0.1:1/postgres")
    answer = open_link(away).ask(Look())
    assert isinstance(answer, Unknown)
    assert "connection" in answer.why.lower()


def test_a_lost_connection_is_made_again(link, servers):
    taken(link)
    servers[0].execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='chargehand'"
    )
    assert isinstance(link.ask(Renew(1, ONE)), Unknown)
    assert link.ask(Renew(1, ONE)) == Done(Row(1, 0, ONE, 2))


def waiting_for_a_copy(servers, pid_of: str) -> int:
    deadline_s = time.monotonic() + S_MAX
    while True:
        found = servers[0].execute(
            f"SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE {pid_of}"
        )
        if found:
            return int(str(found[0][0]))
        assert time.monotonic() < deadline_s, "nothing waits for a copy"
        time.sleep(0.02)


def test_a_commit_that_is_canceled_while_it_waits_for_its_copy_is_not_acknowledged(
    link, servers, address
):
    taken(link)
    primary, standby = servers
    standby.execute("SELECT pg_wal_replay_pause()")  # it is copied all the same
    answers = []
    standby.kill()
    try:
        thread = threading.Thread(
            target=lambda: answers.append(link.ask(Append(1, ONE, 0, Batch(2, b"seen"))))
        )
        thread.start()
        pid = waiting_for_a_copy(servers, f"'%{address.schema}.log%'")
        primary.execute(f"SELECT pg_cancel_backend({pid})")
        thread.join(S_MAX)
        [answer] = answers
        assert isinstance(answer, Unknown)
        assert "might not have been replicated" in answer.why or "canceling" in answer.why
        assert log(servers, address) == [(1, 2, b"seen")]  # visible, and not safe
    finally:
        standby.start()
    assert link.ask(Raise(1, ONE)) == Done(Row(2, 2, ONE, 3))  # now it is


def test_a_wait_for_an_answer_can_be_ended(link, servers, address):
    taken(link)
    _, standby = servers
    answers = []
    standby.kill()
    try:
        thread = threading.Thread(target=lambda: answers.append(link.ask(Renew(1, ONE))))
        thread.start()
        waiting_for_a_copy(servers, f"'%{address.schema}.shard%'")
        link.interrupt()
        thread.join(S_MAX)
        assert isinstance(answers[0], Unknown)
        assert "had not answered for long" in answers[0].why
    finally:
        standby.start()


def test_what_waits_for_no_copy_is_not_safe(link, open_link, servers, address):
    taken(link)
    servers[0].execute("ALTER ROLE postgres SET synchronous_commit = 'local'")
    try:
        other = open_link(address)
        answer = other.ask(Renew(1, ONE))
        assert isinstance(answer, Unknown)
        assert "does not wait for a copy" in answer.why
        allowed = open_link(address, unreplicated=True)
        assert isinstance(allowed.ask(Renew(1, ONE)), Done)
    finally:
        servers[0].execute("ALTER ROLE postgres RESET synchronous_commit")


@pytest.mark.parametrize("looks_first", [False, True])
def test_while_nothing_is_safe_nothing_is_written_again_and_again(
    open_link, servers, address, looks_first
):
    """Each try would use an epoch up, and leave more that one machine alone has. A standby, which
    looks all the time, does not take over at all."""
    row = taken(open_link(address))
    servers[0].execute("ALTER ROLE postgres SET synchronous_commit = 'local'")
    link = open_link(address)
    try:
        if looks_first:
            row = row_of(link.ask(Look()))
        for _ in range(5):
            assert isinstance(link.ask(Take(row, ONE)), Unknown)
            row = row_of(link.ask(Look()))
        assert row.epoch == (1 if looks_first else 2)
    finally:
        servers[0].execute("ALTER ROLE postgres RESET synchronous_commit")
    link.drop()
    row = row_of(link.ask(Look()))
    answer = link.ask(Take(row, ONE))
    assert isinstance(answer, Done)
    assert answer.row.epoch == row.epoch + 1


def test_a_journal_is_made_once(address):
    with pytest.raises(StorageError, match=r"there is a journal at .* already"):
        create(address)


def test_where_there_is_none(open_link, servers):
    nowhere = JournalAddress.parse(f"{servers[0].url}?schema=nowhere")
    with pytest.raises(StorageError, match=r"there is no journal .*chargehand journal init"):
        find(nowhere)
    assert isinstance(open_link(nowhere).ask(Look()), Unknown)


def test_a_role_that_owns_its_schema_alone_makes_and_uses_one(open_link, servers):
    primary = servers[0]
    primary.execute("CREATE ROLE keeper LOGIN")
    primary.execute("CREATE SCHEMA kept AUTHORIZATION keeper")
    url = primary.url.replace("postgres@", "keeper@") + "?schema=kept"
    address = JournalAddress.parse(url)
    create(address)
    assert taken(open_link(address)).epoch == 1
    with (
        psycopg.connect(address.conninfo) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE SCHEMA more")


def test_statements_need_not_be_prepared(open_link, address):
    plain = JournalAddress(address.conninfo, address.schema, prepared=False)
    link = open_link(plain)
    row = taken(link)
    for _ in range(10):
        row = row_of(link.ask(Renew(row.epoch, ONE)))
    assert row.beat == 11
    connection = link._database.connected()
    assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
