"""The `[[bridges]]` tables of the configuration file, each checked as a whole."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, final
from urllib.parse import urlsplit

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.limits import BRIDGE_ID_CHARS_MAX
from chargehand.actors.task.state import Scope
from chargehand.web.bridges.signature import key_of
from chargehand.web.exits import ExitCode, Fatal

TIMEOUT_S_DEFAULT: Final = 10.0
TIMEOUT_S_MAX: Final = 300.0
BRIDGES_MAX: Final = 256
SECRETS_MAX: Final = 4  # of one bridge; a rotation needs two

_KEYS: Final = ("id", "scope", "workspace", "url", "secret", "timeout_seconds", "enabled")
_T = TypeVar("_T")


@final
@frozen
class Webhook:
    """One bridge as configured.

    Args:
        workspace: id, name or path; it need not be registered yet.
        keys: what requests are signed with, each with all of them.
        timeout_s: for one attempt, redirects and answer included.
    """

    id: str
    scope: Scope
    workspace: str | None
    url: str
    keys: tuple[bytes, ...] = field(repr=False)
    timeout_s: float = TIMEOUT_S_DEFAULT
    enabled: bool = True


def numbered_table(where: str, index: int) -> str:
    """What a table of a file is called."""
    return f"{where}: [[bridges]] number {index + 1}"


def read_webhooks(
    where: str, tables: object, called: Callable[[str, int], str] = numbered_table
) -> tuple[Webhook, ...]:
    """The bridges of a file.

    Args:
        where: names the file, for whoever has to correct it.
        called: names one of them, by its place.

    Raises:
        Fatal: BAD_SETTING, naming the bridge and its key, but no secret and no url.
    """
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise Fatal(ExitCode.BAD_SETTING, f"{where}: bridges: expected [[bridges]] tables")
    if len(tables) > BRIDGES_MAX:
        raise Fatal(ExitCode.BAD_SETTING, f"{where}: bridges: more than {BRIDGES_MAX} of them")
    webhooks: dict[str, Webhook] = {}
    for index, table in enumerate(tables):
        reader = _Reader(called(where, index), table)
        webhook = reader.webhook()
        if webhook.id in webhooks:
            raise reader.refused("id", f"{webhook.id!r} is the id of another bridge, too")
        webhooks[webhook.id] = webhook
    return tuple(webhooks.values())


@final
class _Reader:
    """Reads one table."""

    def __init__(self, where: str, table: Mapping[str, Any]) -> None:
        self._where = where
        self._table = table

    def refused(self, key: str, why: str) -> Fatal:
        return Fatal(ExitCode.BAD_SETTING, f"{self._where}: {key}: {why}")

    def webhook(self) -> Webhook:
        unknown = sorted(self._table.keys() - set(_KEYS))
        if unknown:
            raise Fatal(
                ExitCode.BAD_SETTING,
                f"{self._where}: unknown keys: {', '.join(unknown)}; known are {', '.join(_KEYS)}",
            )
        bridge_id = self._text("id")
        if len(bridge_id) > BRIDGE_ID_CHARS_MAX:
            raise self.refused("id", f"longer than {BRIDGE_ID_CHARS_MAX} characters")
        workspace = self._text("workspace") if "workspace" in self._table else None
        return Webhook(
            id=bridge_id,
            scope=self._scope(workspace),
            workspace=workspace,
            url=self._url(),
            keys=self._keys(),
            timeout_s=self._timeout_s(),
            enabled=self._optional("enabled", bool, "true or false", True),
        )

    def _scope(self, workspace: str | None) -> Scope:
        """What is not said follows from whether a workspace is named."""
        implied = Scope.GLOBAL if workspace is None else Scope.WORKSPACE
        text = self._optional("scope", str, "global or workspace", implied.value)
        if text not in {scope.value for scope in Scope}:
            raise self.refused("scope", f"expected global or workspace, not {text!r}")
        if text == implied.value:
            return implied
        if implied is Scope.GLOBAL:
            raise self.refused("workspace", "a bridge of scope workspace must name its workspace")
        raise self.refused("workspace", "a bridge of scope global has none")

    def _url(self) -> str:
        url = self._text("url")
        try:
            parts = urlsplit(url)
            fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            fits = False
        if not fits or not url.isascii() or any(c.isspace() for c in url):
            raise self.refused("url", "expected http://HOST/PATH or https://HOST/PATH")
        if "@" in parts.netloc:
            raise self.refused("url", "must not hold a user or password: messages are signed")
        if parts.fragment:
            raise self.refused("url", "must not hold a fragment")
        return url

    def _keys(self) -> tuple[bytes, ...]:
        """Of one secret, or of the several that a rotation has."""
        if "secret" not in self._table:
            raise self.refused("secret", "is missing: every message is signed with it")
        value = self._table["secret"]
        secrets = value if isinstance(value, list) else [value]
        if not 0 < len(secrets) <= SECRETS_MAX or not all(isinstance(one, str) for one in secrets):
            raise self.refused("secret", f"expected a text, or a list of 1 to {SECRETS_MAX} texts")
        try:
            return tuple([key_of(secret) for secret in secrets])
        except ValueError as error:
            raise self.refused("secret", str(error)) from None

    def _timeout_s(self) -> float:
        value = self._table.get("timeout_seconds", TIMEOUT_S_DEFAULT)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value <= TIMEOUT_S_MAX:
            raise self.refused(
                "timeout_seconds",
                f"expected a number above 0 and up to {TIMEOUT_S_MAX:g}, not {value!r}",
            )
        return float(value)

    def _text(self, key: str) -> str:
        if key not in self._table:
            raise self.refused(key, "is missing")
        value = self._table[key]
        if not isinstance(value, str) or not value.strip():
            raise self.refused(key, "expected a text that is not empty")
        return value.strip()

    def _optional(self, key: str, kind: type[_T], expected: str, default: _T) -> _T:
        value = self._table.get(key, default)
        if not isinstance(value, kind):
            raise self.refused(key, f"expected {expected}, not {value!r}")
        return value
