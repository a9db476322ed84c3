"""Each package's docstring is its map, so what it names is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [
    path.parent
    for top in ("actors", "persistence", "web", "benchmarks")
    for path in sorted((ROOT / top).rglob("__init__.py"))
]
NAME = re.compile(r"`([a-z_]+(?:\.\w+)*)/?`")


def docstring(package: Path) -> str:
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    return ast.get_docstring(tree) or ""


def is_module(place: Path) -> bool:
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def defined_in(package: Path) -> Iterator[str]:
    """Classes, functions and fields of its modules."""
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    yield name
                case ast.AnnAssign(target=ast.Name(id=name)):
                    yield name


def is_there(name: str, package: Path) -> bool:
    """Whether a module, or something in one, is called so: seen from the package, or above it."""
    parts = name.split(".")
    for start in (package, *(place for place in package.parents if place.is_relative_to(ROOT))):
        if is_module(start.joinpath(*parts)):
            return True
        if len(parts) > 1 and is_module(start.joinpath(*parts[:-1])):
            return True
    return len(parts) == 1 and name in set(defined_in(package))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_the_docstring_of_a_package_names_is_there(package):
    assert docstring(package)
    missing = [name for name in NAME.findall(docstring(package)) if not is_there(name, package)]
    assert missing == []


def test_the_map_of_the_core_has_all_its_modules():
    core = ROOT / "actors"
    modules = {path.stem for path in core.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in core.glob("*/__init__.py")}
    assert modules | packages == set(NAME.findall(docstring(core)))


def test_a_name_of_nothing_is_missing():
    assert not is_there("payload", ROOT / "actors" / "task")
    assert is_there("web.payloads", ROOT / "actors" / "task")
