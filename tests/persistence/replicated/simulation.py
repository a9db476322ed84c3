"""Nodes on a shared database that loses answers, commits late, and fails over, by a virtual clock.

A `Schedule` is made of a seed alone, so that one that has failed can be played again. Time is in
milliseconds. The database acknowledges what a copy has; what no copy has may be seen, and goes when
the database fails over. Each node has a clock that runs at its own rate, may freeze, and may crash.

What must hold is looked at all along, see `Violation`.
"""

import heapq
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Final, final

from attrs import define, field

from chargehand.actors.frozen import replace
from chargehand.persistence.replicated import node as n
from chargehand.persistence.replicated import shard as s

TTL_MS: Final = 1000
LOOKS_MS: Final = 150
DRIFT: Final = 0.05
LASTS_MS: Final = 6_000
QUIET_MS: Final = 3_000
"""At the end nothing goes wrong any more."""
NODES: Final = 3


class Defect(Enum):
    """What is wrong on purpose, so that the rules below prove that they can fail."""

    NONE = "none"
    UNFENCED_APPEND = "the condition of an append is looked at before, not within it"
    GUESSED_OUTCOME = "an append without an answer is taken for done"
    BEAT_OF_ANYBODY = "a renewal has no condition"
    READ_BEFORE_TAKE = "a standby reads the log before it takes"


class Violation(AssertionError):
    """Raised when what was acknowledged is lost, done twice or not seen."""


@final
@define(eq=False)
class Database:
    """What is visible, and how much of it a copy has."""

    row: s.Row = field(factory=s.Row)
    log: list[s.Batch] = field(factory=list)
    safe_row: s.Row = field(factory=s.Row)
    safe_length: int = 0
    failovers: int = 0

    def make(self, request: s.Request, *, checked: bool = True) -> s.Done | s.Found:
        row = self.row
        match request:
            case s.Look():
                return s.Found(row)
            case s.Take(seen, owner):
                if row != seen:
                    return s.Found(row)
                self.row = replace(row, epoch=row.epoch + 1, owner=owner, beat=row.beat + 1)
            case s.Raise(epoch, owner):
                if (row.epoch, row.owner) != (epoch, owner):
                    return s.Found(row)
                self.row = replace(row, epoch=epoch + 1, beat=row.beat + 1)
            case s.Append(epoch, owner, head, batch):
                if checked and (row.epoch, row.owner, row.head) != (epoch, owner, head):
                    return s.Found(row)
                self.row = replace(row, head=batch.last_seq, beat=row.beat + 1)
                self.log.append(batch)
                if not checked:
                    return s.Done(replace(self.row, epoch=epoch, owner=owner))
            case s.Renew(epoch, owner):
                if checked and (row.epoch, row.owner) != (epoch, owner):
                    return s.Found(row)
                self.row = replace(row, beat=row.beat + 1)
                if not checked:
                    return s.Done(replace(self.row, epoch=epoch, owner=owner))
            case s.Release(epoch, owner):
                if (row.epoch, row.owner) != (epoch, owner):
                    return s.Found(row)
                self.row = replace(row, owner=s.NOBODY, beat=row.beat + 1)
        return s.Done(self.row)

    def copy(self) -> None:
        self.safe_row, self.safe_length = self.row, len(self.log)

    def fail_over(self) -> None:
        self.row = self.safe_row
        del self.log[self.safe_length :]
        self.failovers += 1


@final
@define(eq=False)
class Process:
    """One start of a node."""

    name: str
    rate: float
    begun_ms: int
    state: n.Node
    log: set[bytes] = field(factory=set)
    serves: bool = False
    frozen_until_ms: int = 0
    asked: int = 0
    is_dead: bool = False
    compared: int = 0
    """So many of those that were acknowledged are known here."""

    def clock_ms(self, now_ms: int) -> int:
        return int((now_ms - self.begun_ms) * self.rate)


