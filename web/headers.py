"""The request headers by which an agent says who it is."""

from typing import Final

SESSION_HEADER: Final = "X-AGH-Session-ID"
AGENT_HEADER: Final = "X-AGH-Agent"
WORKSPACE_HEADER: Final = "X-AGH-Workspace-ID"
