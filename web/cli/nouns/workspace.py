"""`chargehand workspace`."""

from typing import Final

from chargehand.web.cli.layouts import WORKSPACE_COLUMNS
from chargehand.web.cli.members import DIRECTORY, Field, Form
from chargehand.web.cli.running import Callers
from chargehand.web.cli.shown import Card, Listing
from chargehand.web.cli.verbs import Verb
from chargehand.web.operations import Operation as Op

_SESSION: Final = (Card("session"),)
_WORKSPACE: Final = (Card("workspace"),)
_NAME: Final = Field("name", "what people call it")

VERBS: Final = (
    Verb(
        name="list",
        operation=Op.LIST_WORKSPACES,
        help="All workspaces",
        shows=(Listing("workspaces", WORKSPACE_COLUMNS, none="no workspaces"),),
        callers=Callers.NOBODY,
    ),
    Verb(
        name="show",
        operation=Op.GET_WORKSPACE,
        help="A workspace",
        shows=_WORKSPACE,
        callers=Callers.NOBODY,
    ),
    Verb(
        name="create",
        operation=Op.CREATE_WORKSPACE,
        help="Register a directory as a workspace",
        example="/srv/site --name site",
        fields=(Field("root_dir", kind=DIRECTORY, form=Form.ARGUMENT, flag="directory"), _NAME),
        shows=_WORKSPACE,
        callers=Callers.NOBODY,
    ),
    Verb(
        name="resolve",
        operation=Op.RESOLVE_WORKSPACE,
        help="The workspace of a directory, made if new",
        example=".",
        fields=(Field("path", kind=DIRECTORY, form=Form.ARGUMENT, flag="directory"),),
        shows=_WORKSPACE,
        callers=Callers.NOBODY,
    ),
    Verb(
        name="session",
        operation=Op.GET_WORKSPACE_SESSION,
        help="A session of a workspace",
        shows=_SESSION,
        callers=Callers.NOBODY,
    ),
)
