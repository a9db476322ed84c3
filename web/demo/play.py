"""The demo from start to end: a server of its own, the release, the summary."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

import trio
from rich.console import Console

from chargehand.actors.limits import ATTEMPTS_MAX
from chargehand.web.agents.api import Api
from chargehand.web.agents.errors import ChargehandError
from chargehand.web.agents.shown import Event
from chargehand.web.cli.environment import PREFIX
from chargehand.web.client.client import Client
from chargehand.web.demo.aftermath import aftermath
from chargehand.web.demo.crew import AGENTS, Crew
from chargehand.web.demo.display import (
    Display,
    summary,
    what_next,
    where_to_look_around,
    where_to_watch,
)
from chargehand.web.demo.holding import Aftermath
from chargehand.web.demo.plan import Step, release
from chargehand.web.demo.progress import Progress

QUIET_S_MAX: Final = 90.0  # without any event; the longest wait of an agent for work is over then
_START_S_MAX: Final = 60.0
_GRACE_S: Final = 60  # for the server to end in order, on a machine that is busy
_REVIEW_S: Final = 24 * 3600  # for its verdict, however long the demo is held
_STOP_S_MAX: Final = 5.0  # for the server to end when the demo is broken off


class DemoFailed(Exception):
    """The demo cannot go on."""


async def play(pace: float, console: Console, *, hold: bool = False) -> int | None:
    """Run the demo; the signal that ended it before its time, or None.

    Args:
        pace: how many times faster than planned the agents work.
        hold: go on after the release until a signal comes, with work that needs a person.

    Raises:
        DemoFailed: (in a group) something did not complete, nothing happened for a long time, or
            the server has ended.
    """
    caught: int | None = None
    with trio.open_signal_receiver(*_ending_signals()) as signals:

        async def end_on_a_signal() -> None:
            nonlocal caught
            caught = await anext(signals)
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(end_on_a_signal)
            await _play(pace, console, hold=hold)
            nursery.cancel_scope.cancel()
    return caught


def _ending_signals() -> list[signal.Signals]:
    """Those that end the demo; one that is ignored, as under nohup, stays so."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]


async def _play(pace: float, console: Console, *, hold: bool) -> None:
    console.print("Starting a server of the demo's own ...", highlight=False)
    with tempfile.TemporaryDirectory(prefix="chargehand-demo-") as directory:
        async with _server(Path(directory)) as server, trio.open_nursery() as nursery:
            console.print(where_to_watch(server.url), highlight=False, soft_wrap=True)
            nursery.start_soon(_fail_when_it_ends, server)
            try:
                async with Client(server.url, token="") as api:
                    await _release(api, server.url, pace, console)
                    if hold:
                        await _hold(api, server.url, pace, console)
            except ChargehandError as refused:
                raise DemoFailed(str(refused)) from None
            nursery.cancel_scope.cancel()
    console.print(what_next(console.width), highlight=False, soft_wrap=True)


class _Server(NamedTuple):
    process: trio.Process
    url: str
    log: Path


async def _fail_when_it_ends(server: _Server) -> None:
    code = await server.process.wait()
    raise DemoFailed(f"the server is gone (exit code {code}): {_text(server.log)}")


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


@asynccontextmanager
async def _server(directory: Path) -> AsyncIterator[_Server]:
    """A server process. Its log is shown only when it fails."""
    ready, log = directory / "ready.json", directory / "log"
    with log.open("wb") as errors:
        process = await trio.lowlevel.open_process(
            [
                *(sys.executable, "-P", "-m", "chargehand.web.demo.child", "--http=127.0.0.1:0"),
                *("--data-dir=data", f"--ready-file={ready}", f"--grace-s={_GRACE_S}"),
                f"--review-s={_REVIEW_S}",
                "--socket=socket",  # short, however long the path of the directory is
            ],
            stdin=subprocess.PIPE,  # by which it notices our end, whatever that is
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=directory,
            env=_environment(),
            start_new_session=True,  # a Ctrl-C is for us; we stop it
        )
    try:
        with trio.move_on_after(_START_S_MAX):
            await _first_line(process)
        if not ready.exists():
            raise DemoFailed(f"the server did not start: {_text(log)}")
        url = json.loads(ready.read_text(encoding="utf-8"))["http"]
        yield _Server(process, url, log)
        process.terminate()
        if await process.wait() != 0:
            raise DemoFailed(f"the server did not stop: {_text(log)}")
    finally:
        await _stop(process)


