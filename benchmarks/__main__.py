"""`python -m benchmarks`: cycles in process and over HTTP, next to what the machine and the
framework take by themselves, all in one run."""

import tempfile
from pathlib import Path

import click
import trio
from rich.console import Console

from benchmarks import floor, in_process, over_http
from benchmarks.figures import Figures, Ratio, save, show

_CYCLES_TARGET = 5000.0
_CLAIM_P99_MS_TARGET = 25.0
_ALONE_TARGET = 2.0
_HTTP_TARGET = 0.7


@click.command()
@click.option("--agents", default=128, show_default=True, help="agents in process")
@click.option("--cycles", default=10_000, show_default=True, help="cycles in process")
@click.option("--connections", default=16, show_default=True, help="connections over HTTP")
@click.option("--http-cycles", default=1500, show_default=True, help="cycles over HTTP")
@click.option(
    "--save-to", type=click.Path(path_type=Path), help="keep the figures as JSON in this file"
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="where to put the data; the disk of it is what is measured",
)
def main(
    agents: int,
    cycles: int,
    connections: int,
    http_cycles: int,
    save_to: Path | None,
    directory: Path | None,
) -> None:
    """Measure, and hold the figures against the targets."""
    with tempfile.TemporaryDirectory(dir=directory) as made:
        root = Path(made)
        commit = floor.synced_commits(root / "floor")
        claim, cycle = trio.run(in_process.cycles, root / "many", agents, cycles)
        alone, alone_cycle = trio.run(in_process.cycles, root / "one", 1, 1000)
        request, http_claim, constant = over_http.cycles(root, connections, http_cycles)
    figures: list[Figures] = [
        commit,
        claim,
        cycle,
        alone,
        alone_cycle,
        constant,
        request,
        http_claim,
    ]
    alone_ratio = alone.p50_ms / commit.p50_ms
    http_ratio = request.rate / constant.rate
    ratios = [
        Ratio("cycles/s in process", cycle.rate, "≥ 5,000", cycle.rate >= _CYCLES_TARGET),
        Ratio("its claim p99, ms", claim.p99_ms, "≤ 25", claim.p99_ms <= _CLAIM_P99_MS_TARGET),
        Ratio("one agent's claim / one commit", alone_ratio, "≤ 2", alone_ratio <= _ALONE_TARGET),
        Ratio("HTTP / constant answer", http_ratio, "≥ 0.70", http_ratio >= _HTTP_TARGET),
    ]
    show(figures, ratios, Console())
    if save_to is not None:
        save(figures, ratios, save_to)


if __name__ == "__main__":
    main()
