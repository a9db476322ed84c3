"""Headers of our own: by which an agent says who it is, and a client that it sends again; and those
of answers. And the headers of a request as handlers look them up."""

from collections.abc import Iterable
from typing import Final, final

SESSION_HEADER: Final = "X-AGH-Session-ID"
AGENT_HEADER: Final = "X-AGH-Agent"
WORKSPACE_HEADER: Final = "X-AGH-Workspace-ID"
IGNORED_HEADER: Final = "Chargehand-Ignored"
ETAG_HEADER: Final = "ETag"
IF_MATCH_HEADER: Final = "If-Match"
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
LAST_EVENT_HEADER: Final = "Last-Event-ID"


@final
class RequestHeaders:
    """The headers of one request by name, whatever its case.

    One that was sent several times is read as their list (RFC 9110, section 5.2). Most look-ups are
    of headers that are not there, which the framework's own class answers by way of an exception.
    """

    __slots__ = ("_values",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        """Args: raw: names, in lower case, and values, as ASGI has them."""
        values: dict[bytes, bytes] = {}
        for name, value in raw:
            values[name] = value if name not in values else values[name] + b", " + value
        self._values = values

    def get(self, name: str) -> str | None:
        """The value, or None."""
        value = self._values.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")
