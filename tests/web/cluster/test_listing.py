"""What people are shown of the nodes, by what each has said last."""

import pytest

from chargehand.persistence.postgres.presence import Seen
from chargehand.persistence.replicated.shard import NOBODY, Owner, Row
from chargehand.web.cluster.listing import listing, still_s

GONE_S = 3.0
ACTIVE = Owner("p", "a", "a:1")


def seen(name: str, ago_s: float, followed: int = 100) -> Seen:
    return Seen(name, f"{name}:1", ago_s, followed)


def shown(*nodes: Seen, me: str = "a", followed: int = 100, owner: Owner = ACTIVE):
    return listing(nodes, Row(4, 100, owner), me, followed, GONE_S)


def roles(found) -> dict[str, str]:
    return {one["name"]: one["role"] for one in found["nodes"]}


def test_who_said_nothing_while_another_did_is_gone():
    found = shown(seen("a", 0.2), seen("b", 2.9), seen("c", 3.4))
    assert roles(found) == {"a": "active", "b": "standby", "c": "gone"}
    assert found["unconfirmed_seconds"] is None
    assert found["epoch"] == 4


def test_an_active_node_that_is_gone_is_not_shown_as_active():
    found = shown(seen("a", 9), seen("b", 0.2), me="b")
    assert roles(found) == {"a": "gone", "b": "standby"}


def test_while_nobody_can_say_it_nobody_is_taken_for_gone():
    found = shown(seen("a", 40), seen("b", 41.5), seen("c", 60))
    assert roles(found) == {"a": "active", "b": "standby", "c": "gone"}
    assert found["unconfirmed_seconds"] == 40


def test_the_node_that_looks_is_there():
    found = shown(seen("a", 0.2), seen("b", 30), me="b")
    assert roles(found) == {"a": "active", "b": "standby"}


@pytest.mark.parametrize(("ago_s", "still"), [(0.0, None), (3.0, None), (3.1, 3.1)])
def test_beats_stand_still_where_the_last_one_is_old(ago_s, still):
    assert still_s([seen("a", ago_s), seen("b", 100)], GONE_S) == still
    assert still_s([], GONE_S) is None


def test_what_a_node_lacks_is_what_it_said_last_and_of_itself_what_it_has():
    found = shown(seen("a", 0.1, 60), seen("b", 0.1, 70), seen("c", 0.1, 80), me="b", followed=95)
    lags = {one["name"]: one["lag_records"] for one in found["nodes"]}
    assert lags == {"a": 0, "b": 5, "c": 20}
    ahead = shown(seen("a", 0.1), seen("b", 0.1, 200), owner=NOBODY)
    assert [one["lag_records"] for one in ahead["nodes"]] == [0, 0]


def test_what_a_node_that_is_gone_lacks_is_not_known():
    found = shown(seen("a", 0.1), seen("b", 9, 70), seen("c", 0.1, 80))
    assert [one["lag_records"] for one in found["nodes"]] == [0, None, 20]
    without_its_active_one = shown(seen("a", 9), seen("b", 0.1, 70), me="b", followed=70)
    assert [one["lag_records"] for one in without_its_active_one["nodes"]] == [None, 30]


def test_a_clock_of_the_database_that_was_set_back_shows_no_time_ahead():
    [one] = shown(seen("a", -5.0))["nodes"]
    assert (one["seen_seconds_ago"], one["role"]) == (0.0, "active")
