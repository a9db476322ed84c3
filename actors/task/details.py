"""The details of a task: what may be said of it, and is left out where nothing is.

Each is written here and nowhere else. It can be given when the task is made and changed later,
stands in its events and in the state, is stored, shown in answers and described:
the classes for all of that inherit it, or are made from this one. (The command line, which loads
nothing of the core, has an option for each.)

A detail is None where nothing was said. In a patch None leaves it as it is, and what its rule turns
into None takes it away; of texts that is a blank one. A new one goes to the end of the class, as
tasks are stored by the order of their fields. `description` and `metadata` are no details, since
lists do without them.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs
from attrs import Attribute, define, field

from chargehand.actors.frozen import transfer
from chargehand.actors.task import validation as valid
from chargehand.actors.task.values import Owner

Rule = Callable[[Any], Any]
_T = TypeVar("_T")


def _detail(rule: Callable[[_T], _T], about: str) -> _T:
    """A detail: what it may be, as `validation` says it, and what it means, as the API says it."""
    made: _T = field(default=None, metadata={"rule": rule, "about": about})
    return made


@define(eq=False, kw_only=True, weakref_slot=False)
class Details:
    network_channel: str | None = _detail(
        valid.channel, "The channel of its runs: sessions of another one do not see them."
    )
    owner: Owner | None = _detail(  # noqa: RUF009 - it is no default
        valid.owner,
        "Whom it belongs to. Agents are handed its runs where that is nobody, the pool of their "
        "name, or their session.",
    )


_FIELDS: Final = attrs.fields_dict(Details)
DETAILS: Final = tuple(_FIELDS)
RULES: Final[Mapping[str, Rule]] = {name: f.metadata["rule"] for name, f in _FIELDS.items()}
ABOUT: Final[Mapping[str, str]] = {name: f.metadata["about"] for name, f in _FIELDS.items()}

take_details: Final = transfer(Details)
"""`take_details(to, of)`: give an object that was made a moment ago the details of another."""


def details_last(cls: type, fields: list["Attribute[Any]"]) -> list["Attribute[Any]"]:
    """Of a class: the fields of its own in front of the details that it inherits."""
    return sorted(fields, key=lambda f: _is_inherited(cls, f))


def details_checked(cls: type, fields: list["Attribute[Any]"]) -> list["Attribute[Any]"]:
    """The same; none can be made with a detail that its rule refuses."""
    return [
        f.evolve(converter=RULES[f.name]) if _is_inherited(cls, f) else f
        for f in details_last(cls, fields)
    ]


def _is_inherited(cls: type, f: "Attribute[Any]") -> bool:
    return f.name in _FIELDS and f.name not in inspect.get_annotations(cls)
