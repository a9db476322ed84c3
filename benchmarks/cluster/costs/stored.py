"""The same tasks in a data directory and in a database."""

import os
import shutil
from pathlib import Path
from typing import Final, final

import httpx
from attrs import frozen

from benchmarks.apart import apart
from benchmarks.queries.measuring import build
from chargehand.persistence.lmdb_store import DATA_FILE
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.copying import to_database

_LIMIT_S: Final = 3600.0
_COUNTS_S: Final = 120.0


async def tasks_of(url: str) -> int:
    """How many a server has, as soon as it has counted them."""
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        answer = await client.get(f"{url}/api/observe/tasks/dashboard", timeout=_COUNTS_S)
        return int(answer.raise_for_status().json()["dashboard"]["totals"]["tasks_total"])


@final
@frozen
class Stored:
    """Args:
    directory: with the data below it, as `benchmarks.serving` takes it.
    address: of the journal that was made from it.
    """

    directory: Path
    address: JournalAddress


def stored_below(directory: Path, tasks: int) -> Path:
    """The directory, with so many tasks in it, unless there are some already."""
    if not (directory / "data").exists():
        apart(_LIMIT_S, build, directory, tasks)
    return directory


def duplicate(directory: Path, into: Path) -> Path:
    """Copy what is stored, which no server may have open, so that what was built stays as it is."""
    (into / "data").mkdir(mode=0o700)
    shutil.copy(directory / "data" / DATA_FILE, into / "data")
    return into


def copied(directory: Path, address: JournalAddress) -> Stored:
    """Copy what is below the directory into a journal. Args: address: of an empty one."""
    apart(_LIMIT_S, to_database, directory / "data", address)
    os.sync()  # else the first commit that is measured waits until the disk has all of it
    return Stored(directory, address)
