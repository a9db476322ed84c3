"""Each operation of the contract is reached from the page, or its documentation says why not."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Request

from chargehand.web.openapi.document import document
from chargehand.web.operations import Operation
from chargehand.web.page.files import page_files
from tests.page.watched import TABS
from tests.web.client import CONTRACT

PAGE = Path(__file__).parents[2] / "docs" / "page.md"
PUBLISHED: Final = frozenset(
    operation
    for operation in Operation
    if CONTRACT.operation(operation.method, operation.path) is not None
)
OF_AGENTS: Final = frozenset(
    operation for operation in PUBLISHED if operation.path.startswith("/api/agent/")
)
# What others show whole: a list, and the stream of all tasks.
SHOWN_BY_OTHERS: Final = frozenset({Operation.GET_SUBSCRIPTION, Operation.STREAM_TASK})

# The calls that the page's actions make of something that has all that any action looks at.
_CALLS: Final = """async (ui) => {
  const tasks = await import(`${ui}/actions/tasks.js`);
  const runs = await import(`${ui}/actions/runs.js`);
  const bulk = await import(`${ui}/actions/bulk.js`);
  const other = { id: 'x', review_id: 'x', subscription_id: 'x' };
  const isAction = (one) => typeof one?.path === 'function';
  const made = Object.values({ ...tasks, ...runs })
    .flatMap((value) => Array.isArray(value) ? value : isAction(value) ? [value]
      : typeof value === 'function' ? [value(other)] : [])
    .filter(isAction);
  return [
    ...made.map((action) => [action.method ?? 'POST', `/${action.path(other, {})}`]),
    ...[...bulk.BULK_TASKS, ...bulk.BULK_RUNS, ...bulk.HELD_RUNS]
      .map(({ path }) => ['POST', `/${path}`]),
  ];
}"""


def _id_of(operation: Operation) -> str:
    described = document()["paths"][operation.path][operation.method.lower()]
    return str(described["operationId"])


def _operation(method: str, path: str) -> Operation | None:
    for operation in Operation:
        pattern = re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(operation.path))
        # `bulk` matches where an id stands, too.
        is_meant = "bulk" not in path or "bulk" in operation.path
        if operation.method == method and is_meant and re.fullmatch(pattern, path):
            return operation
    return None


def test_each_of_the_62_stands_in_one_row():
    table = PAGE.read_text(encoding="utf-8").partition("## Where each operation is")[2]
    named = re.findall(r"^\| (`.*?`) \| \S", table, flags=re.MULTILINE)
    found = [name for row in named for name in re.findall(r"`(\w+)`", row)]
    assert sorted(found) == sorted(map(_id_of, PUBLISHED))
    assert len(found) == 62


def test_all_but_those_of_agents_are_called(open_page, town):
    """By what the views read, what their actions call, and by handing a task in."""
    calls: set[tuple[str, str]] = set()

    def note(request: Request) -> None:
        calls.add((request.method, urlsplit(request.url).path))

    page = open_page()
    page.page.on("request", note)
    task_id, run_id = town.tasks["Has failed often"], town.runs["Has failed often"]
    review_id = town.runs["review"]
    for view in (
        *("now", "inbox", "work", "queue", "agents", "scheduler", "review"),
        *(f"task?id={task_id}&tab={tab}" for tab in TABS),
        f"run?id={run_id}",
        f"review?id={review_id}",
    ):
        page.open(view)
    for parent in ("", f"?parent={task_id}"):
        page.open(f"new{parent}")
        page.main.get_by_label("Title").fill("Made by the page")
        # With a run it would be made by a batch of one.
        page.main.get_by_label("Queue a run of it").uncheck()
        page.main.get_by_role("button", name="Create the task").click()
        page.page.wait_for_url("**/task?id=*")
    page.settled()
    calls |= {tuple(call) for call in page.page.evaluate(_CALLS, f"/ui/{page_files().digest}")}
    reached = {_operation(method, path) for method, path in calls}
    assert PUBLISHED - reached == OF_AGENTS | SHOWN_BY_OTHERS
