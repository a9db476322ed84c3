"""Members of enums by what a caller wrote, trimmed and whatever its case."""

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeVar

from chargehand.actors.task.subscription import DeliveryMode

_E = TypeVar("_E", bound=Enum)


# Other names that clients have for members.
_ALIASES: Final[Mapping[type[Enum], Mapping[str, str]]] = {
    DeliveryMode: {
        **dict.fromkeys(("direct", "direct_send", "send"), DeliveryMode.DIRECT_SEND.value),
        **dict.fromkeys(("reply-send", "reply_send"), DeliveryMode.REPLY.value),
    }
}


def chosen(cls: type[_E], text: str) -> _E | None:
    """The member of an enum of texts that `text` names."""
    wanted = text.strip().lower()
    wanted = _ALIASES.get(cls, {}).get(wanted, wanted)
    return next((member for member in cls if member.value == wanted), None)


def listed(cls: type[Enum]) -> str:
    """What may be chosen, for a refusal."""
    return ", ".join(str(member.value) for member in cls)
