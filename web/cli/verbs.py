"""Commands out of rows: each sends one operation, and shows its answer."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from enum import Enum
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any, Final, final
from urllib.parse import quote

import click
import orjson
from attrs import frozen

from actors.suggestions import PROGRAM
from web.cli import environment
from web.cli.environment import found
from web.cli.failures import Failed, plain
from web.cli.members import ID, Field, Members, given
from web.exits import ClientExit
from web.operations import Operation

if TYPE_CHECKING:
    from web.cli.connection import Answer, Connection, Identity, Target
    from web.cli.shown import Part

# What an id in a path is called, and one to show in examples, by the member of the path before it.
_IDS: Final = {
    "tasks": ("TASK", "ship-it"),
    "dependencies": ("BLOCKER", "docs"),
    "runs": ("RUN", "run-1"),
    "task-runs": ("RUN", "run-1"),
    "task-reviews": ("REVIEW", "review-1"),
    "bridges": ("SUBSCRIPTION", "bts-1"),
    "sessions": ("SESSION", "sess-1"),
    "workspaces": ("WORKSPACE", "ws-1"),
}
_RUN_ID: Final = "{run_id}"  # of the agents' paths, which begin as those of tasks do
EVERY_S: Final = 2.0


class Callers(Enum):
    """Who a command may be called by."""

    ANYBODY = "anybody"  # the agent that options or the environment name, else the local user
    NOBODY = "nobody"  # what makes identities asks for none


class Watch(Enum):
    """What `--watch` does."""

    ANSWER = "answer"  # looks again and again
    STREAM = "stream"  # follows the events of the task


@final
@frozen(kw_only=True)
class Verb:
    """One command.

    Args:
        name: its word.
        operation: what it sends.
        help: what it does, in a sentence.
        example: what stands behind the ids in an example.
        fields: members of the query for GET, else of the body.
        shows: how the answer is laid out; nothing where it has none.
        nothing: what an empty answer means, and the code that the command ends with then.
        callers: who it may be called by.
        may_wait: whether the server may take its time.
        watch: what `--watch` does, if it makes sense.
        finish: the last word on the members.
        whole: the member that is the body itself.
        ends_with: the code that an answer means.
    """

    name: str
    operation: Operation
    help: str
    example: str = ""
    fields: Sequence[Field] = ()
    shows: Sequence["Part"] = ()
    nothing: tuple[str, ClientExit] = ("done", ClientExit.DONE)
    callers: Callers = Callers.ANYBODY
    may_wait: bool = False
    watch: Watch | None = None
    finish: Callable[[Members], None] | None = None
    whole: str | None = None
    ends_with: Callable[[Any], ClientExit] | None = None

    @property
    def ids(self) -> list[tuple[str, str]]:
        """The ids of the path: what each is called, and one for examples."""
        parts = self.operation.path.split("/")
        return [
            _IDS["runs" if part == _RUN_ID else before]
            for before, part in pairwise(parts)
            if part.startswith("{")
        ]

    def parameters(self) -> list[click.Parameter]:
        """The ids of the path, then the members."""
        parameters: list[click.Parameter] = [
            click.Argument([f"id_{n}"], type=ID, metavar=name)
            for n, (name, _) in enumerate(self.ids)
        ]
        parameters += [field.parameter() for field in self.fields]
        return parameters + _watch_options(self.watch)

    def command(self, *group: str) -> click.Command:
        """The command, in the group of that name."""
        example = [*group, self.name, *(sample for _, sample in self.ids)]
        return client_command(
            self.name,
            self.run,
            self.parameters(),
            self.help,
            f"{' '.join(example)} {self.example}".strip(),
            callers=self.callers,
        )

    def run(self, connection: "Connection", as_json: bool, values: dict[str, Any]) -> None:
        if values.pop("watch", False):
            self._watch(connection, as_json, values)
            return
        answer = self.ask(connection, values)
        if as_json:
            print_json(answer.raw)
        else:
            self._show(answer.body)
        if answer.next_cursor is not None:
            click.echo(f"more: --cursor {plain(answer.next_cursor)}", err=True)
        if answer.body is None:
            raise SystemExit(self.nothing[1])
        if self.ends_with is not None:
            raise SystemExit(self.ends_with(answer.body))

    def ask(self, connection: "Connection", values: dict[str, Any]) -> "Answer":
        """The answer to what was given."""
        operation = self.operation
        members = given(self.fields, values)
        if self.finish is not None:
            self.finish(members)
        query: dict[str, str] = {}
        body: bytes | None = None
        if operation.method == "GET":
            query = {name: _in_query(value) for name, value in members.items()}
        elif self.fields:
            body = orjson.dumps(members if self.whole is None else members[self.whole])
        path = path_of(operation, [values[f"id_{n}"] for n in range(len(self.ids))])
        return connection.ask(operation.method, path, query, body, may_wait=self.may_wait)

    def _watch(self, connection: "Connection", as_json: bool, values: dict[str, Any]) -> None:
        from web.cli.watching import watch_answer, watch_task

        if self.watch is Watch.ANSWER:
            watch_answer(lambda: self.ask(connection, values), self.shows, as_json, values["every"])
            return
        if given(self.fields, values).keys() - {"after_sequence"}:
            raise click.UsageError("--limit and --cursor make pages, but a watch has no end")
        watch_task(connection, as_json, values["id_0"], values["after_sequence"])

    def _show(self, body: object) -> None:
        if body is None:
            click.echo(self.nothing[0], err=True)
            return
        from web.cli.shown import show

        show(self.shows, body)


Run = Callable[["Connection", bool, dict[str, Any]], None]


def client_command(
    name: str,
    run: Run,
    parameters: Sequence[click.Parameter],
    help_text: str,
    example: str,
    *,
    callers: Callers = Callers.ANYBODY,
) -> click.Command:
    """A command that has a connection to the server while it runs."""

    def callback(as_json: bool, **values: Any) -> None:
        from web.cli.connection import Connection

        target = _target(values.pop("socket"), values.pop("url"), values.pop("token"))
        caller = _identity(values.pop("session", None), values.pop("agent", None), callers)
        with _told(as_json, target), closing(Connection(target, caller)) as connection:
            run(connection, as_json, values)

    return click.Command(
        name,
        callback=callback,
        params=[*parameters, *_common_options(callers)],
        help=f"{help_text}.\n\n\b\nExample:\n  {PROGRAM} {example}",
        short_help=help_text,
    )


@contextmanager
def _told(as_json: bool, target: "Target") -> Iterator[None]:
    """Turns the ways in which a command may end into what is said, and an exit code."""
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, TextIOWrapper):
            output.reconfigure(errors="replace")  # a letter that it cannot show is no reason to end
    try:
        yield
    except Failed as failed:
        failed.tell(as_json, target.options)
        raise SystemExit(failed.exit_with) from None
    except KeyboardInterrupt:
        click.echo(err=True)
        raise SystemExit(ClientExit.INTERRUPTED) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(ClientExit.BROKEN_PIPE) from None


def _watch_options(watch: Watch | None) -> list[click.Parameter]:
    match watch:
        case None:
            return []
        case Watch.STREAM:
            return [click.Option(["--watch"], is_flag=True, help="and each new one, until Ctrl-C")]
        case Watch.ANSWER:
            return [
                click.Option(["--watch"], is_flag=True, help="look again and again, until Ctrl-C"),
                click.Option(
                    ["--every"],
                    type=click.FloatRange(min=0.1),
                    default=EVERY_S,
                    help=f"seconds between two looks [{EVERY_S:g}]",
                ),
            ]


def _common_options(callers: Callers) -> list[click.Parameter]:
    """The form of the answer, who calls, and where the server is."""
    options = [
        click.Option(["--json", "as_json"], is_flag=True, help="print the answer as it is"),
    ]
    if callers is Callers.ANYBODY:
        options += [
            click.Option(["--session"], help=_by("the agent's session", "CHARGEHAND_SESSION_ID")),
            click.Option(["--agent"], help=_by("the agent's name", "CHARGEHAND_AGENT")),
        ]
    options += [
        click.Option(
            ["--socket"],
            type=click.Path(path_type=Path),
            help=_by("the server's Unix socket", environment.SOCKET_VARIABLE),
        ),
        click.Option(["--url"], help=_by("the server's URL", environment.URL_VARIABLE)),
        click.Option(["--token"], help=_by("the server's token", environment.TOKEN_VARIABLE)),
    ]
    return list(options)


def _by(text: str, variable: str) -> str:
    return f"{text} [{variable}]"


def path_of(operation: Operation, ids: Sequence[str]) -> str:
    """The operation's path with its ids in place, percent-encoded."""
    encoded = iter(quote(one, safe="") for one in ids)
    parts = operation.path.split("/")
    return "/".join(next(encoded) if part.startswith("{") else part for part in parts)


