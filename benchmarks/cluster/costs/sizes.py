"""How much is measured."""

from typing import Final, final

from attrs import frozen

_LONE_SHARE: Final = 10  # what takes its time one by one is done a tenth as often
_LONE_MIN: Final = 10


@final
@frozen
class Sizes:
    """Args:
    rounds: of each part that is measured in rounds.
    agents: many of them.
    cycles: that many agents do in a closed loop.
    tasks: stored, where a node starts or takes over.
    seconds: for how long a standby is watched.
    step_downs, kills: of the active node.
    ttl_s: `--journal-ttl-s` of the nodes.
    """

    rounds: int
    agents: int
    cycles: int
    tasks: int
    seconds: float
    step_downs: int
    kills: int
    ttl_s: float

    @property
    def lone_cycles(self) -> int:
        """What one client does alone."""
        return max(_LONE_MIN, self.cycles // _LONE_SHARE)
