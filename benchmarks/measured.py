"""All that one run of the harness has found, and the file that it is kept in."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import orjson
from attrs import asdict, define, field

from benchmarks.compare.contender import Contender
from benchmarks.compare.everyone import contender_named
from benchmarks.compare.rounds import Cell, Comparison, Turns
from benchmarks.growth.queued import Claims
from benchmarks.growth.streams import Streaming
from benchmarks.growth.waiters import Waiting
from benchmarks.machine import Machine
from benchmarks.queries.measuring import Answered
from benchmarks.scale.measuring import Start
from chargehand.web.bench.figures import Figures


@final
@define
class Results:
    """Args:
    starts: by the number of tasks stored, none first.
    broken: parts that have failed, and why.
    """

    plan: str
    machine: Machine
    version: str
    begun: float = field(factory=time.time)
    comparison: Comparison = field(factory=Comparison)
    claims: list[Claims] = field(factory=list)
    waiting: list[Waiting] = field(factory=list)
    streaming: list[Streaming] = field(factory=list)
    starts: dict[int, Start] = field(factory=dict)
    answered: Answered | None = None
    answered_tasks: int = 0
    broken: dict[str, str] = field(factory=dict)

    @property
    def commit(self) -> Figures | None:
        """One synced commit: the round with the middle median."""
        ordered = sorted(self.comparison.commits, key=lambda one: one.p50_ms)
        return ordered[len(ordered) // 2] if ordered else None

    def closed(self) -> Iterator[tuple[Contender, Cell, Turns]]:
        """What was measured in closed loops, as it was."""
        for cell, turns in self.comparison.cells.items():
            if cell.rate is None:
                yield contender_named(cell.contender), cell, turns

    def open(self) -> Iterator[tuple[Contender, Cell, Turns]]:
        """What was measured in open loops."""
        for cell, turns in self.comparison.cells.items():
            if cell.rate is not None:
                yield contender_named(cell.contender), cell, turns

    def bytes_of_task(self, count: int) -> float:
        """Memory that a server holds for each of so many tasks."""
        more_mib = self.starts[count].settled_mib - self.starts[0].settled_mib
        return more_mib * 2**20 / count


def save(results: Results, targets: list[dict[str, Any]], path: Path) -> None:
    """Keep them as JSON."""
    content = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(results.begun)),
        "plan": results.plan,
        "version": results.version,
        "machine": asdict(results.machine),
        "targets": targets,
        "figures": [asdict(one) for one in _figures(results)],
        "closed": [_row(*row) for row in results.closed()],
        "open": [_row(*row) for row in results.open()],
        "queued": [asdict(one) for one in results.claims],
        "waiters": [asdict(one) for one in results.waiting],
        "streams": [asdict(one) for one in results.streaming],
        "starts": [
            {
                "tasks": count,
                **asdict(start, filter=lambda attribute, _: attribute.name != "health_ms"),
                "slowest_health_ms": max(start.health_ms, default=0.0),
                "bytes_of_task": results.bytes_of_task(count) if count else None,
            }
            for count, start in results.starts.items()
        ],
        "questions": {"tasks": results.answered_tasks}
        | ({} if results.answered is None else asdict(results.answered)),
        "missing": results.comparison.missing,
        "broken": {
            **{f"{cell}": why for cell, why in results.comparison.broken.items()},
            **results.broken,
        },
        "took_s": round(time.time() - results.begun, 1),
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _figures(results: Results) -> Iterator[Figures]:
    """By a name: of the disk, and of each closed loop the claims and cycles."""
    if results.commit is not None:
        yield results.commit
    for contender, cell, turns in results.closed():
        name = f"{contender.name}, {cell.agents} agent{'s' if cell.agents > 1 else ''}"
        yield turns.claims(f"{name}: claim")
        yield turns.cycles(f"{name}: cycle")


def _row(contender: Contender, cell: Cell, turns: Turns) -> dict[str, Any]:
    return {
        "contender": contender.name,
        "on_disk_when_answered": contender.on_disk.value,
        "note": contender.note,
        "batch": contender.batch,
        "agents": cell.agents,
        "offered_rate": cell.rate,
        "asked": turns.asked,
        "done": turns.done,
        "rate": turns.rate,
        "rates": [one.rate for one in turns.outcomes],
        "put_rate": turns.put_rate,
        "claim": _latencies(turns.claims("claim")),
        "cycle": _latencies(turns.cycles("cycle")),
        "cpu_s_per_1000": turns.cpu_s_per_1000,
        "server_cpu_s_per_1000": turns.server_cpu_s_per_1000,
    }


def _latencies(figures: Figures) -> dict[str, float] | None:
    """None where they are not known."""
    if not figures.p50_ms:
        return None
    return {"p50_ms": figures.p50_ms, "p99_ms": figures.p99_ms, "p999_ms": figures.p999_ms}
