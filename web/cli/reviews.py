"""What lists of reviews are asked by."""

from typing import Final

from actors.task.review import ReviewStatus
from web.cli.members import CURSOR, LIMIT, Field, one_of

REVIEW_FILTERS: Final = (
    Field("status", "how they are", one_of(ReviewStatus)),
    Field("reviewer_session_id", "those that a session has judged", flag="reviewer"),
    LIMIT,
    CURSOR,
)
