"""What an operator may set, by flag, environment or file; each setting is written down once.

A setting is a field of `ServerSettings` or of the core's `Settings`. Its flag, its environment
variable, its key in the TOML file and its line of help are derived from the field. Bridges are
tables of the file alone (`web.bridges.configuration`).
"""

import tomllib
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

from attrs import Attribute, field, fields
from attrs.validators import ge, gt

from chargehand.actors.frozen import frozen
from chargehand.actors.ids import valid_node_name
from chargehand.actors.settings import Settings
from chargehand.web.cli.environment import CLIENT_VARIABLES, PREFIX
from chargehand.web.exits import ExitCode, Fatal
from chargehand.web.hosts import ANY_ADDRESS, canonical_origin, is_loopback, split_authority
from chargehand.web.places import DATA_DIR, HTTP, SOCKET_NAME
from chargehand.web.setting_values import LogLevel, ValueForm
from chargehand.web.variables import nearest, unknown_variables

if TYPE_CHECKING:
    from chargehand.web.bridges.configuration import Webhook

CONFIG_VARIABLE: Final = "CHARGEHAND_CONFIG"
_SHOWN_CHARS_MAX: Final = 80  # of a value that is refused
BRIDGES: Final = "bridges"  # tables of the file, and of nothing else


def _address(_: object, attribute: "Attribute[str]", value: str) -> None:
    host, port = split_authority(value)
    if not host or port is None:
        raise ValueError(f"{attribute.name} must be HOST:PORT, not {value!r}")


