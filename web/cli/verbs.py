"""Commands out of rows: each sends one operation, and shows its answer."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final
from urllib.parse import quote

import click
import orjson

from chargehand.actors.limits import LIST_MAX
from chargehand.web.cli.connection import ANSWER_S
from chargehand.web.cli.failures import Failed, plain
from chargehand.web.cli.members import CURSOR, ID, Field, Form, Members, given, in_options
from chargehand.web.cli.running import Callers, ask_to_go_on, client_command, on_terminal
from chargehand.web.cli.shown import Pages, Part, print_json, show
from chargehand.web.cli.watching import watch_all, watch_answer, watch_task
from chargehand.web.exits import ClientExit
from chargehand.web.operations import Operation

if TYPE_CHECKING:
    from chargehand.web.cli.client import ApiResponse, Client

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


class Watch(Enum):
    """What `--watch` does."""

    ANSWER = "answer"  # asks repeatedly
    STREAM = "stream"  # follows the events of the task
    ALWAYS = "always"  # there is no such option: the command does nothing else


@final
class Many(NamedTuple):
    """What a command does with all things that match a filter, where no id is given.

    Args:
        fields: the filter.
        run: is given the members of the filter, and whether nobody is to be asked.
    """

    fields: Sequence[Field]
    run: Callable[["Client", bool, Members, bool], None]


@final
class Verb(NamedTuple):
    """One command.

    Args:
        name: its word.
        operation: what it sends.
        help: what it does, in a sentence.
        note: what else is to be known before it is called.
        example: what stands behind the ids in an example.
        fields: members of the query for GET, else of the body.
        shows: how the answer is laid out; nothing where it has none.
        nothing: what an empty answer means, and the code that the command ends with then.
        callers: who it may be called by.
        may_wait: whether the server may take its time.
        holdup: what may be the matter where it does, or where it has nothing.
        asks: what it warns of before anything is done, and asks on a terminal; None: nothing.
        watch: what `--watch` does, if it makes sense.
        finish: the last word on the members.
        in_walk: members of the requests that walk all pages.
        whole: the member that is the body itself.
        ends_with: the code that an answer means.
        many: what it does by filter.
        carry_out: does it where one request is not all there is to it; is given the members, and
            whether nobody is to be asked.
    """

    name: str
    operation: Operation
    help: str
    note: str = ""
    example: str = ""
    fields: Sequence[Field] = ()
    shows: Sequence[Part] = ()
    nothing: tuple[str, ClientExit] = ("done", ClientExit.DONE)
    callers: Callers = Callers.ANYBODY
    may_wait: bool = False
    holdup: Callable[["Client"], str | None] | None = None
    asks: Callable[["Client", str], str | None] | None = None
    watch: Watch | None = None
    finish: Callable[[Members], None] | None = None
    in_walk: Mapping[str, object] = MappingProxyType({})
    whole: str | None = None
    ends_with: Callable[[Any], ClientExit] | None = None
    many: Many | None = None
    carry_out: Callable[["Client", bool, Members, bool], None] | None = None

    @property
    def ids(self) -> list[tuple[str, str]]:
        """The ids of the path: what each is called, and one for examples."""
        parts = self.operation.path.split("/")
        return [
            _IDS["runs" if part == _RUN_ID else before]
            for before, part in pairwise(parts)
            if part.startswith("{")
        ]

    def _parameters(self) -> list[click.Parameter]:
        """The ids of the path, then the members."""
        parameters: list[click.Parameter] = [
            click.Argument(
                [f"id_{n}"],
                type=ID,
                metavar=name if self.many is None else f"[{name}]",
                required=self.many is None,
            )
            for n, (name, _) in enumerate(self.ids)
        ]
        filters = () if self.many is None else self.many.fields
        parameters += [field.parameter() for field in (*self.fields, *filters)]
        if CURSOR in self.fields:
            text = "all pages, of --limit rows each; with --json each page is a line"
            parameters.append(click.Option(["--all"], is_flag=True, help=text))
        if self.operation.is_conditional:
            text = "only if the task's latest_event_seq is still this"
            number = click.IntRange(min=1)
            parameters.append(
                click.Option(["--if-match"], type=number, metavar="NUMBER", help=text)
            )
        if not (self.asks is None and self.many is None and self.carry_out is None):
            parameters.append(click.Option(["--yes"], is_flag=True, help="ask nothing"))
        return parameters + _watch_options(self.watch)

    def command(self, *group: str) -> click.Command:
        """The command, in the group of that name."""
        example = [*group, self.name, *(sample for _, sample in self.ids)]
        return client_command(
            self.name,
            self._run,
            self._parameters(),
            self.help,
            self._notes(),
            f"{' '.join(example)} {self.example}".strip(),
            callers=self.callers,
        )

    def _notes(self) -> str:
        """The note, and what the arguments may be: for options that stands next to them."""
        choices = [
            f"{field.called} is one of {', '.join(field.kind.choices)}."
            for field in self.fields
            if field.form is Form.ARGUMENT and isinstance(field.kind, click.Choice)
        ]
        return " ".join([self.note, *choices]).strip()

    def _run(self, client: "Client", as_json: bool, values: dict[str, Any]) -> None:
        if self.carry_out is not None:
            self.carry_out(client, as_json, given(self.fields, values), values["yes"])
            return
        walks = values.pop("all", False)
        if self.watch is Watch.ALWAYS:
            members = given(self.fields, values)
            if self.finish is not None:
                self.finish(members)
            after_sequence = members.pop("after_sequence", None)
            watch_all(client, as_json, self.operation.path, members, after_sequence)
            return
        if values.pop("watch", False):
            if walks:
                raise click.UsageError("--all comes to an end, but a watch has none")
            self._watch(client, as_json, values)
            return
        if walks:
            self._walk(client, as_json, values)
            return
        if self.many is not None and self._took_many(self.many, client, as_json, values):
            return
        if self.asks is not None and not values.pop("yes"):
            self._confirm(client, as_json, self._ids_in(values)[0])
        answer = self._ask(client, values)
        if answer.body is None:
            self._report_nothing(client, as_json)
        elif as_json:
            print_json(answer.raw, answer.next_cursor)
        else:
            show(self.shows, answer.body)
            if answer.next_cursor is not None:
                click.echo(f"more: --cursor {plain(answer.next_cursor)}, or --all", err=True)
        if answer.body is None:
            raise SystemExit(self.nothing[1])
        if self.ends_with is not None:
            raise SystemExit(self.ends_with(answer.body))

    def _took_many(
        self, many: Many, client: "Client", as_json: bool, values: dict[str, Any]
    ) -> bool:
        """Whether it was called by filter, and is done."""
        members, yes = given(many.fields, values), values.pop("yes")
        [name, *_] = (name for name, _ in self.ids)
        if values["id_0"] is not None:
            if members:
                raise click.UsageError(f"{name} and a filter are two ways to say which: choose one")
            return False
        if not members:
            raise click.UsageError(f"say which: {name}, or a filter, as {many.fields[0].called}")
        if values.get("if_match") is not None:
            raise click.UsageError(f"--if-match is about one {name}")
        many.run(client, as_json, members, yes)
        return True

    def _confirm(self, client: "Client", as_json: bool, subject: str) -> None:
        """Say what it will do; on a terminal only if that is meant."""
        assert self.asks is not None, "there is nothing to ask"
        is_terminal = on_terminal()
        if as_json and not is_terminal:
            return
        warning = self.asks(client, subject)
        if warning is None:
            return
        if not is_terminal:
            click.echo(f"chargehand: {warning}", err=True)
        else:
            ask_to_go_on(warning)

    def _walk(self, client: "Client", as_json: bool, values: dict[str, Any]) -> None:
        """Show page after page, each as soon as it is there; `--limit` is the size of a page."""
        if values["limit"] is None:
            values["limit"] = LIST_MAX
        values.update(self.in_walk)
        pages = Pages(self.shows)
        while True:
            answer = self._ask(client, values)
            if as_json:
                print_json(answer.raw)
            else:
                pages.show(answer.body, is_last=answer.next_cursor is None)
            if answer.next_cursor is None:
                return
            values["cursor"] = answer.next_cursor

    def _ask(self, client: "Client", values: dict[str, Any]) -> "ApiResponse":
        """The answer to what was given."""
        operation = self.operation
        members = given(self.fields, values)
        if self.finish is not None:
            self.finish(members)
        query: dict[str, str] = {}
        body: bytes | None = None
        if operation.method == "GET":
            query = {name: in_query(value) for name, value in members.items()}
        elif self.fields:
            body = orjson.dumps(members if self.whole is None else members[self.whole])
        path = path_of(operation, self._ids_in(values))
        try:
            answer = client.ask(
                operation.method,
                path,
                query,
                body,
                if_match=values.get("if_match"),
                answer_s=None if self.may_wait else ANSWER_S,
                notice=None if self.holdup is None else partial(self._report_holdup, client),
            )
        except Failed as failed:
            failed.text = in_options(failed.text, self.fields)
            raise
        if answer.ignored is not None:
            self._report_ignored(answer.ignored)
        return answer

    def _report_holdup(self, client: "Client") -> None:
        """It takes long; say why, if a reason is known."""
        holdup = self.holdup and self.holdup(client)
        if holdup:
            click.echo(f"chargehand: {plain(holdup)}; waiting", err=True)

    def _report_ignored(self, header: str) -> None:
        """Say what the server did not know, and what may have been meant."""
        from chargehand.web.ignored import (  # which load much that is rarely needed
            names_in,
            with_suggestion,
        )

        for name in names_in(header):
            named = in_options(with_suggestion(self.operation, name), self.fields)
            click.echo(
                f"chargehand: the server does not know {plain(named)}, and ignores it", err=True
            )

    def _ids_in(self, values: dict[str, Any]) -> list[str]:
        return [values[f"id_{n}"] for n in range(len(self.ids))]

    def _watch(self, client: "Client", as_json: bool, values: dict[str, Any]) -> None:
        if self.watch is Watch.ANSWER:
            watch_answer(lambda: self._ask(client, values), self.shows, as_json, values["every"])
            return
        if given(self.fields, values).keys() - {"after_sequence"}:
            raise click.UsageError("--limit and --cursor make pages, but a watch has no end")
        path = path_of(Operation.STREAM_TASK, self._ids_in(values))
        watch_task(client, as_json, path, values["after_sequence"])

    def _report_nothing(self, client: "Client", as_json: bool) -> None:
        """Programs know it by the exit code, but not what the matter is."""
        holdup = self.holdup and self.holdup(client)
        if holdup:
            click.echo(f"{self.nothing[0]}: {plain(holdup)}", err=True)
        elif not as_json:
            click.echo(self.nothing[0], err=True)


def _watch_options(watch: Watch | None) -> list[click.Parameter]:
    match watch:
        case None | Watch.ALWAYS:
            return []
        case Watch.STREAM:
            return [click.Option(["--watch"], is_flag=True, help="and each new one, until Ctrl-C")]
        case Watch.ANSWER:
            return [
                click.Option(["--watch"], is_flag=True, help="repeat the request until Ctrl-C"),
                click.Option(
                    ["--every"],
                    type=click.FloatRange(min=0.1),
                    default=EVERY_S,
                    help=f"seconds between two looks [{EVERY_S:g}]",
                ),
            ]


def path_of(operation: Operation, ids: Sequence[str]) -> str:
    """The operation's path with its ids in place, percent-encoded."""
    encoded = iter(quote(one, safe="") for one in ids)
    parts = operation.path.split("/")
    return "/".join(next(encoded) if part.startswith("{") else part for part in parts)


def in_query(value: object) -> str:
    if isinstance(value, tuple):  # of an option that may be repeated
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
