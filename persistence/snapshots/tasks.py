"""The head of a task behind its summary: by position the fields of `HEAD`, the open run or null,
the facts of the ended runs, then the fields of `RARE`."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import attrs

from chargehand.actors.task.review import Review
from chargehand.actors.task.state import Run, TaskState
from chargehand.persistence.codec import CONVERTER
from chargehand.persistence.snapshots.positions import RUN, Positions

_FIRST_RARE: Final = "profile"  # from here on, few tasks have anything but the default
# What stands in the summary of a head (see `actors.task.head`); the id is the key.
SUMMARIZED: Final = (
    "id",
    "workspace_id",
    "parent_task_id",
    "created_at_ns",
    "last_activity_at_ns",
    "latest_event_seq",
    "last_seq",
)
# The former in the body, the latter two of the runs.
_ELSEWHERE: Final = ("description", "metadata", "runs", "ended")

_FIELDS: Final = [f for f in attrs.fields(TaskState) if f.name not in (*SUMMARIZED, *_ELSEWHERE)]
_NAMES: Final = [field.name for field in _FIELDS]
_RARE_AT: Final = _NAMES.index(_FIRST_RARE)
HEAD: Final = tuple(_NAMES[:_RARE_AT])
RARE: Final = tuple(_NAMES[_RARE_AT:])
RARE_DEFAULTS: Final = tuple([field.default for field in _FIELDS[_RARE_AT:]])

head_of = attrgetter(*HEAD)
rare_of = attrgetter(*["open_reviews" if name == "reviews" else name for name in RARE])


def open_run_only(open_run: list[Any] | None) -> tuple[Run, ...]:
    """The runs of a slim state."""
    return () if open_run is None else (RUN.read(*open_run),)


read_task: Final = Positions(
    TaskState,
    (*SUMMARIZED, *HEAD, "runs", "ended", *RARE),
    {"runs": open_run_only, "ended": bytes.fromhex},
).read


def read_reviews(reviews: Sequence[dict[str, Any]]) -> tuple[Review, ...]:
    return tuple([CONVERTER.structure(review, Review) for review in reviews])
