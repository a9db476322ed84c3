"""The table that a run ends with, and the file that it is kept in."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from attrs import asdict
from rich.console import Console, JustifyMethod
from rich.table import Table

from benchmarks.cluster.costs.rows import Row
from benchmarks.cluster.costs.sizes import Sizes
from benchmarks.machine import Machine


def show(
    rows: Sequence[Row], broken: Mapping[str, str], machine: Machine, console: Console
) -> None:
    """Print what was found, and which parts have failed."""
    console.print(f"{machine}", soft_wrap=True)
    table = Table(title="a ratio where there is no unit", title_justify="left")
    for heading in ("part", "what", "unit", "each", "median", "spread", "target", "", "note"):
        is_number = heading in ("each", "median", "spread")
        justify: JustifyMethod = "right" if is_number else "left"
        table.add_column(heading, justify=justify, no_wrap=heading in ("what", "target"))
    part = ""
    for row in rows:
        if part not in ("", row.part):
            table.add_section()
        table.add_row(
            "" if part == row.part else row.part,
            row.what,
            row.unit,
            " ".join(map(_shown, row.values)),
            _shown(row.median),
            f"{_shown(min(row.values))} to {_shown(max(row.values))}",
            "" if row.target is None else f"{row.target}",
            row.verdict,
            row.note,
            style="red" if row.is_met is False else None,
        )
        part = row.part
    console.print(table)
    for name, why in broken.items():
        console.print(f"failed: {name}: {why}", soft_wrap=True, markup=False)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def save(
    rows: Sequence[Row], broken: Mapping[str, str], machine: Machine, sizes: Sizes, path: Path
) -> None:
    """Keep it as JSON."""
    content = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": asdict(machine),
        "sizes": asdict(sizes),
        "rows": [
            {
                **asdict(row, filter=lambda attribute, _: attribute.name != "target"),
                "median": row.median,
                "target": None if row.target is None else f"{row.target}",
                "is_met": row.is_met,
            }
            for row in rows
        ],
        "broken": broken,
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
