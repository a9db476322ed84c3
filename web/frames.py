"""The frames of an event stream, from its lines."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, final


@final
class ServerSentEvent(NamedTuple):
    """One event of a stream, or a time to wait before coming back."""

    id: str | None = None
    event: str = ""
    data: str = ""
    retry_ms: int | None = None


@final
class FrameReader:
    """Takes lines one by one; a frame that breaks off in the middle is none."""

    def __init__(self) -> None:
        self._members: dict[str, str] = {}

    def take(self, line: str) -> ServerSentEvent | None:
        """The frame that ends with this line, if one does."""
        if line:
            name, _, value = line.partition(":")
            self._members[name] = value.removeprefix(" ")
            return None
        members, self._members = self._members, {}
        retry = members.get("retry", "")
        if "data" not in members and not retry:
            return None
        return ServerSentEvent(
            members.get("id"),
            members.get("event", ""),
            members.get("data", ""),
            int(retry) if retry.isdigit() else None,
        )


def frames(lines: Iterable[str]) -> Iterator[ServerSentEvent]:
    """The frames that lines make up."""
    reader = FrameReader()
    for line in lines:
        frame = reader.take(line)
        if frame is not None:
            yield frame
