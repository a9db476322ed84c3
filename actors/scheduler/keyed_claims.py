"""Claims under a key that are under way: of equal calls one leads, and the others follow it."""

from typing import final

from chargehand.actors.idempotency.keys import Keys
from chargehand.actors.scheduler.ticket import Ticket


@final
class KeyedClaims:
    """The calls that lead, one for each session and key.

    One that came under the key of a request holds that too: it may get its run when its caller is
    gone, and another request must not have its effect under that key before.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._leaders: dict[tuple[str, str], Ticket] = {}

    def __len__(self) -> int:
        return len(self._leaders)

    def leader(self, key: tuple[str, str]) -> Ticket | None:
        """The call with this key that is under way."""
        return self._leaders.get(key)

    def lead(self, key: tuple[str, str], ticket: Ticket) -> None:
        """From now on equal calls follow this one."""
        assert key not in self._leaders, "two calls with one key would get two runs"
        self._leaders[key] = ticket
        if ticket.caller.once is not None:
            self._keys.hold(ticket.caller.once)

    def over(self, ticket: Ticket) -> None:
        """It is decided: from now on an equal call finds the claim on the board, or leads."""
        if ticket.key is not None and self._leaders.get(ticket.key) is ticket:
            del self._leaders[ticket.key]
            if ticket.caller.once is not None:
                self._keys.end(ticket.caller.once)
