"""The files of the page, under one hash of what they all contain.

The browser keeps a file for good, as its address changes with any of them. The document of a view
names what that view imports, so that nothing is asked for only when something else has come; and
relative to itself, so that the page works below whatever path a proxy puts in front.
"""

import gzip
import hashlib
import posixpath
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.web.page.paths import FOLDER, VIEWS

_ASSETS: Final = "assets"
_DOCUMENT: Final = "index.html"
_HASH_DIGITS: Final = 16
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PRELOAD: Final = "<!-- modules -->"
_PLACE: Final = "{{ui}}"
_TOKEN: Final = "{{token}}"
_VENDORED: Final = "lit/"
_COMMENT: Final = re.compile(rb"^[ \t]*(?://[^\n]*|/\*\*.*?\*/[ \t]*)$", re.MULTILINE | re.DOTALL)
_IMPORT: Final = re.compile(r'\bfrom\s*["\'](\.[^"\']+)["\']')
_FIRST: Final = "app.js"


@final
@frozen(eq=False)
class File:
    """One file as it is sent, and the same compressed by gzip."""

    content_type: str
    plain: bytes
    compressed: bytes


@final
@frozen(eq=False)
class Files:
    """Args:
    digest: what stands between `ui/` and the name of a file in its address.
    by_name: the files, as `app.js` or `lit/lit-html.js`.
    documents: by view.
    """

    digest: str
    by_name: dict[str, File]
    documents: dict[str, File]


@cache
def page_files(*, asks_token: bool = False) -> Files:
    """What the package contains; read once.

    Args:
        asks_token: the document says so, and the page then asks whether its session is open before
            it asks for anything else.
    """
    folder = files(__package__) / _ASSETS
    contents = {name: _sent(name, content) for name, content in sorted(_found(folder, ""))}
    hashed = hashlib.sha256()
    for name, content in contents.items():
        hashed.update(b"%d:%s:%d:" % (len(name), name.encode(), len(content)) + content)
    digest = hashed.hexdigest()[:_HASH_DIGITS]
    document = contents.pop(_DOCUMENT).decode()
    document = document.replace(_TOKEN, "asked" if asks_token else "none")
    modules = {name: content.decode() for name, content in contents.items() if _is_module(name)}
    documents = {
        view: document.replace(_PRELOAD, _preloading(modules, view)).replace(
            _PLACE, f"{FOLDER}/{digest}"
        )
        for view in VIEWS
    }
    return Files(
        digest,
        {
            name: _file(_TYPES[suffix], content)
            for name, content in contents.items()
            if (suffix := name[name.rfind(".") :]) in _TYPES
        },
        {
            view: _file("text/html; charset=utf-8", text.encode())
            for view, text in documents.items()
        },
    )


def _is_module(name: str) -> bool:
    return name.endswith(".js")


def _preloading(modules: Mapping[str, str], view: str) -> str:
    """Links to all that the page imports to show a view."""
    needed: dict[str, None] = {}
    waiting = [_FIRST, f"views/{view}.js"]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = None
            folder = posixpath.dirname(name)
            waiting += (
                posixpath.normpath(posixpath.join(folder, path))
                for path in _IMPORT.findall(modules[name])
            )
    return "".join(f'<link rel="modulepreload" href="{_PLACE}/{name}">\n' for name in needed)


def _found(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _found(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + entry.name, entry.read_bytes()))
    return found


def _sent(name: str, content: bytes) -> bytes:
    """The file without its comments, which are a tenth of what is sent; lines keep their numbers.
    What is another project's is sent as it is, with its licence."""
    if not name.endswith(".js") or name.startswith(_VENDORED):
        return content
    return _COMMENT.sub(lambda found: b"\n" * found[0].count(b"\n"), content)


def _file(content_type: str, content: bytes) -> File:
    return File(content_type, content, gzip.compress(content, mtime=0))
