"""The tables that a run ends with."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from benchmarks.compare.contender import Contender, OnDisk
from benchmarks.compare.everyone import SOCKET
from benchmarks.compare.rounds import Cell, Turns
from benchmarks.measured import Results
from benchmarks.targets import Row


def show(results: Results, rows: list[Row], console: Console) -> None:
    """Print all that was found."""
    console.print(f"{results.version} on {results.machine}", soft_wrap=True)
    if results.commit is not None:
        commit = results.commit
        console.print(
            f"one synced LMDB commit: p50 {commit.p50_ms:.2f}, p99 {commit.p99_ms:.2f} ms"
        )
    for table in _tables(results):
        console.print(table)
    targets = _table("against the targets", "what", "value", "target", "", "measured with")
    for row in rows:
        value = "-" if row.value is None else f"{row.value:,.2f}"
        targets.add_row(row.what, value, row.target, row.verdict, row.measured)
    console.print(targets)
    for name, how in results.comparison.missing.items():
        console.print(f"left out: {name}; to have it: {how}", soft_wrap=True)
    broken = {str(cell): why for cell, why in results.comparison.broken.items()} | results.broken
    for name, why in broken.items():
        console.print(f"failed: {name}: {why}", soft_wrap=True, markup=False)


def _tables(results: Results) -> Iterator[Table]:
    if results.comparison.cells:
        yield _closed(results)
        yield _open(results)
    if results.claims:
        yield _queued(results)
    if results.waiting:
        yield _waiting(results)
    if results.streaming:
        yield _streaming(results)
    if results.starts:
        yield _starts(results)
    if results.answered is not None:
        found = results.answered
        table = _table(
            f"{results.answered_tasks:,} tasks, asked over HTTP", "what", "p50 ms", "p99 ms"
        )
        for one in sorted(found.figures, key=lambda one: -one.p50_ms)[:5]:
            table.add_row(one.name, f"{one.p50_ms:.2f}", f"{one.p99_ms:.2f}")
        yield table


def _table(title: str, *headings: str) -> Table:
    """Numbers stand on the right."""
    table = Table(title=title, title_justify="left")
    for heading in headings:
        is_text = heading in ("what", "", "on disk when answered", "measured with")
        table.add_column(heading, justify="left" if is_text else "right")
    return table


def _closed(results: Results) -> Table:
    table = _table(
        "closed loop: each agent begins its next cycle when its last one is done",
        *("agents", "what", "on disk when answered", "in/s", "cycles/s", f"ratio to {SOCKET.name}"),
        *("claim p50 ms", "p99", "p99.9", "CPU s / 1,000", "of the server"),
    )
    before = None
    for contender, cell, turns in results.closed():
        if before not in (None, cell.agents):
            table.add_section()
        before = cell.agents
        claim = turns.claims("claim")
        latencies = _latencies(claim.p50_ms, claim.p99_ms, claim.p999_ms)
        base = results.comparison.turns(SOCKET, cell.agents)
        table.add_row(
            f"{cell.agents}",
            contender.name,
            contender.on_disk.value,
            "-" if contender.on_disk is OnDisk.NOTHING else f"{turns.put_rate:,.0f}",
            f"{turns.rate:,.0f}",
            f"{turns.rate / base.rate:.2f}" if base is not None and base.rate else "-",
            *latencies,
            _seconds(turns.cpu_s_per_1000),
            _seconds(turns.server_cpu_s_per_1000),
            style=None if contender.on_disk.is_yes else "dim",
        )
    return table


def _open(results: Results) -> Table:
    table = _table(
        "open loop: from the moment at which a task was meant to come until it is done",
        *("per second", "what", "on disk when answered", "done"),
        *("p50 ms", "p99", "p99.9", "CPU s / 1,000"),
    )
    before = None
    for contender, cell, turns in results.open():
        if before not in (None, cell.rate):
            table.add_section()
        before = cell.rate
        table.add_row(*_open_row(contender, cell, turns))
    return table


def _open_row(contender: Contender, cell: Cell, turns: Turns) -> Iterator[str]:
    cycle = turns.cycles("cycle")
    yield f"{cell.rate:g}"
    yield contender.name
    yield contender.on_disk.value
    yield turns.share_done
    yield from _latencies(cycle.p50_ms, cycle.p99_ms, cycle.p999_ms)
    yield _seconds(turns.cpu_s_per_1000)


def _queued(results: Results) -> Table:
    table = _table(
        "claims beside queued runs of 1,000 classes, all tasks at rest",
        *("queued", "cycles/s", "ratio to fewest", "claim p50 ms", "p99", "CPU ms / cycle"),
    )
    fewest = results.claims[0].rate
    for one in results.claims:
        latencies = (one.claim_p50_ms, one.claim_p99_ms, one.cpu_ms)
        shown = (f"{value:.2f}" for value in latencies)
        table.add_row(f"{one.queued:,}", f"{one.rate:,.0f}", f"{one.rate / fewest:.2f}", *shown)
    return table


def _waiting(results: Results) -> Table:
    table = _table(
        "claims that wait at the socket",
        *("waiting", "% of a core", "woken by one run", "after ms", "KiB each"),
    )
    for one in results.waiting:
        table.add_row(
            f"{one.waiters:,}",
            f"{one.share * 100:.1f}",
            f"{one.woken}",
            f"{one.woken_ms:.1f}",
            f"{one.kib_each:.1f}",
        )
    return table


def _streaming(results: Results) -> Table:
    table = _table(
        "open streams, an event a second each",
        *("streams", "delivered", "p50 ms", "p99", "% of a core"),
    )
    for one in results.streaming:
        table.add_row(
            f"{one.streams:,}",
            f"{one.delivered / one.sent:.1%}",
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            f"{one.share * 100:.0f}",
        )
    return table


def _starts(results: Results) -> Table:
    table = _table(
        "the start after kill -9",
        *("tasks", "ready s", "CPU s", "MiB", "settled after s", "MiB then", "bytes / task"),
    )
    for count, start in results.starts.items():
        table.add_row(
            f"{count:,}",
            f"{start.ready_s:.1f}",
            f"{start.ready_cpu_s:.1f}",
            f"{start.ready_mib:,.0f}",
            f"{start.behind_s:.1f}",
            f"{start.settled_mib:,.0f}",
            f"{results.bytes_of_task(count):,.0f}" if count else "-",
        )
    return table


def _latencies(*values_ms: float) -> tuple[str, ...]:
    """A library does not show them."""
    return tuple(f"{value:,.2f}" if value else "-" for value in values_ms)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
