"""A process that works on a store as fast as it can and tells on stdout what was acknowledged.

`python -m tests.crash.busy_child DIRECTORY INCARNATION`; killed from outside. Each worker makes a
chain: a task is created, another one that waits for it, then its run is claimed and completed. A
planner makes tasks in batches that are made whole or not at all.
"""

import os
import sys
from pathlib import Path

import trio

from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, agent_actor, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.new_tasks.item import NewTask, Ties
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Json, Owner, OwnerKind, Scope
from chargehand.persistence.opening import open_journal

WORKERS = 16
PLAN = 20  # tasks of a batch
SETTINGS = Settings(checkpoint_s=0.03, idle_s=0.05, boot_grace_s=0.0)
OPERATOR = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.create"))


def tell(*words: object) -> None:
    """One write for each line, so that a line is there whole or not at all."""
    os.write(1, (" ".join(str(word) for word in words) + "\n").encode())


async def worker(system: System, name: str) -> None:
    me = Caller(agent_actor(name), origin(OriginKind.HTTP, "agent.task.next"))
    session = await system.identify(name, "bot")
    number = 0
    await create(system, name, number)
    while True:
        await create(system, name, number + 1)
        task_id, next_id = f"{name}-{number}", f"{name}-{number + 1}"
        await system.ask(next_id, c.AddDependency(task_id), OPERATOR)
        if number == 0:
            await system.ask(task_id, c.EnqueueRun(), OPERATOR)
        claimed = await system.claim_next(session, ClaimNext(), me)
        assert claimed is not None
        assert claimed.task.id == task_id
        run_id = claimed.the_run.id
        tell("claimed", task_id, run_id, name)
        await system.ask_run(c.CompleteLease(run_id, Json(b'{"n":%d}' % number)), me)
        tell("completed", task_id, run_id, number)
        number += 1


async def create(system: System, name: str, number: int) -> None:
    owner = Owner(OwnerKind.AGENT_SESSION, name)
    command = c.CreateTask(
        Scope.GLOBAL, "work", id=f"{name}-{number}", owner=owner, auto_enqueue_on_ready=True
    )
    answer = await system.create_task(command, OPERATOR)
    tell("created", answer.task.id, answer.task.last_seq)


async def planner(system: System, name: str) -> None:
    number = 0
    while True:
        items = []
        for place in range(PLAN):
            ties = Ties(str(place), parent_ref=str((place - 1) // 4) if place else None)
            command = c.CreateTask(Scope.GLOBAL, "plan", id=f"{name}-{number}-{place}")
            items.append(NewTask(command, ties))
        await system.create_tasks(items, OPERATOR, atomic=True)
        tell("planned", f"{name}-{number}")
        number += 1
        await trio.sleep(0.01)  # the others are to get on, too


async def main(directory: Path, incarnation: str) -> None:
    async with run_system(open_journal(directory), SETTINGS) as system, trio.open_nursery() as work:
        tell("ready")
        for number in range(WORKERS):
            work.start_soon(worker, system, f"i{incarnation}w{number}")
        work.start_soon(planner, system, f"plan{incarnation}")


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2])
