"""`chargehand profile`: how a task shall be executed, and by whom."""

from collections.abc import Sequence
from typing import Final, final

import orjson

from chargehand.web.cli.layout import PLAIN, Block, Note
from chargehand.web.cli.members import JSON, Field, Form
from chargehand.web.cli.shown import Part, at, that_is_set
from chargehand.web.cli.verbs import Verb
from chargehand.web.operations import Operation as Op


@final
class _ProfileText:
    """The profile as it can be set: JSON over several lines."""

    def of(self, body: object) -> Sequence[Block]:
        profile = that_is_set(at(body, "profile"))
        text = orjson.dumps(profile, option=orjson.OPT_INDENT_2).decode()
        return [Note(text, PLAIN)]


_PROFILE: Final[Sequence[Part]] = (_ProfileText(),)


VERBS: Final = (
    Verb(
        name="show",
        operation=Op.GET_PROFILE,
        help="The execution profile of a task",
        shows=_PROFILE,
    ),
    Verb(
        name="set",
        operation=Op.SET_PROFILE,
        help="Replace the execution profile of a task",
        example="""'{"worker": {"required_capabilities": ["go"]}}'""",
        fields=(Field("profile", kind=JSON, form=Form.ARGUMENT),),
        shows=_PROFILE,
        whole="profile",
    ),
    Verb(
        name="delete",
        operation=Op.DELETE_PROFILE,
        help="Remove the execution profile of a task",
    ),
)
