"""One operation done to many tasks."""

from collections.abc import Callable
from typing import final

from chargehand.actors.bulk.each import ask_each
from chargehand.actors.bulk.selection import Selection, Slice, slice_of
from chargehand.actors.errors import Rejected
from chargehand.actors.frozen import frozen, replace
from chargehand.actors.identity import Caller
from chargehand.actors.limits import LIST_MAX
from chargehand.actors.slices import in_turns
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.catalog import TaskFilter
from chargehand.actors.views.choices import ListOrder
from chargehand.actors.views.creation import birth_of

Checked = Callable[[str], str]


@final
@frozen
class TaskOutcome:
    """What became of one task.

    Args:
        task: as it is afterwards, slim or whole; None: there is none to be shown.
        refusal: why nothing was done.
    """

    task_id: str
    task: TaskState | None
    refusal: Rejected | None = None


async def change_tasks(
    system: System,
    selection: Selection[TaskFilter],
    command: c.TaskCommand,
    caller: Caller,
    checked: Checked,
) -> tuple[Slice, list[TaskOutcome]]:
    """Have each task of the next slice do something; what each of them answers, in order.

    Under a key each is asked under a part of it. Sent again, it is about the same tasks as before:
    what was done under the key counts as if it matched the filter still.

    Args:
        checked: an id that a task may have. Raises Rejected where none can.

    Raises:
        Rejected: the cursor is invalid, or the key was sent with another request.
    """
    if selection.dry_run:
        found = await _next(system, selection, None)
        return found, await _ask(system, found, command, caller, checked, dry_run=True)
    async with system.whole(caller):
        found = await _next(system, selection, caller)
        return found, await _ask(system, found, command, caller, checked, dry_run=False)


async def _next(system: System, selection: Selection[TaskFilter], caller: Caller | None) -> Slice:
    """Args: caller: whose key is looked at; None: nobody's."""
    which, cursor, limit = selection.which, selection.cursor, selection.limit
    if which is None:
        return slice_of(selection.named or (), cursor, limit)
    matched = await in_turns(system.views.count(which)) if cursor is None else None
    if caller is not None and system.has_done(caller):
        return await _same_again(system, which, cursor, limit, caller, matched)
    # In the order of creation, which no change touches: whatever moves meanwhile, nobody is passed
    # twice.
    page = await in_turns(system.views.page(which, ListOrder.CREATED, cursor, limit))
    return Slice([task.id for task in page.items], matched, page.next_cursor)


async def _same_again(
    system: System,
    which: TaskFilter,
    cursor: str | None,
    limit: int,
    caller: Caller,
    matched: int | None,
) -> Slice:
    """The slice of a request that was sent before: those that it was done to need not match any
    more, as it may have changed what the filter looks at."""
    wanted = which.wanted
    anyhow = replace(which, status=None, approval_state=None, include_drafts=True)
    found: list[TaskState] = []
    while True:
        page = await in_turns(system.views.page(anyhow, ListOrder.CREATED, cursor, LIST_MAX))
        for task in page.items:
            if not wanted.includes(task) and not system.has_done(caller.part(task.id)):
                continue
            if len(found) == limit:
                return Slice([one.id for one in found], matched, birth_of(found[-1]).cursor)
            found.append(task)
        cursor = page.next_cursor
        if cursor is None:
            return Slice([one.id for one in found], matched)


async def _ask(
    system: System,
    found: Slice,
    command: c.TaskCommand,
    caller: Caller,
    checked: Checked,
    *,
    dry_run: bool,
) -> list[TaskOutcome]:
    async def ask(task_id: str) -> TaskOutcome:
        try:
            checked(task_id)
            if not dry_run:
                answer = await system.ask(task_id, command, caller.part(task_id))
                return TaskOutcome(task_id, answer.task)
            await system.try_out(task_id, command, caller)
        except Rejected as refusal:
            return TaskOutcome(task_id, system.views.get(task_id), refusal)
        return TaskOutcome(task_id, system.views.get(task_id))

    return await ask_each(found.ids, str, ask, system.settings.max_residents)
