"""The document as one page: made here, with nothing to fetch."""

import json
import re
from functools import cache
from html import escape
from typing import Any, Final

from chargehand.web.openapi.document import document

_AREA: Final = "area-"  # begins the places of areas, which may have the name of an operation
_SCHEMAS: Final = "schemas"
_STYLE: Final = (
    ":root{color-scheme:light dark}*{box-sizing:border-box}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "overflow-wrap:anywhere}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9em}"
    "pre{background:#8881;padding:.6rem;overflow-x:auto;overflow-wrap:normal}"
    "table{border-collapse:collapse;width:100%}"
    "td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0}"
    "td:first-child{white-space:nowrap}td:nth-child(2){min-width:8rem}"
    "tr{border-bottom:1px solid #8884}details{margin:.4rem 0}summary{cursor:pointer}"
    "details>[id]{scroll-margin-top:4rem;padding-left:1rem}nav ul{padding-left:1.6rem;margin:0}"
    # Beside the text where there is room for it.
    "@media(min-width:72rem){body{margin-left:20rem}"
    "nav{position:fixed;left:1rem;top:0;bottom:0;width:18rem;padding:1rem 0;overflow-y:auto;"
    "font-size:.9em}}"
    # On a phone the cells of a row stand one below the other.
    "@media(max-width:40rem){td,td:first-child{display:block;padding:0;white-space:normal}"
    "td:empty{display:none}"
    "tr{display:block;padding:.3rem 0}details>[id]{padding-left:0}}"
)


@cache
def page() -> bytes:
    """The page as HTML."""
    described = document()
    sections: dict[str, list[str]] = {tag["name"]: [] for tag in described["tags"]}
    contents: dict[str, list[str]] = {tag["name"]: [] for tag in described["tags"]}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            area = operation["tags"][0]
            sections[area].append(_operation(method, path, operation))
            contents[area].append(_link(operation["operationId"], operation["summary"]))
    schemas = described["components"]["schemas"]
    info = described["info"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{_prose(info['description'])}</p>",
        '<p>For programs: <a href="/openapi.json">/openapi.json</a></p>',
        "<nav><h2>Contents</h2>",
        *(_contents(area, links) for area, links in contents.items()),
        _contents(_SCHEMAS, [_link(name, name) for name in schemas]),
        "</nav><main>",
    ]
    for tag in described["tags"]:
        parts.append(f"{_heading(tag['name'])}<p>{_prose(tag['description'])}</p>")
        parts.extend(sections[tag["name"]])
    parts.append(_heading(_SCHEMAS))
    parts.extend(_component(name, schema) for name, schema in schemas.items())
    parts.append("</main></body></html>")
    return "\n".join(parts).encode()


def _heading(area: str) -> str:
    return f'<h2 id="{_AREA}{escape(area)}">{escape(area)}</h2>'


def _contents(area: str, links: list[str]) -> str:
    """What is in an area, folded."""
    inside = "".join(f"<li>{link}</li>" for link in links)
    return (
        f"<details><summary>{_link(_AREA + area, area)} ({len(links)})</summary>"
        f"<ul>{inside}</ul></details>"
    )


def _link(place: str, text: str) -> str:
    return f'<a href="#{escape(place)}">{_prose(text)}</a>'


def _folded(place: str, summary: str, inside: str) -> str:
    """Browsers open what is folded where a link leads into it, so the place is inside."""
    return (
        f'<details><summary>{summary}</summary><div id="{escape(place)}">{inside}</div></details>'
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    summary = f"<code>{method.upper()} {escape(path)}</code> {_prose(operation['summary'])}"
    parts = [f"<p>{_prose(operation['description'])}</p>"]
    parameters = operation.get("parameters", [])
    if parameters:
        parts.append(f"<h4>Parameters</h4>{_table(list(map(_parameter, parameters)))}")
    body = operation.get("requestBody")
    if body is not None:
        content = body["content"]["application/json"]
        required = content["schema"].get("required", [])
        also = f", with {escape(', '.join(required))}" if required else ""
        parts.append(f"<h4>Request</h4><p>{_kind(content['schema'])}{also}</p>")
        parts.append(_example(content))
    rows: list[tuple[str, str, str]] = []
    examples: list[str] = []
    for status, response in operation["responses"].items():
        contents = response.get("content", {}).values()
        kinds = "".join(_kind(content["schema"]) for content in contents)
        rows.append((status, kinds, response["description"]))
        if status.startswith("2"):
            examples.extend(map(_example, contents))
    parts.append(f"<h4>Answers</h4>{_table(rows)}{''.join(examples)}")
    return _folded(operation["operationId"], summary, "".join(parts))


def _parameter(described: dict[str, Any]) -> tuple[str, str, str]:
    kind = f"{described['in']}: {_kind(described['schema'])}"
    return described["name"], kind, described.get("description", "")


def _example(content: dict[str, Any]) -> str:
    if "example" not in content:
        return ""
    return f"<pre>{escape(json.dumps(content['example'], indent=2, ensure_ascii=False))}</pre>"


def _prose(text: str) -> str:
    """A text with its `code`, and its list behind it."""
    head, *items = text.split("\n- ")
    prose = re.sub("`([^`]+)`", r"<code>\1</code>", escape(head.strip()))
    if not items:
        return prose
    return f"{prose}<ul>{''.join(f'<li>{_prose(item)}</li>' for item in items)}</ul>"


def _component(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (f"{member} *" if member in required else member, _kind(kind), kind.get("description", ""))
        for member, kind in schema["properties"].items()
    ]
    text = _prose(schema.get("description", ""))
    examples = "".join(_example({"example": example}) for example in schema.get("examples", ()))
    return _folded(name, f"<code>{escape(name)}</code>", f"<p>{text}</p>{_table(rows)}{examples}")


def _table(rows: list[tuple[str, str, str]]) -> str:
    """Of a name, a kind that is HTML, and a text."""
    lines = [
        f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{_prose(text)}</td></tr>"
        for name, kind, text in rows
    ]
    return f"<table>{''.join(lines)}</table>"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _link(name, name)
    if "enum" in schema:
        return " | ".join(f"<code>{escape(value)}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "anyOf" in schema:
        parts = [part for part in schema["anyOf"] if part.get("type") != "null"]  # as if absent
        return " or ".join(_kind(part) for part in parts)
    return escape(schema.get("format") or schema.get("type") or "any JSON")