async def _stop(process: trio.Process) -> None:
    """End it before its directory is removed, whatever it takes."""
    with trio.CancelScope(shield=True):
        if process.poll() is None:
            process.terminate()
            with trio.move_on_after(_STOP_S_MAX):
                await process.wait()
        if process.poll() is None:
            process.kill()
            await process.wait()


def _environment() -> dict[str, str]:
    """Ours, without settings that are for other servers, and with our own code to run."""
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(PREFIX)}
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return {**inherited, "PYTHONPATH": path}


async def _first_line(process: trio.Process) -> None:
    """Wait for the line that says that the server serves, or for its end."""
    assert process.stdout is not None
    while (output := await process.stdout.receive_some()) and not output.endswith(b"\n"):
        pass


async def _release(api: Api, url: str, pace: float, console: Console) -> None:
    steps, root_id = await _create(api)
    progress = Progress(steps)
    display = Display(console, progress, AGENTS, url)
    crew = Crew(api, steps, pace, display.say)
    console.print(f"{len(steps)} tasks are in place, {len(AGENTS)} agents begin")
    begun_s = time.monotonic()
    with display.shown():
        await _work(api, root_id, crew, progress, display)
    seconds = time.monotonic() - begun_s
    # Whoever watches may have handed in tasks as well.
    statuses = Counter([t.status async for t in api.all_tasks() if t.id in steps])
    console.print(summary(progress, statuses, crew.claims, seconds))
    if statuses != Counter(completed=len(steps)):
        raise DemoFailed(f"not everything was completed: {dict(statuses)}")


async def _hold(api: Api, url: str, pace: float, console: Console) -> None:
    """Go on until this is canceled, with work that needs a person."""

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    async def announce() -> None:
        await held.is_ready.wait()
        say(f"\nAll is in place. {where_to_look_around(url)}\n")

    held = Aftermath(api, aftermath(), pace, say)
    say(f"\nThe release is out, and {len(held.plan)} further tasks are handed in.")
    say(where_to_watch(url))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(announce)
        await held.run()


async def _create(api: Api) -> tuple[dict[str, Step], str]:
    """Put the release into the server; its steps by task id, and the id of the root."""
    plan = release()
    ids: dict[str | None, str] = {}
    waiting = list(plan)
    while waiting:  # parents first
        for step in [s for s in waiting if s.parent is None or s.parent in ids]:
            ids[step.key] = await _create_one(api, step, ids.get(step.parent))
            waiting.remove(step)
    for step in plan:
        for key in step.after:
            await api.add_dependency(ids[step.key], ids[key])
    for step in plan:
        if not step.after and not step.needs_approval:
            await api.start_task(ids[step.key])
    steps = {ids[step.key]: step for step in plan}
    root_id = next(ids[step.key] for step in plan if step.parent is None)
    return steps, root_id


async def _create_one(api: Api, step: Step, parent: str | None) -> str:
    task = await api.create_task(
        step.title,
        parent=parent,
        priority=step.priority,
        auto_enqueue_on_ready=True,
        max_attempts=ATTEMPTS_MAX,
        approval_policy="manual" if step.needs_approval else "none",
    )
    return task.id


async def _work(api: Api, root_id: str, crew: Crew, progress: Progress, display: Display) -> None:
    """Everybody at work, until the stream says that the root is completed."""
    send, receive = trio.open_memory_channel[Event](inf)  # the operator may be slower than events
    async with send, receive, trio.open_nursery() as nursery:
        for name in AGENTS:
            nursery.start_soon(crew.agent, name)
        nursery.start_soon(crew.operator, receive, progress)
        async with api.events(root_id) as events:
            while not progress.is_over:
                with trio.move_on_after(QUIET_S_MAX) as quiet:
                    event = await anext(events)
                if quiet.cancelled_caught:
                    raise DemoFailed(f"nothing has happened for {QUIET_S_MAX:g} s")
                line = progress.take(event)
                if line is not None:
                    display.print_line(line)
                send.send_nowait(event)
        nursery.cancel_scope.cancel()
