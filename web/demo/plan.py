"""The work of the demo: a release as a tree of tasks with dependencies."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.web.agents.new_task import Priority

ROOT: Final = "release"
APPROVAL: Final = "approval"

# Within an area: the first step opens three, those open three more, and two finish it.
_AFTER_IN_AREA: Final = ((), (0,), (0,), (0,), (1,), (2,), (3,), (4, 5), (6,))
# A rollout is careful: staging is tested before a region gets it, and the news comes at the end.
_AFTER_IN_ROLLOUT: Final = ((), (0,), (0,), (0,), (1,), (2, 4), (5,), (3, 6), (7,))
_AREAS: Final[Mapping[str, tuple[str, ...]]] = {
    "API": (
        "Freeze the schema",
        "Generate the clients",
        "Page through long lists",
        "Limit write rates",
        "Test the clients",
        "Test reads under load",
        "Audit permissions",
        "Retire the first version",
        "Write the upgrade notes",
    ),
    "Storage": (
        "Pick the record format",
        "Write the migration",
        "Add checksums",
        "Bound the log",
        "Rehearse the migration",
        "Cut power in mid-write",
        "Fill the disk",
        "Measure recovery",
        "Back up and restore",
    ),
    "Console": (
        "Draw the new layout",
        "Build the task tree",
        "Build the run view",
        "Stream live events",
        "Check keyboard use",
        "Check contrast",
        "Translate labels",
        "Test in three browsers",
        "Record a tour",
    ),
    "Agents": (
        "Describe the protocol",
        "Port the Python agent",
        "Port the shell agent",
        "Handle lost leases",
        "Soak for an hour",
        "Review the retries",
        "Trace one claim",
        "Publish the examples",
        "Tag the libraries",
    ),
    "Docs": (
        "Outline the guide",
        "Write the first steps",
        "Write the operations page",
        "Write the reference",
        "Proof-read",
        "Run every example",
        "Check every link",
        "Build the site",
        "Print the one-page card",
    ),
    "Rollout": (
        "Build the packages",
        "Deploy to staging",
        "Sign the packages",
        "Warn the customers",
        "Smoke-test staging",
        "Deploy to one region",
        "Watch the first hour",
        "Deploy everywhere",
        "Announce it",
    ),
}
_FAILURES: Final = {  # how often the first attempts of a step go wrong, and why
    "Test the clients": (1, "the generated client cannot parse an empty page"),
    "Cut power in mid-write": (2, "the checksum of the last record does not match"),
    "Test in three browsers": (1, "the tree is empty in one of them"),
    "Soak for an hour": (1, "a claim took longer than a second"),
    "Deploy to staging": (1, "the health check timed out"),
}
LOSES_ITS_AGENT: Final = "Rehearse the migration"  # whoever takes it first is never heard of again


@final
@frozen
class Step:
    """One task of the plan.

    Args:
        parent: key of the task above it.
        after: keys of the tasks that must be completed before.
        seconds: how long the work takes.
        failures: how many attempts fail before one succeeds, with `error`.
    """

    key: str
    title: str
    parent: str | None
    after: tuple[str, ...]
    priority: Priority
    seconds: float
    failures: int = 0
    error: str = ""
    needs_approval: bool = False
    loses_its_agent: bool = False


def release(seed: int = 24) -> list[Step]:
    """The whole plan, in no particular order; every key that is named is there."""
    random = Random(seed)
    return [*_work(random), *_closing(random)]


def area_names() -> tuple[str, ...]:
    return tuple(_AREAS)


def _work(random: Random) -> Iterator[Step]:
    """The areas without what finishes them; their own tasks come with `_closing`."""
    for area, titles in _AREAS.items():
        for index, title in enumerate(titles):
            order = _AFTER_IN_ROLLOUT if area == "Rollout" else _AFTER_IN_AREA
            after = [f"{area}.{number}" for number in order[index]]
            if index == 0 and area in ("Docs", "Agents"):
                after.append("API.0")
            if index == 0 and area == "Rollout":
                after.append(APPROVAL)
            failures, error = _FAILURES.get(title, (0, ""))
            yield Step(
                key=f"{area}.{index}",
                title=title,
                parent=area,
                after=tuple(after),
                priority=random.choice(("low", "medium", "medium", "high")),
                seconds=random.uniform(1.2, 2.6),
                failures=failures,
                error=error,
                loses_its_agent=title == LOSES_ITS_AGENT,
            )


def _closing(random: Random) -> Iterator[Step]:
    """The root, the areas, and the approval between the work and the rollout."""
    yield Step(ROOT, "Release 2.4", None, tuple(_AREAS), "high", 1.0)
    for area in _AREAS:
        last = tuple(f"{area}.{index}" for index in range(len(_AFTER_IN_AREA)))
        yield Step(area, f"Sign off: {area}", ROOT, last, "high", random.uniform(0.6, 1.0))
    built = tuple(area for area in _AREAS if area not in ("Docs", "Rollout"))
    yield Step(
        APPROVAL,
        "Go or no go",
        ROOT,
        built,
        "urgent",
        random.uniform(0.6, 1.0),
        needs_approval=True,
    )
