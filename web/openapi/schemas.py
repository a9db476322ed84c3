"""JSON schemas of request and answer classes, by reflection: they cannot differ from the code."""

import re
from collections.abc import Mapping
from enum import Enum
from types import UnionType
from typing import Any, Final, Union, final, get_args, get_origin, get_type_hints

import attrs
import orjson

from chargehand.actors.task.state import Json
from chargehand.web.openapi.texts import text_of

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
    _classes: dict[str, type] = attrs.field(factory=dict)

    def of(self, annotation: object) -> Schema:
        """The schema of a type; None in a union means that a member may be left out."""
        if annotation in (Json, orjson.Fragment, Any, object):
            return {}
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (Union, UnionType):
            return self._union([part for part in arguments if part is not type(None)])
        if origin in (list, tuple):
            return {"type": "array", "items": self.of(arguments[0])}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if not isinstance(annotation, type):
            raise TypeError(f"no schema is known for {annotation}")
        if issubclass(annotation, Enum):
            return {"type": "string", "enum": [member.value for member in annotation]}
        if attrs.has(annotation):
            return self._reference(annotation)
        return {"type": _PLAIN[annotation]}

    def _union(self, parts: list[Any]) -> Schema:
        if len(parts) == 1:
            return self.of(parts[0])
        return {"anyOf": [self.of(part) for part in parts]}

    def _reference(self, cls: type) -> Schema:
        name = self._name(cls)
        known = self._classes.setdefault(name, cls)
        if known is not cls:
            raise TypeError(f"{known} and {cls} have one name")
        if name not in self.components:
            self.components[name] = {}  # a class that holds itself finds it here
            self.components[name] = self._object(cls)
        return {"$ref": f"#/components/schemas/{name}"}

    def component(self, cls: type) -> Schema:
        """The schema of a class that was referred to."""
        return self.components[self._name(cls)]

    def _name(self, cls: type) -> str:
        """What is both asked for and told has two names, as it has two schemas."""
        if not self._of_requests or cls.__name__.endswith("Request"):
            return cls.__name__
        return f"{cls.__name__}Request"

    def _object(self, cls: type) -> Schema:
        hints = get_type_hints(cls)
        properties: Schema = {}
        required: list[str] = []
        for field in attrs.fields(cls):
            schema = self.of(hints[field.name])
            if schema == {"type": "string"} and _TIME.fullmatch(field.name):
                schema["format"] = "date-time"
            if "values" in field.metadata:  # of a list of texts, where no enum names them
                schema["items"]["enum"] = list(field.metadata["values"])
            text = text_of(cls.__name__, field.name, is_object="$ref" in schema)
            if self._of_requests and field.default is not attrs.NOTHING and schema:
                schema = {"anyOf": [schema, {"type": "null"}]}
            if text:
                schema["description"] = text
            properties[field.name] = schema
            if field.default is attrs.NOTHING:
                required.append(field.name)
        made: Schema = {"type": "object", "properties": properties}
        if required:
            made["required"] = required
        if cls.__doc__:
            made["description"] = cls.__doc__.strip()
        return made
