"""What the command line takes from the environment; each option goes before its variables."""

import os
from typing import Final

PREFIX: Final = "CHARGEHAND_"  # of all that are ours
SOCKET_VARIABLE: Final = "CHARGEHAND_SOCKET"  # a server's setting as well
TOKEN_VARIABLE: Final = "CHARGEHAND_TOKEN"  # a server's setting as well
DATA_DIR_VARIABLE: Final = "CHARGEHAND_DATA_DIR"  # a server's setting as well
URL_VARIABLE: Final = "CHARGEHAND_URL"
SESSION_VARIABLES: Final = ("CHARGEHAND_SESSION_ID", "AGH_SESSION_ID")
AGENT_VARIABLES: Final = ("CHARGEHAND_AGENT", "AGH_AGENT")
# What a program that works on a claim has of it in its environment (`chargehand work`).
RUN_VARIABLE: Final = "CHARGEHAND_RUN_ID"
TASK_VARIABLE: Final = "CHARGEHAND_TASK_ID"
TITLE_VARIABLE: Final = "CHARGEHAND_TITLE"
ATTEMPT_VARIABLE: Final = "CHARGEHAND_ATTEMPT"
CLAIM_VARIABLE: Final = "CHARGEHAND_CLAIM"
CLAIM_VARIABLES: Final = frozenset(
    {RUN_VARIABLE, TASK_VARIABLE, TITLE_VARIABLE, ATTEMPT_VARIABLE, CLAIM_VARIABLE}
)
# Those that a server finds in its environment too, and that are no settings of its own.
CLIENT_VARIABLES: Final = CLAIM_VARIABLES | {URL_VARIABLE, *SESSION_VARIABLES, *AGENT_VARIABLES}
KNOWN_VARIABLES: Final = CLIENT_VARIABLES | {SOCKET_VARIABLE, TOKEN_VARIABLE, DATA_DIR_VARIABLE}


def has_unknown() -> bool:
    """Whether there are others that begin as ours: a server's, a service's, or misspelt ones."""
    return any(name.startswith(PREFIX) and name not in KNOWN_VARIABLES for name in os.environ)


def found(*variables: str) -> str | None:
    """The first of them that is set and not blank."""
    values = (os.environ.get(variable, "").strip() for variable in variables)
    return next((value for value in values if value), None)
