"""What the design asks for, held against one run: each row with its target, met or missed."""

from collections.abc import Callable, Iterator
from typing import Any, Final, final

from attrs import asdict, frozen

from benchmarks.compare import everyone as e
from benchmarks.compare.contender import Contender
from benchmarks.compare.rounds import Turns
from benchmarks.measured import Results
from benchmarks.plan import CONNECTIONS, MANY

_TASKS: Final = 1_000_000
_QUEUED: Final = (1000, 1_000_000)
_WAITERS: Final = 5000
_STREAMS: Final = 2000
_ASKED: Final = 100_000
_MB: Final = 2**20 / 10**6  # of one MiB


@final
@frozen
class Row:
    """Args:
    value: None where it was not measured, or not at the size that the target is for.
    measured: at which size, or against what.
    """

    what: str
    value: float | None
    is_met: Callable[[float], bool]
    target: str
    measured: str = ""

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        return "met" if self.is_met(self.value) else "missed"

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self, filter=lambda attribute, _: attribute.name != "is_met"),
            "verdict": self.verdict,
        }


def rows(results: Results) -> list[Row]:
    """All of them, measured or not."""
    return [*_cycles(results), *_growth(results)]


def _at_least(bound: float) -> Callable[[float], bool]:
    return lambda value: value >= bound


def _at_most(bound: float) -> Callable[[float], bool]:
    return lambda value: value <= bound


def _cycles(results: Results) -> Iterator[Row]:
    def turns(contender: Contender, agents: int = MANY) -> Turns | None:
        return results.comparison.turns(contender, agents)

    def rate(contender: Contender, agents: int = MANY) -> float | None:
        found = turns(contender, agents)
        return None if found is None else found.rate

    many = f"{MANY} agents"
    here = turns(e.IN_PROCESS)
    p99_ms = None if here is None else here.claims("").p99_ms
    yield Row("in process: cycles/s", rate(e.IN_PROCESS), _at_least(5000), "≥ 5,000", many)
    yield Row("in process: claim p99, ms", p99_ms, _at_most(25), "≤ 25", many)

    socket = rate(e.SOCKET)
    yield Row("Unix socket: cycles/s", socket, _at_least(3500), "≥ 3,500", many)
    for peer, factor in ((e.BEANSTALKD, 1), (e.POSTGRES, 2)):
        ratio = _ratio(socket, rate(peer))
        yield Row(f"Unix socket / {peer.name}", ratio, _at_least(factor), f"≥ {factor}", many)

    few = f"{CONNECTIONS} agents"
    batches = rate(e.IN_PROCESS_BATCHES, CONNECTIONS)
    yield Row("in process, batches: cycles/s", batches, _at_least(15_000), "≥ 15,000", few)
    per_core = _ratio(
        _per_core(turns(e.IN_PROCESS_BATCHES, CONNECTIONS)),
        _per_core(turns(e.POSTGRES_BATCHES, CONNECTIONS)),
    )
    name = f"in process, batches / {e.POSTGRES_BATCHES.name}"
    yield Row(name, per_core, _at_least(1), "≥ 1", f"{few}, cycles per CPU second")

    alone = turns(e.IN_PROCESS, 1)
    commits = _ratio(
        None if alone is None else alone.claims("").p50_ms,
        None if results.commit is None else results.commit.p50_ms,
    )
    yield Row("one agent: claim p50 / synced commit p50", commits, _at_most(2), "≤ 2", "in process")

    http, constant = turns(e.HTTP, CONNECTIONS), turns(e.CONSTANT, CONNECTIONS)
    share = _ratio(None if http is None else http.rate, None if constant is None else constant.rate)
    yield Row(
        "HTTP: requests/s / constant answer",
        share,
        _at_least(0.7),
        "≥ 0.7",
        f"{CONNECTIONS} agents",
    )


def _growth(results: Results) -> Iterator[Row]:
    rates = {one.queued: one.rate for one in results.claims}
    few, many = _QUEUED
    ratio = _ratio(rates.get(many), rates.get(few))
    queued = f"{few:,} and {many:,} queued runs, 1,000 classes"
    yield Row("claims beside many / few queued runs", ratio, _at_least(0.9), "≥ 0.9", queued)

    start = results.starts.get(_TASKS)
    resident_mb = None if start is None else max(start.ready_mib, start.settled_mib) * _MB
    stored = f"{_TASKS:,} tasks"
    yield Row("resident, MB", resident_mb, _at_most(1500), "≤ 1,500", stored)
    ready_s = None if start is None else start.ready_s
    yield Row("ready after kill -9, s", ready_s, _at_most(15), "≤ 15", stored)

    waiting = {one.waiters: one for one in results.waiting}.get(_WAITERS)
    waiters = f"{_WAITERS:,} claims that wait at the socket"
    share = None if waiting is None else waiting.share * 100
    yield Row("CPU between time-outs, % of a core", share, _at_most(5), "< 5", waiters)
    woken = None if waiting is None else float(waiting.woken)
    yield Row("claims that one run wakes", woken, lambda value: value == 1, "1", waiters)

    streaming = {one.streams: one for one in results.streaming}.get(_STREAMS)
    streams = f"{_STREAMS:,} streams, an event a second each"
    delivered = None if streaming is None else streaming.delivered / streaming.sent * 100
    yield Row("events delivered, %", delivered, _at_least(100), "100", streams)
    p99_ms = None if streaming is None else streaming.p99_ms
    yield Row("event p99, ms", p99_ms, _at_most(250), "≤ 250", streams)

    is_asked = results.answered is not None and results.answered_tasks == _ASKED
    slowest = results.answered.slowest if results.answered is not None and is_asked else None
    yield Row(
        "dashboard, inbox, backlog, lists: slowest median, ms",
        None if slowest is None else slowest.p50_ms,
        _at_most(20),
        "≤ 20",
        f"{_ASKED:,} tasks" + ("" if slowest is None else f": {slowest.name}"),
    )


def _ratio(value: float | None, base: float | None) -> float | None:
    return None if value is None or not base else value / base


def _per_core(turns: Turns | None) -> float | None:
    """Cycles for a second of CPU, of agents and server together."""
    per_1000 = None if turns is None else turns.cpu_s_per_1000
    return 1000 / per_1000 if per_1000 else None
