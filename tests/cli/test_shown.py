"""How answers are laid out, on a narrow terminal and in a pipe."""

from collections.abc import Iterator

import pytest

from chargehand.actors.views.inspect import NextAction
from chargehand.web.cli.events import EventLine, Timeline
from chargehand.web.cli.groups import NOUNS
from chargehand.web.cli.inspection import INSPECTION
from chargehand.web.cli.layout import Pair, Pairs, as_text
from chargehand.web.cli.layouts import REVIEWS, RUN_COLUMNS, TASK_COLUMNS
from chargehand.web.cli.nouns import dashboard, inbox
from chargehand.web.cli.nouns.task import VERBS as TASK_VERBS
from chargehand.web.cli.shown import Branches, Card, Column, Listing, Worth, pieces, text_of

LONG_ID = "task-01a21b644ec796613af9f22e"
WIDTH = 80
NAMES_OF_PEOPLE = ("peer_id", "group_id")  # no command asks for them again


UNSET = "0001-01-01T00:00:00Z"


def printed(part, body, **more) -> list[str]:
    return printed_all([part], body, **more)


def printed_all(parts, body, *, width: int = WIDTH, is_terminal: bool = True) -> list[str]:
    return [
        as_text(line, is_styled=False)
        for piece in pieces(parts, body)
        for line in piece.lines(width if is_terminal else None)
    ]


def task(**members):
    return {"id": LONG_ID, "status": "in_progress", "title": "t" * 200, **members}


def test_rows_fit_a_terminal_and_ids_are_whole():
    rows = Listing("tasks", TASK_COLUMNS)
    body = {"tasks": [task(priority="urgent", owner={"kind": "pool", "ref": "p" * 40})]}
    heading, line = printed(rows, body)
    assert line.startswith(f"{LONG_ID}  in_progress  ttt")
    assert max(len(heading), len(line)) <= WIDTH
    assert "…" in line
    assert "OWNER" not in heading


@pytest.mark.parametrize(("width", "shown"), [(40, 19), (31, 10), (30, 0)])
def test_a_text_is_cut_and_not_left_out_where_a_useful_width_is_left(width, shown):
    body = {"tasks": [task(id="task-1", priority="urgent")]}
    heading, line = printed(Listing("tasks", TASK_COLUMNS), body, width=width)
    assert heading.split() == ["ID", "STATUS", *(["TITLE"] if shown else [])]
    assert len(line) == (width if shown else 19)
    assert line.endswith("t" * (shown - 1) + "…" if shown else "in_progress")


def test_a_text_is_not_cut_below_its_heading():
    columns = (Column("ID", "id", Worth.KEPT), Column("WHAT WENT WRONG", "error", Worth.CUT))
    body = {"rows": [{"id": "a", "error": "e" * 90}]}
    assert printed(Listing("rows", columns), body, width=19)[0] == "ID  WHAT WENT WRONG"
    assert printed(Listing("rows", columns), body, width=18)[0] == "ID"


def test_an_id_that_has_no_room_in_its_row_stands_below_it():
    run = {"id": LONG_ID, "status": "needs_attention", "session_id": "sess-1", "error": "e" * 90}
    heading, *lines = printed(Listing("runs", RUN_COLUMNS), {"runs": [run]}, width=55)
    assert heading.split() == ["ID", "STATUS"]
    assert [line.split() for line in lines] == [[LONG_ID, run["status"]], ["SESSION", "sess-1"]]
    heading, _ = printed(Listing("runs", RUN_COLUMNS), {"runs": [run]}, width=100)
    assert heading.split() == ["ID", "STATUS", "ERROR", "SESSION"]


def listings() -> Iterator[Listing]:
    """All that any command shows."""
    parts = [part for noun in NOUNS.values() for verb in noun.verbs() for part in verb.shows]
    yield from (part for part in parts if isinstance(part, Listing))
    yield Listing("", dashboard.ACTIVE_COLUMNS)
    yield Listing("", inbox.ITEM_COLUMNS)


def test_no_id_is_left_out_of_a_row_however_narrow():
    for listing in listings():
        for column in listing.columns:
            if column.path.endswith("id") and column.path not in NAMES_OF_PEOPLE:
                assert column.worth in (Worth.KEPT, Worth.BELOW), column


