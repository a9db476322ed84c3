from urllib.parse import parse_qsl, urlsplit

import pytest

from chargehand.actors.errors import Rejected
from chargehand.web.paging import Standing, cursor_of, latest_changed_first, next_link


def followed(link: str) -> dict[str, str]:
    target, relation = link.split("; ")
    assert relation == 'rel="next"'
    return dict(parse_qsl(urlsplit(target.strip("<>")).query))


def test_a_link_carries_the_query_and_the_cursor():
    query = {"status": "ready", "query": "a&b é", "cursor": "old"}
    ((name, link),) = next_link("/api/tasks", query, "17.run-é")
    assert name == "Link"
    assert link.startswith("</api/tasks?")
    asked = followed(link)
    assert asked.pop("cursor") != "17.run-é"
    assert asked == {"status": "ready", "query": "a&b é"}
    assert cursor_of(followed(link)) == "17.run-é"


def test_no_more_rows_no_link():
    assert next_link("/api/tasks", {}, None) == ()
    assert cursor_of({}) is None


@pytest.mark.parametrize("token", ["***", "a", "_w", "é"])
def test_a_cursor_of_somebody_else_is_refused(token):
    with pytest.raises(Rejected) as caught:
        cursor_of({"cursor": token})
    assert caught.value.pointer == "?cursor"


def changed(rows, at, when_ns):
    rows[at] = rows[at]._replace(changed_ns=when_ns, is_open=False)


def page_of(rows, cursor, wanted=lambda _: True):
    query = {"limit": "2"} if cursor is None else {"limit": "2", "cursor": cursor}
    page, more = latest_changed_first(rows, wanted, lambda row: row, query)
    links = next_link("/", query, more)
    return [row.row_id for row in page], followed(links[0][1])["cursor"] if links else None


@pytest.mark.parametrize("now_ns", [1, 35, 99])  # the wall may be set back
def test_rows_stand_where_they_stood_when_the_walk_began(now_ns):
    rows = [Standing(at, at, f"r{at}", is_open=True) for at in (10, 20, 30, 40, 50)]
    changed(rows, 0, 45)
    seen, cursor = page_of(rows, None)
    assert seen == ["r50", "r10"]
    changed(rows, 4, now_ns)
    changed(rows, 1, now_ns)
    rows.append(Standing(now_ns, now_ns, "new", is_open=True))
    seen, cursor = page_of(rows, cursor)
    assert seen == ["r40", "r30"]
    changed(rows, 2, now_ns)
    assert page_of(rows, cursor) == (["r20"], None)


def test_rows_that_are_not_wanted_change_no_place():
    rows = [Standing(at, at, f"r{at}", is_open=True) for at in range(10, 18)]
    odd = {"r11", "r13", "r15", "r17"}
    seen, cursor = page_of(rows, None, lambda row: row.row_id in odd)
    assert seen == ["r17", "r15"]
    changed(rows, 1, 99)
    assert page_of(rows, cursor, lambda row: row.row_id in odd) == (["r13", "r11"], None)


@pytest.mark.parametrize(
    "position",
    ["walk", "walk.", "walk.1", "walk.1.2", "walk.1.x.3.r", "walk.x.1.3.r", "walk.1.f.r"],
)
def test_a_position_that_is_none_is_refused(position):
    ((_, link),) = next_link("/", {}, position)
    with pytest.raises(Rejected):
        latest_changed_first([], lambda _: True, lambda row: row, followed(link))


def test_a_position_of_before_walks_were_kept_goes_on_behind_it():
    rows = [Standing(at, at, f"r{at}", is_open=True) for at in (10, 20, 30)]
    ((_, link),) = next_link("/", {}, "30.r30")
    assert page_of(rows, followed(link)["cursor"]) == (["r20", "r10"], None)
