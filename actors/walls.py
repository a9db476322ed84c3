"""What the wall said when, over the steps that it made.

A *moment* here is in ns by a scale that never steps, from wherever. Between two steps the wall runs
with it: such a *stretch* is known by what the wall said at moment 0, had it always run so.
"""

from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.limits import WALL_STEPS_MAX

EVER: Final = -(2**63)


@final
@frozen
class Walls:
    """Never changed; a step makes another.

    Args:
        stretches: (the moment it begins at, what the wall would have said at moment 0); the latest
            last. The first begins at `EVER`, until more than `WALL_STEPS_MAX` were made.
    """

    stretches: tuple[tuple[int, int], ...]

    def stepped(self, moment_ns: int, wall_from_ns: int) -> "Walls":
        """With a step at the moment."""
        return Walls((*self.stretches, (moment_ns, wall_from_ns))[-WALL_STEPS_MAX:])

    def slewed(self, wall_from_ns: int) -> "Walls":
        """With a difference too small to be taken for a step."""
        since_ns, _ = self.stretches[-1]
        return Walls((*self.stretches[:-1], (since_ns, wall_from_ns)))

    def moment_of(self, at_ns: int, now_ns: int) -> int:
        """The latest moment until `now_ns` at which the wall said `at_ns`.

        Where it never did, the latest at which it was set from an earlier time to a later one; and
        `now_ns` where it has not come to that time yet. Of times before the first stretch, the
        moment as that stretch says.
        """
        until_ns, later_ns, jumped_ns = now_ns, EVER, None
        for since_ns, wall_from_ns in reversed(self.stretches):
            moment_ns = at_ns - wall_from_ns
            if moment_ns > until_ns:
                # This stretch did not come so far, and the next one began behind it.
                if jumped_ns is None and until_ns < now_ns and later_ns < until_ns:
                    jumped_ns = until_ns
            elif moment_ns >= since_ns:
                return moment_ns
            until_ns, later_ns = since_ns, moment_ns
        if jumped_ns is not None:
            return jumped_ns
        return later_ns if later_ns < until_ns else now_ns

    def earliest_said(self, moment_ns: int) -> int:
        """The earliest that the wall may have said at the moment, by its steps since then."""
        said_ns = moment_ns + self.stretches[-1][1]
        for since_ns, wall_from_ns in reversed(self.stretches):
            said_ns = min(said_ns, moment_ns + wall_from_ns)
            if since_ns < moment_ns:
                break
        return said_ns
