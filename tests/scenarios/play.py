"""Plays a scenario against a real server, which may be killed (SIGKILL) on the way.

After a kill the server is started again on the same directory, what the user expects is looked at
again, and what must always hold is checked (`invariants`).
"""

import random
import time
from enum import Enum
from pathlib import Path
from statistics import median
from typing import Any, Final, final

import httpx
import trio
from attrs import define, field

from benchmarks.chaos.client import Client
from benchmarks.chaos.follower import Follower
from benchmarks.chaos.launch import Launch
from benchmarks.chaos.ledger import Change
from benchmarks.chaos.server import ServerProcess
from tests.contract.schemas import Contract
from tests.scenarios.invariants import Acknowledged, check_invariants
from tests.scenarios.patterns import at, filled, mismatch
from tests.scenarios.pictures import Picture, after_a_restart, take_picture
from tests.scenarios.story import AnswerTo, Call, Look, Outside, Scenario, Step, Told, Waiting

DEED_S_MAX: Final = 60.0
SOON_S_MAX: Final = 60.0  # for what was under way when the server was killed
_USUAL_S: Final = 0.005  # of a call, before any was measured
_ARRIVAL_S: Final = 0.02  # for a request that is not answered at once to have come to the server
_CONTRACT: Final = Contract()

# Tasks leave memory at once, and leases have their own time left after a restart.
_OPTIONS: Final = ("--idle-s=0.05", "--boot-grace-s=0.2", "--log-level=warning")
_CHECKPOINTS_S: Final = (0.02, 30.0)  # all the time, and never


class Kill(Enum):
    NEVER = "not killed"
    AFTER = "killed after"  # the answer of one step
    WITHIN = "killed within"  # the request of one step, which the user then repeats
    AFTER_EACH = "killed after each step"  # and again while it starts


class Failed(AssertionError):
    """What went wrong, and what has to be played to see it again."""


async def play(
    scenario: Scenario, directory: Path, launch: Launch, kill: Kill, at_step: int, seed: int
) -> None:
    """Play it from an empty directory to its last step.

    Args:
        at_step: the step that the kill is about, from 1 on.

    Raises:
        Failed: it is not as a user expects.
    """
    rng = random.Random(f"{seed} {scenario.name} {kill.value} {at_step}")
    options = (*_OPTIONS, f"--checkpoint-s={rng.choice(_CHECKPOINTS_S)}", *scenario.options)
    async with scenario.around(directory) as around:
        server = ServerProcess(directory, *options, *around.options, launch=launch)
        player = Player(scenario, server, around, kill, at_step, rng)
        try:
            await server.start()
            await player.run()
            if kill is Kill.NEVER:
                server.stop()
            if "Traceback" in server.log:
                raise Failed(f"{player.where}: {server.log}")
        except* (AssertionError, KeyError, trio.TooSlowError) as group:
            raise Failed(f"{player.where}, seed {seed}: {_first(group)}") from group
        finally:
            server.close()
            with trio.CancelScope(shield=True):
                await player.close()


def _first(group: BaseException) -> str:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return f"{type(group).__name__}: {group}"


def _patience_s(step: Step) -> float:
    """How long it may take until a user sees what is expected."""
    return SOON_S_MAX if step.soon else 0.0


