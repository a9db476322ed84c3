"""Headers of our own: by which an agent says who it is, and a client that it sends again; and those
of answers."""

from typing import Final

SESSION_HEADER: Final = "X-AGH-Session-ID"
AGENT_HEADER: Final = "X-AGH-Agent"
WORKSPACE_HEADER: Final = "X-AGH-Workspace-ID"
IGNORED_HEADER: Final = "Chargehand-Ignored"
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
