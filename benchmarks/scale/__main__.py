"""`python -m benchmarks.scale`: imports tasks, kills the program that serves them, and shows what
its next start takes: time, memory, and each for one task.

Memory for one task is what the program has more than one without tasks.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click
from attrs import asdict
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Ratio, save, show
from benchmarks.scale.importing import import_tasks
from benchmarks.scale.measuring import Start, killed_and_started
from chargehand.web.bench.figures import Figures

_COUNTS: Final = (10_000, 100_000, 1_000_000)
_TARGET_COUNT: Final = 1_000_000
_READY_S_TARGET: Final = 15.0
_RESIDENT_MB_TARGET: Final = 1500.0
_MB: Final = 2**20 / 10**6  # of one MiB


@click.command()
@click.option(
    "--tasks", "counts", multiple=True, type=int, help="how many; may be given several times"
)
@click.option(
    "--save-to", type=click.Path(path_type=Path), help="keep the figures as JSON in this file"
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="where to put the data",
)
def main(counts: tuple[int, ...], save_to: Path | None, directory: Path | None) -> None:
    """Measure, and hold a start with 1,000,000 tasks against the targets."""
    root = Path(tempfile.mkdtemp(dir=directory))
    try:
        empty = killed_and_started(root / "0")
        starts = {count: _measured(root / str(count), count) for count in counts or _COUNTS}
    finally:
        shutil.rmtree(root)
    Console().print(_table(empty, starts))
    figures = [
        Figures.of(
            f"/healthz behind a start with {count:,}",
            [took_ms / 1000 for took_ms in start.health_ms],
            start.behind_s,
        )
        for count, start in starts.items()
    ]
    ratios = _ratios(starts)
    show(figures, ratios, Console())
    if save_to is not None:
        save(figures, ratios, save_to, _more(starts))


def _measured(directory: Path, count: int) -> Start:
    begun = time.perf_counter()
    import_tasks(directory / "data", count)
    print(f"{count:,} tasks imported in {time.perf_counter() - begun:.0f} s", flush=True)
    found = killed_and_started(directory)
    shutil.rmtree(directory)
    return found


def _table(empty: Start, starts: Mapping[int, Start]) -> Table:
    """A column for each start, the one without tasks first."""
    table = Table("", "no tasks", title="the start after a kill")
    for count in starts:
        table.add_column(f"{count:,}", justify="right")
    rows: list[tuple[str, str, Callable[[Start], float]]] = [
        ("ready after, s", ".1f", lambda start: start.ready_s),
        ("  CPU, s", ".1f", lambda start: start.ready_cpu_s),
        ("  resident, MiB", ",.0f", lambda start: start.ready_mib),
        ("first claim, ms", ".1f", lambda start: start.first_claim_ms),
        ("nothing left to do after another, s", ".1f", lambda start: start.behind_s),
        ("  CPU, s", ".1f", lambda start: start.behind_cpu_s),
        ("  slowest /healthz, ms", ".0f", lambda start: max(start.health_ms)),
        ("  resident, MiB", ",.0f", lambda start: start.settled_mib),
    ]
    for name, form, value in rows:
        table.add_row(name, *(format(value(start), form) for start in (empty, *starts.values())))
    table.add_section()
    of_each: list[tuple[str, float, Callable[[Start], float]]] = [
        ("of each task: bytes", 2**20, lambda start: start.settled_mib),
        ("  CPU until ready, µs", 1e6, lambda start: start.ready_cpu_s),
        ("  CPU behind that, µs", 1e6, lambda start: start.behind_cpu_s),
    ]
    for name, unit, value in of_each:
        shares = ((value(start) - value(empty)) * unit / count for count, start in starts.items())
        table.add_row(name, "", *(f"{share:,.1f}" for share in shares))
    return table


def _ratios(starts: Mapping[int, Start]) -> list[Ratio]:
    start = starts.get(_TARGET_COUNT)
    if start is None:
        return []
    resident_mb = max(start.ready_mib, start.settled_mib) * _MB
    name = f"{_TARGET_COUNT:,} tasks"
    return [
        Ratio(f"{name}: ready, s", start.ready_s, "≤ 15", start.ready_s <= _READY_S_TARGET),
        Ratio(f"{name}: resident, MB", resident_mb, "≤ 1,500", resident_mb <= _RESIDENT_MB_TARGET),
    ]


def _more(starts: Mapping[int, Start]) -> dict[str, float]:
    """All of each start but the single latencies, by names that begin with the count."""
    return {
        f"{count}_{name}": value
        for count, start in starts.items()
        for name, value in asdict(start).items()
        if name != "health_ms"
    }


if __name__ == "__main__":
    main()
