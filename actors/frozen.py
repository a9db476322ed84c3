"""Copies of frozen objects with some fields changed.

`attrs.evolve` does the same; the fold of events is made of it, and a frozen object sets each of its
fields through a call. Here a class of the same slots that is not frozen is filled with plain
stores, which the interpreter specializes, and the object then gets its own class: a fifth of the
time for a task (measured). That takes classes without a slot for weak references
(`weakref_slot=False`); others are copied by attrs. To the type checker this is `attrs.evolve`.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attrs import evolve as replace
else:
    import attrs

    def replace(instance: object, **changes: object) -> object:
        """A copy of `instance`, an attrs object without converters, with `changes`."""
        cls = instance.__class__
        copy = _copier(cls)
        if copy is None:
            return attrs.evolve(instance, **changes)
        copied = copy(instance)
        for name, value in changes.items():
            setattr(copied, name, value)
        copied.__class__ = cls
        return copied

    @functools.cache
    def _copier(cls: type) -> Callable[[Any], Any] | None:
        """Makes an object with the fields of one of `cls`, of a class that it can be cast from."""
        fields = attrs.fields(cls)
        names = [field.name for field in fields]
        is_plain = all(field.init and field.alias == field.name for field in fields)
        if (
            not is_plain
            or set(getattr(cls, "__slots__", ())) != set(names)
            or cls.__base__ is not object
        ):
            return None
        twin = type(cls.__name__, (), {"__slots__": tuple(names)})
        stores = "\n".join(f"    copied.{name} = original.{name}" for name in names)
        source = f"def copy(original):\n    copied = new(twin)\n{stores}\n    return copied"
        made: dict[str, Any] = {"new": object.__new__, "twin": twin}
        exec(source, made)  # as attrs makes its methods: from the names of the fields alone
        copy: Callable[[Any], Any] = made["copy"]
        return copy


stamp = object.__setattr__
"""Set a field of a copy that was made a moment ago and that nobody else holds."""

__all__ = ["replace", "stamp"]
