"""`chargehand session`."""

from typing import Final

from chargehand.web.cli.layouts import SESSION_COLUMNS
from chargehand.web.cli.members import CAPABILITIES, ID, WORKSPACE, Field, Form
from chargehand.web.cli.running import Callers
from chargehand.web.cli.shown import Card, Listing
from chargehand.web.cli.verbs import Verb
from chargehand.web.operations import Operation as Op

_SESSION: Final = (Card("session"),)

VERBS: Final = (
    Verb(
        name="list",
        operation=Op.LIST_SESSIONS,
        help="All sessions",
        shows=(Listing("sessions", SESSION_COLUMNS, none="no sessions"),),
        callers=Callers.NOBODY,
    ),
    Verb(
        name="show",
        operation=Op.GET_SESSION,
        help="A session",
        shows=_SESSION,
        callers=Callers.NOBODY,
    ),
    Verb(
        name="register",
        operation=Op.CREATE_SESSION,
        help="Register a session of an agent",
        example="builder --id sess-1 --capability go",
        fields=(
            Field("agent_name", form=Form.ARGUMENT, flag="agent"),
            Field("id", "its id; one is made otherwise", ID),
            Field("name", "what people call it"),
            WORKSPACE,
            Field("channel", "it sees only what is for this channel"),
            CAPABILITIES,
        ),
        shows=_SESSION,
        callers=Callers.NOBODY,
    ),
    Verb(
        name="end",
        operation=Op.END_SESSION,
        help="End a session; its leases are released at once",
        callers=Callers.NOBODY,
    ),
)
