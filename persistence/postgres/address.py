"""The address of a journal: a libpq URL with parameters of ours in it."""

import contextlib
import re
from difflib import get_close_matches
from typing import Final, final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from chargehand.actors.frozen import frozen, replace
from chargehand.actors.ports import StorageError

SCHEMES: Final = ("postgresql", "postgres")
SCHEMA: Final = "chargehand"
"""Of the tables, unless another one is named."""

_SCHEMA: Final = "schema"
_PREPARED: Final = "prepared"
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_APPLICATION_BYTES_MAX: Final = 63  # PostgreSQL keeps no more
_SECRETS: Final = frozenset({"password", "sslpassword"})
_WORD: Final = re.compile(r"\w+")
_SERVER: Final = re.compile(r"(\[[^]]*]|[^][:]*)(:[0-9]*)?")
_ILLEGIBLE: Final = (
    "the journal's address is not an address that libpq can read: postgresql://USER:PASSWORD@HOST/"
    "DATABASE, where a % in a password is written as %25, and ? # / @ : as %3F %23 %2F %40 %3A"
)


@final
class AddressError(StorageError):
    """Raised when a text is no address of a journal. What it says holds no password."""


@final
@frozen
class JournalAddress:
    """Args:
    conninfo: what libpq connects to.
    schema: of the tables.
    prepared: whether statements may be prepared; poolers of an old kind lose them.
    application: what the database shows of its connections, unless `conninfo` names it.
    """

    conninfo: str
    schema: str = SCHEMA
    prepared: bool = True
    application: str = "chargehand"

    @classmethod
    def parse(cls, url: str) -> "JournalAddress":
        """Of `postgresql://…`, with `schema=NAME` and `prepared=off` among its parameters.

        Raises:
            AddressError: it is no such address.
        """
        if url.partition(":")[0] not in SCHEMES:
            raise AddressError("the journal's address must begin with postgresql://")
        try:
            parts = urlsplit(url)
        except ValueError:
            raise AddressError(_ILLEGIBLE) from None
        _refuse_parts_of_a_password(url, parts)
        schema, prepared = SCHEMA, "on"
        others: list[tuple[str, str]] = []
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name == _SCHEMA:
                schema = value
            elif name == _PREPARED:
                prepared = value
            else:
                others.append((name, value))
        if _NAME.fullmatch(schema) is None:
            raise AddressError(
                f"{schema!r} is no name of a schema: use lower-case letters, digits and _"
            )
        if prepared not in ("on", "off"):
            raise AddressError("prepared= in the journal's address is on or off")
        conninfo = _url(parts, parts.netloc, others)
        _check(conninfo, [name for name, _ in others])
        return cls(conninfo, schema, prepared == "on")

    def of_node(self, name: str) -> "JournalAddress":
        """As a node of this name connects to it."""
        return replace(self, application=f"chargehand {name}"[:_APPLICATION_BYTES_MAX])

    def __str__(self) -> str:
        """Without passwords, and with a schema of another name than usual."""
        parts = urlsplit(self.conninfo)
        user, at, hosts = parts.netloc.rpartition("@")
        shown = [(name, value) for name, value in parse_qsl(parts.query) if name not in _SECRETS]
        if self.schema != SCHEMA:
            shown.append((_SCHEMA, self.schema))
        return _url(parts, user.partition(":")[0] + at + hosts, shown)


def _refuse_parts_of_a_password(url: str, parts: SplitResult) -> None:
    """Raises: AddressError: some of a password may stand where it is shown, as it was not encoded.
    Of a host, a database and a parameter an @ is %40 as well."""
    _, has_user, hosts = parts.netloc.rpartition("@")
    is_apart = url.count("@") == len(has_user) and "#" not in url
    if not is_apart or not all(map(_SERVER.fullmatch, hosts.split(","))):
        raise AddressError(_ILLEGIBLE)


def _check(conninfo: str, names: list[str]) -> None:
    """Raises: AddressError: libpq cannot read it, or does not know a parameter of these names."""
    known = [one.keyword.decode() for one in psycopg.pq.Conninfo.get_defaults()]
    unknown = [name for name in names if name not in known]
    if all(map(_WORD.fullmatch, unknown)):  # else it may be the rest of a password
        if unknown:
            parameters = "an unknown parameter" if len(unknown) == 1 else "unknown parameters"
            raise AddressError(
                f"the journal's address has {parameters} {', '.join(unknown)}: known are "
                f"{_SCHEMA}, {_PREPARED}, and those of libpq{_meant(unknown, known)}"
            )
        with contextlib.suppress(psycopg.Error):
            conninfo_to_dict(conninfo)
            return
    raise AddressError(_ILLEGIBLE)


def _meant(unknown: list[str], known: list[str]) -> str:
    names = [_SCHEMA, _PREPARED, *known]
    nearest = [near for name in unknown for near in get_close_matches(name, names, n=1)]
    return f"; did you mean {', '.join(nearest)}?" if nearest else ""


def _url(parts: SplitResult, netloc: str, query: list[tuple[str, str]]) -> str:
    """With the slashes that libpq wants, even where no host follows them."""
    asked = f"?{urlencode(query)}" if query else ""
    return f"{parts.scheme}://{netloc}{parts.path}{asked}"
