from urllib.parse import parse_qsl, urlsplit

import pytest

from actors.errors import Rejected
from web.paging import cursor_of, next_link


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
