"""The files of the page: what is served of them, and that they lead only to each other."""

import re
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

from chargehand.web.page import files
from chargehand.web.page.files import page_files
from chargehand.web.page.paths import VIEWS

GZIPPED_BYTES_MAX: Final = 80 * 1024  # of all of them together
_IMPORTS: Final = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)['"]""")
_ADDRESSES: Final = re.compile(r"""(?:href|src)="(ui/[^"]+)\"""")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Has the files read from a folder in which they may be changed."""
    folder = Path(files.__file__).parent
    for path in (folder / "assets").rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(files, "files", lambda package: tmp_path)
    page_files.cache_clear()
    yield tmp_path / "assets"
    page_files.cache_clear()


def read_anew() -> str:
    page_files.cache_clear()
    return page_files().digest


def test_the_address_changes_with_any_file(copied):
    names = sorted(path for path in copied.rglob("*") if path.is_file())
    assert len(names) > 30
    digests = {read_anew()}
    for path in names:
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        digests.add(read_anew())
        path.write_bytes(content)
    assert len(digests) == 1 + len(names)
    assert read_anew() in digests


def test_the_address_changes_with_the_name_of_a_file(copied):
    before = read_anew()
    (copied / "icon.svg").rename(copied / "mark.svg")
    assert read_anew() != before


def test_all_of_it_is_small():
    found = page_files()
    total = sum(len(file.compressed) for file in (*found.by_name.values(), found.documents["task"]))
    assert total < GZIPPED_BYTES_MAX


def test_a_module_imports_only_what_is_there():
    by_name = page_files().by_name
    imported = set()
    for name, file in by_name.items():
        if not name.endswith(".js"):
            continue
        for address in _IMPORTS.findall(file.plain.decode()):
            parts: list[str] = list(PurePosixPath(name).parent.parts)
            for part in PurePosixPath(address).parts:
                if part == "..":
                    parts.pop()
                else:
                    parts.append(part)
            target = "/".join(parts)
            assert target in by_name, f"{name} imports {address}"
            imported.add(target)
    unused = {name for name in by_name if name.endswith(".js")} - imported
    assert unused == {"app.js", "core/live-worker.js"}


@pytest.mark.parametrize("asks_token", [False, True])
@pytest.mark.parametrize("view", VIEWS)
def test_a_document_names_only_what_is_there(view, asks_token):
    found = page_files(asks_token=asks_token)
    text = found.documents[view].plain.decode()
    names = [address.split("/", 2)[2] for address in _ADDRESSES.findall(text)]
    assert {"app.js", "style.css", "icon.svg", f"views/{view}.js"} <= set(names)
    assert {f"views/{other}.js" for other in VIEWS if other != view}.isdisjoint(names)
    assert set(names) <= set(found.by_name)
    assert all(f"ui/{found.digest}/{name}" in text for name in names)
    assert "{{" not in text
    assert ("asked" in text) is asks_token


def test_nothing_names_another_host():
    for name, file in page_files().by_name.items():
        text = file.plain.decode()
        found = set(re.findall(r"https?://[\w.:-]+", text)) - {
            "http://www.w3.org",
            "http://x",
            "http://127.0.0.1:2123",
        }
        assert found == set(), name
