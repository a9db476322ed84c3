"""What the machine itself takes: one synced LMDB commit of one small record."""

import time
from pathlib import Path

import lmdb

from chargehand.web.bench.figures import Figures

_RECORD = b"x" * 400


def synced_commits(directory: Path, count: int = 300) -> Figures:
    """Commits one after the other, each with one record, `sync` and `metasync` on."""
    directory.mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(directory), map_size=1 << 28, sync=True, metasync=True) as env:
        latencies = []
        begun = time.perf_counter()
        for number in range(count):
            started = time.perf_counter()
            with env.begin(write=True) as transaction:
                transaction.put(number.to_bytes(8, "big"), _RECORD, append=True)
            latencies.append(time.perf_counter() - started)
        elapsed = time.perf_counter() - begun
    return Figures.of("one synced LMDB commit", latencies, elapsed)
