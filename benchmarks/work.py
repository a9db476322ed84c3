"""Tasks with a queued run each, made before the measuring begins."""

import trio

from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, origin
from chargehand.actors.system import System
from chargehand.actors.task.commands import CreateTask, EnqueueRun
from chargehand.actors.task.state import Scope

_CREATORS = 64
_CALLER = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.create"))


async def queue_runs(system: System, count: int) -> None:
    """Create `count` global tasks, each with a queued run."""
    left = iter(range(count))

    async def create() -> None:
        for number in left:
            made = await system.create_task(
                CreateTask(scope=Scope.GLOBAL, title=f"piece {number}"), _CALLER
            )
            await system.ask(made.task.id, EnqueueRun(), _CALLER)

    async with trio.open_nursery() as nursery:
        for _ in range(_CREATORS):
            nursery.start_soon(create)
