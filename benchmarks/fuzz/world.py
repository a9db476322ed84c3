"""What there is to ask for: ids that the server has shown, and what is known of them."""

import random
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, TypeVar, final

from attrs import define, field

URL_VARIABLE: Final = "FUZZ_URL"  # of the environment: the server that is asked
KEPT_MAX: Final = 60  # ids of each kind; older ones are forgotten

_V = TypeVar("_V")


class Kind(Enum):
    """What an id is of; the value is the member that holds an object of this kind."""

    TASK = "task"
    RUN = "run"
    REVIEW = "review"
    SUBSCRIPTION = "subscription"
    SESSION = "session"
    WORKSPACE = "workspace"


_OF_MEMBERS: Final[Mapping[str, Kind]] = {
    **{f"{kind.value}_id": kind for kind in Kind},
    "depends_on_id": Kind.TASK,
    "depends_on_task_id": Kind.TASK,
    "parent_task_id": Kind.TASK,
    "parent_review_id": Kind.REVIEW,
    "workspace": Kind.WORKSPACE,
    "run_ids": Kind.RUN,
}
_OF_PATHS: Final[Mapping[str, Kind]] = {
    "/api/tasks/": Kind.TASK,
    "/api/task-runs/": Kind.RUN,
    "/api/runs/": Kind.RUN,
    "/api/task-reviews/": Kind.REVIEW,
    "/api/sessions/": Kind.SESSION,
    "/api/workspaces/": Kind.WORKSPACE,
}
# The status that a run must have for an operation to do anything.
_WANTED: Final[Mapping[str, str]] = {
    "/api/task-runs/{id}/claim": "queued",
    "/api/task-runs/{id}/start": "claimed",
    "/api/task-runs/{id}/attach-session": "claimed",
    "/api/task-runs/{id}/complete": "running",
    "/api/task-runs/{id}/fail": "running",
    "/api/task-runs/{id}/reviews": "completed",
    "/api/runs/{id}/release": "claimed",
    "/api/runs/{id}/fail": "claimed",
    "/api/runs/{id}/retry": "failed",
    "/api/runs/{id}/recover": "needs_attention",
    "/api/runs/bulk/fail": "queued",
    "/api/runs/bulk/retry": "failed",
    "/api/runs/bulk/cancel": "queued",
}


def kind_of(member: str, path: str) -> Kind | None:
    """What a parameter or member of a request to `path` names, if it is an id."""
    if member in ("id", "ids"):
        return next((kind for start, kind in _OF_PATHS.items() if path.startswith(start)), None)
    return _OF_MEMBERS.get(member)


@final
@define
class World:
    """All of it learned from answers, the latest last."""

    random: random.Random
    _ids: dict[Kind, dict[str, None]] = field(factory=lambda: {kind: {} for kind in Kind})
    _statuses: dict[str, str] = field(factory=dict)  # of runs
    _holders: dict[str, str] = field(factory=dict)  # sessions, of leased runs
    _blockers: dict[str, str] = field(factory=dict)  # of tasks
    _workspaces: dict[str, str] = field(factory=dict)  # of sessions
    _reviewed: dict[str, str] = field(factory=dict)  # runs, of reviews
    _subscribed: dict[str, str] = field(factory=dict)  # tasks, of subscriptions

    def any(self, kind: Kind, path: str = "") -> str | None:
        """A known id, one that fits the operation if there is any; None where none is known."""
        known = list(self._ids[kind])
        if kind is Kind.RUN and path in _WANTED:
            fitting = [run for run in known if self._statuses.get(run) == _WANTED[path]]
            known = fitting or known
        return self.random.choice(known) if known else None

    def lease(self) -> tuple[str, str] | None:
        """A leased run and its session."""
        return self._any_pair(self._holders)

    def path_ids(self, path: str) -> dict[str, str]:
        """Ids that belong together, for paths that need such."""
        if "{depends_on_id}" in path and (pair := self._any_pair(self._blockers)):
            return {"id": pair[0], "depends_on_id": pair[1]}
        if "{session_id}" in path and (pair := self._any_pair(self._workspaces)):
            return {"id": pair[1], "session_id": pair[0]}
        if "{subscription_id}" in path and (pair := self._any_pair(self._subscribed)):
            return {"id": pair[1], "subscription_id": pair[0]}
        return {}

    def review(self) -> tuple[str, str] | None:
        """A review and its run."""
        return self._any_pair(self._reviewed)

    def _any_pair(self, pairs: dict[str, str]) -> tuple[str, str] | None:
        return self.random.choice(list(pairs.items())) if pairs else None

    def learn(self, answer: object) -> None:
        """Remember what a good answer holds."""
        for member, value in _members({"": answer}):
            if member in _OF_MEMBERS and isinstance(value, str):
                _keep(self._ids[_OF_MEMBERS[member]], value, None)
            if isinstance(value, dict):
                self._learn_object(member, value)

    def _learn_object(self, member: str, value: Mapping[str, Any]) -> None:
        match value:
            case {"id": str(found), "queued_at": _, "status": str(status)}:
                _keep(self._statuses, found, status)
            case {"task_id": str(task), "depends_on_task_id": str(blocker)}:
                _keep(self._blockers, task, blocker)
            case {"id": str(found), "agent_name": _, "workspace_id": str(workspace)}:
                _keep(self._workspaces, found, workspace)
            case {"run_id": str(run), "session_id": str(session), "lease_until": _}:
                _keep(self._holders, run, session)
            case {"subscription_id": str(subscription), "task_id": str(task)}:
                _keep(self._subscribed, subscription, task)
            case {"review_id": str(review), "run_id": str(run), "review_round": _}:
                _keep(self._reviewed, review, run)
            case _:
                pass
        if member in {kind.value for kind in Kind} and isinstance(value.get("id"), str):
            _keep(self._ids[Kind(member)], value["id"], None)

    def forget(self, gone: str) -> None:
        """What has this id is not there any more."""
        for ids in self._ids.values():
            ids.pop(gone, None)
        self._workspaces.pop(gone, None)
        self._subscribed.pop(gone, None)
        self._holders = {run: held for run, held in self._holders.items() if held != gone}


def _keep(known: dict[str, _V], key: str, value: _V) -> None:
    known.pop(key, None)
    known[key] = value
    while len(known) > KEPT_MAX:
        del known[next(iter(known))]


def _members(value: object) -> Iterator[tuple[str, Any]]:
    """All members at any depth, with their names."""
    pending: list[object] = [value]
    while pending:
        match pending.pop():
            case dict() as found:
                yield from found.items()
                pending.extend(found.values())
            case list() as items:
                pending.extend(items)
            case _:
                pass