def _reached(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
    if value is None:
        return
    host, port = split_authority(value)
    if not host or not port:
        raise ValueError(f"{attribute.name} must be HOST:PORT, not {value!r}")
    if host in ANY_ADDRESS:
        raise ValueError(
            f"{attribute.name} must be where the other nodes reach this one, not {value!r}"
        )


def _node_name(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
    if value is not None and not valid_node_name(value):
        shown = value if len(value) <= _SHOWN_CHARS_MAX else f"{value[:_SHOWN_CHARS_MAX]}…"
        raise ValueError(
            f"{attribute.name} must be up to 128 letters, digits and . _ : - that begin with a "
            f"letter or digit, not {shown!r}"
        )


def _loopback(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
    if value is None:
        return
    host, port = split_authority(value)
    if not is_loopback(host) or port is None:
        raise ValueError(
            f"{attribute.name} must be a port of this machine alone, as 127.0.0.1:2124, "
            f"not {value!r}"
        )


def _authorities(_: object, __: object, value: tuple[str, ...]) -> None:
    for entry in value:
        split_authority(entry)


def _origins(_: object, __: object, value: tuple[str, ...]) -> None:
    for entry in value:
        canonical_origin(entry)


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@final
@frozen
class ServerSettings:
    """Settings of the process and its listeners. Times are in seconds."""

    data_dir: Path = field(
        default=Path(DATA_DIR), metadata=_help("directory of the store; made if it is missing")
    )
    http: str = field(
        default=HTTP,
        validator=_address,
        metadata=_help("address to listen on; port 0 picks a free one"),
    )
    socket: Path | None = field(
        default=None,
        metadata=_help("path of the Unix socket; unset: chargehand.sock in the data directory"),
    )
    lane: str | None = field(
        default=None,
        validator=_loopback,
        metadata=_help("loopback address of a further listener with the agent lane; unset: none"),
    )
    token: str | None = field(
        default=None,
        repr=False,
        metadata=_help(
            "bearer token that TCP clients must send; needed to listen beyond this machine"
        ),
    )
    allowed_hosts: tuple[str, ...] = field(
        default=(),
        validator=_authorities,
        metadata=_help("further names, NAME or NAME:PORT, that a Host header may hold"),
    )
    allowed_origins: tuple[str, ...] = field(
        default=(),
        validator=_origins,
        metadata=_help("further origins, as https://example.org, whose pages may call"),
    )
    log_level: LogLevel = field(
        default=LogLevel.INFO, metadata=_help("least level of what is logged to stderr")
    )
    access_log: bool = field(default=False, metadata=_help("log one line for each request"))
    strict_requests: bool = field(
        default=False,
        metadata=_help("refuse unknown members and query parameters instead of ignoring them"),
    )
    ready_file: Path | None = field(
        default=None,
        metadata=_help("file to write the start-up report to, as JSON, once requests are served"),
    )
    grace_s: float = field(
        default=10.0,
        validator=gt(0),
        metadata=_help("time a stop may take before the process ends by force"),
    )
    keep_alive_s: float = field(
        default=75.0, validator=gt(0), metadata=_help("time a connection may stay open unused")
    )
    header_s: float = field(
        default=10.0, validator=gt(0), metadata=_help("time for a request's headers to arrive")
    )
    body_s: float = field(
        default=10.0, validator=gt(0), metadata=_help("time for a request's body to arrive")
    )
    write_s: float = field(
        default=30.0,
        validator=gt(0),
        metadata=_help("time for a client to take one piece of an answer or stream"),
    )
    max_connections: int = field(
        default=8192,
        validator=gt(0),
        metadata=_help(
            "connections open at a time, each listener; the open-files limit may lower it"
        ),
    )
    journal: str | None = field(
        default=None,
        repr=False,
        metadata=_help(
            "postgresql:// address of a journal that several nodes share, with --node, --advertise "
            "and --cluster-secret (docs/high-availability.md); unset: in the data directory"
        ),
    )
    node: str | None = field(
        default=None,
        validator=_node_name,
        metadata=_help("name of this node among those that share the journal"),
    )
    advertise: str | None = field(
        default=None,
        validator=_reached,
        metadata=_help("address at which the other nodes reach this one, and that it listens on"),
    )
    cluster_secret: str | None = field(
        default=None,
        repr=False,
        metadata={
            **_help("what the nodes know each other by; the same for all, and needed by --journal"),
            "hint": "make one for all nodes, as by `openssl rand -hex 32`",
        },
    )
    journal_ttl_s: float = field(
        default=5.0,
        validator=ge(0.5),
        metadata=_help("time without a sign of the active node after which another one takes over"),
    )
    journal_unreplicated: bool = field(
        default=False,
        metadata=_help("use a database that acknowledges what only one machine has"),
    )
    map_mib: int = field(
        default=1024,
        validator=gt(0),
        metadata=_help("first size of the store's memory map; it grows"),
    )

    @property
    def address(self) -> tuple[str, int]:
        host, port = split_authority(self.http)
        return host, port or 0

    @property
    def advertised(self) -> tuple[str, int] | None:
        if self.advertise is None:
            return None
        host, port = split_authority(self.advertise)
        return host, port or 0

    @property
    def lane_address(self) -> tuple[str, int] | None:
        if self.lane is None:
            return None
        host, port = split_authority(self.lane)
        return host, port or 0

    @property
    def socket_path(self) -> Path:
        return self.socket if self.socket is not None else self.data_dir / SOCKET_NAME


@final
@frozen
class Setting:
    """One setting as an operator sees it."""

    name: str
    form: ValueForm
    default: object
    help: str
    hint: str = ""  # how to come by a value where it must not be empty

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    @property
    def shown_default(self) -> str:
        """The default as one would write it; empty where there is none."""
        match self.default:
            case None | ():
                return ""
            case bool():
                return str(self.default).lower()
            case float():
                return f"{self.default:g}"
            case Enum():
                return str(self.default.value)
            case _:
                return str(self.default)

    @property
    def is_secret(self) -> bool:
        return self.name in ("token", "journal", "cluster_secret")


@final
@frozen
class Configuration:
    """Everything that was set, checked."""

    server: ServerSettings
    core: Settings
    bridges: "tuple[Webhook, ...]" = ()
    warnings: tuple[str, ...] = ()


def all_settings() -> tuple[Setting, ...]:
    """Every setting, those of the server first, in the order of their fields."""
    return tuple(
        Setting(
            attribute.name,
            ValueForm.of(attribute.type),
            attribute.default,
            attribute.metadata["help"],
            attribute.metadata.get("hint", ""),
        )
        for attribute in (*fields(ServerSettings), *fields(Settings))
    )


def load(
    flags: Mapping[str, str | bool | None],
    environment: Mapping[str, str],
    config: Path | None = None,
) -> Configuration:
    """The configuration: a flag wins over the environment, that over the file, that over defaults.

    Args:
        flags: by name; None is not given.
        config: the TOML file; by default the one that `CHARGEHAND_CONFIG` names.

    Raises:
        Fatal: something cannot be read or is out of bounds; the message names where it stands.
    """
    named_by = "--config"
    if config is None and environment.get(CONFIG_VARIABLE):
        config, named_by = Path(environment[CONFIG_VARIABLE]), CONFIG_VARIABLE
    file = {} if config is None else _read_file(config, named_by)
    settings = all_settings()
    webhooks = _webhooks(config, file[BRIDGES]) if BRIDGES in file else ()
    known = {BRIDGES, *(setting.name for setting in settings)}
    if unknown := _named(sorted(file.keys() - known), known):
        raise Fatal(ExitCode.BAD_SETTING, f"{config}: unknown settings: {unknown}")
    given: dict[str, _Given] = {}
    for setting in settings:
        flag, text = flags.get(setting.name), environment.get(setting.variable)
        if flag is not None:
            given[setting.name] = _text(setting, setting.flag, flag)
        elif text is not None:
            given[setting.name] = _text(setting, setting.variable, text)
        elif setting.name in file:
            where = f"{config}: {setting.name}"
            given[setting.name] = _toml(setting, where, file[setting.name])
    configuration = Configuration(
        _made(ServerSettings, given),
        _made(Settings, given),
        webhooks,
        _warnings(environment),
    )
    check_exposure(configuration.server, given["http"].where if "http" in given else "http")
    _check_cluster(configuration.server)
    return configuration


def check_exposure(server: ServerSettings, where: str, token: str = f"{PREFIX}TOKEN") -> None:
    """Refuse an address at which anybody could come in.

    Args:
        where: the address stands.
        token: by which a token is set.

    Raises:
        Fatal: others than this machine could come in, and nobody asks them for a token.
    """
    host, _ = server.address
    if server.token is None and not is_loopback(host):
        raise Fatal(
            ExitCode.BAD_SETTING,
            f"{where}: listening on {host} lets other machines in: set a token "
            f"({token}) or listen on 127.0.0.1",
        )


def _check_cluster(server: ServerSettings) -> None:
    """Raises: Fatal: something is set without what it needs."""
    needed = {
        "--node": server.node,
        "--advertise": server.advertise,
        f"{PREFIX}CLUSTER_SECRET": server.cluster_secret,
    }
    missing = [name for name, value in needed.items() if value is None]
    if server.journal is not None and missing:
        raise Fatal(ExitCode.BAD_SETTING, f"--journal needs {', '.join(missing)} as well")
    if server.journal is None and len(missing) < len(needed):
        given = next(name for name, value in needed.items() if value is not None)
        raise Fatal(ExitCode.BAD_SETTING, f"{given} means nothing without --journal")
    _check_advertised(server)


def _check_advertised(server: ServerSettings) -> None:
    """Raises: Fatal: the other nodes would come in where clients do."""
    if server.advertise is None or server.advertised is None:
        return
    (host, port), (own, taken) = server.advertised, server.address
    if port == taken and (host == own or own in ANY_ADDRESS):
        raise Fatal(
            ExitCode.BAD_SETTING,
            f"--advertise: clients come in at port {port} already (--http {server.http}): choose "
            f"another one for the nodes, as --advertise {server.advertise.rpartition(':')[0]}:"
            f"{port % 65535 + 1}",
        )


def known_variables() -> frozenset[str]:
    """All that the program takes from the environment, as a server or a client."""
    return frozenset(
        (CONFIG_VARIABLE, *CLIENT_VARIABLES, *(setting.variable for setting in all_settings()))
    )


def _warnings(environment: Mapping[str, str]) -> tuple[str, ...]:
    """What to say of variables that look like ours; others may have set them, so all are let be."""
    known = known_variables()
    unknown = _named(unknown_variables(environment, known), known)
    return (f"the environment: unknown settings are ignored: {unknown}",) if unknown else ()


def _named(names: Iterable[str], known: Iterable[str]) -> str:
    """The names that are no settings, each with the one that may have been meant."""
    meant = ((name, nearest(name, known)) for name in names)
    return ", ".join(
        name if near is None else f"{name} (did you mean {near}?)" for name, near in meant
    )


@final
@frozen
class _Given:
    """A value and where it stands."""

    where: str
    value: object


def _text(setting: Setting, where: str, text: str | bool) -> _Given:
    try:
        return _Given(where, text if isinstance(text, bool) else setting.form.from_text(text))
    except ValueError as error:
        raise _refused(setting, where, text) from error


def _toml(setting: Setting, where: str, value: object) -> _Given:
    try:
        return _Given(where, setting.form.from_toml(value))
    except ValueError as error:
        raise _refused(setting, where, value) from error


def _refused(setting: Setting, where: str, value: object) -> Fatal:
    if isinstance(value, str) and not value.strip() and setting.form is ValueForm.TEXT:
        step = setting.hint or "set it, or leave it out"
        return Fatal(ExitCode.BAD_SETTING, f"{where} is empty: {step}")
    shown = "what is there" if setting.is_secret else repr(value)
    return Fatal(ExitCode.BAD_SETTING, f"{where}: expected {setting.form.expected}, not {shown}")


_S = TypeVar("_S", ServerSettings, Settings)


def _made(cls: type[_S], given: Mapping[str, _Given]) -> _S:
    """A `cls` of what is given; each value is tried alone first, so that an error names it."""
    values: dict[str, Any] = {}
    for attribute in fields(cls):
        if attribute.name in given:
            values[attribute.name] = given[attribute.name].value
            try:
                cls(**{attribute.name: values[attribute.name]})
            except ValueError as error:
                where = given[attribute.name].where  # which names it already
                text = str(error).removeprefix(f"{attribute.name} ")
                text = text.removeprefix(f"'{attribute.name}' ")
                raise Fatal(ExitCode.BAD_SETTING, f"{where}: {text}") from error
    return cls(**values)


def _webhooks(config: Path | None, tables: object) -> "tuple[Webhook, ...]":
    from chargehand.web.bridges.configuration import (
        read_webhooks,  # what no command but the server needs
    )

    return read_webhooks(f"{config}", tables)


def _read_file(path: Path, named_by: str) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise Fatal(ExitCode.BAD_SETTING, f"{named_by}: {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Fatal(ExitCode.BAD_SETTING, f"{path}: not TOML: {error}") from error
