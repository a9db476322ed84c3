"""Checks what names an address: rows of an index, outstanding effects, and what is kept aside."""

from collections.abc import Iterator
from typing import final

from chargehand.actors.idempotency.once import earlier_of
from chargehand.actors.ports import DamagedError
from chargehand.actors.record import IndexTable
from chargehand.persistence.aside import read_aside
from chargehand.persistence.codec import decode_outstanding
from chargehand.persistence.index_rows import INDEX_TABLES
from chargehand.persistence.seal import unseal
from chargehand.persistence.store import Store, Table
from chargehand.persistence.verify.contents import Contents
from chargehand.persistence.verify.findings import Finding, Problem
from chargehand.persistence.verify.values import Values


@final
class RowCheck:
    def __init__(self, store: Store, values: Values, contents: Contents) -> None:
        self._store = store
        self._values = values
        self._contents = contents

    def index(self, name: IndexTable) -> Iterator[Finding]:
        if name is IndexTable.ONCE:
            return self._once()
        return self._addresses(name)

    def _addresses(self, name: IndexTable) -> Iterator[Finding]:
        table = INDEX_TABLES[name]
        for key, value in self._values.of(table):
            shown = _shown_key(table, key)
            try:
                text = unseal(table, key, value).decode()
            except (DamagedError, UnicodeDecodeError) as error:
                yield Finding(Problem.DAMAGED, table, shown, None, str(error))
                continue
            address, _, run_id = text.partition(" ")
            some_id = run_id or (key[1:].decode() if key[:1] == b"=" else "")
            if not self._contents.is_there(address):
                message = f"it names {address}, which is not there"
                yield Finding(Problem.REFERENCE, table, shown, address, message)
            elif some_id and not self._contents.has(address, name, some_id):
                message = f"it names {address}, which has no {some_id}"
                yield Finding(Problem.REFERENCE, table, shown, address, message)

    def _once(self) -> Iterator[Finding]:
        for key, value in self._values.of(Table.ONCE):
            try:
                earlier_of(unseal(Table.ONCE, key, value).decode())
            except (DamagedError, ValueError) as error:
                message = "what was done under a key fails its checksum"
                if not isinstance(error, DamagedError):
                    message = "what was done under a key is unreadable"
                shown = _shown_key(Table.ONCE, key)
                yield Finding(Problem.DAMAGED, Table.ONCE, shown, None, message)

    def effects(self) -> Iterator[Finding]:
        for key, value in self._values.of(Table.EFFECTS):
            shown = f"{int.from_bytes(key[:8])}-{int.from_bytes(key[8:])}"
            try:
                effect = decode_outstanding(unseal(Table.EFFECTS, key, value)).effect
            except DamagedError as error:
                yield Finding(Problem.DAMAGED, Table.EFFECTS, shown, None, str(error))
                continue
            if not self._contents.is_there(effect.target):
                message = f"it is for {effect.target}, which is not there"
                yield Finding(Problem.REFERENCE, Table.EFFECTS, shown, effect.target, message)

    def aside(self) -> Iterator[Finding]:
        """All that is kept aside is a fault."""
        for kept in read_aside(self._store):
            yield Finding(Problem.KEPT, Table.ASIDE, kept.address, kept.address, kept.cause)


def _shown_key(table: Table, key: bytes) -> str:
    """Keys that clients gave are not shown."""
    if table in (Table.KEYS, Table.ONCE) or key[:1] != b"=":
        return f"{key[:1].decode('utf-8', 'replace')}{len(key) - 1} bytes"
    return key[1:].decode("utf-8", "replace")
