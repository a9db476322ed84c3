"""`python -m benchmarks.fuzz`: the long form."""

import random
import sys
import tempfile
from pathlib import Path

import click
import trio

from benchmarks.fuzz.fuzzing import Bounds, fuzz


@click.command()
@click.option("--seconds", default=300, help="how long to ask")
@click.option("--examples", default=100, help="requests of an operation in each phase")
@click.option("--seed", default=None, type=int, help="of what is asked")
def main(seconds: int, examples: int, seed: int | None) -> None:
    """Ask a server all that its description allows, and much that it does not."""
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    with tempfile.TemporaryDirectory(prefix="fuzz-") as directory:
        found = trio.run(fuzz, Path(directory), Bounds(examples, seconds, seed))
    click.echo(found.report)
    click.echo(found.log, err=True)
    click.echo(f"seed {seed}: {'nothing was found' if found.passed else 'see above'}")
    sys.exit(not found.passed)


if __name__ == "__main__":
    main()
