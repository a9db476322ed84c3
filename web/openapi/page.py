"""The document as one page: made here, with nothing to fetch."""

import json
import re
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
    sections: dict[str, list[str]] = {tag["name"]: [] for tag in described["tags"]}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            sections[operation["tags"][0]].append(_operation(method, path, operation))
    info = described["info"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{_prose(info['description'])}</p>",
        '<p>For programs: <a href="/openapi.json">/openapi.json</a></p>',
    ]
    for tag in described["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{_prose(tag['description'])}</p>")
        parts.extend(sections[tag["name"]])
    parts.append("<h2>Schemas</h2>")
    parts.extend(
        _component(name, schema) for name, schema in described["components"]["schemas"].items()
    )
    parts.append("</body></html>")
    return "\n".join(parts).encode()


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f'<details id="{escape(operation["operationId"])}">'
        f"<summary><code>{method.upper()} {escape(path)}</code> "
        f"{_prose(operation['summary'])}</summary><p>{_prose(operation['description'])}</p>"
    ]
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
    parts.append(f"<h4>Answers</h4>{_table(rows)}{''.join(examples)}</details>")
    return "".join(parts)


def _parameter(described: dict[str, Any]) -> tuple[str, str, str]:
    kind = f"{described['in']}: {_kind(described['schema'])}"
    return described["name"], kind, described.get("description", "")


def _example(content: dict[str, Any]) -> str:
    if "example" not in content:
        return ""
    return f"<pre>{escape(json.dumps(content['example'], indent=2, ensure_ascii=False))}</pre>"


def _prose(text: str) -> str:
    """A text with its `code`."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _component(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (f"{member} *" if member in required else member, _kind(kind), kind.get("description", ""))
        for member, kind in schema["properties"].items()
    ]
    text = _prose(schema.get("description", ""))
    examples = "".join(_example({"example": example}) for example in schema.get("examples", ()))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{text}</p>{_table(rows)}{examples}'


def _table(rows: list[tuple[str, str, str]]) -> str:
    """Of a name, a kind that is HTML, and a text."""
    lines = [
        f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{_prose(text)}</td></tr>"
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
