"""`python -m benchmarks.chaos`: the crash proof in its long form."""

import random
import tempfile
from pathlib import Path

import attrs
import click
import trio

from benchmarks.chaos.proof import prove
from benchmarks.chaos.syncs import count_syncs


@click.command()
@click.option("--tasks", default=200, help="tasks of the graph")
@click.option("--agents", default=16, help="agents that work at a time")
@click.option("--kills", default=10, help="how often the server is killed")
@click.option("--seed", default=None, type=int, help="of the graph and the moments")
@click.option("--work", "work_s", default=0.2, help="seconds that a run takes, on the average")
def main(tasks: int, agents: int, kills: int, seed: int | None, work_s: float) -> None:
    """Kill a server while agents work, and check that nothing acknowledged was lost."""
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    click.echo(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:

        async def run() -> None:
            outcome = await prove(
                Path(directory), tasks=tasks, agents=agents, kills=kills, seed=seed, work_s=work_s
            )
            for name, value in attrs.asdict(outcome).items():
                shown = f"{value:.2f}" if isinstance(value, float) else str(value)
                click.echo(f"{name.replace('_', ' '):22} {shown}")

        trio.run(run)
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        counted = trio.run(count_syncs, Path(directory))
        if counted is None:
            click.echo("strace is not here, so syncs were not counted")
        else:
            click.echo(f"{counted.syncs} syncs for {counted.writes} writes, one after the other")


if __name__ == "__main__":
    main()