def print_json(raw: bytes) -> None:
    """The answer's body as it is, in a line of its own."""
    if raw:
        click.echo(raw.rstrip(b"\n"))


def _in_query(value: object) -> str:
    return "true" if value is True else str(value)


def _target(socket: Path | None, url: str | None, token: str | None) -> "Target":
    """Where the server is: options, then the environment, then its socket here, then its port."""
    from web.cli.connection import DEFAULT_URL, SOCKET_NAME, Target

    if socket is not None and url is not None:
        raise click.UsageError("--socket and --url are two places; give one of them")
    token = token or found(environment.TOKEN_VARIABLE)
    if socket is not None:
        return Target(socket, options=join(["--socket", str(socket)]))
    if url is not None:
        return Target(None, url, token, options=join(["--url", url]))
    named = found(environment.SOCKET_VARIABLE)
    if named is not None:
        return Target(Path(named))
    url = found(environment.URL_VARIABLE)
    near = Path(found(environment.DATA_DIR_VARIABLE) or "data") / SOCKET_NAME
    if url is None and near.is_socket():
        return Target(near)
    return Target(None, url or DEFAULT_URL, token)


def _identity(session: str | None, agent: str | None, callers: Callers) -> "Identity":
    """Who calls; half of an identity is for the server to refuse."""
    from web.cli.connection import Identity

    if callers is Callers.NOBODY:
        return Identity()
    return Identity(
        session or found(*environment.SESSION_VARIABLES),
        agent or found(*environment.AGENT_VARIABLES),
    )
