"""Who is there, as the database has it; and that a name is one process's at a time."""

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from chargehand.persistence.postgres.presence import FORGOTTEN_S, Presence
from chargehand.persistence.replicated.far import LostError
from chargehand.persistence.replicated.shard import Owner
from tests.process.conftest import S_MAX

ONE = Owner("p1", "a", "10.0.0.1:2124")
TWO = Owner("p2", "a", "10.0.0.2:2124")
OTHER = Owner("p3", "b", "10.0.0.3:2124")


@pytest.fixture
def presence(address) -> Iterator[Presence]:
    made = Presence(address)
    yield made
    made.close()


def names(presence: Presence) -> list[str]:
    return [one.name for one in presence.nodes()]


def test_who_says_so_is_there(presence):
    assert presence.holder("a") is None
    assert presence.say(ONE, 7)
    [seen] = presence.nodes()
    assert (seen.name, seen.address, seen.followed_seq) == ("a", ONE.address, 7)
    assert seen.ago_s >= 0
    first = presence.holder("a")
    assert (first.process, first.address) == (ONE.process, ONE.address)
    assert presence.say(ONE, 8)
    assert presence.holder("a") != first


def test_a_name_stays_with_the_process_that_has_it(presence):
    assert presence.say(ONE, 1)
    assert not presence.say(TWO, 2)
    assert presence.holder("a").process == ONE.process
    assert presence.nodes()[0].followed_seq == 1


def test_who_has_said_nothing_since_loses_its_name(presence):
    assert presence.say(ONE, 1)
    former = presence.holder("a")
    assert presence.say(TWO, 2, former)
    assert presence.say(TWO, 2, former)  # again, as if the first answer had been lost
    assert presence.holder("a").process == TWO.process
    assert not presence.say(ONE, 3)


def test_who_has_said_something_since_keeps_it(presence):
    assert presence.say(ONE, 1)
    former = presence.holder("a")
    assert presence.say(ONE, 1)
    assert not presence.say(TWO, 2, former)
    assert presence.holder("a").process == ONE.process


def test_only_who_has_the_name_takes_it_off_the_list(presence):
    for one in (ONE, OTHER):
        assert presence.say(one, 1)
    presence.leave(TWO)
    assert names(presence) == ["a", "b"]
    presence.leave(ONE)
    assert names(presence) == ["b"]
    assert presence.say(TWO, 1)


def test_who_has_said_nothing_for_long_while_others_did_is_forgotten(presence, servers, address):
    for one in (ONE, OTHER):
        assert presence.say(one, 1)

    def back(seconds: int, where: str = "true") -> None:
        servers[0].execute(
            f"UPDATE {address.schema}.node SET seen = seen - interval '{seconds} s' WHERE {where}"
        )

    back(2 * FORGOTTEN_S)  # all of them: nobody could say anything
    presence.forget()
    assert names(presence) == ["a", "b"]
    back(FORGOTTEN_S - 60, "name = 'b'")
    presence.forget()
    assert names(presence) == ["a", "b"]
    back(120, "name = 'b'")
    presence.forget()
    assert names(presence) == ["a"]


def end_connections(servers) -> None:
    [*_] = servers[0].execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='chargehand'"
    )


def test_the_nodes_are_read_again_where_the_connection_was_lost_meanwhile(presence, servers):
    assert presence.say(ONE, 1)
    assert names(presence) == ["a"]
    end_connections(servers)
    assert names(presence) == ["a"]


def test_what_is_said_is_not_said_a_second_time(presence, servers):
    assert presence.say(ONE, 1)
    end_connections(servers)
    with pytest.raises(LostError):
        presence.say(ONE, 1)


def test_a_read_that_hangs_is_not_begun_again(presence, servers, address):
    """Who asked has waited for as long as it wants to."""
    assert presence.say(ONE, 1)
    failed: list[LostError] = []

    def read() -> None:
        try:
            presence.nodes()
        except LostError as error:
            failed.append(error)

    with psycopg.connect(servers[0].url) as other:
        other.execute(f"LOCK TABLE {address.schema}.node")
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        deadline_s = time.monotonic() + S_MAX
        while not presence._database._asked_ns:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        presence.interrupt()
        thread.join(S_MAX)
    assert failed


def test_of_a_database_that_is_away_nothing_is_known(presence, servers, address):
    assert presence.say(ONE, 1)
    servers[0].execute(f"ALTER TABLE {address.schema}.node RENAME TO away")
    for ask in (
        presence.nodes,
        presence.forget,
        lambda: presence.say(ONE, 1),
        lambda: presence.holder("a"),
        lambda: presence.leave(ONE),
    ):
        with pytest.raises(LostError):
            ask()
