"""Answers about many things: a row for each, and what the rows mean together."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, final

from chargehand.web.cli.advice import suggested
from chargehand.web.cli.failures import ErrorReport, plain
from chargehand.web.cli.layout import Block, Pair, Pairs
from chargehand.web.cli.shown import at, several, text_of
from chargehand.web.exits import ClientExit


@final
class Refusals(NamedTuple):
    """Why some were refused, in full, each with the command that helps.

    Args:
        name: the member of a row that says what it is about; where it is left out, its number does.
    """

    name: str

    def of(self, body: object) -> Sequence[Block]:
        lines = list(self._lines(body))
        return [Pairs(lines)] if lines else []

    def _lines(self, body: object) -> Iterator[Pair]:
        for number, result in enumerate(several(at(body, "results"))):
            error = at(result, "error")
            if error is not None:
                refusal = ErrorReport.of(error)
                yield Pair(text_of(at(result, self.name)) or f"item {number}", plain(refusal.text))
                if refusal.suggestion:
                    yield suggested(refusal.suggestion)


def all_done(body: Mapping[str, Any]) -> ClientExit:
    done = all(result["ok"] for result in body["results"])
    return ClientExit.DONE if done else ClientExit.PARTLY
