"""Claims beside many queued runs of a thousand classes, all of them of tasks that are at rest."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

import trio
from attrs import frozen
from trio.testing import MockClock

from benchmarks.apart import apart
from benchmarks.compare.ours import InProcessAgent
from benchmarks.scale.clones import Family, MarkedIds, Span, Stock, begin, others
from benchmarks.scale.families import MADE_AT_NS
from benchmarks.scale.importing import Placed, import_families
from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.settings import Settings
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Scope
from chargehand.persistence.layout import open_layout
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import memory_journal, open_journal
from chargehand.persistence.store import Change
from chargehand.web.bench.loops import Measured, closed_loop
from chargehand.web.bench.work import payload

CLASSES: Final = 1000
AGENTS: Final = 16
_SKILLS: Final = [f"skill-{number}" for number in range(46)]  # two of which make over 1,000 classes
_OPERATOR: Final = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.create"))
_SETTLED_SHARE: Final = 0.1  # of a core
_SETTLES_S: Final = 600.0
_LIMIT_S: Final = 1200.0
_SIZE: Final = 1024


@final
@frozen
class Claims:
    """Claims, each with its completion, by agents that could have any run.

    Args:
        queued: runs in the queue as the first one is claimed.
        cpu_ms: CPU time of a cycle.
    """

    queued: int
    rate: float
    claim_p50_ms: float
    claim_p99_ms: float
    cpu_ms: float


def claims(
    root: Path,
    counts: tuple[int, ...],
    claimed: int,
    rounds: int,
    done: Callable[[], None],
) -> list[Claims]:
    """For each number of queued runs. Each round begins with tasks that are at rest.

    Args:
        done: called after each of `rounds` for each of `counts`.
    """
    found: dict[int, list[tuple[Measured, float]]] = {count: [] for count in counts}
    for number in range(rounds):
        for count in counts:
            directory = root / f"queued-{count}"
            if number == 0 or count < 10 * claimed:  # else hardly any of them are missing
                shutil.rmtree(directory, ignore_errors=True)
                apart(_LIMIT_S, import_queued, directory, count)
            found[count].append(apart(_LIMIT_S, _work, directory, claimed))
            done()
    return [_claims(count, measured) for count, measured in found.items()]


def _claims(count: int, turns: list[tuple[Measured, float]]) -> Claims:
    done = sum(measured.done for measured, _ in turns)
    latencies = sorted(latency for measured, _ in turns for latency in measured.claims)
    return Claims(
        queued=count,
        rate=done / sum(measured.elapsed_s for measured, _ in turns),
        claim_p50_ms=latencies[len(latencies) // 2] * 1000,
        claim_p99_ms=latencies[len(latencies) * 99 // 100] * 1000,
        cpu_ms=sum(cpu_s for _, cpu_s in turns) * 1000 / done,
    )


def _work(directory: Path, count: int) -> tuple[Measured, float]:
    return trio.run(_claim, directory, count)


async def _claim(directory: Path, count: int) -> tuple[Measured, float]:
    async with run_system(open_journal(directory), Settings(starvation_s=1e6)) as system:
        request = ClaimNext(capabilities=tuple(_SKILLS))
        agents = [
            InProcessAgent(system, await system.identify(f"sess-{number}", "bench"), request)
            for number in range(AGENTS)
        ]
        await _settled()
        cpu_s = time.process_time()
        measured = await closed_loop(agents, count, _LIMIT_S)
        return measured, time.process_time() - cpu_s


async def _settled() -> None:
    """Return when what a start leaves to be done behind it is done."""
    until = time.monotonic() + _SETTLES_S
    while time.monotonic() < until:
        used_s, began = time.process_time(), time.monotonic()
        await trio.sleep(0.5)
        if time.process_time() - used_s < _SETTLED_SHARE * (time.monotonic() - began):
            return


# --- the data ------------------------------------------------------------------------------------


def import_queued(directory: Path, count: int) -> None:
    """A data directory with so many tasks, each with a queued run, in up to `CLASSES` classes."""
    families, rest = trio.run(
        _originals, min(count, CLASSES), clock=MockClock(autojump_threshold=0)
    )
    placed = [Placed(families[number % len(families)], number) for number in range(count)]
    import_families(directory, placed, rest, max(family.seqs for family in families))


async def _originals(classes: int) -> tuple[list[Family], list[Change]]:
    store, ids = MemoryStore(), MarkedIds()
    open_layout(store)
    begin(store)
    journal = memory_journal(store)
    settings = Settings(checkpoint_s=1e6, starvation_s=1e6)
    spans = []
    async with run_system(journal, settings, ids=ids, wall_ns=MADE_AT_NS) as system:
        for number in range(classes):
            first_id, first_seq = ids.count + 1, journal.next_seq
            made = await system.create_task(
                c.CreateTask(
                    scope=Scope.GLOBAL, title=f"piece {number}", description=payload(number, _SIZE)
                ),
                _OPERATOR,
            )
            demands = c.Enqueueing(required_capabilities=_pair(number))
            await trio.sleep(1)
            await system.ask(made.task.id, c.EnqueueRun(demands), _OPERATOR)
            spans.append(Span(first_id, ids.count + 1, first_seq, journal.next_seq))
        await system.checkpointer.checkpoint()
    stock = Stock(store)
    return [Family(stock, span) for span in spans], list(others(store))


def _pair(number: int) -> tuple[str, str]:
    """The capabilities that make up a class."""
    first, second = 0, number
    while second >= len(_SKILLS) - 1 - first:
        second -= len(_SKILLS) - 1 - first
        first += 1
    return _SKILLS[first], _SKILLS[first + 1 + second]
