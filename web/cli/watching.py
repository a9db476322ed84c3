"""What goes on until Ctrl-C: events of a task or of all, and answers that are asked for repeatedly.

A server that is gone is waited for, as long as it has answered once: a watch outlives restarts.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, final

import click
import orjson

from chargehand.web.cli.events import EventLine
from chargehand.web.cli.failures import Failed, plain
from chargehand.web.cli.interrupts import interrupt_raised
from chargehand.web.cli.layout import Block, terminal_room
from chargehand.web.cli.shown import Part, pieces, print_json, show
from chargehand.web.exits import ClientExit
from chargehand.web.frames import frames

if TYPE_CHECKING:
    from rich.text import Text

    from chargehand.web.cli.client import ApiResponse, Client

_QUIET_S: Final = 45.0  # three of the server's comments missed: the connection is lost
_RETRY_S: Final = 2.0  # until the server names a time
_DELETED: Final = "deleted"
_CLOSED: Final = "stream.closed"
_BEHIND: Final = "stream_cursor_behind"

pause = time.sleep


@final
class _Presence:
    """Whether the server is there."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Args: say: called with a line when that changes."""
        self.say = say
        self.met = False
        self.lost = False

    def found(self) -> None:
        if self.lost:
            self.say("chargehand: the server is back")
        self.met, self.lost = True, False

    @contextmanager
    def enduring(self) -> Iterator[None]:
        """Swallows the loss of a server that was met."""
        try:
            yield
        except Failed as failed:
            if failed.exit_with not in (ClientExit.UNREACHABLE, ClientExit.LATER) or not self.met:
                raise
            if not self.lost:
                self.say(f"chargehand: {plain(str(failed))}; trying again")
            self.lost = True


def watch_task(connection: "Client", as_json: bool, path: str, after_sequence: int | None) -> None:
    """Print each event of the stream once, as it happens, until the task is deleted."""
    last_id = "0" if after_sequence is None else str(after_sequence)
    if _follow(_Stream(connection, as_json, path, last_id=last_id)):
        click.echo("chargehand: the task was deleted", err=True)


def watch_all(
    connection: "Client",
    as_json: bool,
    path: str,
    query: Mapping[str, str],
    after_sequence: int | None,
) -> None:
    """The same of all tasks, until Ctrl-C; without a number from now on. Where the server refuses
    to go on, as too much has happened, that is said, and it begins anew from now on."""
    last_id = None if after_sequence is None else str(after_sequence)
    stream = _Stream(connection, as_json, path, query, last_id)
    while True:
        try:
            _follow(stream)
            return
        except Failed as failed:
            if failed.code != _BEHIND:
                raise
            text = f"what happened behind {stream.last_id} is left out; going on from now"
            _on_stderr(f"chargehand: {plain(str(failed))}; {text}")
            stream.last_id = None


@final
class _Stream:
    """What is followed, and how far it has come.

    Args:
        last_id: the number of the last event that is known; None: whatever there is now.
    """

    def __init__(
        self,
        connection: "Client",
        as_json: bool,
        path: str,
        query: Mapping[str, str] | None = None,
        last_id: str | None = None,
    ) -> None:
        self.last_id = last_id
        self.retry_s = _RETRY_S
        self.presence = _Presence(_on_stderr)
        self._open = partial(connection.stream, path, quiet_s=_QUIET_S, query=query)
        self._as_json = as_json

    def read(self) -> bool | None:
        """Print what comes, until the connection ends. None: one may come back; else whether that
        which was followed was deleted."""
        with self._open(last_event_id=self.last_id) as lines:
            self.presence.found()
            if lines is None:
                return False
            for frame in frames(lines):
                if frame.retry_ms is not None:
                    self.retry_s = frame.retry_ms / 1000
                if frame.event == _CLOSED:
                    if orjson.loads(frame.data).get("reason") == _DELETED:
                        return True
                    continue
                if frame.data:
                    _print_event(frame.data, self._as_json)
                self.last_id = frame.id or self.last_id
        return None


def _follow(stream: _Stream) -> bool:
    """Read it to its end, over lost connections and restarts of the server."""
    while True:
        with stream.presence.enduring():
            ended = stream.read()
            if ended is not None:
                return ended
        pause(stream.retry_s)


def _print_event(data: str, as_json: bool) -> None:
    if as_json:
        print_json(data.encode())
        return
    event = orjson.loads(data)
    line = {**event["timeline"], "event_type": event["type"], "sequence": event["sequence"]}
    show([EventLine()], line)


def watch_answer(
    ask: Callable[[], "ApiResponse"], parts: Sequence[Part], as_json: bool, every_s: float
) -> None:
    """Show an answer anew every few seconds: in place on a terminal, else one after the other."""

    def show_below(answer: "ApiResponse") -> None:
        show(parts, answer.body)
        click.echo()

    if as_json:
        _look_again(ask, lambda answer: print_json(answer.raw), _on_stderr, every_s)
    elif not sys.stdout.isatty():
        _look_again(ask, show_below, _on_stderr, every_s)
    else:
        _redraw(ask, parts, every_s)


def _redraw(ask: Callable[[], "ApiResponse"], parts: Sequence[Part], every_s: float) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False, markup=False, emoji=False)
    # The cursor is hidden meanwhile, and has to be shown again.
    with interrupt_raised(), Live(console=console, auto_refresh=False) as live:
        _look_again(
            ask,
            lambda answer: live.update(_drawn(pieces(parts, answer.body)), refresh=True),
            lambda text: live.console.print(text, style="dim"),  # above what is live
            every_s,
        )


def _drawn(blocks: Sequence[Block]) -> "Text":
    from rich.text import Text

    room = terminal_room()
    lines = [
        Text.assemble(*((span.text, span.style.words) for span in line))
        for block in blocks
        for line in block.lines(room)
    ]
    return Text("\n").join(lines)


def _look_again(
    ask: Callable[[], "ApiResponse"],
    show_it: Callable[["ApiResponse"], None],
    say: Callable[[str], None],
    every_s: float,
) -> None:
    presence = _Presence(say)
    while True:
        with presence.enduring():
            answer = ask()
            presence.found()
            show_it(answer)
        pause(every_s)


def _on_stderr(text: str) -> None:
    click.echo(text, err=True)
