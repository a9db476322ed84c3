"""Tasks, runs and events, as a program sees them."""

from datetime import datetime
from typing import Any, final

from chargehand.actors.frozen import frozen


@final
@frozen
class Run:
    """One attempt at a task.

    Args:
        status: queued, claimed, starting, running, completed, failed, canceled or needs_attention.
        attempt: its number among the task's runs, from 1.
        result: what it was completed with.
        error: what it failed with.
        data: all that the API shows of it.
    """

    id: str
    task_id: str
    status: str
    attempt: int
    result: Any
    error: str | None
    data: dict[str, Any]


@final
@frozen
class Task:
    """A task, as of an answer.

    Args:
        status: draft, pending, blocked, ready, in_progress, completed, failed or canceled.
        priority: low, medium, high or urgent.
        runs: its runs, the one queued last first; empty where the answer does not show them.
        data: all that the API shows of it.
    """

    id: str
    title: str
    status: str
    priority: str
    runs: tuple[Run, ...]
    data: dict[str, Any]

    @property
    def result(self) -> Any:  # noqa: ANN401 - JSON
        """What its latest run was completed with; None where there is nothing."""
        return self.runs[0].result if self.runs else None


@final
@frozen
class Event:
    """Something that happened to a task.

    Args:
        seq: its number, larger than those of all before; ids of streams are these.
        type: such as `task.run_completed`.
        actor: who did it, such as `human:local-user`.
        at: when, by the scheduler's clock.
        payload: what belongs to its type.
    """

    seq: int
    type: str
    task_id: str
    run_id: str | None
    actor: str
    at: datetime
    payload: dict[str, Any]


def run_shown(data: dict[str, Any]) -> Run:
    """A run of the API's answer."""
    return Run(
        data["id"],
        data["task_id"],
        data["status"],
        data["attempt"],
        data.get("result"),
        data.get("error"),
        data,
    )


def task_shown(data: dict[str, Any], runs: list[dict[str, Any]] | None = None) -> Task:
    """A task of the API's answer."""
    shown = tuple(map(run_shown, runs or ()))
    return Task(data["id"], data["title"], data["status"], data["priority"], shown, data)


def event_shown(data: dict[str, Any]) -> Event:
    """An event of a stream."""
    item = data["timeline"]
    run, actor = item.get("run"), item["actor"]
    return Event(
        data["sequence"],
        data["type"],
        item["task"]["id"],
        None if run is None else run["id"],
        f"{actor['kind']}:{actor['ref']}",
        datetime.fromisoformat(item["timestamp"]),
        item.get("payload", {}),
    )
