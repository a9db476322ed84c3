"""ETags of answers, and `If-Match` of writes: nobody overwrites what they have not read.

The tag is the number of the task's latest event. Runs, reviews and the execution profile belong to
their task, and have its tag.
"""

import re
from typing import Final

from chargehand.actors.errors import invalid
from chargehand.actors.if_match import IfMatch, etag_of
from chargehand.actors.task.state import TaskState
from chargehand.web.call import Call
from chargehand.web.headers import ETAG_HEADER, IF_MATCH_HEADER
from chargehand.web.responses import Headers

_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LIST: Final = re.compile(rf"[\s,]*{_TAG.pattern}(\s*,[\s,]*{_TAG.pattern})*[\s,]*")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)  # as a tag of ours is written
_ANY: Final = "*"


def etag(task: TaskState) -> Headers:
    """The header that names the state of a task."""
    return ((ETAG_HEADER, etag_of(task.latest_event_seq)),)


def if_match_of(call: Call) -> IfMatch | None:
    """The states in which a call may change its task, if it says so.

    A weak tag matches none, nor does one that no answer of ours had.

    Raises:
        Rejected: INVALID_REQUEST where the header is no list of tags.
    """
    header = call.headers.get(IF_MATCH_HEADER)
    if header is None or not call.operation.is_conditional:
        return None
    header = header.strip()
    if header == _ANY:
        return IfMatch(None)
    if not _LIST.fullmatch(header):
        raise invalid(
            IF_MATCH_HEADER,
            f"{IF_MATCH_HEADER} is no list of entity tags",
            'send the ETag of an answer as it was, with its quotes: "17"',
        )
    tags = (tag for weak, tag in _TAG.findall(header) if not weak)
    return IfMatch(frozenset(int(tag) for tag in tags if _NUMBER.fullmatch(tag)))
