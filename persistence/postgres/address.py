"""The address of a journal: a libpq URL with parameters of ours in it."""

import re
from typing import Final, final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import StorageError

SCHEMES: Final = ("postgresql", "postgres")
_SCHEMA: Final = "schema"
_PREPARED: Final = "prepared"
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_SECRETS: Final = frozenset({"password", "sslpassword"})


@final
@frozen
class JournalAddress:
    """Args:
    conninfo: what libpq connects to.
    schema: of the tables.
    prepared: whether statements may be prepared; poolers of an old kind lose them.
    """

    conninfo: str
    schema: str = "chargehand"
    prepared: bool = True

    @classmethod
    def parse(cls, url: str) -> "JournalAddress":
        """Of `postgresql://…`, with `schema=NAME` and `prepared=off` among its parameters.

        Raises:
            StorageError: it is no such address.
        """
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            raise StorageError("the journal's address must begin with postgresql://")
        schema, prepared = "chargehand", "on"
        others: list[tuple[str, str]] = []
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name == _SCHEMA:
                schema = value
            elif name == _PREPARED:
                prepared = value
            else:
                others.append((name, value))
        if _NAME.fullmatch(schema) is None:
            raise StorageError(
                f"{schema!r} is no name of a schema: use lower-case letters, digits and _"
            )
        if prepared not in ("on", "off"):
            raise StorageError("prepared= in the journal's address is on or off")
        return cls(_url(parts, parts.netloc, others), schema, prepared == "on")

    def __str__(self) -> str:
        """Without passwords."""
        parts = urlsplit(self.conninfo)
        user, at, hosts = parts.netloc.rpartition("@")
        shown = [(name, value) for name, value in parse_qsl(parts.query) if name not in _SECRETS]
        return _url(parts, user.partition(":")[0] + at + hosts, shown)


def _url(parts: SplitResult, netloc: str, query: list[tuple[str, str]]) -> str:
    """With the slashes that libpq wants, even where no host follows them."""
    asked = f"?{urlencode(query)}" if query else ""
    return f"{parts.scheme}://{netloc}{parts.path}{asked}"
