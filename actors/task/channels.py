"""The coordination channel of a run of a workspace's task; global ones have none."""

import hashlib
import re

_SLUG_CHARS_MAX = 58
_OTHER = re.compile(r"[^a-z0-9_]+")


def coordination_channel(
    workspace_id: str | None, network_channel: str | None, run_id: str
) -> str | None:
    """The channel's id: the network channel, or `coord-` and a slug of the run's id."""
    if workspace_id is None:
        return None
    if network_channel is not None:
        return network_channel
    lowered = run_id.lower()
    slug = _OTHER.sub("-", lowered).lstrip("-")[:_SLUG_CHARS_MAX].strip("-_")
    if not slug:
        slug = "run-" + hashlib.sha256(lowered.encode()).hexdigest()[:12]
    return f"coord-{slug}"
