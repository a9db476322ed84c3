"""What every refusal is answered with; diagnostics stand in good answers, too."""

from collections.abc import Mapping
from typing import Final, final

from attrs import define, field

from chargehand.actors.errors import Category, Severity
from chargehand.web.shapes.encoding import Shape

LIVE: Final = "live"  # no answer comes from a cache


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
