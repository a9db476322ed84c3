"""What has to happen next with a task or a run that somebody inspects.

Apart from how it is found out, since clients show it and do without the rest.
"""

from enum import Enum


class NextAction(Enum):
    RECOVERY_REQUIRED = "recovery_required"  # somebody has to step in
    STRANDED = "stranded"  # a session that may claim it has to come
    CLAIM_AVAILABLE = "claim_available"
    WAITING_FOR_SESSION = "waiting_for_session"  # also for what holds it back meanwhile
    RUNNING = "running"
    TERMINAL = "terminal"
