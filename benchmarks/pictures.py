"""Pictures of a run, as SVG files that are readable on light and on dark pages."""

import math
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from html import escape
from pathlib import Path
from typing import Final, final

from attrs import frozen

from benchmarks.compare.contender import Contender
from benchmarks.compare.everyone import CONSTANT, CONTENDERS, IN_PROCESS
from benchmarks.compare.rounds import Cell, Turns
from benchmarks.measured import Results
from benchmarks.plan import MANY

_WIDTH: Final = 800
_LABELS: Final = 300  # of the width, left of the bars
_GAP: Final = 6  # between a bar and its figure
_CHAR: Final = 8.0  # that a figure's text is wide, at most
_ROW: Final = 24
_TITLE: Final = 44
_FOOT: Final = 40
_OURS: Final = frozenset(
    one.name for one in CONTENDERS if type(one).__module__ == type(IN_PROCESS).__module__
)
_STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .ours { fill: #0969da } .peer { fill: #8c959f }
  .loose { fill: none; stroke: #8c959f; stroke-dasharray: 3 2 }
  .axis { stroke: #d1d9e0 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .ours { fill: #58a6ff } .peer { fill: #6e7681 } .loose { stroke: #9198a1 }
    .axis { stroke: #3d444d }
  }
"""


class Kind(Enum):
    """How a bar is drawn: the style's class."""

    OURS = "ours"
    PEER = "peer"
    LOOSE = "loose"  # answered before it is on disk


@final
@frozen
class Bar:
    """A row of a picture. Args: start: where it begins, if not at the axis."""

    label: str
    value: float
    shown: str
    kind: Kind
    start: float | None = None


def draw(results: Results, directory: Path) -> list[Path]:
    """Write those that the run has figures for into a directory; their paths."""
    foot = f"{results.machine.cpu}, {results.machine.cores} cores, {results.machine.filesystem}"
    pictures = {
        "rates.svg": _rates(results, foot),
        "latencies.svg": _latencies(results, foot),
        "queued.svg": _queued(results, foot),
    }
    written = []
    for name, picture in pictures.items():
        if picture is not None:
            (directory / name).write_text(picture, encoding="utf-8")
            written.append(directory / name)
    return written


def _rates(results: Results, foot: str) -> str | None:
    """Cycles per second of many agents."""
    found = [row for row in results.closed() if row[0] is not CONSTANT]
    if not found:
        return None
    agents = MANY if any(cell.agents == MANY for _, cell, _ in found) else found[-1][1].agents
    bars = [
        Bar(contender.name, turns.rate, f"{turns.rate:,.0f}/s", _kind(contender))
        for contender, cell, turns in found
        if cell.agents == agents
    ]
    title = f"Claimed and completed per second, {agents} agents"
    return _picture(title, f"{foot}. Dashed: answered before it is on disk.", bars, _linear(bars))


def _latencies(results: Results, foot: str) -> str | None:
    """From p50 to p99, where tasks come at a rate that most can keep."""
    found: list[tuple[Contender, Cell, Turns]] = list(results.open())
    rates = sorted({cell.rate for _, cell, _ in found if cell.rate is not None})
    if not rates:
        return None
    rate = rates[(len(rates) - 1) // 2]
    bars = []
    for contender, cell, turns in found:
        cycle = turns.cycles("")
        if cell.rate != rate or not cycle.p50_ms:
            continue
        shown = f"{_rounded(cycle.p50_ms)} to {_rounded(cycle.p99_ms)} ms"
        if turns.done < turns.asked:
            shown += f", {turns.share_done} done"
        bars.append(Bar(contender.name, cycle.p99_ms, shown, _kind(contender), cycle.p50_ms))
    title = f"From a task's intended time until it is done, p50 to p99, {rate:g} tasks per second"
    foot = f"{foot}. Logarithmic. Dashed: answered before it is on disk."
    return _picture(title, foot, bars, _logarithmic(bars)) if bars else None


def _queued(results: Results, foot: str) -> str | None:
    bars = [
        Bar(f"{one.queued:,} queued runs", one.rate, f"{one.rate:,.0f}/s", Kind.OURS)
        for one in results.claims
    ]
    title = "Claimed and completed per second, by runs in the queue"
    return _picture(title, foot, bars, _linear(bars)) if bars else None


def _rounded(latency_ms: float) -> str:
    return f"{latency_ms:.1f}" if latency_ms < 10 else f"{latency_ms:,.0f}"


def _kind(contender: Contender) -> Kind:
    if not contender.on_disk.is_yes:
        return Kind.LOOSE
    return Kind.OURS if contender.name in _OURS else Kind.PEER


_Scale = Callable[[float], float]
"""From a value to a share of the room for bars."""


def _linear(bars: Sequence[Bar]) -> _Scale:
    most = max(bar.value for bar in bars) or 1.0
    return lambda value: value / most


def _logarithmic(bars: Sequence[Bar]) -> _Scale:
    least = min(bar.start or bar.value for bar in bars) / 2
    span = math.log(max(bar.value for bar in bars) / least)
    return lambda value: math.log(value / least) / span


def _picture(title: str, foot: str, bars: Sequence[Bar], scale: _Scale) -> str:
    height = _TITLE + _ROW * len(bars) + _FOOT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="8" y="24">{escape(title)}</text>',
        *_rows(bars, scale),
        f'<path class="axis" d="M{_LABELS} {_TITLE - 6}V{height - _FOOT}"/>',
        f'<text class="small" x="8" y="{height - 14}">{escape(foot)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _rows(bars: Sequence[Bar], scale: _Scale) -> Iterator[str]:
    room = _WIDTH - _LABELS - _CHAR * max(len(bar.shown) for bar in bars) - _GAP
    for number, bar in enumerate(bars):
        top = _TITLE + number * _ROW
        left = _LABELS + (0.0 if bar.start is None else scale(bar.start) * room)
        right = max(left + 2, _LABELS + scale(bar.value) * room)
        yield f'<text x="{_LABELS - 8}" y="{top + 13}" text-anchor="end">{escape(bar.label)}</text>'
        yield (
            f'<rect class="{bar.kind.value}" x="{left:.1f}" y="{top + 2}" '
            f'width="{right - left:.1f}" height="{_ROW - 9}" rx="2"/>'
        )
        yield f'<text x="{right + _GAP:.1f}" y="{top + 13}">{escape(bar.shown)}</text>'
