"""Ways out for messages, as an operator has set them up, and whom each of them serves."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import final

from chargehand.actors.bridges.message import Message
from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.frozen import frozen
from chargehand.actors.registry.state import WorkspaceState
from chargehand.actors.task.state import Scope, TaskState


class Undelivered(Exception):
    """Raised by a bridge that could not deliver. The message is shown to operators: no secrets.

    Args:
        retry_after_s: nothing shall be sent to the receiver before so many seconds from now.
    """

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class Gone(Exception):
    """Raised by a bridge whose receiver wants no more messages of the subscription. As above."""


@final
@frozen
class Bridge:
    """One way out.

    Args:
        workspace: id, name or path of the only workspace that it serves; None for a global one.
        send: returns once the message was taken. Raises `Undelivered` or `Gone`. May be canceled,
            and must return in bounded time; a message may come again under the same delivery id.
    """

    id: str
    scope: Scope
    workspace: str | None
    send: Callable[[Message], Awaitable[None]]
    enabled: bool = True


@final
class Bridges:
    """All bridges. Args: find_workspace: by id, name or path."""

    def __init__(
        self, bridges: Iterable[Bridge], find_workspace: Callable[[str], WorkspaceState | None]
    ) -> None:
        self._bridges: Mapping[str, Bridge] = {bridge.id: bridge for bridge in bridges}
        self._find_workspace = find_workspace

    def enabled(self) -> list[Bridge]:
        return [bridge for bridge in self._bridges.values() if bridge.enabled]

    def unplaced(self) -> list[Bridge]:
        """Those whose workspace is not registered. It may be later; until then nobody is served."""
        return [
            bridge
            for bridge in self.enabled()
            if bridge.workspace is not None and self._find_workspace(bridge.workspace) is None
        ]

    def check(self, bridge_id: str, task: TaskState) -> None:
        """Refuse a subscription that the bridge could never serve; one that is off may be on later.

        Raises:
            Rejected: BRIDGE_NOT_FOUND, or INVALID_REQUEST.
        """
        bridge = self._bridges.get(bridge_id)
        if bridge is None:
            raise Rejected(
                Code.BRIDGE_NOT_FOUND,
                f"there is no bridge {bridge_id}",
                "name one of the [[bridges]] in the server's configuration, or add it there",
                evidence={"bridge_instance_id": bridge_id},
            )
        if not self._serves(bridge, task):
            raise invalid(
                "/bridge_instance_id",
                f"the bridge {bridge_id} serves {_served(bridge)}, not {_place(task)}",
                "choose a bridge with the scope and workspace of the task",
            )

    def way_to(self, bridge_id: str, task: TaskState) -> Bridge:
        """The bridge, fit to be used now.

        Raises:
            Undelivered: it is not; the message says why, for whoever changed the configuration.
        """
        bridge = self._bridges.get(bridge_id)
        if bridge is None:
            raise Undelivered(f"there is no bridge {bridge_id} in the configuration")
        if not bridge.enabled:
            raise Undelivered(f"the bridge {bridge_id} is switched off in the configuration")
        if not self._serves(bridge, task):
            raise Undelivered(
                f"the bridge {bridge_id} serves {_served(bridge)}, not {_place(task)}"
            )
        return bridge

    def _serves(self, bridge: Bridge, task: TaskState) -> bool:
        if bridge.scope is not task.scope or bridge.workspace is None:
            return bridge.scope is task.scope
        workspace = self._find_workspace(bridge.workspace)
        return workspace is not None and workspace.id == task.workspace_id


def _served(bridge: Bridge) -> str:
    return "global tasks" if bridge.workspace is None else f"the workspace {bridge.workspace}"


def _place(task: TaskState) -> str:
    return "a global task" if task.workspace_id is None else f"one of {task.workspace_id}"
