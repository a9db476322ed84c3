"""The queue as an operator sees it: every queued run, also those that wait for something."""

import heapq
from collections.abc import Callable, Iterable

from actors.errors import invalid
from actors.scheduler.commands import BacklogFilter, BacklogPage
from actors.task.state import Run, TaskState
from actors.views.catalog import Catalog

_Key = tuple[int, int, str]  # by priority, age and id


def _key(item: tuple[TaskState, Run]) -> _Key:
    state, run = item
    return (-state.priority.weight, run.queued_at_ns, run.id)


def backlog_page(
    task_ids: Iterable[str],
    catalog: Catalog,
    which: BacklogFilter,
    cursor: str | None,
    limit: int,
    paused_by: Callable[[str], str | None],
) -> BacklogPage:
    """Args: task_ids: tasks whose open run is queued."""
    found: list[tuple[TaskState, Run]] = []
    for task_id in task_ids:
        state = catalog.get(task_id)
        run = None if state is None else state.open_run
        if (
            state is not None
            and run is not None
            and (which.workspace_id is None or state.workspace_id == which.workspace_id)
            and (which.scope is None or state.scope is which.scope)
            and (which.include_paused or paused_by(task_id) is None)
        ):
            found.append((state, run))
    behind = _parse(cursor)
    left = found if behind is None else [item for item in found if _key(item) > behind]
    items = heapq.nsmallest(limit, left, key=_key)
    more = len(left) > len(items)
    return BacklogPage(items, len(found), _cursor(items[-1]) if more and items else None)


def _cursor(item: tuple[TaskState, Run]) -> str:
    return ".".join(str(part) for part in _key(item))


def _parse(cursor: str | None) -> _Key | None:
    if cursor is None:
        return None
    try:
        weight, queued_at_ns, run_id = cursor.split(".", 2)
        return (int(weight), int(queued_at_ns), run_id)
    except ValueError:
        raise invalid(
            "?cursor", "?cursor is none that a Link header gave", "follow the link"
        ) from None
