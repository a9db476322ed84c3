"""What goes straight to its handler, and what is left to the application."""

import pytest

from chargehand.web.lane.shortcuts import SHORTCUTS, Shortcuts
from chargehand.web.operations import Operation
from chargehand.web.routes import ROUTES

RUN_ID = "run-0199.a:b_C"
HANDING_IN = {
    Operation.CREATE_TASK,
    Operation.CREATE_BATCH,
    Operation.START_TASK,
    Operation.ENQUEUE_RUN,
}
NAMES = {one: one.path.partition("{")[2].partition("}")[0] for one in SHORTCUTS if "{" in one.path}


def path_of(operation: Operation) -> str:
    return operation.path.replace(f"{{{NAMES.get(operation)}}}", RUN_ID)


@pytest.mark.parametrize("operation", SHORTCUTS, ids=lambda operation: operation.name)
def test_an_operation_is_found_by_its_path(operation):
    ids = {NAMES[operation]: RUN_ID} if operation in NAMES else {}
    found = Shortcuts().find(operation.method, path_of(operation).encode())
    assert found == (operation, ROUTES[operation], ids)


@pytest.mark.parametrize("operation", SHORTCUTS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("behind", ["/", "?", "?a=b", "x", "/x", "%20", "#a"])
def test_what_is_not_plainly_written_is_left_to_the_application(operation, behind):
    path = path_of(operation)
    assert Shortcuts().find(operation.method, (path + behind).encode()) is None
    assert Shortcuts().find("GET", path.encode()) is None
    assert Shortcuts().find(operation.method, path.replace(RUN_ID, "a%62").encode()) is None or (
        RUN_ID not in path
    )


def test_a_parameter_stands_where_it_is_found():
    with pytest.raises(ValueError, match="GET_TASK"):
        Shortcuts([Operation.GET_TASK])


def test_whatever_agents_ask_for_and_who_hands_work_in_has_one():
    of_agents = {one for one in Operation if one.path.startswith("/api/agent/")}
    assert of_agents | HANDING_IN == set(SHORTCUTS)
