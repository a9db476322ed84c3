"""Headers of our own: by which an agent says who it is, and a client that it sends again; and those
of answers."""

from typing import Final

SESSION_HEADER: Final = "X-AGH-Session-ID"
AGENT_HEADER: Final = "X-AGH-Agent"
WORKSPACE_HEADER: Final = "X-AGH-Workspace-ID"
IGNORED_HEADER: Final = "Chargehand-Ignored"
ETAG_HEADER: Final = "ETag"
IF_MATCH_HEADER: Final = "If-Match"
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
