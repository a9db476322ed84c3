"""What a command loads before it does anything: most of the time that it takes."""

import json
import os
import subprocess
import sys
from typing import Final

import pytest

from tests.cli.conftest import S_MAX

# The program, and behind its own output what it has loaded.
PROBE: Final = """
import sys
from chargehand.__main__ import main
sys.argv[0] = "chargehand"
try:
    main()
finally:
    import json
    loaded = {name: getattr(module, "__file__", "") for name, module in sys.modules.items()}
    print(json.dumps(loaded), file=sys.stderr)
"""
LIBRARIES: Final = {"click", "orjson", "rich"}
OF_RICH: Final = ("rich", "rich._extension", "rich.cells", "rich._unicode_data")
OF_THE_CORE: Final = {
    "chargehand.actors",
    "chargehand.actors.choice",
    "chargehand.actors.limits",
    "chargehand.actors.task",
    "chargehand.actors.task.choices",
    "chargehand.actors.views",
    "chargehand.actors.views.choices",
    "chargehand.actors.views.next_action",
}
COMPLETION: Final = {"_CHARGEHAND_COMPLETE": "bash_complete"}


def modules_of(*words: str, **variables: str) -> dict[str, str | None]:
    """The modules that are loaded when the command has ended, with their files."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CHARGEHAND_", "AGH_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        env={**clean, **variables},
        capture_output=True,
        text=True,
        timeout=S_MAX,
    )
    found: dict[str, str | None] = json.loads(done.stderr.splitlines()[-1])
    assert "chargehand.web.cli.groups" in found, done.stderr
    return found


def check(loaded: dict[str, str | None]) -> None:
    """It is what a client needs, and no more."""
    tops = {
        name.partition(".")[0] for name, file in loaded.items() if "site-packages" in (file or "")
    }
    assert {top for top in tops if not top.startswith(("_", "sitecustomize"))} <= LIBRARIES
    rich = [name for name in loaded if name.partition(".")[0] == "rich"]
    assert [name for name in rich if not name.startswith(OF_RICH[1:]) and name != "rich"] == []
    assert {name for name in loaded if name.startswith("chargehand.actors")} <= OF_THE_CORE
    assert not any(name.startswith("chargehand.persistence") for name in loaded)


@pytest.mark.parametrize(
    "words",
    [
        ("task", "list"),
        ("task", "list", "--status", "ready", "--order", "created"),
        ("task", "create", "x"),
        ("task", "timeline", "none"),
        ("scheduler", "status"),
        ("task", "--help"),
        ("--help",),
        ("--url", "x", "task", "list"),
    ],
)
def test_a_command_loads_neither_the_core_nor_what_runs_a_server(served, words):
    check(modules_of(*words, CHARGEHAND_SOCKET=str(served.socket)))


@pytest.mark.parametrize("line", ["", "ta", "task ", "task li", "task list --", "task list --s"])
def test_completion_loads_no_more(line):
    words = ["chargehand", *line.split(" ")]
    variables = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    check(modules_of(**COMPLETION, **variables))


def test_the_version_needs_none_of_the_commands():
    loaded = modules_of("--version")
    assert not any(name.startswith("chargehand.web.cli.nouns") for name in loaded)
    assert "chargehand.web.settings" not in loaded
