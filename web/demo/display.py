"""How the demo looks: a live page on a terminal, plain lines elsewhere, a summary at the end."""

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from chargehand.web.demo.plan import Step, area_names
from chargehand.web.demo.progress import Progress
from chargehand.web.version import PROGRAM

_REFRESH_PER_S: Final = 8
_BAR_WIDTH: Final = 16
_EDGES: Final = 2  # of a panel: the lines above and below what is in it


@final
class Display:
    """Redraws itself on a terminal; `tell` prints a line where there is none."""

    def __init__(self, console: Console, progress: Progress, agents: tuple[str, ...]) -> None:
        self._console = console
        self._progress = progress
        self._agents = agents

    @contextmanager
    def shown(self) -> Iterator[None]:
        if not self._console.is_terminal:
            yield
            return
        with Live(
            get_renderable=self.page, console=self._console, refresh_per_second=_REFRESH_PER_S
        ):
            yield

    def say(self, line: str) -> None:
        """Show what no event has told."""
        self._progress.note(line)
        self.tell(line)

    def tell(self, line: str) -> None:
        if not self._console.is_terminal:
            progress = self._progress
            done = sum(status == "completed" for status in progress.status.values())
            self._console.print(
                f"{done:3}/{len(progress.steps)}  {line}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    def page(self) -> Group:
        """All that is shown, no higher than the console; the newest events always are."""
        progress = self._progress
        room = self._console.height - 1 - _EDGES  # the cursor has a line of its own
        above = max(len(area_names()), len(self._agents)) + _EDGES
        shown: list[Table | Panel] = []
        if room > above:
            shown.append(self._tables())
            room -= above
        recent = list(progress.recent)[-max(1, room) :]
        lines = Text("\n".join(recent) or "…", no_wrap=True, overflow="ellipsis")
        return Group(*shown, Panel(lines, title=f"{progress.events} events"))

    def _tables(self) -> Table:
        """What is done, beside who does what."""
        progress = self._progress
        areas = Table.grid(padding=(0, 2))
        for area in area_names():
            keys = [step.key for step in progress.steps.values() if _is_of(step, area)]
            done = progress.completed_of(keys)
            bar = ProgressBar(total=len(keys), completed=done, width=_BAR_WIDTH)
            areas.add_row(area, bar, f"{done}/{len(keys)}")
        agents = Table.grid(padding=(0, 2))
        agents.add_column(no_wrap=True)
        agents.add_column(no_wrap=True)
        for agent in self._agents:
            at_work = [
                title
                for session, title in progress.working.items()
                if session.partition("-")[0] == agent
            ]
            agents.add_row(agent, at_work[0] if at_work else "[dim]waits[/dim]")
        done = sum(status == "completed" for status in progress.status.values())
        height = max(len(area_names()), len(self._agents)) + _EDGES
        tables = Table.grid(expand=True)
        tables.add_column()
        tables.add_column(ratio=1)
        tables.add_row(
            Panel(areas, title=f"{done} of {len(progress.steps)} tasks", height=height),
            Panel(agents, title="Agents", height=height),
        )
        return tables


def _is_of(step: Step, area: str) -> bool:
    return area in (step.key, step.parent)


def summary(
    progress: Progress, statuses: Counter[str], claims: Counter[str], seconds: float
) -> Table:
    """What has happened, in numbers."""
    counts = progress.counts
    table = Table(title="Release 2.4", show_header=False)
    for status, count in statuses.most_common():
        table.add_row(f"tasks {status}", str(count))
    table.add_row("runs claimed", str(counts["task.run_claimed"]))
    table.add_row("runs completed", str(counts["task.run_completed"]))
    table.add_row("runs failed", str(counts["task.run_failed"]))
    table.add_row("retries by the operator", str(counts["task.run_operator_retry"]))
    table.add_row("leases lost and recovered", str(counts["task.run_lease_expired"]))
    table.add_row("approvals", str(counts["task.approved"]))
    table.add_section()
    for agent, count in sorted(claims.items()):
        table.add_row(f"claims by {agent}", str(count))
    table.add_section()
    table.add_row("events seen", str(progress.events))
    table.add_row("duration", f"{seconds:.1f} s")
    return table


def what_next() -> str:
    """What to look at after the demo, each line to be pasted into a shell."""
    program = _program()
    return "\n".join(
        (
            "",
            "What next:",
            f"  {program} serve",
            "      a server of your own, which keeps what it is told; its API is described at",
            "      http://127.0.0.1:2123/docs",
            f"  {program} task --help",
            "      in a second terminal: hand in tasks; `agent next` claims their runs",
            f"  {program} demo --pace 0.3",
            "      the same, slowly: stop it by Ctrl-Z for some seconds, go on by `fg`,",
            "      and see what becomes of the agents' leases",
        )
    )


def _program() -> str:
    """How the program was called, so that it can be called again."""
    found = shutil.which(PROGRAM)
    # `uvx` puts what it runs on the path of that one process.
    if found is not None and not any(part.startswith("archive-v") for part in Path(found).parts):
        return PROGRAM
    called = Path(sys.argv[0])
    return (
        shlex.quote(str(called))
        if called.name == PROGRAM
        else f"{Path(sys.executable)} -m {PROGRAM}"
    )
