"""Bridges of a scheduler in this process, as the configuration file of a server has them."""

from collections.abc import Iterable
from typing import Any, final

from chargehand.actors.frozen import frozen
from chargehand.web.bridges.configuration import TIMEOUT_S_DEFAULT, Webhook, read_webhooks


@final
@frozen
class WebhookBridge:
    """Where signed webhooks about the ends of tasks go, for those who subscribe to them.

    Args:
        id: by which subscriptions name it.
        url: of the receiver, http or https.
        secret: what messages are signed with, or the two to four that a rotation has.
        workspace: id, name or path of the workspace whose tasks it is for; None: global tasks.
        timeout_seconds: for one attempt, up to 300.
        enabled: False: nothing is sent.
    """

    id: str
    url: str
    secret: str | tuple[str, ...]
    workspace: str | None = None
    timeout_seconds: float = TIMEOUT_S_DEFAULT
    enabled: bool = True

    def __repr__(self) -> str:
        return f"<WebhookBridge {self.id}>"  # neither secrets nor the url, which may hold one

    @property
    def table(self) -> dict[str, Any]:
        """As a `[[bridges]]` table."""
        secrets = self.secret if isinstance(self.secret, str) else [*self.secret]
        table = {
            "id": self.id,
            "url": self.url,
            "secret": secrets,
            "timeout_seconds": self.timeout_seconds,
            "enabled": self.enabled,
        }
        return table if self.workspace is None else {**table, "workspace": self.workspace}


def webhooks_of(bridges: Iterable[WebhookBridge]) -> tuple[Webhook, ...]:
    """Checked as those of a file.

    Raises:
        TypeError: one of them is something else.
        Fatal: one of them cannot be used.
    """
    given = [*bridges]
    for index, bridge in enumerate(given):
        if not isinstance(bridge, WebhookBridge):
            raise TypeError(f"bridges[{index}] must be a WebhookBridge, not {bridge!r}")
    return read_webhooks("bridges", [bridge.table for bridge in given], "{}[{}]".format)
