"""Where the page is served: one level deep, so that relative addresses hold below any prefix."""

from typing import Final

FOLDER: Final = "ui"
SESSION_PATH: Final = "/session"
VIEWS: Final = (
    "now",
    "inbox",
    "work",
    "queue",
    "agents",
    "task",
    "run",
    "review",
    "scheduler",
    "new",
)
"""The path of each view."""

PAGE_PREFIX: Final = f"/{FOLDER}/".encode()
PAGE_PATHS: Final = frozenset(
    path.encode() for path in ("/", SESSION_PATH, *(f"/{view}" for view in VIEWS))
)
"""What is answered without a token: it holds nothing that is anybody's."""
