"""The document as one page: made here, with nothing to fetch."""

import json
from functools import cache
from html import escape
from typing import Any, Final

from web.openapi.document import document

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9em}"
    "pre{background:#8881;padding:.6rem;overflow-x:auto}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0}"
    "tr{border-bottom:1px solid #8884}details{margin:.4rem 0}summary{cursor:pointer}"
    ":root{color-scheme:light dark}"
)


@cache
def page() -> bytes:
    """The page as HTML."""
    described = document()
    tags: dict[str, list[str]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            section = _operation(method, path, operation)
            tags.setdefault(operation["tags"][0], []).append(section)
    info = described["info"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['description'])}</p>",
        '<p>For programs: <a href="/openapi.json">/openapi.json</a></p>',
    ]
    for tag, sections in tags.items():
        parts.append(f"<h2>{escape(tag)}</h2>{''.join(sections)}")
    parts.append("<h2>Schemas</h2>")
    parts.extend(
        _component(name, schema) for name, schema in described["components"]["schemas"].items()
    )
    parts.append("</body></html>")
    return "\n".join(parts).encode()


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f"<details><summary><code>{method.upper()} {escape(path)}</code> "
        f"{escape(operation['summary'])}</summary>"
    ]
    parameters = operation.get("parameters", [])
    if parameters:
        rows = [(p["name"], f"{p['in']}: {_kind(p['schema'])}", "") for p in parameters]
        parts.append(f"<h4>Parameters</h4>{_table(rows)}")
    body = operation.get("requestBody")
    if body is not None:
        content = body["content"]["application/json"]
        required = content["schema"].get("required", [])
        also = f", with {escape(', '.join(required))}" if required else ""
        parts.append(f"<h4>Request</h4><p>{_kind(content['schema'])}{also}</p>")
        if "example" in content:
            parts.append(f"<pre>{escape(json.dumps(dict(content['example']), indent=2))}</pre>")
    rows = []
    for status, response in operation["responses"].items():
        kinds = [_kind(content["schema"]) for content in response.get("content", {}).values()]
        rows.append((status, "".join(kinds), response["description"]))
    parts.append(f"<h4>Answers</h4>{_table(rows)}</details>")
    return "".join(parts)


def _component(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (f"{member} *" if member in required else member, _kind(kind), kind.get("description", ""))
        for member, kind in schema["properties"].items()
    ]
    text = escape(schema.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{text}</p>{_table(rows)}'


def _table(rows: list[tuple[str, str, str]]) -> str:
    """Of a name, a kind that is HTML, and a text."""
    lines = [
        f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{escape(text)}</td></tr>"
        for name, kind, text in rows
    ]
    return f"<table>{''.join(lines)}</table>"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return " | ".join(f"<code>{escape(value)}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "anyOf" in schema:
        parts = [part for part in schema["anyOf"] if part.get("type") != "null"]  # as if absent
        return " or ".join(_kind(part) for part in parts)
    return escape(schema.get("format") or schema.get("type") or "any JSON")