def test_a_command_that_is_to_be_copied_is_never_broken():
    command = "chargehand agent complete run-1 --claim sha256:" + "0" * 64
    pairs = Pairs([Pair("end", command, is_whole=True), Pair("note", "word " * 40)])
    first, *rest = (as_text(line, is_styled=False) for line in pairs.lines(40))
    assert first == f"end   {command}"
    assert all(len(line) <= 40 for line in rest)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_an_id_in_a_card_is_whole_however_narrow(width):
    value = f"sha256:{'0' * 64}"
    lines = printed(Card("run"), {"run": {"id": LONG_ID, "claim_token_hash": value}}, width=width)
    assert any(line.endswith(LONG_ID) for line in lines)
    assert any(line.endswith(value) for line in lines)


def test_columns_without_a_value_take_no_room():
    heading, _ = printed(Listing("runs", RUN_COLUMNS), {"runs": [{"id": "r", "status": "queued"}]})
    assert heading.split() == ["ID", "STATUS"]


def test_what_is_kept_is_never_cut_however_narrow():
    lines = printed(Listing("tasks", TASK_COLUMNS), {"tasks": [task()]}, width=30)
    assert LONG_ID in lines[1]


def test_in_a_pipe_all_of_it_is_there():
    rows = Listing("tasks", TASK_COLUMNS)
    body = {"tasks": [task(priority="urgent")]}
    heading, line = printed(rows, body, width=1000, is_terminal=False)
    assert "t" * 200 in line
    assert heading.split() == ["ID", "STATUS", "TITLE", "PRIORITY", "PAUSED", "OWNER"]


def test_wide_letters_are_measured_as_a_terminal_shows_them():
    rows = Listing("rows", (Column("A", "a", Worth.CUT), Column("B", "b", Worth.KEPT)))
    heading, line = printed(rows, {"rows": [{"a": "漢字" * 40, "b": "end"}]})
    assert line.endswith("…  end")
    assert heading.endswith("B")


@pytest.mark.parametrize("body", [{}, {"tasks": []}, {"tasks": None}])
def test_an_empty_list_says_so(body):
    [verb] = [verb for verb in TASK_VERBS if verb.name == "list"]
    assert printed(verb.shows[0], body) == ["no tasks"]
    assert printed(Listing("tasks", TASK_COLUMNS, "titled"), body) == []


def test_a_card_keeps_the_lines_of_a_text_and_leaves_out_what_is_not_set():
    body = {"task": {"id": "t", "description": "one\ntwo", "at": UNSET, "x": None}}
    assert printed(Card("task"), body) == ["id           t", "description  one", "             two"]


def test_a_long_line_of_a_card_goes_on_below():
    lines = printed(Card("task"), {"task": {"title": "w" * 100}})
    assert len(lines) == 2
    assert all(len(line) <= WIDTH for line in lines)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (0, "0"),
        ("2026-11-27T05:04:48.294879261Z", "2026-11-27 05:04:48Z"),
        ({"kind": "pool", "ref": "b"}, "pool b"),
        ({"kind": "pool"}, '{"kind":"pool"}'),
        (["go", "py"], "go, py"),
        ([1], "[1]"),
        ({"at": UNSET, "by": {"at": UNSET, "kind": "human"}}, '{"by":{"kind":"human"}}'),
        ("\x1b[31m\n", "\ufffd[31m "),
    ],
)
def test_a_value_is_a_word_or_a_line(value, text):
    assert text_of(value) == text


def test_markup_of_others_is_text():
    assert printed(Card("task"), {"task": {"title": "[red]x[/red] :smile:"}}) == [
        "title  [red]x[/red] :smile:"
    ]


def test_a_tree_shows_what_is_below_what():
    def node(name, parent=None, **members):
        return {
            "task": {"id": name, "status": "ready", "title": "t"},
            "parent_task_id": parent,
        } | members

    body = {
        "tree": {
            "root": node("a", active_run={"status": "queued"}),
            "descendants": [node("b", "a"), node("c", "b")],
        }
    }
    assert printed(Branches(), body) == [
        "a  ready  (run queued)  t",
        "└── b  ready  t",
        "    └── c  ready  t",
    ]


def event(**members):
    return {
        "sequence": 4,
        "timestamp": "2026-11-27T05:04:48.2Z",
        "event_type": "task.status_changed",
        "task": {"id": "t"},
        "actor": {"kind": "human", "ref": "local-user"},
        **members,
    }


def test_an_event_is_a_line_that_says_what_changed():
    payload = {"previous_status": "blocked", "status": "ready", "reason": "it's done"}
    [line] = printed(EventLine(), event(payload=payload), width=200)
    assert line.split() == [
        *("4", "2026-11-27", "05:04:48Z", "status_changed", "t"),
        *("blocked", "→", "ready,", "reason", "\"it's", 'done"', "by", "local-user"),
    ]
    [line] = printed(EventLine(), event(run={"id": "run-1"}))
    assert "run-1" in line


