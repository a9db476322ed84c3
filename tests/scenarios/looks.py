"""The ways in which users look at things."""

from collections import Counter
from typing import Any

from tests.scenarios.patterns import Pattern
from tests.scenarios.story import Look


def task(task_id: str, **expected: Pattern) -> Look:
    return Look(f"/api/tasks/{task_id}", {"task": {"summary": expected}})


def runs(task_id: str, *expected: str | dict[str, Any]) -> Look:
    """All runs of a task, the first one first; a text is the status of one."""
    rows = [{"status": row} if isinstance(row, str) else row for row in expected]
    return Look(f"/api/tasks/{task_id}/runs", {"runs": rows[::-1]})


def scheduler(**expected: Pattern) -> Look:
    return Look("/api/scheduler", {"scheduler": expected})


def backlog(*task_ids: str) -> Look:
    """The tasks whose runs wait and could be claimed, in their order."""
    rows = [{"task": {"id": task_id}} for task_id in task_ids]
    return Look("/api/scheduler/backlog", {"backlog": {"runs": rows, "total": len(rows)}})


def inspect(task_id: str, *diagnostics: str, **expected: Pattern) -> Look:
    """The codes of all diagnostics, and other members."""

    def view(answer: Any) -> Any:
        found = answer["inspect"]
        return {**found, "diagnostics": [item["code"] for item in found.get("diagnostics", ())]}

    path = f"/api/tasks/{task_id}/inspect"
    return Look(path, {"diagnostics": list(diagnostics), **expected}, view=view)


def history(task_id: str, **times: int) -> Look:
    """How often each of these events is in the timeline of the task; `run_x` is `task.run_x`."""

    def view(answer: Any) -> dict[str, int]:
        counted = Counter(event["event_type"] for event in answer["timeline"])
        return {name: counted[f"task.{name}"] for name in times}

    return Look(f"/api/tasks/{task_id}/timeline", times, view=view)
