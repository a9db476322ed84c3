"""The report of a start, for programs that wait for it."""

import json
from collections.abc import Mapping
from pathlib import Path


def write_report(path: Path, report: Mapping[str, object]) -> None:
    """Have the file there with all of the report in it, or not at all."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(report) + "\n", encoding="utf-8")
    unfinished.replace(path)
