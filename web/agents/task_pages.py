"""Lists of tasks that are longer than one answer."""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Self, final
from urllib.parse import parse_qsl, urlsplit

import orjson

from chargehand.actors.limits import LIST_MAX
from chargehand.web.agents.asking import Asking, Request
from chargehand.web.agents.shown import Task, task_shown

PATH: Final = "/api/tasks"
FILTERS: Final = (
    "scope",
    "workspace",
    "status",
    "priority",
    "include_drafts",
    "approval_state",
    "owner_kind",
    "owner_ref",
    "parent_task_id",
    "network_channel",
    "query",
    "order",
)


def filtered(filters: Mapping[str, str]) -> dict[str, str]:
    """Raises: TypeError: there is no such filter."""
    for name, value in filters.items():
        if name not in FILTERS:
            raise TypeError(f"tasks cannot be filtered by {name!r}: known are {', '.join(FILTERS)}")
        if not isinstance(value, str):
            raise TypeError(f"the filter {name} must be a text, not {value!r}")
    return dict(filters)


@final
class TaskPages:
    """The answers of one list in order, each behind the one before."""

    def __init__(self, asking: Asking, filters: Mapping[str, str]) -> None:
        self._asking = asking
        self._query: dict[str, str] | None = {"limit": str(LIST_MAX), **filtered(filters)}

    async def next_page(self) -> list[Task] | None:
        """None: there are no more. Raises: Refused, Unavailable; it may be called again then."""
        if self._query is None:
            return None
        answered = await self._asking._answered(Request("GET", PATH, self._query, b""))
        link = answered.next_link
        self._query = None if link is None else dict(parse_qsl(urlsplit(link).query))
        rows: list[dict[str, Any]] = orjson.loads(answered.body)["tasks"]
        return [task_shown(row) for row in rows]


@final
class AllTasks(AsyncIterator[Task]):
    """Each task of all the pages. No generator, so that it may be left at any time."""

    def __init__(self, pages: TaskPages) -> None:
        self._pages = pages
        self._here: deque[Task] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Task:
        while not self._here:
            page = await self._pages.next_page()
            if page is None:
                raise StopAsyncIteration
            self._here.extend(page)
        return self._here.popleft()
