"""Whether what is acknowledged has reached the disk: the server's sync calls, counted by strace."""

import shutil
from pathlib import Path
from typing import Final, final

from attrs import frozen

from benchmarks.chaos.client import Client
from benchmarks.chaos.launch import fresh
from benchmarks.chaos.server import ServerProcess

WRITES: Final = 100
_CALLS: Final = ("fsync", "fdatasync", "msync")


@final
@frozen
class Syncs:
    """`writes` were acknowledged one after the other, so each took a commit of its own."""

    writes: int
    syncs: int


async def count_syncs(directory: Path, writes: int = WRITES) -> Syncs | None:
    """None where there is no strace.

    Raises:
        AssertionError: fewer syncs than acknowledged writes.
    """
    if shutil.which("strace") is None:
        return None
    summary = directory / "strace.txt"
    wrapper = ("strace", "-f", "-c", "-o", str(summary), "-e", f"trace={','.join(_CALLS)}")
    server = ServerProcess(directory, launch=fresh(*wrapper))
    client = Client(server.url)
    try:
        await server.start()
        for number in range(writes):
            body = {"scope": "global", "title": f"write {number}"}
            response = await client.post("/api/tasks", body)
            response.raise_for_status()
        server.stop()
    finally:
        await client.close()
        server.close()
    counted = Syncs(writes, _calls(summary.read_text(encoding="utf-8")))
    if counted.syncs < writes:
        raise AssertionError(f"{counted.syncs} syncs for {writes} acknowledged writes")
    return counted


def _calls(summary: str) -> int:
    """The fourth column of a summary's lines is how often the call in the last one was made."""
    rows = (line.split() for line in summary.splitlines())
    return sum(int(row[3]) for row in rows if row and row[-1] in _CALLS)
