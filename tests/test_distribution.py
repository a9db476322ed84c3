"""What is given away: an sdist and a wheel, built and installed without a network."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.installed.building import ROOT, build_sdist, build_wheel

PACKAGE = ROOT / "chargehand"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    return build_sdist(tmp_path_factory.mktemp("sdist"))


def test_the_wheel_out_of_the_sdist_holds_one_package_and_all_of_it(sdist, tmp_path):
    with ZipFile(build_wheel(sdist, tmp_path)) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"chargehand"}
    folders = (PACKAGE / name for name in ("actors", "persistence", "web"))
    modules = [*PACKAGE.glob("*.py"), *(path for at in folders for path in at.rglob("*.py"))]
    held = {name for name in names if name.endswith(".py")}
    assert held == {f"chargehand/{path.relative_to(PACKAGE)}" for path in modules}
    assert {"chargehand/py.typed", "chargehand/web/openapi/examples.json"} <= names


def test_the_sdist_holds_what_the_readme_links_to(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    readme = (ROOT / "README.md").read_text("utf-8")
    linked = re.findall(r"\]\(([\w/.-]+\.md|LICENSE)\)", readme)
    assert {"docs/behaviour.md", "LICENSE"} <= set(linked) <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_the_sdist_installs_without_a_network_and_works_where_it_stands(sdist, tmp_path):
    if find_spec("pip") is not None:
        installer = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    elif uv := shutil.which("uv"):
        installer = [uv, "pip", "install", "--python", sys.executable]
    else:
        pytest.skip("neither pip nor uv is there")
    target = tmp_path / "target"
    offline = ("--no-index", "--no-build-isolation", "--no-deps", "--target", str(target))
    subprocess.run([*installer, *offline, str(sdist)], check=True, capture_output=True)
    assert (target / "chargehand/__init__.py").exists()
    told = subprocess.run(
        [sys.executable, "-m", "chargehand", "--version"],
        cwd=target,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.startswith("chargehand, version ")


def test_what_is_pinned_for_make_and_ci_is_within_the_ranges():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    exact = [Requirement(line) for line in lines if not line.startswith("#")]
    pinned = [(one.name, next(iter(one.specifier)).version) for one in exact]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, wanted):
        versions = [version for name, version in pinned if name == requirement.name]
        assert versions, requirement
        assert all(version in requirement.specifier for version in versions), requirement
