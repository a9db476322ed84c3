"""A process killed in full work, between commits and checkpoints that come without a pause."""

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import trio

from chargehand.actors.lifecycle import run_system
from chargehand.actors.task.state import RunStatus, TaskStatus
from chargehand.persistence.opening import open_journal
from tests.crash.busy_child import PLAN, SETTINGS

KILLS = 5
COMPLETIONS = (20, 120)  # at least and at most, until a kill
A_COMMIT_S = 0.01  # longer than most take
S_MAX = 120.0  # for what must happen, on however slow a machine
ROOT = Path(__file__).parents[2]


async def acknowledged_until_killed(
    directory: Path, incarnation: int, completions: int, later_s: float
) -> list[str]:
    """The whole lines that a child wrote until it was killed, so long after it had told of so many
    completions."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "tests.crash.busy_child", str(directory), str(incarnation)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    text = b""
    try:
        with trio.fail_after(S_MAX):
            while text.count(b"completed ") < completions:
                chunk = await process.stdout.receive_some()
                assert chunk, "it has ended by itself"
                text += chunk
        with trio.move_on_after(later_s):
            while chunk := await process.stdout.receive_some():
                text += chunk
    finally:
        process.send_signal(signal.SIGKILL)
        with trio.CancelScope(shield=True):
            assert await process.wait() == -signal.SIGKILL
            while chunk := await process.stdout.receive_some():
                text += chunk
    return text.decode().rpartition("\n")[0].splitlines()


async def check(directory: Path, lines: list[str]) -> None:
    """Start on what is left, and look for everything that was told."""
    async with run_system(open_journal(directory), SETTINGS) as system:
        with trio.fail_after(S_MAX):
            while len(system.outbox):
                await trio.lowlevel.checkpoint()
        for line in lines:
            match line.split():
                case ["created", task_id, seq]:
                    task = await system.task(task_id)
                    assert task.last_seq >= int(seq)
                case ["claimed", _, run_id, session_id]:
                    run = (await system.run(run_id)).the_run
                    assert session_id in (run.session_id, run.lapsed_session_id)
                case ["completed", task_id, run_id, number]:
                    answer = await system.run(run_id)
                    assert answer.task.status is TaskStatus.COMPLETED
                    assert answer.the_run.status is RunStatus.COMPLETED
                    assert answer.the_run.result == b'{"n":%d}' % int(number)
                    types = [e.event.type for e in system.views.timelines.after(task_id, 0, 100)]
                    assert types.count("task.run_completed") == 1
                    await check_next(system, task_id)
        check_plans(system, {line.split()[1] for line in lines if line.startswith("planned ")})


def check_plans(system, told: set[str]) -> None:
    """Each batch of new tasks is there whole; those that were told of are there."""
    parts = (task.id.rpartition("-") for task in system.views.catalog)
    made = Counter(name for name, _, _ in parts if name.startswith("plan"))
    assert {*made.values()} == {PLAN}
    assert told <= made.keys()


async def check_next(system, task_id: str) -> None:
    """The completion made the next task of the chain ready, once."""
    name, _, number = task_id.rpartition("-")
    runs = (await system.task(f"{name}-{int(number) + 1}")).runs
    assert len(runs) == 1


async def test_a_process_that_is_killed_in_full_work_has_kept_all_that_it_acknowledged(tmp_path):
    rng = random.Random(1)
    directory = tmp_path / "data"
    told: list[str] = []
    for incarnation in range(KILLS):
        completions, later_s = rng.randint(*COMPLETIONS), rng.uniform(0, A_COMMIT_S)
        lines = await acknowledged_until_killed(directory, incarnation, completions, later_s)
        assert sum(line.startswith("completed ") for line in lines) >= completions
        told += lines
        await check(directory, lines)
    await check(directory, told)
