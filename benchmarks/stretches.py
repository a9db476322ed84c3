"""`python -m benchmarks.stretches`: the longest time for which the core holds everybody up, with a
tree of thousands of tasks, runs that starve, and leases that fall due together.

A *step* is what a task of Trio does between two checkpoints, a *pass* all steps between two looks
at the sockets. Time is that of the thread's CPU: other work on the machine does not count. How much
of the longest step was garbage collection stands beside it, and with `--where` what it was doing.
"""

import gc
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import final

import click
import trio
from rich.console import Console
from rich.table import Table

from chargehand.actors import limits
from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, agent_actor, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.registry.commands import RegisterSession
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Owner, OwnerKind, Scope
from chargehand.actors.views.streams import Changed
from chargehand.persistence.opening import open_journal

_OPERATOR = Caller(LOCAL_USER, origin(OriginKind.HTTP, "benchmark"))
_CHILDREN = 18  # of each task of the tree: 18 + 18 * 18 + … on three levels and a part of a fourth
_TARGET_MS = 20.0
_CREATORS = 32
_GRACE_S = 1.0


@final
class Step:
    """One step: seconds of CPU, those of them that went to garbage collection, whose it was, and
    where it was seen at each sample."""

    def __init__(self) -> None:
        self.took_s = self.collecting_s = 0.0
        self.name = ""
        self.seen: list[str] = []

    def where(self, most: int = 4) -> str:
        """Where it was seen most often."""
        return "\n".join(f"{count} {at}" for at, count in Counter(self.seen).most_common(most))


@final
class Stopwatch(trio.abc.Instrument):
    """The longest step and the longest pass since `reset`."""

    def __init__(self) -> None:
        self.steps = 0
        self.reset()
        gc.callbacks.append(self._collected)

    def reset(self) -> None:
        """Begin anew, in the middle of a step if need be."""
        self._step_began = self._pass_began = self._collection_began = time.thread_time()
        self.pass_s = 0.0
        self.longest, self._step = Step(), Step()

    def sample(self) -> None:
        """Look every 2 ms of CPU where the step is. It costs a little, so not by default."""
        signal.signal(signal.SIGPROF, self._look)
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)

    def _look(self, _: int, frame: FrameType | None) -> None:
        stack: list[str] = []
        while frame is not None and len(stack) < 6:
            code = frame.f_code
            stack.append(f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}")
            frame = frame.f_back
        self._step.seen.append(" < ".join(stack))

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collection_began = time.thread_time()
        else:
            self._step.collecting_s += time.thread_time() - self._collection_began

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        if task.name.endswith("_run_journal"):
            self.reset()  # what is read before anybody is served holds nobody up

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._step = Step()
        self._step_began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        step = self._step
        step.took_s = time.thread_time() - self._step_began
        self.steps += 1
        if step.took_s > self.longest.took_s:
            step.name = task.name
            self.longest = step

    def after_io_wait(self, timeout: float) -> None:
        self._pass_began = time.thread_time()

    def before_io_wait(self, timeout: float) -> None:
        self.pass_s = max(self.pass_s, time.thread_time() - self._pass_began)


