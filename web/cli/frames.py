"""The frames of an event stream, as its lines tell them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, final


@final
class ServerSentEvent(NamedTuple):
    """One event of a stream, or a time to wait before coming back."""

    id: str | None = None
    event: str = ""
    data: str = ""
    retry_ms: int | None = None


def frames(lines: Iterable[str]) -> Iterator[ServerSentEvent]:
    """The frames that lines tell; one that breaks off in the middle is none."""
    members: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            members[name] = value.removeprefix(" ")
            continue
        retry = members.get("retry", "")
        if "data" in members or retry:
            yield ServerSentEvent(
                members.get("id"),
                members.get("event", ""),
                members.get("data", ""),
                int(retry) if retry.isdigit() else None,
            )
        members = {}
