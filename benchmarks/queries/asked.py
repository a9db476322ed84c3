"""The requests, each by a name: every filter by itself, and those that look through most."""

import base64
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from benchmarks.queries.population import CHANNELS, POOLS, RARE_WORD, SESSION, task_id
from chargehand.actors.views.choices import Lane

LIST: Final = "/api/tasks"
BACKLOG: Final = "/api/scheduler/backlog"
DASHBOARD: Final = "/api/observe/tasks/dashboard"
INBOX: Final = "/api/observe/tasks/inbox"


def requests(workspace: str) -> Iterator[tuple[str, str]]:
    """Name and target of each. Args: workspace: the id of one."""
    scoped = {"scope": "workspace", "workspace": workspace}
    owners = [
        {"owner_kind": "human"},
        {"owner_kind": "pool", "owner_ref": POOLS[0]},
        {"owner_ref": SESSION},
    ]
    lists: list[dict[str, str]] = [
        {},
        {"include_drafts": "true"},
        *({"status": status} for status in ("draft", "blocked", "in_progress", "canceled")),
        {"status": "pending"},  # no task has it
        {"priority": "urgent"},
        {"approval_state": "pending"},
        {"approval_state": "rejected"},  # nor this
        {"scope": "global"},
        scoped,
        *owners,
        {"parent_task_id": task_id(0)},
        {"network_channel": CHANNELS[0]},
        {"network_channel": "nowhere"},
        {"query": RARE_WORD},
        {"query": "nowhere to be found"},
        {"query": "e"},
        {**scoped, "status": "failed", "priority": "low", "owner_kind": "human"},
        {**scoped, "status": "ready", "query": RARE_WORD},
    ]
    yield from _each("list", LIST, lists)
    yield "list: 1000 rows", _target(LIST, {"limit": "1000"})
    yield from _each(
        "backlog",
        BACKLOG,
        [{}, {"include_paused": "true"}, {"workspace": workspace}, {"scope": "global"}],
    )
    yield "backlog: 500 rows", _target(BACKLOG, {"limit": "500"})
    channel = {"network_channel": CHANNELS[0]}
    origin = {"origin_kind": "cli"}
    shares = [{}, {"scope": "global"}, scoped, *owners, channel, origin]
    yield from _each("dashboard", DASHBOARD, [*shares, {**scoped, **owners[1], **channel}])
    searched = [{"query": RARE_WORD}, {"query": "e"}, {"query": "nowhere to be found"}]
    lanes = [{"lane": lane.value} for lane in Lane]
    yield from _each("inbox", INBOX, [{}, {"unread": "true"}, *lanes, scoped, *owners, *searched])


def deep(seq: int) -> str:
    """The target of the page behind a number, which only links lead to otherwise."""
    cursor = base64.urlsafe_b64encode(str(seq).encode()).decode().rstrip("=")
    return _target(LIST, {"cursor": cursor})


def _each(name: str, path: str, filters: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
    for query in filters:
        shown = ", ".join(f"{key}={value}" for key, value in query.items())
        yield f"{name}: {shown or 'everything'}", _target(path, query)


def _target(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
