"""Whether anything can be asked of the system: not after a failed write, nor while it stops."""

from typing import final

from chargehand.actors.errors import Code, Rejected, shutting_down


@final
class Availability:
    """`failure` says why nothing is written any more; `stopping`, that what is new is refused."""

    def __init__(self) -> None:
        self.failure: str | None = None
        self.stopping = False

    def check(self) -> None:
        """Raises: Rejected: STORAGE_FAILED, or that the server shuts down."""
        if self.failure is not None:
            raise Rejected(
                Code.STORAGE_FAILED,
                f"the server cannot write any more: {self.failure}",
                "try again after the server was started anew",
            )
        if self.stopping:
            raise shutting_down()
