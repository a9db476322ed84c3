"""The one package, `chargehand`: what it exports, and that nothing goes by another name."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import chargehand

ROOT = Path(__file__).parents[1]
TOP = ("actors", "persistence", "web")


@pytest.mark.parametrize("name", chargehand.__all__)
def test_what_it_exports_is_there(name):
    assert getattr(chargehand, name) is not None


def test_what_it_exports_is_declared_to_type_checkers():
    tree = ast.parse(Path(chargehand.__file__).read_text(encoding="utf-8"))
    declared = {
        alias.name
        for block in tree.body
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name)
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert declared == set(chargehand.__all__)
    assert declared <= set(dir(chargehand))


def test_a_name_that_it_has_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = chargehand.Nonsense


def test_importing_it_loads_nothing_else():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, chargehand; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.split()
    assert [name for name in loaded if name.startswith("chargehand")] == ["chargehand"]


def test_on_windows_the_program_says_where_it_runs():
    program = "import sys; sys.platform = 'win32'; from chargehand.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "chargehand: runs on Linux and macOS alone; on Windows it runs within WSL\n"
    )


@pytest.mark.parametrize("name", TOP)
def test_its_folders_are_those_of_the_checkout(name):
    assert (ROOT / "chargehand" / name).samefile(ROOT / name)


def test_no_module_is_imported_by_a_second_name():
    """A class that is imported as `actors.x` and as `chargehand.actors.x` is two."""
    for top in (*TOP, "benchmarks", "tests"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.ImportFrom(module=str(module)):
                        assert module.split(".")[0] not in TOP, path
                    case ast.Import(names=names):
                        assert not {name.name.split(".")[0] for name in names} & set(TOP), path


MISTAKEN = """
import trio

from chargehand import AgentPool, Client, Claim, open_system
from chargehand import AgentPoll  # line 5


async def handle(claim: Claim) -> str:
    return str(claim.nonsense)  # line 9


async def main() -> None:
    async with open_system("data") as system, Client() as client:
        task = await system.create_task(5)  # line 14
        await client.start_task(task)  # line 15
        await AgentPool(client, handle, size="4").run()  # line 16
        print((await system.task(task.id)).result, client.nonsense)  # line 17


trio.run(main)
"""


# As the package is checked, whose results are at hand where that was done before.
CONFIGURED = (f"--config-file={ROOT / 'pyproject.toml'}", f"--cache-dir={ROOT / '.mypy_cache'}")


def test_a_type_checker_knows_what_it_exports(tmp_path):
    (tmp_path / "program.py").write_text(MISTAKEN)
    found = subprocess.run(
        [sys.executable, "-m", "mypy", *CONFIGURED, "program.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
    )
    lines = [line for line in found.stdout.splitlines() if ": error: " in line]
    codes = [(line.split(":")[1], line.rpartition(" ")[2]) for line in lines]
    assert codes == [
        ("5", "[attr-defined]"),
        ("9", "[attr-defined]"),
        ("14", "[arg-type]"),
        ("15", "[arg-type]"),
        ("16", "[arg-type]"),
        ("17", "[attr-defined]"),
    ]
