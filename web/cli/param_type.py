"""click's base class of parameter types, generic in every version: in click itself since 8.4."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click import ParamType
else:

    class ParamType(click.ParamType):
        """Takes a type argument whatever the version of click."""

        def __class_getitem__(cls, _: object) -> type:
            return cls


__all__ = ["ParamType"]
