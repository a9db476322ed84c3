import pytest

from tests.contract.likeness import Kind, Likeness

TASK = "task-00000000000000aa"
OURS = "task-01a0c4506c9035091ad1e4ed01"
TIME = "2026-11-24T12:23:09.206587982Z"
HASH = f"sha256:{'0' * 64}"


def found(recorded: object, ours: object) -> set[tuple[Kind, str]]:
    return {(one.kind, one.path) for one in Likeness().differences(recorded, ours)}


@pytest.mark.parametrize(
    ("recorded", "ours"),
    [
        ({"a": [1, None, True], "b": {"c": "x"}}, {"b": {"c": "x"}, "a": [1, None, True]}),
        ({"at": TIME}, {"at": "2020-01-01T00:00:00Z"}),
        ({"hash": HASH}, {"hash": HASH.replace("0", "f")}),
        ({"latest_event_seq": 1}, {"latest_event_seq": 99}),
        ({"id": TASK, "key": f"e.{TASK}"}, {"id": OURS, "key": f"e.{OURS}"}),
    ],
)
def test_what_is_alike(recorded, ours):
    assert found(recorded, ours) == set()


@pytest.mark.parametrize(
    ("recorded", "ours"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": 2}),
        ({"a": None}, {"a": {}}),
        ({"a": []}, {"a": [1]}),
        ({"a": TIME}, {"a": "now"}),
        ({"a": HASH}, {"a": "0" * 64}),
        ({"a": TASK}, {"a": "run-01a0c4506c9035091ad1e4ed01"}),
        ({"a": TASK}, {"a": "local-user"}),
        ({"b": TASK, "a": TASK}, {"b": OURS, "a": OURS.replace("01a", "02a")}),
        ({"b": TASK, "a": TASK.replace("aa", "bb")}, {"b": OURS, "a": OURS}),
        ({"latest_event_seq": 1, "a": 1}, {"latest_event_seq": 2, "a": 3}),
    ],
)
def test_what_is_changed(recorded, ours):
    assert found(recorded, ours) == {(Kind.CHANGED, "a")}


def test_members_that_are_left_out_or_added():
    recorded, ours = {"list": [{"a": 1, "b": 2}]}, {"list": [{"b": 2, "c": 3}]}
    assert found(recorded, ours) == {(Kind.LEFT_OUT, "list[].a"), (Kind.ADDED, "list[].c")}


def test_events_are_compared_by_type_and_in_order():
    def events(*types: str) -> dict[str, list[dict[str, str]]]:
        return {"events": [{"event_type": name, "of": name} for name in types]}

    assert found(events("a", "b"), events("x", "a", "x", "b", "y")) == {
        (Kind.ADDED, "events[x]"),
        (Kind.ADDED, "events[y]"),
    }
    assert (Kind.LEFT_OUT, "events[a]") in found(events("b", "a"), events("a", "b"))
