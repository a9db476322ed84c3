"""`chargehand bench`: how many cycles a server that runs does, and how long they take."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from chargehand.actors.limits import BATCH_RUNS_MAX
from chargehand.web.cli.failures import Failed, refused
from chargehand.web.cli.running import Callers, ask_to_go_on, client_command, on_terminal
from chargehand.web.exits import ClientExit, first_leaf

if TYPE_CHECKING:
    from chargehand.web.bench.measuring import Report
    from chargehand.web.bench.wire import Address
    from chargehand.web.bench.work import Unexpected
    from chargehand.web.cli.client import Client
    from chargehand.web.cli.target import ServerAddress

_AGENTS_MAX: Final = 4096  # with those who hand in, fewer connections than a server takes
_NOTES: Final = """Its agents hand tasks in, claim and complete them in a place of its own: they are
given none of the runs that are there, and nobody is given theirs. At the end the tasks are deleted
and the sessions ended; Ctrl-C does that, too. What stays is the workspace "bench", as workspaces
cannot be deleted, and the ids of the tasks stay taken, as those of all deleted tasks do. Without
--rate each agent begins its next cycle when its last one is done. With --rate tasks come at that
rate, whatever the server does, and a latency counts from the moment at which a task was meant to
come."""


def _parameters() -> list[click.Parameter]:
    return [
        click.Option(
            ["--agents"],
            type=click.IntRange(1, _AGENTS_MAX),
            default=16,
            help="agents, each with a connection of its own [16]",
        ),
        click.Option(
            ["--tasks"],
            type=click.IntRange(1),
            default=2000,
            help="tasks to work off, without --rate [2000]",
        ),
        click.Option(
            ["--rate"],
            type=click.FloatRange(0, min_open=True),
            help="tasks that come in a second",
        ),
        click.Option(
            ["--seconds"],
            type=click.FloatRange(0, min_open=True),
            default=10.0,
            help="for how long they come; without --rate, the most that the cycles may take [10]",
        ),
        click.Option(
            ["--size"],
            type=click.IntRange(8, 65_536),
            default=1024,
            help="bytes of each task's description [1024]",
        ),
        click.Option(
            ["--batch"],
            type=click.IntRange(1, BATCH_RUNS_MAX),
            default=1,
            help="runs of one claim; the server needs that --max-leases-per-session [1]",
        ),
        click.Option(["--yes"], is_flag=True, help="also beside others' work; ask nothing"),
    ]


def _run(client: "Client", as_json: bool, values: dict[str, Any]) -> None:
    import trio

    from chargehand.web.bench.measuring import Order, measure
    from chargehand.web.bench.work import Unexpected
    from chargehand.web.cli.interrupts import wakeups_left_to_trio

    yes = values.pop("yes")
    order = Order(**values)
    address = _address_of(client.target)
    _check_idle(client, yes)
    failure: BaseException | None = None
    report: Report | None = None
    try:
        with wakeups_left_to_trio():
            report = trio.run(measure, address, order)
    except* (Unexpected, OSError) as failed:
        failure = first_leaf(failed)
    if isinstance(failure, Unexpected):
        raise _refused(failure)
    if report is None:
        raise Failed(ClientExit.UNREACHABLE, f"the measurement failed: {failure}")
    _show(report, as_json)


def _refused(failure: "Unexpected") -> Failed:
    """An answer that ended the measurement; an error is shown as other commands show it."""
    if failure.status < 300:
        return Failed(ClientExit.STRANGE, f"the measurement failed: {failure}")
    refusal = refused(failure.status, failure.answer)
    text = f"the measurement failed at {failure.path}: {refusal.text}"
    return Failed(refusal.exit_with, text, refusal.suggestion, failure.answer)


def _address_of(target: "ServerAddress") -> "Address":
    from chargehand.web.bench.wire import Address

    if target.socket is not None:
        return Address.of_socket(Path(target.socket))
    try:
        return Address.of_url(target.url, target.token)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _check_idle(client: "Client", yes: bool) -> None:
    """Others' work is not claimed, but it would become slow, and the figures would be wrong.

    Raises:
        Failed: the scheduler is paused, or others are at work and nobody can be asked.
    """
    status: Any = client.ask("GET", "/api/scheduler").body
    found = status["scheduler"]
    if found["paused"]:
        raise Failed(
            ClientExit.CONFLICT,
            "the scheduler is paused, so nothing would be claimed",
            "chargehand scheduler resume",
        )
    queued, active = found["queued_run_count"], found["active_claim_count"]
    if yes or not (queued or active):
        return
    warning = (
        f"others are at work there ({queued} runs queued, {active} claimed),"
        " and measuring would slow them down"
    )
    if not on_terminal():
        raise Failed(ClientExit.CONFLICT, f"{warning}; add --yes to measure anyway")
    ask_to_go_on(warning)


def _show(report: "Report", as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(_members(report)))
    else:
        _show_table(report)
    if report.left:
        left = "what was made is left there" if report.left < 0 else f"{report.left} tasks are left"
        click.echo(f"chargehand: not all could be put away: {left}", err=True)
    if report.claims_fell_short:
        click.echo(f"chargehand: {_why_short(report)}", err=True)
    if report.ended_by is not None:
        raise SystemExit(128 + report.ended_by)
    if report.done < report.asked:
        missing = report.asked - report.done
        raise Failed(
            ClientExit.LATER,
            f"{missing} of {report.asked} tasks were not done in time, and have no latency",
        )


def _why_short(report: "Report") -> str:
    runs = "1 run" if report.largest == 1 else f"{report.largest} runs"
    batch = report.order.batch
    short = (
        f"these are no batches of {batch}: no claim got more than {runs}. A server gives a session"
        " only as many as --max-leases-per-session says, 1 by default"
    )
    if report.order.rate is None:
        return f"{short}; start it with --max-leases-per-session {batch}"
    return f"{short}; or no more were waiting, at that rate"


def _members(report: "Report") -> dict[str, object]:
    from attrs import asdict

    return {
        "asked": report.asked,
        "done": report.done,
        "batch": report.order.batch,
        "largest_claim": report.largest,
        "figures": [asdict(one) for one in report.figures],
    }


def _show_table(report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table

    headings = ("per second", "p50 ms", "p99 ms", "p99.9 ms")
    table = Table("what", "count", *headings, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in report.figures:
        latencies = (one.p50_ms, one.p99_ms, one.p999_ms)
        shown = (f"{value:,.2f}" for value in latencies)
        table.add_row(one.name, f"{one.count:,}", f"{one.rate:,.0f}", *shown)
    Console().print(table)


bench = client_command(
    "bench",
    _run,
    _parameters(),
    "Measure a server that runs: cycles of agents, and how long they take",
    _NOTES,
    "bench --agents 64 --rate 500 --seconds 30",
    callers=Callers.NOBODY,
)
