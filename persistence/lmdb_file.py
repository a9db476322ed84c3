"""Whether LMDB's file is as long as it must be, decided from the file alone.

LMDB reads through a memory map, and a page behind the end of the file ends the process with SIGBUS.
So this is looked at before the map is made.

A sound file may be shorter than its meta page says: a page that one and the same transaction took
at the end and gave back is never written. Such a page stands in the list of the free ones, which
is a B-tree of its own in the file.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from struct import error as StructError
from typing import Final, NamedTuple, final

from chargehand.actors.ports import DamagedError

_MAGIC: Final = 0xBEEFC0DE
_VERSION: Final = 1
_META: Final = Struct("<16xII16x")  # behind the page's header: magic, version, address, map size
_TREE: Final = Struct("<I36xQ")  # page size (of the first tree), and at the end the root
_END: Final = Struct("<QQ")  # last page, transaction
_META_BYTES: Final = _META.size + 2 * _TREE.size + _END.size

_HEADER: Final = Struct("<10xHHH")  # flags, then the end of the nodes' offsets
_HEADER_BYTES: Final = 16
_BRANCH: Final = 0x01
_LEAF: Final = 0x02
_NODE: Final = Struct("<HHHH")  # two halves of a size or a page, flags, size of the key
_BIG_DATA: Final = 0x01
_NUMBER: Final = Struct("<Q")
_NO_PAGE: Final = (1 << 64) - 1
_PAGE_SIZES: Final = tuple(1 << bits for bits in range(9, 17))


def check_length(path: Path) -> None:
    """Look whether the file holds each page that the newest transaction uses.

    What is no file of LMDB's is left to LMDB to refuse, and a missing file is not looked at.

    Raises:
        DamagedError: it is cut, or does not say what it must hold, or has another format.
        OSError: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        size = os.fstat(descriptor).st_size
        needed = _File(descriptor, size).bytes_needed()
    finally:
        os.close(descriptor)
    if size == 0:
        # LMDB would take it as new, and what was there would seem never to have been.
        raise DamagedError(
            f"{path.name} is empty (a server that was killed in the first moment of its first "
            "start leaves it so: remove the file then)"
        )
    if needed > size:
        raise DamagedError(
            f"{path.name} has {size} bytes where {needed} are needed: the file is cut"
        )


@final
class _Meta(NamedTuple):
    """What a meta page says."""

    transaction: int
    page_bytes: int
    last_page: int
    free_root: int


@final
class _CutError(Exception):
    """What is looked for lies behind the end of the file, or is not what it must be."""


@final
class _File:
    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size

    def bytes_needed(self) -> int:
        """How long the file must be; 0 if it is long enough, or LMDB itself will refuse it.

        Raises:
            DamagedError: the size of its pages is none, or its format not the one that is read.
        """
        first = self._meta(0)
        if first is None:
            return 0
        page_bytes = first.page_bytes
        second = self._meta(page_bytes) if page_bytes in _PAGE_SIZES else None
        newest = max(first, second or first)
        if newest.page_bytes != page_bytes or page_bytes not in _PAGE_SIZES:
            raise DamagedError("the size of the store's pages is damaged")
        held = self._size // page_bytes
        page = newest.last_page
        if held > page:
            return 0
        try:
            free = set(self._free_pages(newest, held))
        except (_CutError, StructError):
            return (page + 1) * page_bytes
        while page >= held and page in free:
            page -= 1
        return (page + 1) * page_bytes if page >= held else 0

    def _meta(self, start: int) -> _Meta | None:
        try:
            raw = self._read(start, _META_BYTES)
        except _CutError:
            return None
        magic, version = _META.unpack_from(raw)
        if magic != _MAGIC:
            return None
        if version != _VERSION:
            raise DamagedError(f"data.mdb has LMDB's format {version} in place of {_VERSION}")
        page_bytes, free_root = _TREE.unpack_from(raw, _META.size)
        last_page, transaction = _END.unpack_from(raw, _META_BYTES - _END.size)
        return _Meta(transaction, page_bytes, last_page, free_root)

    def _free_pages(self, meta: _Meta, least: int) -> Iterator[int]:
        """The free pages from `least` on."""
        todo = [] if meta.free_root == _NO_PAGE else [meta.free_root]
        seen: set[int] = set()
        while todo:
            number = todo.pop()
            if number in seen:
                raise _CutError
            seen.add(number)
            page = self._read(number * meta.page_bytes, meta.page_bytes)
            flags, nodes_end, _ = _HEADER.unpack_from(page)
            for at in range(_HEADER_BYTES, nodes_end, 2):
                start = page[at] | page[at + 1] << 8 if at + 1 < len(page) else len(page)
                low, high, node_flags, key_bytes = _NODE.unpack_from(page, start)
                data = start + _NODE.size + key_bytes
                if flags & _BRANCH:
                    todo.append(low | high << 16 | node_flags << 32)
                elif flags & _LEAF:
                    size = low | high << 16
                    if node_flags & _BIG_DATA:
                        (overflow,) = _NUMBER.unpack_from(page, data)
                        listed = self._read(overflow * meta.page_bytes + _HEADER_BYTES, size)
                    else:
                        listed = page[data : data + size]
                    # The first of the numbers says how many there are.
                    yield from (
                        one
                        for (one,) in _NUMBER.iter_unpack(listed[_NUMBER.size :])
                        if one >= least
                    )
                else:
                    raise _CutError

    def _read(self, start: int, count: int) -> bytes:
        if start + count > self._size:
            raise _CutError
        found = os.pread(self._descriptor, count, start)
        if len(found) != count:
            raise _CutError
        return found
