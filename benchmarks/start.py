"""`python -m benchmarks.start`: the CPU time of commands, next to that of loading click alone.

The runs of all take turns, so that a machine that is busy for a while is busy for each of them, and
the median of the ratios within one turn is printed. Bytecode is kept, as where it is installed.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final

import click

_TARGET: Final = 3.0  # of `task list`
_COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "chargehand --version": ("--version",),
    "chargehand task --help": ("task", "--help"),
    "chargehand task list": ("task", "list"),
    "completion of task li": (),
}
# As the script that is installed does it; by `-m` the program would not know its name.
_PROGRAM: Final = (
    "import sys; from chargehand.__main__ import main; sys.argv[0] = 'chargehand'; main()"
)
_COMPLETION: Final = {
    "_CHARGEHAND_COMPLETE": "bash_complete",
    "COMP_WORDS": "chargehand task li",
    "COMP_CWORD": "2",
}


@click.command()
@click.option("--turns", default=15, show_default=True, help="runs of each")
@click.option(
    "--socket",
    type=click.Path(path_type=Path, exists=True),
    help="of a server to ask; else they find none",
)
def main(turns: int, socket: Path | None) -> None:
    """Print the CPU time of commands and how many times that of `import click` it is."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": directory}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["CHARGEHAND_SOCKET"] = str(socket or Path(directory) / "none.sock")
        bare = [sys.executable, "-c", "import click"]
        times: dict[str, list[float]] = {name: [] for name in _COMMANDS}
        bares: list[float] = []
        for turn in range(turns + 1):
            taken = {
                name: _cpu_s(
                    [sys.executable, "-c", _PROGRAM, *words],
                    environment if words else {**environment, **_COMPLETION},
                )
                for name, words in _COMMANDS.items()
            }
            alone = _cpu_s(bare, environment)
            if turn:  # the first one leaves the bytecode
                bares.append(alone)
                for name, cpu_s in taken.items():
                    times[name].append(cpu_s)
    click.echo(f"{'import click':24} {median(bares) * 1000:6.0f} ms")
    for name, found in times.items():
        ratio = median(one / other for one, other in zip(found, bares, strict=True))
        click.echo(f"{name:24} {median(found) * 1000:6.0f} ms  {ratio:5.2f} times")
    click.echo(f"target for `task list`: {_TARGET:g} times")


def _cpu_s(line: list[str], environment: Mapping[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
