"""Three nodes as processes over PostgreSQL with a synchronous standby."""

import contextlib
import signal
import time

import httpx

from tests.process.conftest import S_MAX


def events_of(client: httpx.Client, after: str, count: int) -> list[str]:
    """The ids of the next events of all tasks behind `after`."""
    ids: list[str] = []
    with client.stream("GET", "/api/stream", headers={"Last-Event-ID": after}) as stream:
        for line in stream.iter_lines():
            if line.startswith("id: ") and line[4:] != after:
                ids.append(line[4:])
                if len(ids) == count:
                    break
    return ids


def test_any_node_answers_for_the_active_one(three):
    active = three.active()
    for number, node in enumerate(three.nodes):
        assert node.create(f"by {node.name}").status_code == 201
        for other in three.nodes:
            assert len(other.titles()) == number + 1
    [standby, _] = three.others(active)
    ready = standby.client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["role"] == "standby"
    assert ready.json()["active"] == active.name
    assert standby.client.get("/readyz?active").status_code == 503
    for asked in ("/readyz", "/readyz?active"):
        shown = active.client.get(asked).json()
        shown.pop("time", None)  # is there as soon as the machine has held the node up once
        assert shown == {
            "status": "ready",
            "epoch": 1,
            "role": "active",
            "active": active.name,
            "lag_records": 0,
        }
    assert standby.client.get("/").text == active.client.get("/").text
    assert standby.client.get("/nosuch").status_code == 404


def test_another_node_takes_over_from_one_that_is_killed(three):
    first = three.active()
    kept = [f"task {number}" for number in range(20)]
    for title in kept:
        assert first.create(title).status_code == 201
    first.kill()
    [second, third] = three.others(first)
    assert second.create("behind", key="once").status_code == 201  # it waits, and is sent again
    assert second.create("behind", key="once").json() == third.create("behind", key="once").json()
    assert sorted(third.titles()) == sorted([*kept, "behind"])
    first.start()  # back, as a standby
    assert sorted(first.titles()) == sorted([*kept, "behind"])
    assert not first.is_active


def test_a_node_that_stops_hands_over(three):
    first = three.active()
    assert first.create("before").status_code == 201
    first.signal(signal.SIGTERM)
    assert first.wait() == 0, first.log
    first.client.close()
    second = three.active()
    assert second is not first
    assert second.titles() == ["before"]


def test_a_node_that_was_frozen_answers_nothing_stale_and_begins_anew(three):
    first = three.active()
    assert first.create("before").status_code == 201
    first.signal(signal.SIGSTOP)
    [second, third] = three.others(first)
    assert second.create("meanwhile", key="k").status_code == 201
    first.signal(signal.SIGCONT)
    deadline_s = time.monotonic() + S_MAX
    while (
        "beginning anew" not in first.log or not first.serves()
    ):  # whether it has noticed yet or not
        assert time.monotonic() < deadline_s, first.log
        with contextlib.suppress(httpx.TransportError):  # it is beginning anew
            answered = first.client.get("/api/tasks")
            assert answered.status_code != 200 or len(answered.json()["tasks"]) == 2
        first.restarted()
    assert sorted(first.titles()) == ["before", "meanwhile"]
    assert first.client.get("/readyz").json()["active"] != first.name
    assert "CRITICAL" not in first.log  # nothing is wrong with what is stored
    assert sorted(third.titles()) == ["before", "meanwhile"]


def test_a_node_that_is_superseded_as_it_is_to_end_ends(three):
    first = three.active()
    assert first.create("before").status_code == 201
    first.signal(signal.SIGSTOP)
    [second, _] = three.others(first)
    assert second.create("meanwhile", key="k").status_code == 201
    first.signal(signal.SIGTERM)  # which it sees when it goes on, before it sees the other
    first.signal(signal.SIGCONT)
    assert first.wait() == 0, first.log
    assert "beginning anew" not in first.log
    assert sorted(second.titles()) == ["before", "meanwhile"]


def test_a_stream_goes_on_over_a_takeover_without_a_gap_or_a_repeat(three):
    first = three.active()
    [second, third] = three.others(first)
    for number in range(3):
        assert second.create(f"before {number}").status_code == 201
    seen = events_of(third.client, "0", 3)
    first.kill()
    for number in range(3):
        assert second.create(f"after {number}", key=f"after {number}").status_code == 201
    seen += events_of(third.client, seen[-1], 3)
    assert seen == sorted(seen, key=int)
    assert len(set(seen)) == 6
    assert events_of(third.client, "0", 6) == seen


def test_only_nodes_are_let_in_where_nodes_talk(three):
    active = three.active()
    url = f"http://127.0.0.1:{active.peer_port}"
    stranger = httpx.get(f"{url}/api/tasks")
    assert stranger.status_code == 403
    assert stranger.json()["diagnostic"]["code"] == "not_a_node"


def test_without_a_journal_nothing_starts(make_node, servers):
    node = make_node("alone")
    node._url = f"{servers[0].url}?schema=nowhere"
    node.spawn()
    assert node.wait() != 0
    assert "chargehand journal init" in node.log


def test_an_active_node_steps_down_when_it_is_asked(three):
    first = three.active()
    assert first.create("before").status_code == 201
    [second, third] = three.others(first)
    asked = second.post("/api/nodes/step-down")
    assert (asked.status_code, asked.json()) == (202, {"node": first.name})
    assert first.create("behind", key="k").status_code == 201  # it is there, and sends it on
    active = three.active()
    assert active is not first
    assert sorted(third.titles()) == ["before", "behind"]
    roles = {node.name: "active" if node is active else "standby" for node in three.nodes}
    assert three.all_listed() == roles


def test_looking_at_a_step_down_is_none(three):
    active = three.active()
    [standby, _] = three.others(active)
    for node in (active, standby):
        assert node.client.get("/api/nodes/step-down").status_code == 404
    assert standby.create("goes on").status_code == 201
    assert active.is_active
    assert standby.client.get("/readyz").json()["epoch"] == 1


def test_nodes_step_down_in_turn(three):
    for number in range(6):
        active = three.active()
        assert active.post("/api/nodes/step-down").status_code == 202
        assert active.create(f"task {number}", key=f"key {number}").status_code == 201
    assert len(three.active().titles()) == 6
