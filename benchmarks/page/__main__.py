"""`python -m benchmarks.page`: builds tasks, starts the program on them, and opens its page.

Prints how long *Now* and *Work* take to show their contents, how long the browser takes for an
answer of one line (which is its own part), and how long after the answer to a write its effect is
on the screen. It needs Chromium and the package playwright.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks.page.measuring import Times, measure
from benchmarks.queries.measuring import build
from benchmarks.serving import server

_FIRST_MS_TARGET: Final = 500.0
_LIVE_MS_TARGET: Final = 250.0


@click.command()
@click.option("--tasks", default=100_000, show_default=True, help="tasks to build")
@click.option("--times", default=20, show_default=True, help="how often each view is opened")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="build them below this directory, or open those that are there already",
)
@click.option("--chromium", default="/usr/bin/chromium", show_default=True, help="the browser")
def main(tasks: int, times: int, data: Path | None, chromium: str) -> None:
    """Measure, and hold each median against its target."""
    directory = data or Path(tempfile.mkdtemp())
    try:
        if not (directory / "data").exists():
            build(directory, tasks)
        with server(directory) as served:
            found = measure(f"http://127.0.0.1:{served.port}", times, chromium)
    finally:
        if data is None:
            shutil.rmtree(directory)
    table = Table("what", "median ms", "slowest ms", "target ms", title=f"{tasks:,} tasks")
    for name, figures, target_ms in (
        ("one line, no script", found.floor, None),
        ("Now, first visit", found.now_first, _FIRST_MS_TARGET),
        ("Now", found.now, _FIRST_MS_TARGET),
        ("Work, first visit", found.work_first, _FIRST_MS_TARGET),
        ("Work", found.work, _FIRST_MS_TARGET),
        ("live event, from the answer to the screen", found.live, _LIVE_MS_TARGET),
    ):
        target = "" if target_ms is None else f"≤ {target_ms:g} {_met(figures, target_ms)}"
        table.add_row(name, f"{figures.median_ms:.0f}", f"{figures.slowest_ms:.0f}", target)
    Console().print(table)


def _met(figures: Times, target_ms: float) -> str:
    return "met" if figures.median_ms <= target_ms else "missed"


if __name__ == "__main__":
    main()
