"""A caller that goes away in the middle, at every moment there is, and what is left afterwards.

A trial runs one call in a fresh system and cancels it after so many steps of any of Trio's tasks:
not only where the caller itself awaits something, but at every moment in between at which another
part of the system has moved. What is left must be as if the call had never been made, or as after
the whole of it; and nothing may be held back for a caller that is gone.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, final

import trio
import trio.testing
from attrs import define, field, frozen

from chargehand.actors.system import System
from chargehand.actors.task.state import Run, TaskState

STEPS_MAX: Final = 400  # no call takes so many

Picture = tuple[Any, ...]


@final
class Countdown(trio.abc.Instrument):
    """Calls `then` after so many steps of any task, within a `with` block."""

    def __init__(self, steps: int, then: Callable[[], object]) -> None:
        self._left = steps
        self._then = then

    def __enter__(self) -> None:
        if self._left == 0:
            self._then()
        trio.lowlevel.add_instrument(self)

    def __exit__(self, *_: object) -> None:
        trio.lowlevel.remove_instrument(self)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self._left -= 1
        if self._left == 0:
            self._then()


async def hung_up(call: Callable[[], Awaitable[object]], steps: int) -> bool:
    """Make a call and cancel it after `steps` steps; whether that came before it was answered."""
    with trio.CancelScope() as scope, Countdown(steps, scope.cancel):
        await call()
    return scope.cancelled_caught


@final
@define
class Bystanders:
    """Others who wait for something meanwhile, and what they got."""

    nursery: trio.Nursery
    got: list[object] = field(factory=list)

    async def wait(self, call: Callable[[], Awaitable[object]]) -> None:
        async def run() -> None:
            self.got.append(await call())

        self.nursery.start_soon(run)
        await trio.testing.wait_all_tasks_blocked()


def picture(system: System) -> Picture:
    """All that others can see or wait for, without ids that were made and without history."""
    tasks = [system.views.whole(task.id) for task in system.views.catalog]
    board = system.scheduler._dispatch.board
    return (
        tuple(sorted(_task(task) for task in tasks if task is not None)),
        tuple(sorted((one.id, one.is_active) for one in system.roster.sessions())),
        tuple(sorted(one.root_dir for one in system.roster.workspaces())),
        system.switch.pause_state is not None,
        (board.queued_count, board.active_count, board.attention_count, len(board.claimable)),
        system.scheduler._dispatch.parked_count,
    )


def _task(task: TaskState) -> Picture:
    return (
        task.title,
        task.status.value,
        task.draft,
        task.canceled,
        task.approval_state.value,
        task.pause is not None,
        task.priority.value,
        tuple(sorted((edge.depends_on_task_id, edge.done) for edge in task.dependencies)),
        task.profile is not None,
        tuple((one.read, one.archived, one.dismissed) for one in task.triage),
        len(task.subscriptions),
        tuple(_run(run) for run in task.runs),
        tuple((review.status.value, str(review.verdict)) for review in task.reviews),
    )


def _run(run: Run) -> Picture:
    return (
        run.status.value,
        run.session_id or "",
        run.is_leased,
        run.result or b"",
        run.error or "",
        run.attempt,
    )


def check_nothing_is_held(system: System) -> None:
    """No place, run, key or turn is kept for a caller that is gone."""
    dispatch = system.scheduler._dispatch
    assert dispatch._picked == {}
    assert dispatch.allowance._reserved == {}
    assert dispatch.releases._under_way == {}
    assert dispatch.releases._waiting == {}
    assert len(dispatch._keyed) <= dispatch.parked_count
    assert len(system.scheduler._mailbox) == 0
    assert len(system.registry._mailbox) == 0
    assert len(system.outbox) == 0
    assert system._keys._under_way == {}
    assert dispatch.allowance._waiting == {}
    assert system.journal.durable_seq == system.journal.next_seq - 1


@final
@frozen
class Left:
    """What a trial left. `answered`: the call was over before it was canceled."""

    answered: bool
    picture: Picture
    got: int