@final
@define(eq=False)
class Player:
    scenario: Scenario
    server: ServerProcess
    around: Any
    kill: Kill
    at_step: int
    rng: random.Random
    names: dict[str, str] = field(factory=dict)
    acknowledged: Acknowledged = field(factory=Acknowledged)
    where: str = ""
    _client: Client = field(init=False)
    _followers: list[Follower] = field(init=False)
    _waiting: dict[str, list[httpx.Response]] = field(factory=dict)
    _moved: Change = field(factory=Change)  # an event was told, or a call answered
    _calls_s: list[float] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self._client = Client(self.server.url)
        self._followers = [
            Follower(self.server.url, task_id, self._moved) for task_id in self.scenario.follows
        ]

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            for follower in self._followers:
                nursery.start_soon(follower.run)
            for number, step in enumerate(self.scenario.steps, start=1):
                self.where = f"{self.scenario.name}, {self.kill.value} {self.at_step}, at {number}"
                self.where += f" ({step.name})"
                await self._play(number, step, nursery)
            self.where = f"{self.scenario.name}, {self.kill.value} {self.at_step}, at the end"
            await self._check_invariants()
            nursery.cancel_scope.cancel()

    async def close(self) -> None:
        await self._client.close()

    async def _play(self, number: int, step: Step, nursery: trio.Nursery) -> None:
        is_about_it = number == self.at_step
        if self.kill is Kill.WITHIN and is_about_it:
            await self._do_with_a_kill_within(step, nursery)
            await self._see(step, SOON_S_MAX)
        elif self.kill is Kill.AFTER and is_about_it:
            await self._do(step, nursery)
            await self._restart()
            await self._see(step, SOON_S_MAX)
            await self._check_invariants()
        elif self.kill is Kill.AFTER_EACH:
            await self._do(step, nursery)
            await self._see(step, _patience_s(step))
            is_calm = not (step.restless or self._somebody_waits)
            before = await take_picture(self._client) if is_calm else None
            await self._restart()
            await self._see(step, SOON_S_MAX)
            await self._check_invariants()
            if before is not None:
                await self._compare(before)
        else:
            await self._do(step, nursery)
            if number >= self.at_step:  # what is before the kill is seen when nothing is killed
                await self._see(step, _patience_s(step))

    # What is done.

    async def _do(self, step: Step, nursery: trio.Nursery) -> None:
        match step.does:
            case Call() as call:
                begun_s = time.monotonic()
                response = await self._send(call)
                self._calls_s.append(time.monotonic() - begun_s)
                self._take(step, response)
            case Waiting(name, call):
                self._waiting[name] = []
                nursery.start_soon(self._wait_for_answer, name, call)
                await trio.sleep(_ARRIVAL_S)
            case AnswerTo(name):
                with trio.fail_after(DEED_S_MAX):
                    await self._moved.until(lambda: bool(self._waiting.get(name)))
                self._take(step, self._waiting[name][0])
            case Told() as told:
                with trio.fail_after(DEED_S_MAX):
                    await self._moved.until(lambda: self._has_told(told))
            case Outside(do):
                await do(self.around)

    async def _do_with_a_kill_within(self, step: Step, nursery: trio.Nursery) -> None:
        """The server is killed at some moment from the sending of the request on."""
        usual_s = median(self._calls_s) if self._calls_s else _USUAL_S
        delay_s = self.rng.uniform(0, 1.5 * usual_s)
        if not isinstance(step.does, Call):
            async with trio.open_nursery() as both:
                both.start_soon(self._do, step, nursery)
                await trio.sleep(delay_s)
                await self._restart()
            return
        async with trio.open_nursery() as unanswered:
            unanswered.start_soon(self._send_unheard, step.does)
            await trio.sleep(delay_s)
            self.server.kill()
            unanswered.cancel_scope.cancel()
        await self.server.start()
        await self._check_invariants(unsure=True)
        await self._take_repeated(step, step.does)
        await self._check_invariants()

    async def _send(self, call: Call) -> httpx.Response:
        call = call.filled(self.names)
        with trio.fail_after(DEED_S_MAX):
            return await self._client.send(call.method, call.path, call.body, headers=call.headers)

    async def _send_unheard(self, call: Call) -> None:
        call = call.filled(self.names)
        try:
            await self._client.send_once(call.method, call.path, call.body, headers=call.headers)
        except httpx.TransportError:
            return

    async def _wait_for_answer(self, name: str, call: Call) -> None:
        self._waiting[name].append(await self._send(call))
        self._moved.notify()

    @property
    def _somebody_waits(self) -> bool:
        """And may be answered at any moment."""
        return not all(self._waiting.values())

    def _has_told(self, told: Told) -> bool:
        events = [event for follower in self._followers for event in follower.received]
        kind = (told.task_id, told.type)
        return sum((event.task_id, event.type) == kind for event in events) >= told.times

    # What it is answered.

    def _take(self, step: Step, response: httpx.Response) -> None:
        if response.status_code != step.answers:
            raise AssertionError(f"answered {response.status_code}: {response.text}")
        if self.kill is Kill.NEVER:
            request = response.request
            _CONTRACT.check(
                request.method, request.url.path, response.status_code, response.content
            )
        answer = response.json() if response.content else None
        if difference := mismatch(filled(step.shows, self.names), answer):
            raise AssertionError(f"answered {difference}")
        for name, path in step.keeps.items():
            self.names[name] = at(answer, path)
        self.acknowledged.take(answer)

    async def _take_repeated(self, step: Step, call: Call) -> None:
        """The first request has had its effect, or not; the user cannot know."""
        response = await self._send(call)
        if step.again != response.status_code:
            self._take(step, response)
            return
        if step.keeps:
            raise AssertionError(f"{step.keeps} are not in the repeat's answer {response.text}")
        if call.body is not None and "id" in call.body:  # taken, by the first one
            look = await self._client.get(f"/api/tasks/{call.body['id']}")
            self.acknowledged.take(look.json())

    # What is seen.

    async def _see(self, step: Step, within_s: float) -> None:
        """Raises: AssertionError: something is not as expected, now or within that time."""
        until_s = trio.current_time() + within_s
        for look in step.sees:
            while difference := await self._difference(look):
                if trio.current_time() >= until_s:
                    raise AssertionError(f"{look.path} shows {difference}")
                with trio.move_on_after(0.05):
                    await self._moved.next()

    async def _difference(self, look: Look) -> str | None:
        path = filled(look.path, self.names)
        response = await self._client.send("GET", path, headers=look.user.headers)
        if response.status_code != httpx.codes.OK:
            raise AssertionError(f"{path} answers {response.status_code}: {response.text}")
        if self.kill is Kill.NEVER:
            _CONTRACT.check("GET", response.request.url.path, 200, response.content)
        return mismatch(filled(look.expected, self.names), look.view(response.json()))

    # What is killed.

    async def _restart(self) -> None:
        self.server.kill()
        if self.kill is Kill.AFTER_EACH:
            usual_s = median(self.server.start_s)
            await self.server.start_in_vain(self.rng.uniform(0, usual_s))
        await self.server.start()

    async def _check_invariants(self, *, unsure: bool = False) -> None:
        await check_invariants(self._client, self.acknowledged, self._followers, unsure=unsure)

    async def _compare(self, before: Picture) -> None:
        """What was seen before a restart is seen after it."""
        expected = after_a_restart(before)
        until_s = trio.current_time() + SOON_S_MAX
        while difference := mismatch(expected, await take_picture(self._client)):
            if trio.current_time() >= until_s:
                raise AssertionError(f"after the restart {difference}")
            with trio.move_on_after(0.05):
                await self._moved.next()


async def play_all(
    scenario: Scenario,
    directory: Path,
    launch: Launch,
    kill: Kill,
    seed: int,
    at_a_time: int,
) -> None:
    """Once for each step; several at a time, since all of them wait for a disk or a clock."""
    limiter = trio.CapacityLimiter(at_a_time)

    async def one(number: int) -> None:
        async with limiter:
            own = directory / str(number)
            own.mkdir()
            await play(scenario, own, launch, kill, number, seed)

    async with trio.open_nursery() as nursery:
        for number in range(1, len(scenario.steps) + 1):
            nursery.start_soon(one, number)
