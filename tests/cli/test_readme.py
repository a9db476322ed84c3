"""What the README says of the command line is so."""

import re
import shlex
from pathlib import Path

import pytest

from chargehand.web.exits import ClientExit
from chargehand.web.operations import Operation
from tests.cli.suggested import command_of

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## The command line\n")[2].partition("\n## ")[0]
LINES = re.findall(r"^(?:RUN=\$\()?(chargehand [^|#\n]*)", SECTION, re.MULTILINE)


def test_the_exit_codes_are_those_of_the_code():
    table = README.partition("end with codes of their own:\n")[2].partition("\n## ")[0]
    told = [
        int(code)
        for cell in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
        for code in cell.split(",")
    ]
    assert sorted(told) == sorted(ClientExit)


@pytest.mark.parametrize("line", LINES)
def test_each_command_in_it_is_one(line):
    assert command_of(shlex.join(shlex.split(line))).name


def test_each_path_in_it_is_served():
    paths = re.findall(r"\b(GET|POST|PUT|PATCH|DELETE)\s+(/[^\s`,)?]+)", README)
    served = {(operation.method, re.sub(r"{\w+}", "{}", operation.path)) for operation in Operation}
    assert len(paths) > 20
    for method, path in paths:
        assert (method, re.sub(r"{\w+}", "{}", path)) in served, f"{method} {path}"


def test_it_counts_the_operations():
    told = re.search(r"all of its (\d+) operations.*?The\s+other (\d+)", README, re.DOTALL)
    assert told is not None
    assert sum(map(int, told.groups())) == len(Operation)


def test_there_are_some():
    assert len(LINES) > 5
