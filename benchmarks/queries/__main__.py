"""`python -m benchmarks.queries`: builds tasks, starts the program on them, and asks.

Prints the median and p99 of each request against the target, how long the program took to start,
and what it holds in memory.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from benchmarks.figures import Ratio, save, show
from benchmarks.queries.measuring import answers, build

# Of each request; the second one with more than 100,000 tasks, up to a million.
_MEDIAN_MS_TARGETS: Final = (20, 60)


@click.command()
@click.option("--tasks", default=100_000, show_default=True, help="tasks to build")
@click.option("--times", default=50, show_default=True, help="how often each request is sent")
@click.option(
    "--save-to", type=click.Path(path_type=Path), help="keep the figures as JSON in this file"
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="build them below this directory, or ask those that are there already",
)
def main(tasks: int, times: int, save_to: Path | None, data: Path | None) -> None:
    """Measure, and hold each median against the target."""
    directory = data or Path(tempfile.mkdtemp())
    try:
        if not (directory / "data").exists():
            begun = time.perf_counter()
            build(directory, tasks)
            print(f"{tasks} tasks built in {time.perf_counter() - begun:.0f} s", flush=True)
        found = answers(directory, times)
    finally:
        if data is None:
            shutil.rmtree(directory)
    slowest = found.slowest
    target_ms = _MEDIAN_MS_TARGETS[tasks > 100_000]
    ratios = [
        Ratio(
            f"slowest median, ms: {slowest.name}",
            slowest.p50_ms,
            f"≤ {target_ms}",
            slowest.p50_ms <= target_ms,
        )
    ]
    show(found.figures, ratios, Console())
    print(
        f"{tasks:,} tasks: ready after {found.ready_s:.1f} s, counted after "
        f"{found.counted_s:.1f} s, {found.resident_mib:.0f} MiB resident"
    )
    if save_to is not None:
        more = {
            "tasks": tasks,
            "ready_s": found.ready_s,
            "counted_s": found.counted_s,
            "resident_mib": found.resident_mib,
        }
        save(found.figures, ratios, save_to, more)


if __name__ == "__main__":
    main()
