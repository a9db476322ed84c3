"""Frozen classes and their copies: what `attrs.frozen` and `attrs.evolve` are, but fast.

A class of `attrs.frozen` sets each field of a new object through a call, which was a tenth of all
that a claim takes (measured). That nobody sets a field afterwards is a matter of the source, and
the type checker proves it; so here it is left to the type checker, and the fields are plain
stores, which the interpreter specializes. Under `python -X dev` classes are frozen at run time too.
"""

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING or sys.flags.dev_mode:
    from attrs import evolve as replace
    from attrs import frozen
else:

    def frozen(cls: type | None = None, **options: Any) -> object:
        """`attrs.frozen` as the type checker sees it: values, equal and hashed by their fields."""
        if cls is None:
            return functools.partial(frozen, **options)
        by_fields = options.get("eq") is not False
        options = {"unsafe_hash": by_fields or None, "weakref_slot": False, **options}
        # Otherwise each field is set through a call where a class has converters, copies included.
        return attrs.define(cls, on_setattr=attrs.setters.NO_OP, **options)

    def replace(instance: object, **changes: object) -> object:
        """A copy of `instance`, an attrs object without converters, with `changes`."""
        copy = _copier(instance.__class__)
        if copy is None:
            return attrs.evolve(instance, **changes)
        copied = copy(instance)
        for name, value in changes.items():
            setattr(copied, name, value)
        return copied

    @functools.cache
    def _copier(cls: type) -> Callable[[Any], Any] | None:
        """Copies an object of `cls` field by field, where its `__init__` would do no more."""
        fields = attrs.fields(cls)
        is_plain = all(field.init and field.alias == field.name for field in fields)
        if not is_plain or cls.__dictoffset__ or hasattr(cls, "__attrs_post_init__"):
            return None
        stores = "\n".join(f"    copied.{field.name} = original.{field.name}" for field in fields)
        source = f"def copy(original):\n    copied = new(cls)\n{stores}\n    return copied"
        made: dict[str, Any] = {"new": object.__new__, "cls": cls}
        exec(source, made)  # as attrs makes its methods: from the names of the fields alone
        copy: Callable[[Any], Any] = made["copy"]
        return copy


stamp = object.__setattr__
"""Set a field of a copy that was made a moment ago and that nobody else holds."""


def transfer(cls: type[attrs.AttrsInstance]) -> Callable[[object, object], None]:
    """A function that sets the fields of `cls` of one object, as `stamp` does, to those of another:
    `transferred(to, of)`. Both are of classes that inherit them."""
    if sys.flags.dev_mode:

        def transferred(to: object, of: object) -> None:
            for field in attrs.fields(cls):
                stamp(to, field.name, getattr(of, field.name))

        return transferred
    stores = "\n".join(f"    to.{field.name} = of.{field.name}" for field in attrs.fields(cls))
    made: dict[str, Any] = {}
    exec(f"def transferred(to, of):\n{stores}", made)
    fast: Callable[[object, object], None] = made["transferred"]
    return fast


__all__ = ["frozen", "replace", "stamp", "transfer"]
