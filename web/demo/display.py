"""How the demo looks: a live page on a terminal, plain lines elsewhere, a summary at the end."""

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import Final, final

from rich.cells import cell_len
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
_GAP: Final = 2  # between columns
_EDGES: Final = 2  # of a panel: the lines above and below what is in it
_SIDES: Final = 4  # and its columns to the left and right of that
_TITLE_WIDTH_MIN: Final = 16  # of what an agent does, to be of use
_WIDTH_MAX: Final = 80  # of what is read at the end
_WIDTH_MIN: Final = 20
_INDENT: Final = " " * 6


@final
class Display:
    """Redraws itself on a terminal; `print_line` prints one where there is none."""

    def __init__(
        self, console: Console, progress: Progress, agents: tuple[str, ...], url: str = ""
    ) -> None:
        self._console = console
        self._progress = progress
        self._agents = agents
        self._url = url  # of the page in the browser

    @property
    def _names_width(self) -> int:
        return max(map(cell_len, self._agents))

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
        """Show what no event has shown."""
        self._progress.note(line)
        self.print_line(line)

    def print_line(self, line: str) -> None:
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
        shown: list[Table | Panel] = []
        for block, height in self._above():
            if room > height:
                shown.append(block)
                room -= height
        recent = list(progress.recent)[-max(1, room) :]
        lines = Text("\n".join(recent) or "…", no_wrap=True, overflow="ellipsis")
        return Group(
            *shown, Panel(lines, title=f"{progress.events} events", subtitle=self._where())
        )

    def _where(self) -> str | None:
        """The page's address, as long as there is room for all of it."""
        room = self._console.width - _SIDES
        said = where_to_watch(self._url)
        return next((text for text in (said, self._url) if text and cell_len(text) <= room), None)

    def _above(self) -> Iterator[tuple[Table | Panel, int]]:
        """What is done, beside who does what, or above it where that has no room; each with its
        height."""
        areas, agents = self._areas(), self._at_work()
        beside = self._console.width - self._console.measure(areas).maximum - _SIDES
        done = sum(status == "completed" for status in self._progress.status.values())
        titles = f"{done} of {len(self._progress.steps)} tasks", "Agents"
        if beside < self._names_width + _GAP + _TITLE_WIDTH_MIN + _SIDES:
            for inner, title in zip((areas, agents), titles, strict=True):
                height = inner.row_count + _EDGES
                yield Panel(inner, title=title, height=height), height
            return
        height = max(areas.row_count, agents.row_count) + _EDGES
        both = Table.grid(expand=True)
        both.add_column()
        both.add_column(ratio=1)
        both.add_row(
            *(
                Panel(inner, title=title, height=height)
                for inner, title in zip((areas, agents), titles, strict=True)
            )
        )
        yield both, height

    def _areas(self) -> Table:
        progress = self._progress
        areas = Table.grid(padding=(0, _GAP))
        for area in area_names():
            keys = [step.key for step in progress.steps.values() if _is_of(step, area)]
            done = progress.completed_of(keys)
            bar = ProgressBar(total=len(keys), completed=done, width=_BAR_WIDTH)
            areas.add_row(area, bar, f"{done}/{len(keys)}")
        return areas

    def _at_work(self) -> Table:
        agents = Table.grid(padding=(0, _GAP))
        agents.add_column(no_wrap=True, min_width=self._names_width)
        agents.add_column(no_wrap=True)
        for agent in self._agents:
            at_work = [
                title
                for session, title in self._progress.working.items()
                if session.partition("-")[0] == agent
            ]
            agents.add_row(agent, at_work[0] if at_work else "[dim]waits[/dim]")
        return agents


def _is_of(step: Step, area: str) -> bool:
    return area in (step.key, step.parent)


def where_to_watch(url: str) -> str:
    return f"Open {url}/ to watch" if url else ""


def where_to_look_around(url: str) -> str:
    return f"Open {url}/ to see what needs you; Ctrl-C ends the demo."


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


def what_next(width: int = _WIDTH_MAX) -> str:
    """What to look at after the demo; each command is a line, to be pasted into a shell."""
    program = _program()
    hints = (
        (
            "serve",
            "a server of your own, which keeps what it is given; its API is described at"
            " http://127.0.0.1:2123/docs",
        ),
        ("task --help", "in a second terminal: hand in tasks; `agent next` claims their runs"),
        (
            "demo --pace 0.3",
            "the same, slowly: stop it by Ctrl-Z for some seconds, go on by `fg`, and see what"
            " becomes of the agents' leases",
        ),
    )
    lines = ["", "What next:"]
    for words, text in hints:
        lines.append(f"  {program} {words}")
        lines += wrap(
            text,
            max(_WIDTH_MIN, min(width, _WIDTH_MAX)),
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


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
