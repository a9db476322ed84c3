"""The files of `docs/patroni`, for machines that are all this one: with ports for their addresses,
and directories for their places. So what runs is what operators are shown."""

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Final, final

from benchmarks.cluster.postgres import binaries, free_port

MACHINES: Final = ("one", "two", "three")
DOCS: Final = Path(__file__).resolve().parents[2] / "docs/patroni"
LOOPBACK: Final = "127.0.0.1"

_FIRST: Final = "10.0.0.1"
_NETWORK: Final = re.compile(r"\b10\.0\.0\.0/24\b")
_ADDRESS: Final = re.compile(
    r"\b10\.0\.0\.(?P<machine>[123])(?P<between>:| port=|\nlisten_port = )(?P<port>\d+)"
)
_PLACE: Final = re.compile(r"(?<![\w.])/(?P<place>(etc|var/lib|var/log|run)/)")
_OWN: Final = re.compile(r"\bone\b")
# Those lines that one changes on each machine: up to an empty one, or this one alone.
_THIS_MACHINE: Final = re.compile(
    r"^[#;] this machine\b.*\n(?:.+\n)+|^.*# this machine$", re.MULTILINE | re.IGNORECASE
)
_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@final
class Example:
    """Args: root: where the places of all machines are, one directory each."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._ports: dict[tuple[str, str], int] = {}

    def text(self, name: str, machine: str) -> str:
        """A file as it is on a machine."""
        shown = (DOCS / name).read_text(encoding="utf-8")
        own = _FIRST[:-1] + str(MACHINES.index(machine) + 1)
        return self.here(
            _THIS_MACHINE.sub(
                lambda lines: _OWN.sub(machine, lines[0].replace(_FIRST, own)), shown
            ),
            machine,
        )

    def here(self, text: str, machine: str) -> str:
        """What stands for something on a machine, with what it is here."""
        found = binaries()
        assert found is not None, "PostgreSQL is not installed"
        text = _ADDRESS.sub(self._address, _NETWORK.sub(f"{LOOPBACK}/32", text))
        text = re.sub(r"/usr/lib/postgresql/\d+/bin", str(found), text)
        text = re.sub(r"/opt/\w+/bin", str(Path(sys.executable).parent), text)
        return _PLACE.sub(lambda path: f"{self._root / machine}/{path['place']}", text)

    def _address(self, found: re.Match[str]) -> str:
        port = self.port(MACHINES[int(found["machine"]) - 1], found["port"])
        return f"{LOOPBACK}{found['between']}{port}"

    def port(self, machine: str, shown: str) -> int:
        """Of this machine, for the one that the files show."""
        return self._ports.setdefault((machine, shown), free_port())

    def place(self, path: str, machine: str) -> Path:
        """Where a path of a machine is; its directory is there, for all users."""
        placed = Path(self.here(path, machine))
        for directory in reversed(placed.relative_to(self._root).parents):
            made = self._root / directory
            made.mkdir(exist_ok=True)
            made.chmod(0o777)
        return placed

    def install(self, name: str, path: str, machine: str) -> Path:
        """Put a file where it is on a machine."""
        placed = self.place(path, machine)
        placed.write_text(self.text(name, machine), encoding="utf-8")
        return placed

    def environment(self, name: str, machine: str) -> dict[str, str]:
        """The variables that an environment file sets, as systemd reads them."""
        lines = self.text(name, machine).splitlines()
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        return {variable: value.strip("'") for variable, _, value in pairs}

    def command(self, unit: str, machine: str) -> list[str]:
        """What a unit of systemd starts."""
        found = re.search(r"^ExecStart=(.+)$", self.text(unit, machine), re.MULTILINE)
        assert found is not None, unit
        return shlex.split(found[1])

    def typed(self, heading: str) -> str:
        """What the README has one type on machine one, below a heading."""
        readme = (DOCS / "README.md").read_text(encoding="utf-8")
        section = readme.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        blocks = "".join(_BLOCK.findall(section))
        assert blocks, f"nothing is typed below {heading!r}"
        return self.here(blocks, MACHINES[0])

    def path(self) -> str:
        """`PATH` of who types them."""
        return os.pathsep.join(
            (str(Path(sys.executable).parent), str(binaries()), os.environ.get("PATH", os.defpath))
        )