@final
class Schedule:
    """One history. `run` raises `Violation`, or returns how many batches were acknowledged."""

    def __init__(self, seed: int, defect: Defect = Defect.NONE) -> None:
        self.random = Random(seed)
        self.defect = defect
        self.now_ms = 0
        self.database = Database()
        self.acknowledged: list[s.Batch] = []
        self._known: set[bytes] = set()
        self.activations = 0
        self.unknown = 0
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._starts = 0
        self._batches = 0
        self._stalled_until_ms = 0  # copies of the database lag until then
        self.processes = [self._start(at) for at in range(NODES)]

    # --- the world ------------------------------------------------------------------------------

    def run(self) -> int:
        self._troubles()
        while self._due:
            at_ms, _, what = heapq.heappop(self._due)
            if at_ms > LASTS_MS + QUIET_MS:
                break
            self.now_ms = at_ms
            what()
            self._check_readers()
        self._check_log()
        return len(self.acknowledged)

    def _after(self, ms: int, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (self.now_ms + ms, self._count, what))

    def _troubles(self) -> None:
        random = self.random
        for _ in range(random.randrange(2, 9)):
            at_ms = random.randrange(LASTS_MS)
            kind = random.choice(
                [self._crash, self._freeze, self._fail_over, self._step_down, self._doubt]
            )
            self._after(at_ms, kind)
        if random.random() < 0.5:
            self._after(random.randrange(LASTS_MS), self._stall)

    @property
    def _is_quiet(self) -> bool:
        return self.now_ms >= LASTS_MS

    def _anybody(self) -> int:
        """Mostly whoever is active: trouble elsewhere is seldom seen."""
        active = [at for at, one in enumerate(self.processes) if isinstance(one.state, n.Active)]
        if active and self.random.random() < 0.8:
            return self.random.choice(active)
        return self.random.randrange(NODES)

    def _crash(self) -> None:
        self._end(self._anybody())

    def _end(self, at: int) -> None:
        if self.processes[at].is_dead:
            return
        self.processes[at].is_dead = True
        self.processes[at].serves = False
        away_ms = self.random.randrange(10, 2 * TTL_MS)

        def again() -> None:
            self.processes[at] = self._start(at)

        self._after(away_ms, again)

    def _freeze(self) -> None:
        process = self.processes[self._anybody()]
        process.frozen_until_ms = self.now_ms + self.random.randrange(TTL_MS // 2, 4 * TTL_MS)

    def _fail_over(self) -> None:
        self.database.fail_over()

    def _step_down(self) -> None:
        process = self.processes[self._anybody()]
        if isinstance(process.state, n.Active):
            self._step(process, n.StepDown())

    def _doubt(self) -> None:
        process = self.processes[self._anybody()]
        if isinstance(process.state, n.Active):
            self._step(process, n.Doubt())

    def _stall(self) -> None:
        self._stalled_until_ms = self.now_ms + self.random.randrange(200, 3 * TTL_MS)

    # --- a node ---------------------------------------------------------------------------------

    def _start(self, at: int) -> Process:
        self._starts += 1
        name = f"{'abc'[at]}{self._starts}"
        rate = 1 + self.random.uniform(-DRIFT, DRIFT)
        # They need not be set alike: each waits for as long as the active one may answer.
        ttl_ms = TTL_MS if self.random.random() < 0.7 else self.random.randrange(TTL_MS, 3 * TTL_MS)
        owner = s.Owner(name, name, ttl_ns=ttl_ms)
        process = Process(name, rate, self.now_ms, n.Standby(owner, ttl_ms))
        self._after(self.random.randrange(LOOKS_MS), lambda: self._tick(process))
        return process

    def _tick(self, process: Process) -> None:
        if process.is_dead:
            return
        if process.frozen_until_ms > self.now_ms:
            self._after(process.frozen_until_ms - self.now_ms, lambda: self._tick(process))
            return
        self._step(process, n.Tick())
        self._load(process)
        self._after(LOOKS_MS, lambda: self._tick(process))

    def _load(self, process: Process) -> None:
        state = process.state
        if process.serves and isinstance(state, n.Active) and state.batch is None:
            self._batches += 1
            last_seq = state.head + self.random.randrange(1, 4)
            batch = s.Batch(last_seq, b"%d>%d" % (state.head, self._batches))
            self._step(process, n.Write(batch))

    def _step(self, process: Process, event: n.Event) -> None:
        process.state, effects = n.step(process.state, event, process.clock_ms(self.now_ms))
        for effect in effects:
            match effect:
                case n.Ask(request):
                    self._ask(process, request)
                case n.Acknowledge(batch):
                    self._acknowledge(process, batch)
                case n.Serve(head):
                    self._serve(process, head)
        if isinstance(process.state, n.Ended) and not process.is_dead:
            self._end(self.processes.index(process))

    def _serve(self, process: Process, head: int) -> None:
        self.activations += 1
        if self.defect is Defect.READ_BEFORE_TAKE:
            process.serves = True
            return

        def read() -> None:
            process.log = {one.frames for one in self.database.log if one.last_seq <= head}
            process.serves = True

        self._after(self.random.randrange(1, 20), read)

    def _acknowledge(self, process: Process, batch: s.Batch) -> None:
        if batch.frames in self._known:
            raise Violation(f"{batch} is acknowledged twice")
        state = process.state
        if isinstance(state, n.Active) and not state.is_confirmed(process.clock_ms(self.now_ms)):
            raise Violation(f"{batch} is acknowledged when nothing may be answered")
        self._known.add(batch.frames)
        self.acknowledged.append(batch)
        process.log.add(batch.frames)
        if self.random.random() < 0.7:
            self._after(self.random.randrange(1, 60), lambda: self._load_if_alive(process))

    def _load_if_alive(self, process: Process) -> None:
        if not process.is_dead and process.frozen_until_ms <= self.now_ms:
            self._load(process)

    # --- requests -------------------------------------------------------------------------------

    def _ask(self, process: Process, request: s.Request) -> None:
        process.asked += 1
        number = process.asked
        random = self.random
        there_ms, back_ms = random.randrange(1, 8), random.randrange(1, 8)
        luck = 1.0 if self._is_quiet else random.random()

        def answer(value: s.Answer) -> None:
            if process.is_dead or process.asked != number:
                return
            if process.frozen_until_ms > self.now_ms:
                self._after(process.frozen_until_ms - self.now_ms, lambda: answer(value))
                return
            if isinstance(value, s.Unknown):
                self.unknown += 1
                if self.defect is Defect.GUESSED_OUTCOME and isinstance(request, s.Append):
                    value = s.Done(s.Row(request.epoch, request.batch.last_seq, request.owner))
            self._step(process, n.Answered(value))

        def arrive(*, heard: bool) -> None:
            self._arrive(request, answer if heard else _nobody, back_ms)

        if luck < 0.02:  # lost on its way
            self._after(random.randrange(50, 300), lambda: answer(s.Unknown()))
        elif luck < 0.04:  # the answer is lost
            self._after(there_ms, lambda: arrive(heard=False))
            self._after(random.randrange(50, 300), lambda: answer(s.Unknown()))
        elif luck < 0.06:  # it arrives long after nobody waits for it any more
            self._after(random.randrange(50, 200), lambda: answer(s.Unknown()))
            self._after(random.randrange(200, 3 * TTL_MS), lambda: arrive(heard=False))
        else:
            self._after(there_ms, lambda: arrive(heard=True))

    def _arrive(self, request: s.Request, answer: Callable[[s.Answer], None], back_ms: int) -> None:
        """The database makes it, and answers once a copy has it."""
        if isinstance(request, s.Append) and self.defect is Defect.UNFENCED_APPEND:
            row = self.database.row
            if (row.epoch, row.owner, row.head) != (request.epoch, request.owner, request.head):
                answer(s.Found(row))
                return
            self._after(
                self.random.randrange(1, 60 if self.random.random() < 0.8 else 2 * TTL_MS),
                lambda: self._make(request, answer, back_ms, checked=False),
            )
            return
        checked = not (isinstance(request, s.Renew) and self.defect is Defect.BEAT_OF_ANYBODY)
        self._make(request, answer, back_ms, checked=checked)

    def _make(
        self,
        request: s.Request,
        answer: Callable[[s.Answer], None],
        back_ms: int,
        *,
        checked: bool,
    ) -> None:
        database = self.database
        made = database.make(request, checked=checked)
        if isinstance(made, s.Found):
            self._after(back_ms, lambda: answer(made))
            return
        failovers = database.failovers
        stalled_ms = max(0, self._stalled_until_ms - self.now_ms)
        copied_ms = self.random.randrange(1, 10) + stalled_ms
        if not self._is_quiet and self.random.random() < 0.02:  # canceled: seen, and not safe yet
            self._after(back_ms, lambda: answer(s.Unknown("a warning")))
            answer = _nobody

        def copied() -> None:
            if database.failovers == failovers:
                database.copy()
                self._after(back_ms, lambda: answer(made))
            else:
                self._after(back_ms, lambda: answer(s.Unknown("the database failed over")))

        self._after(copied_ms, copied)

    # --- what must hold -------------------------------------------------------------------------

    def _check_readers(self) -> None:
        """Whoever would answer now knows all that was acknowledged."""
        for process in self.processes:
            state = process.state
            if not process.serves or not isinstance(state, n.Active):
                continue
            if process.frozen_until_ms > self.now_ms:
                continue
            if state.may_answer(process.clock_ms(self.now_ms)):
                if process.compared == len(self.acknowledged):
                    continue
                for batch in self.acknowledged[process.compared :]:
                    if batch.frames not in process.log:
                        raise Violation(f"{process.name} at {self.now_ms} ms lacks {batch}")
                process.compared = len(self.acknowledged)

    def _check_log(self) -> None:
        """All that was acknowledged is in the log, and each batch follows the one before."""
        kept = set(self.database.log)
        for batch in self.acknowledged:
            if batch not in kept:
                raise Violation(f"{batch} was acknowledged and is not in the log")
        head = 0
        for batch in self.database.log:
            if int(batch.frames.partition(b">")[0]) != head:
                raise Violation(f"{batch} does not follow {head}")
            head = batch.last_seq


def _nobody(_: s.Answer) -> None:
    """Nobody waits for it."""
