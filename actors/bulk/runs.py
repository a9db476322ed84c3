"""One operation done to many runs."""

from collections.abc import Callable
from typing import final

from chargehand.actors.answers import Answer
from chargehand.actors.bulk.each import ask_each
from chargehand.actors.bulk.selection import Selection, Slice, slice_of
from chargehand.actors.errors import Rejected
from chargehand.actors.frozen import frozen, replace
from chargehand.actors.identity import Caller
from chargehand.actors.limits import LIST_MAX
from chargehand.actors.slices import in_turns
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Run, RunStatus, TaskState
from chargehand.actors.views.runs import RunFilter

Command = c.CancelRun | c.RetryRun
Checked = Callable[[str], str]


@final
@frozen
class RunOutcome:
    """What became of one run.

    Args:
        task: its task, slim or whole; None: there is no such run.
        run: as it is afterwards.
        new_run: the one that was queued in its place.
        refusal: why nothing was done.
    """

    run_id: str
    task: TaskState | None = None
    run: Run | None = None
    new_run: Run | None = None
    refusal: Rejected | None = None


async def change_runs(
    system: System,
    selection: Selection[RunFilter],
    command_of: Callable[[str], Command],
    caller: Caller,
    checked: Checked,
) -> tuple[Slice, list[RunOutcome]]:
    """Have something done with each run of the next slice; what became of it, in order. Those of
    one task are handled one after the other. As to keys, see `change_tasks`.

    A slice may be short, or even empty, and yet not be the last one.

    Args:
        command_of: what is asked about the run of an id.
        checked: an id that a run may have. Raises Rejected where none can.

    Raises:
        Rejected: the cursor is invalid, or the key was sent with another request.
    """
    if selection.dry_run:
        found = await _counted(system, selection)
        return found, await _ask(system, found, command_of, caller, checked, dry_run=True)
    async with system.whole(caller):
        found = await _next(system, selection, caller)
        return found, await _ask(system, found, command_of, caller, checked, dry_run=False)


async def _next(system: System, selection: Selection[RunFilter], caller: Caller) -> Slice:
    which, cursor, limit = selection.which, selection.cursor, selection.limit
    if which is None:
        return slice_of(selection.named or (), cursor, limit)
    if system.has_done(caller):
        return await _same_again(system, which, cursor, limit, caller)
    page = await in_turns(system.views.runs(which, cursor, limit))
    is_all = cursor is None and page.next_cursor is None
    ids = [run.id for _, run in page.items]
    return Slice(ids, len(ids) if is_all else None, page.next_cursor)


async def _same_again(
    system: System, which: RunFilter, cursor: str | None, limit: int, caller: Caller
) -> Slice:
    """The slice of a request that was sent before: runs that it was done to need not match any
    more, as a canceled one has another status."""
    statuses = which.statuses and which.statuses | {RunStatus.CANCELED}
    anyhow = replace(which, statuses=statuses, failure_kind=None, since_ns=None, until_ns=None)
    ids: list[str] = []
    while True:
        page = await in_turns(system.views.runs(anyhow, cursor, limit - len(ids)))
        for _, run in page.items:
            if which.matches(run) or system.has_done(caller.part(run.id)):
                ids.append(run.id)
        cursor = page.next_cursor
        if cursor is None or len(ids) == limit:
            return Slice(ids, None, cursor)


async def _counted(system: System, selection: Selection[RunFilter]) -> Slice:
    """The first ones, and how many there are: all pages are read for that."""
    which, cursor, limit = selection.which, selection.cursor, selection.limit
    if which is None:
        return slice_of(selection.named or (), cursor, limit)
    is_first, ids, count, following = cursor is None, list[str](), 0, None
    while True:
        is_shown = len(ids) < limit
        page_rows = limit - len(ids) if is_shown else LIST_MAX
        page = await in_turns(system.views.runs(which, cursor, page_rows))
        count += len(page.items)
        if is_shown:
            ids += [run.id for _, run in page.items]
            following = page.next_cursor
        cursor = page.next_cursor
        if cursor is None or (not is_first and len(ids) == limit):
            return Slice(ids, count if is_first else None, following)


async def _ask(
    system: System,
    found: Slice,
    command_of: Callable[[str], Command],
    caller: Caller,
    checked: Checked,
    *,
    dry_run: bool,
) -> list[RunOutcome]:
    async def ask(run_id: str) -> RunOutcome:
        try:
            command = command_of(checked(run_id))
            if not dry_run:
                return _outcome(run_id, await system.ask_run(command, caller.part(run_id)))
            await system.try_out_run(command, caller)
        except Rejected as refusal:
            return await _as_it_is(system, run_id, refusal)
        return await _as_it_is(system, run_id)

    def task_of(run_id: str) -> str:
        return system.task_of_run(run_id) or run_id

    return await ask_each(found.ids, task_of, ask, system.settings.max_residents)


def _outcome(run_id: str, answer: Answer) -> RunOutcome:
    """A new run comes with the one whose place it takes."""
    previous = answer.previous_run
    if previous is None:
        return RunOutcome(run_id, answer.task, answer.run)
    return RunOutcome(run_id, answer.task, previous, answer.run)


async def _as_it_is(system: System, run_id: str, refusal: Rejected | None = None) -> RunOutcome:
    try:
        answer = await system.run(run_id)
    except Rejected:
        return RunOutcome(run_id, refusal=refusal)
    return RunOutcome(run_id, answer.task, answer.run, refusal=refusal)
