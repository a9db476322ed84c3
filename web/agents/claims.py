"""An agent, and a run that it has claimed."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any, final

from chargehand.actors.frozen import frozen
from chargehand.actors.ids import valid_session_id
from chargehand.actors.limits import LEASE_S_DEFAULT, NAME_CHARS_MAX
from chargehand.web.headers import AGENT_HEADER, SESSION_HEADER, WORKSPACE_HEADER


@final
@frozen
class Agent:
    """Who works: an agent by its name, in a session of its own.

    A session that is new registers itself with its first call. It holds one lease at a time, unless
    the scheduler was set otherwise (`max_leases_per_session`).

    Args:
        name: what kind of agent it is; profiles of tasks may ask for it.
        session: the id of its session: 1 to 128 of A-Z, a-z, 0-9, . _ : @ and -.
        workspace: id, name or path of the workspace that it works in; None: for global tasks.

    Raises:
        ValueError: the name or workspace is empty or not printable ASCII, so that no header could
            hold it, the name is longer than 200 characters, or the session is no such id.
    """

    name: str
    session: str
    workspace: str | None = None

    def __attrs_post_init__(self) -> None:
        for member in ("name", "session", "workspace"):
            value = getattr(self, member)
            if value is None and member == "workspace":
                continue
            if not isinstance(value, str):
                raise TypeError(f"{member} must be a text, not {value!r}")
            if not (value.isascii() and value.isprintable()):
                raise ValueError(f"{value!r} cannot be sent in a header: use printable ASCII")
            if not value.strip():
                raise ValueError(f"{member} must not be empty")
        if len(self.name) > NAME_CHARS_MAX:
            raise ValueError(f"name must be at most {NAME_CHARS_MAX} characters")
        if not valid_session_id(self.session):
            raise ValueError(
                f"session must be 1 to 128 of A-Z, a-z, 0-9, . _ : @ and -, beginning with one of "
                f"A-Z, a-z and 0-9, not {self.session!r}"
            )

    @property
    def headers(self) -> dict[str, str]:
        """By which HTTP requests say that they are its."""
        named = {AGENT_HEADER: self.name, SESSION_HEADER: self.session}
        return named if self.workspace is None else {**named, WORKSPACE_HEADER: self.workspace}


@final
class Claim:
    """A run that an agent holds under a lease, with all that is needed to work on it.

    Attributes:
        agent: whose lease it is.
        run_id, task_id: the run, and the task that it is an attempt at.
        title, description: of the task.
        priority: low, medium, high or urgent.
        attempt: the number of this run among those of the task, from 1.
        token: names this very claim (`claim_token_hash`), so that a late call touches no later one.
        lease_seconds: what the lease was asked for with; each heartbeat renews it for as long.
        lease_until: when the lease ends, by the scheduler's clock; moved on by heartbeats.
        lost: why the work is to stop, as soon as that is known: the lease is lost, or the pool has
            given the run back, as it was drained or canceled. None: go on. A handler that is async
            is canceled then; a plain one has to look here.
    """

    lost: str | None

    def __init__(
        self,
        *,
        agent: Agent,
        run_id: str,
        task_id: str,
        title: str,
        description: str | None,
        priority: str,
        attempt: int,
        token: str,
        lease_seconds: int,
        lease_until: datetime,
        load: Callable[[], dict[str, Any]],
    ) -> None:
        self.agent = agent
        self.run_id = run_id
        self.task_id = task_id
        self.title = title
        self.description = description
        self.priority = priority
        self.attempt = attempt
        self.token = token
        self.lease_seconds = lease_seconds
        self.lease_until = lease_until
        self.lost = None
        self._load = load

    def __repr__(self) -> str:
        return f"<Claim of {self.run_id}: {self.title!r}, attempt {self.attempt}>"

    @cached_property
    def data(self) -> dict[str, Any]:
        """The whole claim as the API shows it: `task`, `run`, `lease`, and for a task of a
        workspace `coordination_channel`."""
        return self._load()

    @property
    def metadata(self) -> Any:  # noqa: ANN401 - JSON
        """The task's metadata, as it was created with; None where it has none."""
        return self.data["task"].get("metadata")

    @property
    def run_metadata(self) -> Any:  # noqa: ANN401 - JSON
        """The run's metadata: what a retry, or the review of an earlier run, has to say."""
        return self.data["run"].get("metadata")


def claim_shown(agent: Agent, data: dict[str, Any], lease_seconds: int | None) -> Claim:
    """A claim of the API's answer.

    Args:
        lease_seconds: that it was asked for with.
    """
    task, run, lease = data["task"], data["run"], data["lease"]
    return Claim(
        agent=agent,
        run_id=run["id"],
        task_id=task["id"],
        title=task["title"],
        description=task.get("description"),
        priority=task["priority"],
        attempt=run["attempt"],
        token=lease["claim_token_hash"],
        lease_seconds=lease_seconds or LEASE_S_DEFAULT,
        lease_until=datetime.fromisoformat(lease["lease_until"]),
        load=lambda: data,
    )