def test_the_columns_of_a_timeline_are_as_wide_as_it_takes():
    lines = printed(Timeline(), {"timeline": [event(), event(run={"id": LONG_ID})]})
    column = lines[0].index("  t  ")
    assert lines[1].index(LONG_ID) == column + 2
    assert all(len(line) <= WIDTH for line in lines)
    assert [line.strip() for line in lines[2:]] == ["local-user"]  # below, as it has no room
    [streamed, *_] = printed(EventLine(), event(run={"id": LONG_ID}))
    assert streamed.index(LONG_ID) == printed(EventLine(), event())[0].index("  t  ") + 2


@pytest.mark.parametrize("width", [20, 60, 80])
def test_an_event_whose_id_has_no_room_goes_on_below(width):
    long = event(event_type="task.run_review_retry_enqueued", run={"id": LONG_ID})
    first, *rest = printed(EventLine(), long, width=width)
    assert first.endswith("2026-11-27 05:04:48Z  run_review_retry_enqueued")
    assert width < WIDTH or rest[0].strip() == f"{LONG_ID}  by local-user"


def test_a_timeline_without_events_says_so():
    assert printed(Timeline(), {"timeline": []}) == ["no events"]


def test_a_dashboard_says_what_is_there_and_leaves_out_what_is_not():
    [verb] = NOUNS["dashboard"].verbs()
    board = {
        "totals": {"tasks_total": 2, "runs_total": 1, "queued_runs": 1},
        "status_breakdown": [{"status": "ready", "count": 2}],
        "queue": {"total": 1, "oldest_queue_age_ms": 61_500, "backlog_warning": True},
        "health": {"status": "warn", "stuck_runs": 1},
        "cards": {
            "latency": {
                "claim_latency_ms": {"samples": 2, "average_ms": 9999, "maximum_ms": 99_964}
            }
        },
        "freshness": {"status": "empty", "latest_activity_at": UNSET},
    }
    assert printed_all(verb.shows, {"dashboard": board}) == [
        "tasks     2: 2 ready",
        "runs      1: 1 queued",
        "queue     1: the oldest for 61 s, a backlog",
        "health    warn: 1 stuck",
        "claims    after 9999 ms on average, 99 s at most",
        "activity  empty",
    ]
    assert printed_all(verb.shows, {}) == []


def test_a_list_of_reviews_has_the_ids_that_a_verdict_needs_on_a_narrow_terminal():
    review = {
        "review_id": "review-01a21bcaa40cabd7645e4a41",
        "run_id": "run-01a21bcaa04d2e18bc31454c",
        "status": "recorded",
        "outcome": "rejected",
        "review_round": 1,
        "reason": "r" * 100,
        "deadline_at": "2026-11-27T05:04:48.2Z",
    }
    asked = {**review, "status": "requested", "outcome": ""}
    heading, *lines = printed(REVIEWS[0], {"reviews": [review, asked]})
    assert heading.split() == ["REVIEW", "RUN", "STATUS"]
    assert [line.split()[2] for line in lines] == ["rejected", "requested"]
    assert all(review["run_id"] in line and len(line) <= WIDTH for line in lines)
    heading, *_ = printed(REVIEWS[0], {"reviews": [review, asked]}, width=110)
    assert heading.split() == ["REVIEW", "RUN", "STATUS", "REASON"]
    heading, line, _ = printed(REVIEWS[0], {"reviews": [review, asked]}, width=150)
    assert heading.split() == ["REVIEW", "RUN", "STATUS", "DEADLINE", "ROUND", "REASON"]
    assert line.endswith("r…")


@pytest.mark.parametrize("action", [*(action.value for action in NextAction), "later"])
def test_the_next_action_is_reported_in_words(action):
    *_, line = printed_all(INSPECTION, {"inspect": {"next_action": action}})
    assert line.startswith("next  ")
    assert action == "later" or line.endswith(f" [{action}]")


def test_a_profile_is_shown_as_it_can_be_set():
    [verb] = [verb for verb in NOUNS["profile"].verbs() if verb.name == "show"]
    body = {"profile": {"task_id": "t", "review": {}, "created_at": UNSET, "updated_at": UNSET}}
    assert printed(verb.shows[0], body) == ["{", '  "task_id": "t",', '  "review": {}', "}"]
