"""Which codes the source names on the way of an operation: read from its handler on.

A function is read for the names that it uses. Those that are functions or classes of ours are read
too; a command leads to what decides it, and to the converters and validators of its members. What
is called on an object is followed only where the source says whose it is: on the system, and on
`around` of a decision. So what is found can be answered, but not all that can be is found.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, Final

import attrs

from chargehand.actors.errors import Code
from chargehand.actors.surroundings import SystemSurroundings
from chargehand.actors.system import System
from chargehand.actors.task import commands
from chargehand.actors.task.decide import _DECIDES, definition
from chargehand.actors.task.decide.enqueue import auto_enqueue
from chargehand.web.bodies import Body
from chargehand.web.openapi.table import DOCS
from chargehand.web.operations import Operation
from chargehand.web.routes import ROUTES

_OURS: Final = "chargehand."
_REFUSES_NOTHING: Final = {auto_enqueue}  # looks before whether it is possible
_OWNERS: Final = {"system": System, "around": SystemSurroundings}


def codes_of(operation: Operation) -> frozenset[Code]:
    """Those on the way of an operation, from its handler and from the command in its body on."""
    request = DOCS[operation].request
    body = [request.command] if isinstance(request, Body) else [request]
    return codes_from(ROUTES[operation], *body)


def codes_from(*starts: Any) -> frozenset[Code]:
    """All codes that are named by `starts`, and by whatever they use."""
    found: set[Code] = set()
    seen: set[int] = set()
    pending = [*starts]
    while pending:
        thing = pending.pop()
        if isinstance(thing, Code):
            found.add(thing)
        elif id(thing) not in seen and thing not in _REFUSES_NOTHING:
            seen.add(id(thing))
            pending.extend(_used_by(thing))
    return frozenset(found)


@cache
def _used_by(thing: Any) -> tuple[Any, ...]:
    if isinstance(thing, FunctionType):
        return tuple(_used_in(thing))
    if isinstance(thing, type) and attrs.has(thing):
        return tuple(_of_members(thing))
    return ()


def _of_members(cls: type) -> Iterator[Any]:
    for member in attrs.fields(cls):
        for of in (member.converter, member.validator):
            if of is not None:
                yield getattr(of, "converter", of)
    for name in ("__attrs_post_init__", "__attrs_pre_init__"):
        if name in vars(cls):
            yield vars(cls)[name]
    if cls in _DECIDES:
        yield _DECIDES[cls]
    if cls is commands.CreateTask:
        yield definition.create


def _used_in(function: FunctionType) -> Iterator[Any]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    known = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    if function.__qualname__.startswith("System."):  # asks what a command is, and makes none
        known = {name: of for name, of in known.items() if of is not commands}
    for name in function.__code__.co_varnames:
        known.pop(name, None)
    for node in _in_the_body(tree):
        if isinstance(node, ast.Name):
            yield from _ours(known.get(node.id))
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name):
                owner = known.get(node.value.id)
                if isinstance(owner, ModuleType) or owner is Code:
                    yield from _ours(getattr(owner, node.attr, None))
                if node.value.id == "self" and function.__qualname__.startswith("System."):
                    yield from _ours(getattr(System, node.attr, None))
            elif isinstance(node.value, ast.Attribute) and node.value.attr in _OWNERS:
                yield from _ours(getattr(_OWNERS[node.value.attr], node.attr, None))


def _in_the_body(tree: ast.Module) -> Iterator[ast.AST]:
    """Without annotations, which use nothing."""
    [function] = tree.body
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.AnnAssign):
                node.annotation = ast.Constant(None)
            yield node


def _ours(value: Any) -> Iterator[Any]:
    if isinstance(value, Code):
        yield value
    elif isinstance(value, FunctionType) and (value.__module__ or "").startswith(_OURS):
        yield inspect.unwrap(value)
    elif isinstance(value, type) and value.__module__.startswith(_OURS) and attrs.has(value):
        yield value
