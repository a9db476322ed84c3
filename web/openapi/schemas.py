"""JSON schemas of request and answer classes, by reflection: they cannot differ from the code."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any, Final, Union, final, get_args, get_origin

import attrs
import orjson

from chargehand.actors.task.state import Json
from chargehand.web.bodies import Body, Items, Request, members_of
from chargehand.web.openapi.texts import text_of
from chargehand.web.shapes.encoding import Encoded

Schema = dict[str, Any]

_TIME: Final = re.compile(r"(\w+_at|as_of|timestamp|lease_until)")
_PLAIN: Final[Mapping[type, str]] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    float: "number",
}


@final
@attrs.define
class Schemas:
    """Collects the component of each class that a document refers to.

    Args:
        components: filled here; those of requests and of answers may share it.
        of_requests: null is taken for a member that is left out. Answers hold no null.
    """

    components: dict[str, Schema] = attrs.field(factory=dict)
    _of_requests: bool = False
    _classes: dict[str, Request] = attrs.field(factory=dict)

    def of(self, annotation: object) -> Schema:
        """The schema of a type; None in a union means that a member may be left out."""
        if isinstance(annotation, Body):
            return {"type": "array", "items": self.reference(annotation)}
        if annotation in (Json, orjson.Fragment, Any, object):
            return {}
        if annotation is datetime:
            return {"type": "string", "format": "date-time"}
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (Union, UnionType):
            return self._union([one for one in arguments if one not in (type(None), Encoded)])
        if origin in (list, tuple):
            return {"type": "array", "items": self.of(arguments[0])}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if not isinstance(annotation, type):
            raise TypeError(f"no schema is known for {annotation}")
        if issubclass(annotation, Enum):
            return {"type": "string", "enum": [member.value for member in annotation]}
        if attrs.has(annotation):
            return self.reference(annotation)
        return {"type": _PLAIN[annotation]}

    def _union(self, parts: list[Any]) -> Schema:
        if len(parts) == 1:
            return self.of(parts[0])
        return {"anyOf": [self.of(part) for part in parts]}

    def reference(self, cls: Request) -> Schema:
        """A reference to the component of a class or body, which is made where it is not there."""
        name = self._name(cls)
        known = self._classes.setdefault(name, cls)
        if name not in self.components:
            self.components[name] = {}  # a class that holds itself finds it here
            self.components[name] = self._object(cls)
        elif known is not cls and self._object(cls) != self.components[name]:
            raise TypeError(f"{known} and {cls} have one name")
        return {"$ref": f"#/components/schemas/{name}"}

    def component(self, cls: Request) -> Schema:
        """The schema of a class or body that was referred to."""
        return self.components[self._name(cls)]

    def _name(self, cls: Request) -> str:
        """What is both asked for and answered has two names, as it has two schemas."""
        if not isinstance(cls, type):
            return cls.schema
        if not self._of_requests or cls.__name__.endswith("Request"):
            return cls.__name__
        return f"{cls.__name__}Request"

    def _object(self, cls: Request) -> Schema:
        class_name = cls.__name__ if isinstance(cls, type) else cls.schema
        properties: Schema = {}
        required: list[str] = []
        for member in members_of(cls):
            schema = self.of(member.annotation)
            if schema == {"type": "string"} and _TIME.fullmatch(member.name):
                schema["format"] = "date-time"
            if "values" in member.metadata:  # of a list of texts, where no enum names them
                schema["items"]["enum"] = list(member.metadata["values"])
            text = text_of(class_name, member.name, is_object="$ref" in schema)
            if self._of_requests and not member.is_required and schema:
                schema = {"anyOf": [schema, {"type": "null"}]}
            if text:
                schema["description"] = text
            properties[member.name] = schema
            if member.is_required:
                required.append(member.name)
        made: Schema = {"type": "object", "properties": properties}
        if required:
            made["required"] = required
        about = (cls.__doc__ or "").strip() if isinstance(cls, type) else _about(cls)
        if about:
            made["description"] = about
        return made


def _about(body: Body[Any] | Items[Any]) -> str | None:
    return body.about if isinstance(body, Body) else None
