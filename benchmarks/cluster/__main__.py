"""`python -m benchmarks.cluster`: the proof in its long form."""

import random
from typing import Final

import attrs
import click
import trio

from benchmarks.cluster.postgres import a_directory, binaries, replicated
from benchmarks.cluster.proof import prove
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.schema import create

TASKS_PER_ROUND: Final = 40


@click.command()
@click.option("--rounds", default=20, help="troubles, one after the other")
@click.option("--tasks", default=None, type=int, help="tasks of the graph [40 for each round]")
@click.option("--agents", default=16, help="agents that work at a time")
@click.option("--ttl-s", default=5.0, help="--journal-ttl-s of the nodes")
@click.option("--seed", default=None, type=int, help="of the graph and the moments")
@click.option("--work", "work_s", default=0.2, help="seconds that a run takes, on the average")
def main(
    rounds: int, tasks: int | None, agents: int, ttl_s: float, seed: int | None, work_s: float
) -> None:
    """Kill, freeze and switch nodes while agents work, and check that nothing answered was lost."""
    if binaries() is None:
        raise click.ClickException("PostgreSQL is not installed")
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    click.echo(f"seed {seed}")
    with a_directory() as directory, replicated(directory) as (primary, _):
        create(JournalAddress.parse(primary.url))

        async def run() -> None:
            outcome = await prove(
                directory,
                primary.url,
                tasks=tasks or rounds * TASKS_PER_ROUND,
                agents=agents,
                rounds=rounds,
                seed=seed,
                ttl_s=ttl_s,
                work_s=work_s,
            )
            for name, value in attrs.asdict(outcome, recurse=False).items():
                if name != "outages":
                    shown = f"{value:.2f}" if isinstance(value, float) else str(value)
                    click.echo(f"{name.replace('_', ' '):22} {shown}")
            for line in outcome.outages.lines():
                click.echo(line)

        trio.run(run)


if __name__ == "__main__":
    main()
