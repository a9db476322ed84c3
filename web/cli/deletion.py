"""Deletes all tasks that match a filter: those that were counted, if nobody has changed them since.

Leaves go first, as a task with children is refused.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import click
import orjson

from chargehand.actors.limits import LIST_MAX
from chargehand.web.cli.failures import Failed, plain
from chargehand.web.cli.layouts import TASK_COLUMNS
from chargehand.web.cli.members import Members
from chargehand.web.cli.running import ask_to_go_on, on_terminal
from chargehand.web.cli.shown import Column, Listing, Pages, Worth, at, print_json, several, show
from chargehand.web.cli.verbs import in_query, path_of
from chargehand.web.exits import ClientExit
from chargehand.web.operations import Operation as Op

if TYPE_CHECKING:
    from chargehand.web.cli.client import ApiResponse, Client

SHOWN: Final = 10
PAGE: Final = 100  # deleted between two words about it
_ATTEMPTS: Final = 3  # to delete a task that changes as what it depended on goes
_REMOVED: Final = "task.dependency_removed"
_BY_A_LOSS: Final = "dependency_removed"  # the reason of a change of status that comes with it
_REFUSED: Final = (
    Listing("refused", (Column("TASK", "task_id", Worth.KEPT), Column("WHY", "why", Worth.KEPT))),
)
_ENDING: Final = (ClientExit.UNREACHABLE, ClientExit.NOT_ALLOWED, ClientExit.STRANGE)


@final
class _Found(NamedTuple):
    """A task as it was shown."""

    id: str
    parent_id: str | None
    status: str
    seq: int


def delete_matching(client: "Client", as_json: bool, members: Members, yes: bool) -> None:
    """Show what matches, ask, and delete it. Args: yes: ask nothing."""
    found, first = _matching(client, dict(members))
    if not found:
        click.echo("no tasks match", err=True)
        return
    count = "1 task" if len(found) == 1 else f"{len(found)} tasks"
    if not as_json:
        show((Listing("tasks", TASK_COLUMNS),), {"tasks": first})
        if len(found) > len(first):
            click.echo(f"and {len(found) - len(first)} more", err=True)
    if not yes:
        if not on_terminal():
            text = f"this would delete {count}, and nobody can be asked: say --yes if that is meant"
            raise Failed(ClientExit.PARTLY, text)
        ask_to_go_on(f"this deletes {count}")
    refused = _delete_all(client, as_json, _leaves_first(found))
    done = len(found) - refused
    if not as_json:
        click.echo(f"{done} of {count} deleted" + (f", {refused} refused" if refused else ""))
    if refused:
        raise SystemExit(ClientExit.PARTLY)


def _matching(client: "Client", members: Members) -> tuple[list[_Found], list[object]]:
    """All tasks that match, and the first of them as the list shows them."""
    older_s = members.pop("older_than", None)
    before: datetime | None = None
    query = {name: in_query(value) for name, value in members.items()}
    query["limit"] = str(LIST_MAX)
    found: list[_Found] = []
    first: list[object] = []
    while True:
        answer = client.ask("GET", path_of(Op.LIST_TASKS, ()), query)
        if older_s is not None and before is None:
            before = _date_of(answer) - timedelta(seconds=older_s)
        for row in several(at(answer.body, "tasks")):
            if before is None or _active_at(row) < before:
                found.append(_found(row))
                first += [row] if len(first) < SHOWN else []
        if answer.next_cursor is None:
            return found, first
        query["cursor"] = answer.next_cursor


def _date_of(answer: "ApiResponse") -> datetime:
    """When the server answered, by the clock that wrote its times: ours may be another."""
    from email.utils import parsedate_to_datetime  # takes longer to load than all else here

    return datetime.now(UTC) if answer.date is None else parsedate_to_datetime(answer.date)


def _found(row: object) -> _Found:
    parent_id = at(row, "parent_task_id")
    return _Found(
        str(at(row, "id")),
        None if parent_id is None else str(parent_id),
        str(at(row, "status")),
        int(str(at(row, "latest_event_seq"))),
    )


def _active_at(row: object) -> datetime:
    return datetime.fromisoformat(str(at(row, "last_activity_at") or at(row, "created_at")))


def _leaves_first(found: Sequence[_Found]) -> list[_Found]:
    """Children before their parents; else as they came, the most recently active first, as what
    depends on others mostly ends after them."""
    parents = {task.id: task.parent_id for task in found}

    def depth(task: _Found) -> int:
        above, levels = task.parent_id, 0
        while above is not None and above in parents:
            above, levels = parents[above], levels + 1
        return levels

    return sorted(found, key=depth, reverse=True)


def _delete_all(client: "Client", as_json: bool, tasks: Sequence[_Found]) -> int:
    """Delete page after page, and show the outcome of each; how many were refused."""
    refused, pages, gone = 0, Pages(_REFUSED), set[str]()
    for begin in range(0, len(tasks), PAGE):
        results: list[Mapping[str, Any]] = []
        try:
            for task in tasks[begin : begin + PAGE]:
                failed = _delete(client, task, gone)
                results.append(_result(task, failed))
                if failed is None:
                    gone.add(task.id)
        finally:  # what was done before the server was gone is shown, too
            kept = [result for result in results if not result["ok"]]
            refused += len(kept)
            if as_json:
                print_json(orjson.dumps({"results": results}))
            else:
                _show_page(pages, kept, begin + len(results), len(tasks))
    return refused


def _show_page(pages: Pages, refused: Sequence[Mapping[str, Any]], done: int, count: int) -> None:
    if refused:
        rows = [{"task_id": one["task_id"], "why": one["why"]} for one in refused]
        pages.show({"refused": rows})
    if count > PAGE:
        click.echo(f"chargehand: {done} of {count} are done", err=True)


def _result(task: _Found, failed: Failed | None) -> Mapping[str, Any]:
    if failed is None:
        return {"task_id": task.id, "ok": True}
    answer = orjson.loads(failed.as_json)
    return {"task_id": task.id, "ok": False, "why": plain(failed.text), **answer}


def _delete(client: "Client", task: _Found, gone: Collection[str]) -> Failed | None:
    """Why it is refused; None: it is gone. A task is as it was shown, too, if nothing has happened
    to it but that what it depended on was deleted here."""
    path, seq = path_of(Op.DELETE_TASK, [task.id]), task.seq
    for _ in range(_ATTEMPTS):
        try:
            client.ask("DELETE", path, if_match=seq)
        except Failed as failed:
            if failed.exit_with is ClientExit.NOT_FOUND:
                return None
            if failed.exit_with in _ENDING:
                raise
            why, seq_now = failed, _only_lost(client, task.id, seq, gone)
            if seq_now is None:
                return why
            seq = seq_now
        else:
            return None
    return why


def _only_lost(client: "Client", task_id: str, seq: int, gone: Collection[str]) -> int | None:
    """The number of the task's latest event, if all behind `seq` are of blockers in `gone`."""
    query = {"after_sequence": str(seq), "limit": str(LIST_MAX)}
    try:
        answer = client.ask("GET", path_of(Op.GET_TIMELINE, [task_id]), query)
    except Failed:
        return None
    events = several(at(answer.body, "timeline"))
    for event in events:
        is_loss = at(event, "event_type") == _REMOVED
        is_loss = is_loss and at(event, "payload.depends_on_task_id") in gone
        if not is_loss and at(event, "payload.reason") != _BY_A_LOSS:
            return None
    return int(str(at(events[-1], "sequence"))) if events else None
