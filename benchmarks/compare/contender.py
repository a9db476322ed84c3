"""What every system does that is compared: it is started, and agents work on it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, final

from attrs import define

from chargehand.web.bench.loops import Agent, Giver

Foreign = Any
"""An object of a library that may not be installed."""

BATCHING_MAX = 64  # agents in batches: with more of them more tasks are busy than a system lets be


class OnDisk(Enum):
    """What has happened to a write by the time at which it is answered."""

    YES = "yes"
    PUT_ONLY = "put, not claim"  # a claim writes nothing, or takes the work away for good
    LATER = "within 50 ms"
    NOTHING = "nothing to write"

    @property
    def is_yes(self) -> bool:
        """Whether a crash right after an answer loses nothing of it."""
        return self in (OnDisk.YES, OnDisk.PUT_ONLY)


@final
class Running(NamedTuple):
    """A system that was started.

    Args:
        address: for the process that loads it: a directory, socket, port or connection string.
        pid: of the process whose CPU time, with its children's, is the system's; None: it runs
            within the process that loads it.
    """

    address: str
    pid: int | None


@final
@define
class Agents:
    """Who works on it, each with a connection: those who claim, and those who hand in."""

    agents: Sequence[Agent]
    givers: Sequence[Giver]


@final
@define
class Workers:
    """A library that runs handlers by itself, and those who hand in to it.

    Args:
        work: runs until it is canceled. It calls back with the payload of each task that a
            handler was called with, from whatever thread.
    """

    work: Callable[[Callable[[str], None]], AbstractAsyncContextManager[None]]
    givers: Sequence[Giver]


class Contender(ABC):
    """One row of the comparison.

    Attributes:
        batch: what one claim takes at most.
        runtime: of the process that loads it.
        agents_max: more are not tried, as the clients are threads or processes.
        asks: of the system, in a word: what its rows are to be read with.
    """

    name: str
    on_disk: OnDisk
    batch: int = 1
    runtime: str = "trio"
    agents_max: int = 512
    note: str = ""

    @abstractmethod
    def missing(self) -> str | None:
        """How to install what is not there; None where nothing is missing."""

    @abstractmethod
    def running(self, directory: Path) -> AbstractContextManager[Running]:
        """Start it on an empty directory; it is stopped at the end."""

    @abstractmethod
    def staffed(
        self, address: str, agents: int, size: int
    ) -> AbstractAsyncContextManager[Agents | Workers]:
        """So many agents, in the process that loads it. Args: size: bytes of each task."""


def missing_modules(*names: str) -> str | None:
    """How to install those of these modules that are not there."""
    absent = [name for name in names if find_spec(name) is None]
    return f"make peers (not installed: {', '.join(absent)})" if absent else None
