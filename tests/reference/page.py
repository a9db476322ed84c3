"""The reference of the public API, as its signatures and docstrings have it."""

import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import attrs

import chargehand

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/reference.md"
WIDTH: Final = 100

_INTRODUCTION: Final = """# Reference

What a Python program may import from `chargehand`. Whatever is not here is internal and may change.
Everything is typed: type checkers find the types of a plain installation (`pip install .`); those
of an editable one (`pip install -e .`) they find with `MYPYPATH` set to the checkout.
Times are in seconds. How it is used stands in the [README](../README.md#agent-pools).

Written by `make reference` from the docstrings.
"""
_SECTIONS: Final = {
    "In the same process": (
        "open_system",
        "LocalSystem",
        "Settings",
        "ReviewPolicy",
        "WebhookBridge",
        "BootClock",
    ),
    "Beside a server": ("Client", "BlockingClient"),
    "The calls of both": ("Api",),
    "Pools": ("AgentPool", "PoolMetrics", "Ending", "Fail", "Release", "NeedsPerson"),
    "What they take and give": ("NewTask", "Agent", "Claim", "Task", "Run", "Event"),
    "Errors": (
        "ChargehandError",
        "Refused",
        "BatchRefused",
        "LeaseLost",
        "Unavailable",
        "OpenError",
        "StorageError",
    ),
}
_NOT_MADE: Final = {
    "LocalSystem",
    "Claim",
    "Ending",
    "Settings",
    "ReviewPolicy",
    *_SECTIONS["Errors"],
}
_MEMBERS_OF: Final = {"Api": None, "AgentPool": None, "Claim": None, "Task": None}  # shown in full
_HEADINGS: Final = re.compile(r"^(Args|Returns|Raises|Attributes): ?(.*)$")
_ENTRY: Final = re.compile(r"^    (\w[\w, ]*): (.*)$")


def page() -> str:
    """The whole page."""
    listed = {name for names in _SECTIONS.values() for name in names}
    assert listed == set(chargehand.__all__), "a public name has no place on the page"
    parts = [_INTRODUCTION]
    for section, names in _SECTIONS.items():
        parts.append(f"## {section}\n")
        for name in names:
            parts += _described(name, getattr(chargehand, name))
    return "\n".join(parts)


def _described(name: str, thing: Any) -> Iterator[str]:
    yield f"### {name}\n"
    if inspect.isclass(thing):
        bases = [base.__name__ for base in thing.__bases__ if base.__name__ in chargehand.__all__]
        if bases:
            yield f"A kind of {' and '.join(f'[{base}](#{base.lower()})' for base in bases)}.\n"
        if _is_made_by_callers(thing):
            yield _code(f"{name}{_signature(thing)}")
        types_of = {} if _is_made_by_callers(thing) else _attribute_types(thing)
        yield _text(inspect.getdoc(thing) or "", types_of)
        if name == "Settings":
            yield from _settings(thing)
        if issubclass(thing, Enum):
            yield "".join(f"- `{member}`\n" for member in thing)
        if name in _MEMBERS_OF:
            for part in thing.__mro__:
                if part.__module__.startswith(f"{chargehand.__name__}."):
                    for member, value in vars(part).items():
                        if not member.startswith("_"):
                            yield from _member(name, member, value)
    else:
        yield _code(f"{_kind(thing)}{name}{_signature(thing)}")
        yield _text(inspect.getdoc(thing) or "")


def _is_made_by_callers(thing: type) -> bool:
    return not inspect.isabstract(thing) and thing.__name__ not in _NOT_MADE


def _attribute_types(thing: type) -> dict[str, str]:
    """Of the attributes of what callers do not make, whose signature is not shown: as the class
    annotates them, or as they are given to it."""
    made = thing.__init__ if inspect.isfunction(thing.__init__) else None
    given = {} if made is None else inspect.get_annotations(made)
    known = {**given, **inspect.get_annotations(thing)}
    return {name: _type(one) for name, one in known.items()}


