"""A connection that is made anew when it was lost, and that hears every warning."""

import contextlib
import random
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chargehand.actors.boot_clock import boot_ns
from chargehand.persistence.postgres.address import JournalAddress

CONNECT_S_MAX: Final = 5
_PREPARE_AFTER: Final = 3
_LISTS: Final = ("host", "hostaddr", "port")  # these name several servers
_WRITES: Final = frozenset({"read-write", "primary"})  # of `target_session_attrs`
# A peer that has vanished is noticed in seconds, not in the hours of TCP's own patience.
_DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_S_MAX,
    "keepalives_idle": 2,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,
    "target_session_attrs": "read-write",
}

_CUT: Final = "it had not answered for long, so the connection was given up"

Rows = list[tuple[Any, ...]]
Values = Sequence[object] | Mapping[str, object]


@final
class Database:
    """Each statement is a transaction of its own. Used by one thread, but for `interrupt` and
    `end_hung`.

    Attributes:
        warnings: what the server said besides, since somebody cleared them.
    """

    def __init__(self, address: JournalAddress) -> None:
        self.address = address
        self.warnings: list[str] = []
        self._connection: psycopg.Connection[Any] | None = None
        self._asked_ns: int | None = None  # when the statement under way began
        self._is_cut = False  # somebody here has ended the wait for it

    def rows(self, text: str, values: Values = ()) -> Rows:
        """What a statement returns. Raises: psycopg.Error."""
        with self._asking() as connection:
            found: Rows = connection.execute(self._named(text), values, binary=True).fetchall()
        return found

    def read(self, text: str, values: Values = ()) -> Rows:
        """What a statement that changes nothing returns. If its connection turns out to be lost, as
        an idle one may have been for long, it is asked again on a new one.

        Raises: psycopg.Error.
        """
        former, self._is_cut = self._connection, False
        if former is not None and former.closed:
            former = None
        try:
            return self.rows(text, values)
        except psycopg.OperationalError:
            if former is None or not former.closed or self._is_cut:
                raise
        return self.rows(text, values)

    def change(self, text: str, values: Values = ()) -> int:
        """How many rows a statement has changed. Raises: psycopg.Error."""
        with self._asking() as connection:
            count: int = connection.execute(self._named(text), values).rowcount
        return count

    @contextmanager
    def _asking(self) -> Iterator[psycopg.Connection[Any]]:
        connection = self.connected()  # which has a time limit of its own
        self._is_cut = False
        self._asked_ns = boot_ns()
        try:
            yield connection
        except psycopg.Error as error:
            if self._is_cut:  # the server did nothing of what libpq says then
                raise psycopg.OperationalError(_CUT) from error
            raise
        finally:
            self._asked_ns = None

    def connected(self) -> psycopg.Connection[Any]:
        """Raises: psycopg.Error: no connection is to be had."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.address)
            self._connection.add_notice_handler(
                lambda notice: self.warnings.append(notice.message_primary or "a warning")
            )
        return self._connection

    def drop(self) -> None:
        """Let go of the connection; the next statement makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                connection.close()

    def interrupt(self) -> None:
        """From another thread: end the wait for what is under way, as if the server were gone."""
        self._is_cut = True
        connection = self._connection
        if connection is not None:
            _cut(connection)

    def end_hung(self, seconds: float) -> None:
        """From another thread: `interrupt` a statement that has taken longer."""
        asked_ns = self._asked_ns
        if asked_ns is not None and boot_ns() - asked_ns > seconds * 1e9:
            self.interrupt()

    def _named(self, text: str) -> str:
        return text.format(s=self.address.schema)


def connect(address: JournalAddress) -> psycopg.Connection[Any]:
    """A connection on which each statement is a transaction of its own, to the first server of the
    address that is such as it wants.

    Raises:
        psycopg.Error: there is none to be had.
    """
    named = {"application_name": address.application}
    wanted = {**_DEFAULTS, **named, **conninfo_to_dict(address.conninfo)}
    failed: list[psycopg.Error] = []
    for server in _servers(wanted):
        try:
            return _connected(server, address)
        except psycopg.Error as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    raise psycopg.OperationalError("; ".join(map(said, failed))) from failed[-1]


def _servers(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """One for each server that is named, in the order in which they are to be tried."""
    named = {name: str(wanted[name]).split(",") for name in _LISTS if wanted.get(name)}
    count = max((len(values) for values in named.values()), default=1)
    if any(len(values) not in (1, count) for values in named.values()):
        return [wanted]  # libpq says what is wrong with that
    servers = [
        wanted | {name: values[number % len(values)] for name, values in named.items()}
        for number in range(count)
    ]
    if wanted.get("load_balance_hosts") == "random":
        random.shuffle(servers)
    return servers


def _connected(server: dict[str, Any], address: JournalAddress) -> psycopg.Connection[Any]:
    """Raises: psycopg.Error: it is not to be had, or not such as is wanted."""
    must_write = server["target_session_attrs"] in _WRITES
    conninfo = make_conninfo(**(server | ({"target_session_attrs": "any"} if must_write else {})))
    threshold = _PREPARE_AFTER if address.prepared else None
    connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=threshold)
    if must_write:
        try:
            _refuse_read_only(connection, int(server["connect_timeout"]))
        except BaseException:
            connection.close()
            raise
    return connection


def _refuse_read_only(connection: psycopg.Connection[Any], seconds: int) -> None:
    """Ask whether this server takes writes. libpq goes by what it is told as it connects, and a
    pooler tells what was so when it had connected itself: before the database failed over, maybe.

    Raises:
        psycopg.Error: it does not, or has not answered in time.
    """
    patience = threading.Timer(seconds or CONNECT_S_MAX, _cut, [connection])
    patience.daemon = True
    patience.start()
    try:
        row = connection.execute("SHOW transaction_read_only").fetchone()
    finally:
        patience.cancel()
    if row != ("off",):
        raise psycopg.OperationalError("the server takes no writes")


def _cut(connection: psycopg.Connection[Any]) -> None:
    """From another thread: end whatever it waits for, as if the server were gone."""
    with (
        contextlib.suppress(psycopg.Error, OSError),
        socket.socket(fileno=socket.dup(connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


def said(error: psycopg.Error) -> str:
    """What an error says, in one line."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    return " ".join(text.split())
