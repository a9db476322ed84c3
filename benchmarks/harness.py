"""Chargehand beside what one would take instead, how its costs grow, and each target of the design:
all in one run."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

import click
from attrs import define, evolve
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import pictures, report, targets
from benchmarks.apart import Broken, apart, end_on_sigterm
from benchmarks.compare.everyone import CONTENDERS
from benchmarks.compare.rounds import Rounds
from benchmarks.growth.queued import claims
from benchmarks.growth.streams import streaming
from benchmarks.growth.waiters import waiting
from benchmarks.machine import machine
from benchmarks.measured import Results, save
from benchmarks.plan import FULL, QUICK, TINY, Plan
from benchmarks.queries.measuring import answers, build
from benchmarks.scale.importing import import_tasks
from benchmarks.scale.measuring import killed_and_started
from chargehand.web.version import PROGRAM, program_version

_PARTS: Final = ("compare", "queued", "waiters", "streams", "starts", "questions")
_LIMIT_S: Final = 3600.0  # of a part
_FILE_WIDTH: Final = 190  # of tables that go into a file


@final
@define
class Harness:
    """One run. Args: root: where all data goes."""

    plan: Plan
    root: Path
    names: frozenset[str]
    results: Results
    progress: Progress

    def run(self, parts: frozenset[str]) -> None:
        """Measure these parts, one after the other."""
        does: dict[str, Callable[[], None]] = {
            "compare": self._compare,
            "queued": self._queued,
            "waiters": self._waiters,
            "streams": self._streams,
            "starts": self._starts,
            "questions": self._questions,
        }
        for part, do in does.items():
            if part in parts:
                with self._failing(part):
                    do()

    @contextmanager
    def _failing(self, part: str) -> Iterator[None]:
        """A part that fails is reported, and the others go on."""
        try:
            yield
        except (Broken, OSError, RuntimeError) as error:
            self.results.broken[part] = str(error)

    def _compare(self) -> None:
        rounds = Rounds(self.plan, self.root, self.names)
        shown = self.progress.add_task("comparison", total=rounds.count)

        def show(text: str) -> None:
            self.progress.update(shown, description=text, advance=1)

        self.results.comparison = rounds.run(show)

    def _queued(self) -> None:
        plan = self.plan
        turns = len(plan.queued) * plan.queued_rounds
        shown = self.progress.add_task("claims beside many queued runs", total=turns)
        self.results.claims = claims(
            *(self._made("queued"), plan.queued, plan.queued_claims, plan.queued_rounds),
            done=lambda: self.progress.advance(shown),
        )

    def _waiters(self) -> None:
        for count in self._each("claims that wait", self.plan.waiters):
            found = waiting(self._made(f"waiters-{count}"), count, self.plan.waiters_s)
            self.results.waiting.append(found)

    def _streams(self) -> None:
        for count in self._each("open streams", self.plan.streams):
            found = streaming(self._made(f"streams-{count}"), count, self.plan.streams_s)
            self.results.streaming.append(found)

    def _starts(self) -> None:
        for count in self._each("tasks stored", (0, *self.plan.starts)):
            directory = self._made(f"starts-{count}")
            if count:
                apart(_LIMIT_S, import_tasks, directory / "data", count)
            self.results.starts[count] = killed_and_started(directory)

    def _questions(self) -> None:
        shown = self.progress.add_task(f"questions about {self.plan.asked_tasks:,} tasks", total=2)
        directory = self._made("questions")
        apart(_LIMIT_S, build, directory, self.plan.asked_tasks)
        self.progress.advance(shown)
        self.results.answered = apart(_LIMIT_S, answers, directory, self.plan.asked_times)
        self.progress.advance(shown)
        self.results.answered_tasks = self.plan.asked_tasks

    def _each(self, what: str, counts: tuple[int, ...]) -> Iterator[int]:
        shown = self.progress.add_task(what, total=len(counts))
        for count in counts:
            self.progress.update(shown, description=f"{what}: {count:,}")
            yield count
            self.progress.update(shown, advance=1)

    def _made(self, name: str) -> Path:
        directory = self.root / name
        directory.mkdir()
        return directory


@click.command()
@click.option("--quick", is_flag=True, help="in a few minutes, all smaller; else in an hour")
@click.option("--tiny", is_flag=True, help="only show that all of it runs")
@click.option(
    "--part", "parts", multiple=True, type=click.Choice(_PARTS), help="only this; several times"
)
@click.option(
    "--only",
    "names",
    multiple=True,
    type=click.Choice([contender.name for contender in CONTENDERS]),
    help="compare only this one; several times",
)
@click.option("--rounds", type=click.IntRange(1), help="turns of each contender")
@click.option(
    "--save-to", type=click.Path(path_type=Path), help="keep all figures as JSON in this file"
)
@click.option(
    "--pictures",
    "drawn_in",
    type=click.Path(path_type=Path, file_okay=False),
    help="draw SVG pictures into this directory",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="where to put the data; the disk of it is what is measured",
)
def main(
    quick: bool,
    tiny: bool,
    parts: tuple[str, ...],
    names: tuple[str, ...],
    rounds: int | None,
    save_to: Path | None,
    drawn_in: Path | None,
    directory: Path | None,
) -> None:
    """Measure, and hold the figures against the targets. docs/performance.md says how to read
    them."""
    for directory_kept in (save_to and save_to.parent, drawn_in):
        if directory_kept is not None:
            directory_kept.mkdir(parents=True, exist_ok=True)  # now, and not after an hour
    chosen = TINY if tiny else QUICK if quick else FULL
    if rounds is not None:
        chosen = evolve(chosen, rounds=rounds)
    end_on_sigterm()
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    with tempfile.TemporaryDirectory(dir=directory) as made, _progress() as progress:
        root = Path(made)
        root.chmod(0o755)  # PostgreSQL runs as somebody else
        results = Results(chosen.name, machine(root), f"{PROGRAM} {program_version()}")
        harness = Harness(chosen, root, frozenset(names), results, progress)
        try:
            harness.run(frozenset(parts or _PARTS))
        except KeyboardInterrupt:
            results.broken["all that would have followed"] = "ended by a signal"
    rows = targets.rows(results)
    if save_to is not None:
        save(results, [row.as_json() for row in rows], save_to)
    report.show(results, rows, console)
    if drawn_in is not None:
        for path in pictures.draw(results, drawn_in):
            console.print(f"drawn: {path}", soft_wrap=True)
    sys.exit(1 if results.broken or results.comparison.broken else 0)


def _progress() -> Progress:
    """On stderr, so that stdout has the tables alone."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
