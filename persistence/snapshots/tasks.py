"""The head of a task: by position the fields of `HEAD`, the open run or null, the facts of the
ended runs, then the fields of `RARE`."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import attrs

from chargehand.actors.task.review import Review
from chargehand.actors.task.state import Run, TaskState
from chargehand.persistence.codec import CONVERTER
from chargehand.persistence.snapshots.positions import RUN, Positions

_FIRST_RARE: Final = "profile"  # from here on, few tasks have anything but the default
_ELSEWHERE: Final = ("description", "metadata", "runs", "ended")  # in the body, or of the runs

_FIELDS: Final = [f for f in attrs.fields(TaskState) if f.name not in _ELSEWHERE]
_NAMES: Final = [field.name for field in _FIELDS]
OPEN_RUN_AT: Final = _NAMES.index(_FIRST_RARE)
HEAD: Final = tuple(_NAMES[:OPEN_RUN_AT])
RARE: Final = tuple(_NAMES[OPEN_RUN_AT:])
RARE_DEFAULTS: Final = tuple([field.default for field in _FIELDS[OPEN_RUN_AT:]])

head_of = attrgetter(*HEAD)
rare_of = attrgetter(*["open_reviews" if name == "reviews" else name for name in RARE])


def _runs(open_run: list[Any] | None) -> tuple[Run, ...]:
    return () if open_run is None else (RUN.read(*open_run),)


read_task: Final = Positions(
    TaskState, (*HEAD, "runs", "ended", *RARE), {"runs": _runs, "ended": bytes.fromhex}
).read


def read_reviews(reviews: Sequence[dict[str, Any]]) -> tuple[Review, ...]:
    return tuple([CONVERTER.structure(review, Review) for review in reviews])
