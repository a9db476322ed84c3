"""A result as large as the scheduler takes one."""

from random import Random
from typing import Any

import orjson


def timings(size: int, seed: int = 24) -> dict[str, Any]:
    """Made-up timings, whose JSON is of exactly `size` bytes.

    Args:
        size: at least 256.
    """
    random = Random(seed)
    rows: list[dict[str, object]] = []
    shown = {"of": "GET /invoices", "unit": "ms", "rows": rows, "note": ""}
    room = size - len(orjson.dumps(shown))
    while True:
        row = _row(random, len(rows))
        room -= len(orjson.dumps(row)) + bool(rows)  # with the comma before it
        if room < 0:
            break
        rows.append(row)
    shown["note"] = "." * (size - len(orjson.dumps(shown)))
    return shown


def _row(random: Random, number: int) -> dict[str, object]:
    minute, second = divmod(number * 10, 60)
    return {
        "at": f"{14 + minute // 60:02}:{minute % 60:02}:{second:02}",
        "p50": round(random.uniform(3, 6), 2),
        "p95": round(random.uniform(9, 30), 2),
        "p99": round(random.uniform(40, 120), 2),
        "errors": int(random.random() < 0.03),
    }
