"""Diagnostics inside of good answers: of a row that was refused, and of what was inspected."""

from collections.abc import Mapping
from typing import Final, final

from attrs import define, field

from actors.errors import Category, Rejected, Severity
from web.problems import Problem, problem
from web.shapes.encoding import Shape

LIVE: Final = "live"  # nothing is told from a cache


@final
@define(eq=False)
class Diagnostic(Shape):
    id: str
    code: str
    severity: Severity
    category: Category
    title: str
    message: str
    data_freshness: str
    suggested_command: str | None = None
    evidence: Mapping[str, str | int | bool] = field(factory=dict)


@final
@define(eq=False)
class Error(Shape):
    error: str
    diagnostic: Diagnostic


def error_of(refusal: Rejected) -> Error:
    """What the request would have been answered with, had it been the only one."""
    told = problem(refusal)
    return Error(told.text, diagnostic_of(told))


def diagnostic_of(told: Problem) -> Diagnostic:
    return Diagnostic(
        id=f"{told.area}.{told.code}",
        code=told.code,
        severity=told.severity,
        category=told.category,
        title=told.title,
        message=told.message,
        data_freshness=LIVE,
        suggested_command=told.command,
        evidence=told.evidence,
    )
