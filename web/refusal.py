"""What is answered at the edge, before anything looks at the request's meaning."""

from collections.abc import Sequence
from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.web.problems import EdgeCode, Problem, edge_problem

RawHeaders = Sequence[tuple[bytes, bytes]]

_JSON: Final = (b"content-type", b"application/json")


@final
@frozen(eq=False)
class Refusal:
    """An answer instead of the application's."""

    status: int
    problem: Problem
    more: RawHeaders = ()

    @classmethod
    def of(
        cls, code: EdgeCode, message: str, next_step: str = "", more: RawHeaders = ()
    ) -> "Refusal":
        return cls(code.status, edge_problem(code, message, next_step), more)

    def headers(self, body: bytes) -> RawHeaders:
        """Those of its answer, of which `body` is the text of the problem."""
        return (_JSON, (b"content-length", b"%d" % len(body)), *self.more)
