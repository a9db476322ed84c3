"""What may be asked of the registry; made valid or not at all."""

import posixpath
from typing import final

from attrs import field

from chargehand.actors import limits
from chargehand.actors.errors import invalid
from chargehand.actors.frozen import frozen
from chargehand.actors.ids import valid_session_id
from chargehand.actors.task import validation as valid


def _session_id(value: str | None) -> str | None:
    value = None if value is None else value.strip()
    if not value:
        return None
    if not valid_session_id(value):
        raise invalid(
            "/id",
            "a session id is 1 to 128 of A-Z, a-z, 0-9, . _ : @ and -, and starts with one of"
            " the letters or digits",
            "choose such an id, or leave it out to have one made",
        )
    return value


def _agent_name(value: str) -> str:
    return valid.required_text("/agent_name", value, chars_max=limits.NAME_CHARS_MAX)


def _name(value: str | None) -> str | None:
    return valid.optional_text("/name", value, chars_max=limits.NAME_CHARS_MAX)


def _capabilities(values: tuple[str, ...]) -> tuple[str, ...]:
    return valid.capabilities("/capabilities", values)


def _root_dir(value: str) -> str:
    """An absolute path in its shortest spelling; it need not exist."""
    path = valid.required_text("/root_dir", value, chars_max=4096)
    if not path.startswith("/"):
        raise invalid("/root_dir", "/root_dir must be an absolute path")
    return "/" + posixpath.normpath(path).strip("/")


@final
@frozen
class RegisterSession:
    agent_name: str = field(converter=_agent_name)
    id: str | None = field(default=None, converter=_session_id)
    name: str | None = field(default=None, converter=_name)
    workspace_id: str | None = None
    channel: str | None = field(default=None, converter=valid.channel)
    capabilities: tuple[str, ...] = field(default=(), converter=_capabilities)


@final
@frozen
class CreateWorkspace:
    root_dir: str = field(converter=_root_dir)
    name: str | None = field(default=None, converter=_name)
