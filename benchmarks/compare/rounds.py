"""The turns of all contenders: round by round, so that a machine that is slow for a while is slow
for each of them."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, final

from attrs import define, field

from benchmarks import floor
from benchmarks.apart import Broken, apart
from benchmarks.compare.contender import Contender, Running
from benchmarks.compare.everyone import CONSTANT, CONTENDERS
from benchmarks.compare.load import Order, Outcome, load
from benchmarks.plan import Plan
from chargehand.web.bench.figures import Figures

_LIMIT_S: Final = 180.0  # of one turn; a peer that hangs is left out

Report = Callable[[str], None]
"""What is being done now."""


@final
class Cell(NamedTuple):
    """What is compared with others. Args: rate: of an open loop; None: a closed one."""

    contender: str
    agents: int
    rate: float | None

    def __str__(self) -> str:
        agents = f"{self.agents} agent{'s' if self.agents > 1 else ''}"
        return f"{self.contender}, {agents if self.rate is None else f'{self.rate:g}/s'}"


@final
@define
class Turns:
    """All turns of one cell, in all rounds."""

    outcomes: list[Outcome] = field(factory=list)

    @property
    def best(self) -> Outcome:
        return max(self.outcomes, key=lambda one: one.rate)

    @property
    def rate(self) -> float:
        """Cycles per second, over all turns."""
        elapsed_s = sum(one.elapsed_s for one in self.outcomes)
        return sum(one.done for one in self.outcomes) / elapsed_s if elapsed_s else 0.0

    @property
    def done(self) -> int:
        return sum(one.done for one in self.outcomes)

    @property
    def asked(self) -> int:
        return sum(one.asked for one in self.outcomes)

    @property
    def share_done(self) -> str:
        """In percent, rounded down: 100 is all of them."""
        return f"{1000 * self.done // self.asked / 10:g}%" if self.asked else "-"

    @property
    def put_rate(self) -> float:
        """Tasks handed in per second."""
        put_s = sum(one.put_s for one in self.outcomes)
        return sum(len(one.puts) for one in self.outcomes) / put_s if put_s else 0.0

    @property
    def cpu_s_per_1000(self) -> float | None:
        """CPU seconds of all processes for 1,000 cycles."""
        return self._per_1000([one.cpu_s for one in self.outcomes])

    @property
    def server_cpu_s_per_1000(self) -> float | None:
        """The same of the server alone; None where that is within the process of the agents."""
        found = [one.server_cpu_s for one in self.outcomes]
        return self._per_1000(found) if any(found) else None

    def _per_1000(self, used_s: Sequence[float | None]) -> float | None:
        known = [one for one in used_s if one is not None]
        if len(known) < len(used_s) or not self.done:
            return None
        return sum(known) * 1000 / self.done

    def claims(self, name: str) -> Figures:
        return self._figures(name, [latency for one in self.outcomes for latency in one.claims])

    def cycles(self, name: str) -> Figures:
        return self._figures(name, [latency for one in self.outcomes for latency in one.cycles])

    def _figures(self, name: str, latencies_s: list[float]) -> Figures:
        elapsed_s = sum(one.elapsed_s for one in self.outcomes)
        return Figures.of(name, latencies_s, elapsed_s, self.done)


@final
@define
class Comparison:
    """Args:
    commits: what the disk takes, measured in each round.
    missing: what was left out, and how to install it, by name.
    broken: what has failed, by cell.
    """

    cells: dict[Cell, Turns] = field(factory=dict)
    commits: list[Figures] = field(factory=list)
    missing: dict[str, str] = field(factory=dict)
    broken: dict[Cell, str] = field(factory=dict)

    def turns(self, contender: Contender, agents: int) -> Turns | None:
        """Those of a closed loop, if there were any."""
        return self.cells.get(Cell(contender.name, agents, None))


@final
@define
class Rounds:
    """Args: names: the contenders that have turns; empty: all."""

    plan: Plan
    root: Path
    names: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        """Turns in all rounds."""
        return self.plan.rounds * sum(1 for _ in self._cells())

    def run(self, report: Report) -> Comparison:
        """Measure. Args: report: called before each turn."""
        found = Comparison()
        for contender in self._contenders():
            missing = contender.missing()
            if missing is not None:
                found.missing[contender.name] = missing
        for number in range(self.plan.rounds):
            commits = floor.synced_commits(self._made("commits"), self.plan.commits)
            found.commits.append(commits)
            for contender, cell in self._cells():
                report(f"round {number + 1}: {cell}")
                if contender.name in found.missing or cell in found.broken:
                    continue
                try:
                    outcome = self._turn(contender, cell)
                except (Broken, OSError, RuntimeError) as error:
                    found.broken[cell] = str(error)
                    continue
                found.cells.setdefault(cell, Turns()).outcomes.append(outcome)
        return found

    def _contenders(self) -> Iterator[Contender]:
        return (one for one in CONTENDERS if not self.names or one.name in self.names)

    def _cells(self) -> Iterator[tuple[Contender, Cell]]:
        """The contenders side by side, at each number of agents and each rate."""
        for agents in self.plan.tasks:
            for contender in self._contenders():
                if agents <= contender.agents_max:
                    yield contender, Cell(contender.name, agents, None)
        for rate in self.plan.rates:
            for contender in self._contenders():
                if contender is not CONSTANT:
                    agents = min(self.plan.rate_agents, contender.agents_max)
                    yield contender, Cell(contender.name, agents, rate)

    def _turn(self, contender: Contender, cell: Cell) -> Outcome:
        directory = self._made("turn")
        with contender.running(directory) as running:
            return apart(_LIMIT_S, load, self._order(contender, cell, running))

    def _order(self, contender: Contender, cell: Cell, running: Running) -> Order:
        plan = self.plan
        if cell.rate is not None:
            tasks = round(cell.rate * plan.rate_s)
            return Order(
                cell.contender, running, cell.agents, tasks, cell.rate, plan.rate_s, plan.size
            )
        tasks = plan.tasks[cell.agents] * (plan.batches if contender.batch > 1 else 1)
        return Order(cell.contender, running, cell.agents, tasks, None, plan.cell_s, plan.size)

    def _made(self, name: str) -> Path:
        """An empty directory that others may enter, as PostgreSQL runs as somebody else."""
        directory = self.root / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o755)
        return directory