def _member(owner: str, name: str, value: Any) -> Iterator[str]:
    if isinstance(value, property) or hasattr(value, "func"):
        getter = value.fget if isinstance(value, property) else value.func
        shown = inspect.signature(getter).return_annotation
        yield _code(f"{owner}.{name}: {_type(shown)}")
        yield _text(inspect.getdoc(getter) or "")
    elif inspect.isfunction(value):
        yield _code(f"{_kind(value)}{owner}.{name}{_signature(value)}")
        yield _text(inspect.getdoc(value) or "")


def _settings(thing: type) -> Iterator[str]:
    yield "| setting | default | what it sets |\n|---|---|---|"
    for field in attrs.fields(thing):
        shown = str(field.default) if isinstance(field.default, Enum) else repr(field.default)
        yield f"| `{field.name}` | `{shown}` | {field.metadata['help']} |"
    yield ""


def _kind(thing: Any) -> str:
    if inspect.iscoroutinefunction(thing):
        return "await "
    wrapped = inspect.unwrap(thing)
    return "async with " if inspect.isasyncgenfunction(wrapped) else ""


def _signature(thing: Any) -> str:
    signature = inspect.signature(thing)
    shown = []
    is_behind_star = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not is_behind_star:
            is_behind_star = True
            shown.append("*")
        shown.append(_parameter(parameter))
    returned = signature.return_annotation
    behind = (
        "" if inspect.isclass(thing) or returned in (None, "None") else f" -> {_type(returned)}"
    )
    line = f"({', '.join(shown)}){behind}"
    if len(line) <= WIDTH - 40:
        return line
    return "(\n" + "".join(f"    {one},\n" for one in shown) + f"){behind}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    shown = f"{stars}{parameter.name}: {_type(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return shown
    default = parameter.default
    named = default.__name__ if inspect.isfunction(default) else repr(default)
    return f"{shown} = {named}"


def _type(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    if annotation in (None, types.NoneType):
        return "None"
    if annotation is Any:
        return "Any"
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(_type, args))
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, args))}]"
    if isinstance(annotation, list):
        return f"[{', '.join(map(_type, annotation))}]"
    if origin is not None:
        name = getattr(annotation, "__name__", None) or origin.__name__
        return f"{name}[{', '.join('...' if one is Ellipsis else _type(one) for one in args)}]"
    return getattr(annotation, "__qualname__", repr(annotation))


def _code(text: str) -> str:
    return f"```python\n{text}\n```\n"


def _text(doc: str, types_of: Mapping[str, str] = MappingProxyType({})) -> str:
    """A docstring as Markdown: lists of arguments become lists, and examples code.

    Args:
        types_of: the types of names that are to be shown with theirs.
    """
    lines: list[str] = []
    in_code = False
    heading = None
    for line in doc.splitlines():
        found = _HEADINGS.match(line)
        entry = _ENTRY.match(line)
        if in_code and line.strip() and not line.startswith("    "):
            in_code = False
            lines = [*_without_blank_end(lines), "```", ""]
        if found is not None:
            heading = found[1]
            lines += ["", f"**{heading}**{': ' + found[2] if found[2] else ''}", ""]
        elif heading is not None and line.startswith("    "):
            if entry is not None:
                names = ", ".join(
                    f"`{name}: {types_of[name]}`" if name in types_of else f"`{name}`"
                    for name in map(str.strip, entry[1].split(","))
                )
                lines.append(f"- {names}: {entry[2]}")
            else:
                lines.append(("  " if line.startswith("     ") else "") + line.strip())
        elif heading is None and line.startswith("    "):
            if not in_code:
                in_code = True
                lines.append("```python")
            lines.append(line[4:])
        else:
            lines.append(line)
    if in_code:
        lines = [*_without_blank_end(lines), "```"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _without_blank_end(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines
