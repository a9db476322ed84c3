"""A page of a browser, and all that it must not do."""

from typing import Final, final
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

from tests.process.conftest import S_MAX

MS_MAX: Final = S_MAX * 1000  # for what must happen
ELSEWHERE: Final = "tools.example"
"""A name that leads here, but is none of this machine's own: not private to a browser."""
VIEWS: Final = (
    "now",
    "inbox",
    "work",
    "work?show=runs",
    "queue",
    "agents",
    "review",
    "scheduler",
    "new",
)
"""Those that show nothing single."""
TABS: Final = ("story", "tree", "dependencies", "runs", "reviews", "profile", "webhooks")

_VIOLATIONS: Final = """
document.addEventListener('securitypolicyviolation', (event) =>
    console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`));
"""
_LOUD: Final = frozenset({"error", "warning", "assert"})


@final
class Watched:
    """Args:
    base: what the addresses of all views begin with.
    """

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.faults: list[str] = []
        self.allowed: tuple[str, ...] = ()
        """What the console may say all the same: parts of its texts."""
        page.add_init_script(_VIOLATIONS)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._asked)
        page.on("dialog", self._asked_person)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in _LOUD and not any(text in message.text for text in self.allowed):
            where = message.location.get("url", "")
            self.faults.append(f"console {message.type}: {message.text} {where}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.base, f"blob:{self._origin}")):
            self.faults.append(f"request to elsewhere: {request.url}")

    def _asked_person(self, dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    @property
    def _origin(self) -> str:
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}"

    def open(self, view: str) -> None:
        self.page.goto(self.base + view)
        self.settled()

    def settled(self) -> None:
        """Wait until the view is there, with all that it reads."""
        expect(self.main.get_by_role("heading", level=1)).to_be_visible()
        expect(self.page.locator("[data-empty=loading]")).to_have_count(0)

    @property
    def main(self) -> Locator:
        return self.page.locator("main")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def updates(self, word: str) -> Locator:
        """The button that says how fresh the page is."""
        return self.page.get_by_role("button", name=f"Updates: {word}")

    def live(self) -> None:
        expect(self.updates("Live")).to_be_visible()

    def row(self, text: str) -> Locator:
        return self.main.locator("[data-row]").filter(has_text=text)

    def said(self, text: str) -> None:
        expect(self.page.get_by_role("status")).to_have_text(text)

    def check(self) -> None:
        assert not self.faults, "\n".join(self.faults)
