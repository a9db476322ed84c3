"""What a small benchmark shows and keeps: figures, and the ratios that targets are set for."""

import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import final

import orjson
from attrs import asdict, frozen
from rich.console import Console
from rich.table import Table

from chargehand.web.bench.figures import Figures


@final
@frozen
class Ratio:
    """Two figures of the same run, and the target that their ratio is held against."""

    name: str
    value: float
    target: str
    met: bool


def show(figures: Sequence[Figures], ratios: Sequence[Ratio], console: Console) -> None:
    """Print both as tables."""
    table = Table(title="measured in this run, full durability")
    for heading in ("what", "count", "per second", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for one in figures:
        table.add_row(
            one.name, f"{one.count}", f"{one.rate:,.0f}", f"{one.p50_ms:.2f}", f"{one.p99_ms:.2f}"
        )
    console.print(table)
    against = Table(title="against the targets")
    for heading in ("what", "value", "target", ""):
        against.add_column(heading)
    for ratio in ratios:
        against.add_row(
            ratio.name, f"{ratio.value:,.2f}", ratio.target, "met" if ratio.met else "missed"
        )
    console.print(against)


def save(
    figures: Sequence[Figures],
    ratios: Sequence[Ratio],
    path: Path,
    more: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Keep them as JSON, with the machine and the time, and with what else was measured."""
    content = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **more,
        "figures": [asdict(one) for one in figures],
        "ratios": [asdict(one) for one in ratios],
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
