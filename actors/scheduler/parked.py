"""Callers that wait for work."""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from itertools import count
from typing import Generic, NamedTuple, TypeVar, final

from chargehand.actors.task.eligibility import Claimer, Demands, QueuedRun, matches
from chargehand.actors.task.state import OwnerKind

T = TypeVar("T", bound=Hashable)


class _Line(NamedTuple):
    """What a line of waiting profiles has in common; agent and capability None: anything."""

    workspace_id: str | None
    channel: str | None
    agent_name: str | None
    capability: str | None


@final
class _CallerProfile(Generic[T]):
    """Callers that differ in nothing but their session, so that one look decides for all of them
    whether they may have a run that is no session's own."""

    __slots__ = ("claimer", "filed", "waiting")

    def __init__(self, claimer: Claimer) -> None:
        self.claimer = claimer  # one of them, for all
        # Ordered: taking from the front of a plain dict again and again reads over what was taken.
        self.waiting: OrderedDict[T, int] = OrderedDict()
        self.filed: tuple[int, _CallerProfile[T]] | None = None


@final
class Parked(Generic[T]):
    """Who waits, since when, and who is next for a run. T names a caller's call (its ticket)."""

    def __init__(self) -> None:
        self._numbers = count()
        self._claimers: dict[T, Claimer] = {}
        self._sessions: dict[str, dict[T, None]] = {}
        self._profiles: dict[_ProfileKey, _CallerProfile[T]] = {}
        self._lines: dict[_Line, list[tuple[int, _CallerProfile[T]]]] = {}

    def __len__(self) -> int:
        return len(self._claimers)

    def __contains__(self, ticket: T) -> bool:
        return ticket in self._claimers

    def __iter__(self) -> Iterator[T]:
        """Everyone who waits, longest waiting first; a copy, so serving them is safe."""
        return iter(list(self._claimers))

    def park(self, ticket: T, claimer: Claimer) -> None:
        """Let a caller wait, behind everyone who waits already; a ticket that waits goes last."""
        self.discard(ticket)
        self._claimers[ticket] = claimer
        self._sessions.setdefault(claimer.session_id, {})[ticket] = None
        key = _profile_key(claimer)
        profile = self._profiles.get(key)
        if profile is None:
            profile = self._profiles[key] = _CallerProfile(claimer)
        profile.waiting[ticket] = next(self._numbers)
        if profile.filed is None:
            self._file(profile)

    def discard(self, ticket: T) -> bool:
        """Forget a caller: served, gone or out of time. False if it does not wait."""
        claimer = self._claimers.pop(ticket, None)
        if claimer is None:
            return False
        tickets = self._sessions[claimer.session_id]
        del tickets[ticket]
        if not tickets:
            del self._sessions[claimer.session_id]
        key = _profile_key(claimer)
        profile = self._profiles[key]
        number = profile.waiting.pop(ticket)
        if profile.filed is not None and profile.filed[0] == number:
            self._file(profile)
        if not profile.waiting:
            del self._profiles[key]
        return True

    def by_session(self) -> dict[str, int]:
        """How many calls of each session wait; those of which none does are left out."""
        return {session_id: len(tickets) for session_id, tickets in self._sessions.items()}

    def of_session(self, session_id: str) -> list[T]:
        """The calls of a session, longest waiting first."""
        return list(self._sessions.get(session_id, ()))

    def first_for(self, run: QueuedRun) -> T | None:
        """The longest waiting caller that may have the run; it goes on waiting."""
        owner = run.demands.owner
        if owner is not None and owner.kind is OwnerKind.AGENT_SESSION:
            for ticket in self._sessions.get(owner.ref, ()):
                if matches(run, self._claimers[ticket]):
                    return ticket
            return None
        best: tuple[int, T] | None = None
        for line in self._lines_for(run.demands):
            for number, profile in line:
                if best is not None and number > best[0]:
                    break
                if matches(run, profile.claimer):
                    best = (number, next(iter(profile.waiting)))
                    break
        return None if best is None else best[1]

    def _lines_for(self, demands: Demands) -> Iterator[list[tuple[int, _CallerProfile[T]]]]:
        """Lines in which everyone stands who may have such a run: the narrowest there are."""
        agents = _agents_for(demands)
        for channel in (None,) if demands.channel is None else (None, demands.channel):
            keys = [_Line(demands.workspace_id, channel, agent_name, None) for agent_name in agents]
            if agents == [None] and demands.required_capabilities:
                by_capability = (
                    _Line(demands.workspace_id, channel, None, capability)
                    for capability in demands.required_capabilities
                )
                keys = [min(by_capability, key=lambda key: len(self._lines.get(key, ())))]
            for key in keys:
                if key in self._lines:
                    yield self._lines[key]

    def _file(self, profile: _CallerProfile[T]) -> None:
        """Put a profile in its lines where its longest waiting caller belongs."""
        former = profile.filed
        first = next(iter(profile.waiting.values()), None)
        profile.filed = None if first is None else (first, profile)
        for key in _lines_of(profile.claimer):
            line = self._lines.setdefault(key, [])
            if former is not None:
                del line[bisect_left(line, former)]
            if profile.filed is not None:
                insort(line, profile.filed)
            elif not line:
                del self._lines[key]


class _ProfileKey(NamedTuple):
    workspace_id: str | None
    channel: str | None
    agent_name: str
    capabilities: frozenset[str]
    priority_min: int


def _profile_key(claimer: Claimer) -> _ProfileKey:
    return _ProfileKey(
        claimer.workspace_id,
        claimer.channel,
        claimer.agent_name,
        claimer.capabilities,
        claimer.priority_min,
    )


def _lines_of(claimer: Claimer) -> Iterator[_Line]:
    yield _Line(claimer.workspace_id, claimer.channel, None, None)
    yield _Line(claimer.workspace_id, claimer.channel, claimer.agent_name, None)
    for capability in claimer.capabilities:
        yield _Line(claimer.workspace_id, claimer.channel, None, capability)


def _agents_for(demands: Demands) -> list[str | None]:
    """Agents whose lines hold all who may have such a run; `[None]`: it takes all agents."""
    if demands.owner is not None:
        return [demands.owner.ref] if demands.owner.kind is OwnerKind.POOL else []
    return [None] if demands.allowed_agents is None else [*demands.allowed_agents]
