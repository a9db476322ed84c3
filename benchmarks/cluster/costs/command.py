"""The command line: what is measured, how much of it, and where it is kept."""

import signal
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import click
import trio
from rich.console import Console

from benchmarks.cluster.costs import report
from benchmarks.cluster.costs.checkpoints import checkpoints
from benchmarks.cluster.costs.claims import alone, many
from benchmarks.cluster.costs.forwarding import forwarding
from benchmarks.cluster.costs.lag import lag
from benchmarks.cluster.costs.ready import ready
from benchmarks.cluster.costs.rows import Row
from benchmarks.cluster.costs.sizes import Sizes
from benchmarks.cluster.costs.stage import Stage
from benchmarks.cluster.costs.takeovers import takeovers
from benchmarks.cluster.postgres import a_directory, binaries, replicated
from benchmarks.machine import machine
from chargehand.web.exits import first_leaf

Part = Callable[[Stage], Awaitable[list[Row]]]

PARTS: Final[Mapping[str, Part]] = {
    "alone": alone,
    "agents": many,
    "checkpoints": checkpoints,
    "lag": lag,
    "ready": ready,
    "forwarding": forwarding,
    "takeovers": takeovers,
}
_FILE_WIDTH: Final = 190  # of a table that goes into a file


def _chosen(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    """The names, in the order in which parts are measured."""
    names = list(PARTS) if value is None else [name.strip() for name in value.split(",")]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)!r}: there are {', '.join(PARTS)}")
    return [name for name in PARTS if name in names]


@click.command()
@click.option(
    "--only",
    callback=_chosen,
    metavar="PART,…",
    help=f"measure these alone: {', '.join(PARTS)} [all]",
)
@click.option("--rounds", type=click.IntRange(1), default=3, help="of each part [3]")
@click.option(
    "--tasks",
    type=click.IntRange(1),
    default=100_000,
    help="stored, where a node starts or takes over [100000]",
)
@click.option(
    "--cycles",
    type=click.IntRange(10),
    default=4000,
    help="that many agents do at a time; one alone does a tenth of them [4000]",
)
@click.option("--agents", type=click.IntRange(1), default=128, help="many of them [128]")
@click.option(
    "--seconds",
    type=click.FloatRange(0.5),
    default=20.0,
    help="for which the lag of a standby is watched in a round [20]",
)
@click.option(
    "--step-downs", type=click.IntRange(0), default=20, help="with these tasks stored [20]"
)
@click.option("--kills", type=click.IntRange(0), default=3, help="of the active node [3]")
@click.option(
    "--ttl-s", type=click.FloatRange(0.5), default=5.0, help="--journal-ttl-s of the nodes [5]"
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="build the stored tasks below this directory, or take a copy of those that are there",
)
@click.option(
    "--save-to", type=click.Path(path_type=Path, dir_okay=False), help="keep it as JSON there"
)
def main(
    only: list[str],
    rounds: int,
    tasks: int,
    cycles: int,
    agents: int,
    seconds: float,
    step_downs: int,
    kills: int,
    ttl_s: float,
    data: Path | None,
    save_to: Path | None,
) -> None:
    """Measure what the journal in PostgreSQL, a primary and a synchronous standby, costs beside the
    one in LMDB, and hold the ratios against their targets.

    \b
    alone        one agent: its claims beside one append to the database, and beside LMDB
    agents       many: cycles a second, and claims, beside LMDB
    checkpoints  claims while a checkpoint is under way, beside those that meet none
    lag          from the answer to a write until a standby has it, at half of the cycles that
                 there can be, and the CPU time of both
    ready        a node with nothing until it could take over, beside the start of LMDB
    forwarding   what it adds to ask a standby
    takeovers    for how long nobody answers when the active node steps down, or is killed

    Nothing else should run on the machine: both kinds of server take turns within each round, so a
    busy minute hits both, but that does not hold for what is measured in milliseconds.
    """
    if binaries() is None:
        raise click.ClickException("PostgreSQL is not installed")
    if save_to is not None:
        save_to.parent.mkdir(parents=True, exist_ok=True)  # now, and not after an hour
    # SIGTERM is as Ctrl-C, which Trio knows how to take, so that all that was started is stopped. A
    # shell has its background jobs ignore that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    sizes = Sizes(rounds, agents, cycles, tasks, seconds, step_downs, kills, ttl_s)
    rows: list[Row] = []
    broken: dict[str, str] = {}
    here = machine(Path(tempfile.gettempdir()))
    try:
        with a_directory() as directory, replicated(directory) as (primary, _):
            stage = Stage(directory, primary, sizes, partial(click.echo, err=True), data)
            _measure(only, stage, rows, broken)
    finally:  # also if it is ended before
        if save_to is not None:
            report.save(rows, broken, here, sizes, save_to)
        console = Console()
        if not console.is_terminal:
            console.width = _FILE_WIDTH
        report.show(rows, broken, here, console)
    sys.exit(1 if broken else 0)


def _measure(names: list[str], stage: Stage, rows: list[Row], broken: dict[str, str]) -> None:
    """A part that fails is reported, and the others go on. Args: rows, broken: get what is found,
    and why parts have failed."""
    for name in names:
        try:
            rows += trio.run(PARTS[name], stage)
        except Exception as error:
            traceback.print_exc()
            broken[name] = f"{first_leaf(error)}"
