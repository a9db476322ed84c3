"""Members of a body or query, as options and arguments of a command."""

import re
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import click
import orjson

from chargehand.actors.task.choices import Priority
from chargehand.web.cli.param_type import ParamType

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Members = dict[str, Any]

_Parameter = click.Parameter | None
_Context = click.Context | None


@final
class JsonText(ParamType[orjson.Fragment]):
    """JSON as it stands, out of a file by `@path`, or from stdin by `-`."""

    name = "json"

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> orjson.Fragment:
        if isinstance(value, orjson.Fragment):
            return value
        try:
            raw = _read(str(value))
            orjson.loads(raw)
        except OSError as error:
            self.fail(f"cannot read it: {error}", param, ctx)
        except ValueError as error:
            self.fail(f"not JSON: {error}", param, ctx)
        return orjson.Fragment(raw)


@final
class JsonList(ParamType[list[Any]]):
    """A list as JSON, or its items as a line each; out of a file by `@path`, from stdin by `-`.

    A text that is one object is a list of it.
    """

    name = "json"

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> list[Any]:
        if isinstance(value, list):
            return value
        try:
            return _listed(_read(str(value)))
        except OSError as error:
            self.fail(f"cannot read it: {error}", param, ctx)
        except orjson.JSONDecodeError as error:
            fault = f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
            if value != "-" and not str(value).lstrip().startswith(("@", "[", "{")):
                fault += f"; to read a file, put an @ before its name: @{value}"
            self.fail(fault, param, ctx)