@final
class JumpingClock(trio.abc.Clock):
    """The system's time, that can be moved on."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return time.perf_counter() + self._ahead_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - self.current_time()

    def jump(self, seconds: float) -> None:
        self._ahead_s += seconds


@final
class Sheet:
    """What was measured: (what, the longest step, longest pass in ms)."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self.rows: list[tuple[str, Step, float]] = []

    async def measure(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Measure `work`, and all that goes on in the background until it is quiet."""
        await _quiet(self._stopwatch)
        self._stopwatch.reset()
        await work()
        await _quiet(self._stopwatch)
        watch = self._stopwatch
        self.rows.append((name, watch.longest, watch.pass_s * 1000))


async def _quiet(stopwatch: Stopwatch) -> None:
    """Until the system does next to nothing for half a second."""
    rests = 0
    while rests < 5:
        steps = stopwatch.steps
        await trio.sleep(0.1)
        rests = rests + 1 if stopwatch.steps - steps < 50 else 0


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - not all that is waited for here can wake it
        await trio.sleep(0.005)


# --- work made before the measuring begins ------------------------------------------------------


async def _each(count: int, make: Callable[[int], Awaitable[object]]) -> None:
    left = iter(range(count))

    async def some() -> None:
        for number in left:
            await make(number)

    async with trio.open_nursery() as nursery:
        for _ in range(_CREATORS):
            nursery.start_soon(some)


async def _plant(system: System, count: int) -> None:
    """A tree below `t0` with a queued run in every task."""

    async def make(number: int) -> None:
        parent = None if number == 0 else f"t{(number - 1) // _CHILDREN}"
        await _until(lambda: parent is None or system.views.get(parent) is not None)
        command = c.CreateTask(
            scope=Scope.GLOBAL,
            title=f"task {number}",
            id=f"t{number}",
            parent_task_id=parent,
            auto_enqueue_on_ready=True,
        )
        await system.create_task(command, _OPERATOR)
        await system.ask(f"t{number}", c.EnqueueRun(), _OPERATOR)

    await _each(count + 1, make)


async def _register(system: System, count: int, **fields: object) -> None:
    async def make(number: int) -> None:
        await system.registry.register_session(
            RegisterSession(
                agent_name=f"agent{number % 50}",
                id=f"s{number}",
                capabilities=(f"skill{number}",),
            )
        )

    await _each(count, make)


async def _queue(system: System, count: int, owners: int) -> None:
    """Runs; with `owners`, half of them of pools that nobody is of, half of them with demands that
    nobody meets."""

    async def make(number: int) -> None:
        is_pools = owners and number % 2
        owner = Owner(OwnerKind.POOL, f"nobody{number}") if is_pools else None
        demands = (f"rare{number}",) if owners and not is_pools else ()
        command = c.CreateTask(scope=Scope.GLOBAL, title="work", id=f"q{number}", owner=owner)
        await system.create_task(command, _OPERATOR)
        await system.ask(
            f"q{number}", c.EnqueueRun(c.Enqueueing(required_capabilities=demands)), _OPERATOR
        )

    await _each(count, make)


async def _lease(system: System, count: int) -> None:
    await _register(system, count)
    await _queue(system, count, owners=0)

    async def claim(number: int) -> None:
        session = await system.identify(f"s{number}", f"agent{number % 50}")
        caller = Caller(agent_actor(session.id), origin(OriginKind.AGENT_SESSION, "benchmark"))
        request = ClaimNext(lease_seconds=limits.LEASE_S_MAX - 1)
        assert await system.claim_next(session, request, caller) is not None

    await _each(count, claim)


# --- what is measured ---------------------------------------------------------------------------


async def _tree(directory: Path, sheet: Sheet, count: int) -> None:
    settings = Settings(max_residents=1000, starvation_s=3600.0)
    async with run_system(open_journal(directory), settings) as system:
        await _plant(system, count)

        async def follow() -> None:
            """From the start to the last event of now."""
            last_seq = system.journal.durable_seq
            with system.views.subscribe("t0", 0) as subscription:
                seq = 0
                while seq < last_seq - 1:
                    event = await subscription.receive()
                    assert not isinstance(event, Changed), "it hears of tasks alone"
                    seq = event.seq

        async def read() -> None:
            found = 0
            for entries in system.views.tree("t0"):
                found += len(entries)
                await trio.lowlevel.checkpoint()
            assert found == count + 1

        async def ask(command: c.TaskCommand) -> None:
            await system.ask("t0", command, _OPERATOR)
            await _until(lambda: not len(system.outbox))

        tree = f"tree of {count:,}"
        await sheet.measure(f"{tree}: streamed from the start", follow)
        await sheet.measure(f"{tree}: read", read)
        await sheet.measure(f"{tree}: paused", lambda: ask(c.PauseTask("later")))
        await sheet.measure(f"{tree}: resumed", lambda: ask(c.ResumeTask()))
        await sheet.measure(f"{tree}: canceled", lambda: ask(c.CancelTask("enough")))
        left = [task for task in system.views.catalog if not task.canceled]
        assert not left, f"{len(left)} tasks were not canceled"


async def _due_together(directory: Path, sheet: Sheet, count: int, clock: JumpingClock) -> None:
    """Leases that all end at one moment. Over a restart they would keep what is left of them."""
    settings = Settings(max_residents=1000, starvation_s=7 * 86_400.0)
    async with run_system(open_journal(directory), settings, wall_ns=time.time_ns()) as system:
        await _lease(system, count)
        await system.checkpointer.checkpoint()
        board = system.scheduler._dispatch.board

        async def end() -> None:
            clock.jump(limits.LEASE_S_MAX)
            await _until(lambda: not board.active_count)

        await sheet.measure(f"{count:,} leases fall due together", end)


async def _starving(directory: Path, sheet: Sheet, runs: int, sessions: int) -> None:
    settings = Settings(starvation_s=3600.0)
    async with run_system(open_journal(directory), settings) as system:
        await _register(system, sessions)
        await _queue(system, runs, owners=1)
        await system.checkpointer.checkpoint()

    async def up_again() -> None:
        settings = Settings(starvation_s=_GRACE_S)
        async with run_system(open_journal(directory), settings) as system:
            board = system.scheduler._dispatch.board
            await _until(lambda: len(board.starved) == runs)

    await sheet.measure(f"{runs:,} runs starve beside {sessions:,} sessions", up_again)


async def _measure(
    root: Path,
    descendants: int,
    leases: int,
    runs: int,
    sessions: int,
    clock: JumpingClock,
    where: bool,
) -> Sheet:
    stopwatch = Stopwatch()
    sheet = Sheet(stopwatch)
    trio.lowlevel.add_instrument(stopwatch)
    if where:
        stopwatch.sample()
    if descendants:
        await _tree(root / "tree", sheet, descendants)
    if runs:
        await _starving(root / "starving", sheet, runs, sessions)
    if leases:
        await _due_together(root / "leases", sheet, leases, clock)
    signal.setitimer(signal.ITIMER_PROF, 0)
    return sheet


@click.command()
@click.option("--descendants", default=5000, show_default=True)
@click.option("--leases", default=10_000, show_default=True)
@click.option("--runs", default=300, show_default=True, help="runs that starve")
@click.option("--sessions", default=1000, show_default=True)
@click.option("--where", is_flag=True, help="show what the longest steps were doing")
def main(descendants: int, leases: int, runs: int, sessions: int, where: bool) -> None:
    """Measure, and hold the longest step against 20 ms."""
    clock = JumpingClock()
    with tempfile.TemporaryDirectory() as made:
        work = (Path(made), descendants, leases, runs, sessions, clock, where)
        sheet = trio.run(_measure, *work, clock=clock)
    table = Table(title=f"longest stretches in ms of CPU; a step may take {_TARGET_MS:.0f}")
    for heading in ("what", "step", "collecting", "pass", "step of"):
        is_number = heading in ("step", "collecting", "pass")
        table.add_column(heading, justify="right" if is_number else "left")
    for name, step, pass_ms in sheet.rows:
        took_ms, collecting_ms = step.took_s * 1000, step.collecting_s * 1000
        table.add_row(
            name,
            f"{took_ms:.1f}",
            f"{collecting_ms:.1f}",
            f"{pass_ms:.1f}",
            step.name,
            style=None if took_ms <= _TARGET_MS else "red",
        )
    Console().print(table)
    if where:
        for name, step, _ in sheet.rows:
            click.echo(f"{name}:\n{step.where()}")


if __name__ == "__main__":
    main()
