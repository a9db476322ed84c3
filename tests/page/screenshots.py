"""`python -m tests.page.screenshots` takes pictures of the page, as it shows a demo that is held.

Two of them are for the README. It needs Chromium, and the package playwright.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.page.measuring import FLAGS
from tests.page.places import places

ROOT: Final = Path(__file__).parents[2]
PICTURES: Final = ROOT / "docs" / "pictures"
FOR_THE_README: Final = {"light": "now", "dark": "inbox?lane=failed_runs"}
BYTES_MAX: Final = 200_000  # of one in the README
READY: Final = "All is in place. Open "
PACE: Final = 10
WIDTHS: Final = {1280: 800, 390: 844}  # with their heights
_READY_S_MAX: Final = 300.0
_STOP_S_MAX: Final = 60.0
_SETTLED_MS: Final = 700
_CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_LOADING: Final = "main [data-empty=loading]"


@contextmanager
def held_demo(pace: float) -> Iterator[str]:
    """A demo whose release is out, and whose aftermath waits for a person. Yields: its address."""
    with tempfile.TemporaryDirectory() as directory:
        told = Path(directory) / "told"
        with told.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-u", "-m", "chargehand", "demo", f"--pace={pace}", "--hold"],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _address(process, told)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_S_MAX)


def _address(process: "subprocess.Popen[bytes]", told: Path) -> str:
    deadline_s = time.monotonic() + _READY_S_MAX
    while time.monotonic() < deadline_s:
        text = told.read_text(encoding="utf-8")
        _, found, rest = text.partition(READY)
        if found and " " in rest:
            return rest.partition("/ ")[0]
        if process.poll() is not None:
            raise click.ClickException(f"the demo has ended: {text}")
        time.sleep(0.2)
    raise click.ClickException(f"the demo is not ready: {text}")


@contextmanager
def opened(browser: Browser, theme: Any, width: int) -> Iterator[Page]:
    """A page of a browser that is set to `theme`; what goes wrong in it is printed."""
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme=theme,
        timezone_id="UTC",
        locale="en-GB",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.on("pageerror", lambda error: click.echo(f"{page.url}: {error}", err=True))
    page.on(
        "console",
        lambda line: (
            click.echo(f"{page.url}: {line.text}", err=True)
            if line.type in ("error", "warning")
            else None
        ),
    )
    try:
        yield page
    finally:
        context.close()


def take(page: Page, url: str, file: Path, *, whole: bool) -> None:
    """Open an address, wait for what it shows, and write a picture of it.

    Args:
        whole: all of the page, and not what fits the window.
    """
    page.goto(url)
    page.wait_for_selector("main h1")
    page.wait_for_selector(_LOADING, state="detached")
    page.wait_for_timeout(_SETTLED_MS)
    page.screenshot(path=file, full_page=whole, animations="disabled")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        click.echo(f"{file.name}: wider than the window", err=True)


def for_the_readme(browser: Browser, url: str) -> None:
    for theme, place in FOR_THE_README.items():
        file = PICTURES / f"page-{theme}.png"
        with opened(browser, theme, 1280) as page:
            take(page, f"{url}/{place}", file, whole=False)
        size = file.stat().st_size
        click.echo(f"{file.relative_to(ROOT)}: {size:,} bytes")
        if size > BYTES_MAX:
            raise click.ClickException(f"{file.name} has {size:,} bytes, above {BYTES_MAX:,}")


def of_every_view(browser: Browser, url: str, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with httpx.Client(base_url=url, verify=False) as api:
        found = places(api)
    for width in WIDTHS:
        for theme in FOR_THE_README:
            with opened(browser, theme, width) as page:
                for name, place in found.items():
                    file = directory / f"{name}-{width}-{theme}.png"
                    take(page, f"{url}/{place}", file, whole=True)
    click.echo(f"{len(list(directory.glob('*.png')))} pictures in {directory}")


def _found_chromium() -> str:
    found = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    if found is None:
        raise click.UsageError("no Chromium is on the path; name one by --chromium")
    return found


@click.command()
@click.option(
    "--all",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="write every view there instead, light and dark, wide and narrow",
)
@click.option("--pace", default=PACE, show_default=True, help="of the demo")
@click.option("--url", help="of a demo that is held already")
@click.option("--chromium", help="the browser's program  [the one on the path]")
def main(directory: Path | None, pace: float, url: str | None, chromium: str | None) -> None:
    """Run the demo with --hold, and take pictures of its page."""
    program = chromium or _found_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        if url is not None:
            _taken(browser, url.rstrip("/"), directory)
            return
        with held_demo(pace) as held:
            _taken(browser, held, directory)


def _taken(browser: Browser, url: str, directory: Path | None) -> None:
    if directory is None:
        for_the_readme(browser, url)
    else:
        of_every_view(browser, url, directory)


if __name__ == "__main__":
    main()