def _listed(raw: bytes) -> list[Any]:
    """Raises: orjson.JSONDecodeError: with the place in the whole text."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _listed_by_lines(raw.decode("utf-8", "replace"), error)
    return found if isinstance(found, list) else [found]


def _listed_by_lines(text: str, fault: orjson.JSONDecodeError) -> list[Any]:
    """Args: fault: of the text as a whole, which says more unless a line is JSON by itself."""
    found: list[Any] = []
    at = 0
    for line in text.split("\n"):
        try:
            if line.strip():
                found.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            if not found:
                raise fault from None
            raise orjson.JSONDecodeError(error.msg, text, at + error.pos) from None
        at += len(line) + 1
    return found


def _read(value: str) -> bytes:
    if value == "-":
        return sys.stdin.buffer.read()
    if value.startswith("@"):
        return Path(value[1:]).read_bytes()
    return value.encode()


@final
class OwnerText(ParamType[dict[str, str]]):
    """An owner as KIND:REF."""

    name = "kind:ref"

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> dict[str, str]:
        if isinstance(value, dict):
            return value
        kind, colon, ref = str(value).partition(":")
        if not (kind and colon and ref):
            self.fail(f"{value!r} is not of the form KIND:REF", param, ctx)
        return {"kind": kind, "ref": ref}


@final
class UrgencyText(ParamType[int]):
    """A priority by its name, sent to the server as its weight; or a weight as it is."""

    name = "priority"
    _WEIGHTS: Final = {priority.value: priority.weight for priority in Priority}

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[{'|'.join(self._WEIGHTS)}|NUMBER]"

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> int:
        text = str(value).strip().lower()
        if text in self._WEIGHTS:
            return self._WEIGHTS[text]
        try:
            return int(text)
        except ValueError:
            known = ", ".join(f"{name} ({weight})" for name, weight in self._WEIGHTS.items())
            self.fail(f"{value!r} is none of {known}, and no number", param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list["CompletionItem"]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in self._WEIGHTS if name.startswith(incomplete)]


@final
class IdText(ParamType[str]):
    """An id; a blank one would lead to another path."""

    name = "id"

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> str:
        text = str(value).strip()
        if not text:
            self.fail("an id is not blank", param, ctx)
        return text


@final
class AgeText(ParamType[float]):
    """A length of time in seconds, written as 90s, 15m, 12h or 30d."""

    name = "age"
    _UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> float:
        text = str(value).strip().lower()
        unit = self._UNITS.get(text[-1:], 0)
        number = text[:-1] if unit else text
        if not (number.isascii() and number.isdigit()):
            self.fail(f"{value!r} is not of the form 90s, 15m, 12h or 30d", param, ctx)
        return float(int(number) * (unit or 1))


@final
class DirectoryText(ParamType[str]):
    """A directory of this machine, sent to the server as its full path."""

    name = "directory"

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> str:
        return str(Path(str(value)).resolve())


JSON: Final = JsonText()
JSON_LIST: Final = JsonList()
OWNER: Final = OwnerText()
URGENCY: Final = UrgencyText()
ID: Final = IdText()
AGE: Final = AgeText()
DIRECTORY: Final = DirectoryText()


class Form(Enum):
    """How a member is given."""

    OPTION = "option"
    ARGUMENT = "argument"
    ARGUMENTS = "arguments"  # one or more
    ANY_ARGUMENTS = "any arguments"  # or none
    LIST = "list"  # an option that may be repeated
    FLAG = "flag"  # sent where it is set
    SWITCH = "switch"  # --x or --no-x; not sent where neither is given


@final
class Field(NamedTuple):
    """One member of a request.

    Args:
        member: its name in the body or query.
        help: what it says.
        flag: the option's name, if it is not that of the member.
        inside: the member of the body that it is a member of, if it is not the body's own.
    """

    member: str
    help: str = ""
    kind: ParamType[Any] | type = str
    form: Form = Form.OPTION
    flag: str | None = None
    required: bool = False
    inside: str | None = None

    @property
    def option(self) -> str:
        return self.flag or self.member.replace("_", "-")

    @property
    def called(self) -> str:
        """What people call it here."""
        is_argument = self.form in (Form.ARGUMENT, Form.ARGUMENTS, Form.ANY_ARGUMENTS)
        return self.option.upper() if is_argument else f"--{self.option}"

    def parameter(self) -> click.Parameter:
        """The member as click takes it, under its own name."""
        option = f"--{self.option}"
        match self.form:
            case Form.ARGUMENT:
                return self._argument(1)
            case Form.ARGUMENTS:
                return self._argument(-1)
            case Form.ANY_ARGUMENTS:
                return self._argument(-1, required=False)
            case Form.OPTION:
                return click.Option(
                    [option, self.member], type=self.kind, required=self.required, help=self.help
                )
            case Form.LIST:
                return click.Option(
                    [option, self.member], type=self.kind, multiple=True, help=self.help
                )
            case Form.FLAG:
                return click.Option([option, self.member], is_flag=True, help=self.help)
            case Form.SWITCH:
                return click.Option(
                    [f"{option}/--no-{self.option}", self.member], default=None, help=self.help
                )

    def _argument(self, count: int, *, required: bool = True) -> click.Argument:
        name = self.option.upper() + ("..." if count < 0 else "")
        return click.Argument(
            [self.member],
            type=self.kind,
            nargs=count,
            required=required,
            metavar=f"[{name}]" if not required else name,
        )

    def is_given(self, value: object) -> bool:
        match self.form:
            case Form.FLAG | Form.LIST | Form.ANY_ARGUMENTS:
                return bool(value)
            case Form.OPTION | Form.ARGUMENT | Form.ARGUMENTS | Form.SWITCH:
                return value is not None


def given(fields: Sequence[Field], values: Mapping[str, Any]) -> Members:
    """The members that were given, by name, each where it belongs."""
    members: Members = {}
    for field in fields:
        if field.is_given(values.get(field.member)):
            place = members if field.inside is None else members.setdefault(field.inside, {})
            place[field.member] = values[field.member]
    return members


def in_options(text: str, fields: Sequence[Field]) -> str:
    """A sentence of the API with the options in place of the members that it names."""
    for field in fields:
        names = [f"/{field.member}", f"the parameter {field.member}"]
        if field.inside is not None:
            names.insert(0, f"/{field.inside}/{field.member}")
        if "_" in field.member:  # else it may be any word
            names.append(field.member)
        for name in names:
            text = re.sub(rf"(?<![\w/]){re.escape(name)}(?![\w/])", field.called, text)
    return text


def one_of(*enums: type[Enum]) -> click.Choice[str]:
    """The values of enums, to choose from."""
    values = [str(member.value) for members in enums for member in members]
    return click.Choice(values, case_sensitive=False)


COUNT: Final = click.IntRange(min=1)  # the API takes 0 for its default; who asks for none is wrong
LIMIT: Final = Field("limit", "how many at most", COUNT)
CURSOR: Final = Field(
    "cursor", "continue there, as the last answer said (`next_cursor` with --json)"
)
REASON: Final = Field("reason", "why, for those who read it later")
DUE_REASON: Final = Field("reason", "why; required")
METADATA: Final = Field("metadata", "JSON, @FILE or - for stdin", JSON)
RESULT: Final = Field("result", "JSON, @FILE or - for stdin", JSON)
ERROR: Final = Field("error", "what went wrong", required=True)
KEY: Final = Field("idempotency_key", "sent again, the same key has the same effect", flag="key")
CHANNEL: Final = Field("network_channel", "channel of the agents that may do it", flag="channel")
WORKSPACE: Final = Field("workspace", "id, name or path of a workspace")
CAPABILITIES: Final = Field(
    "capabilities", "what the agent can do; may be repeated", form=Form.LIST, flag="capability"
)
