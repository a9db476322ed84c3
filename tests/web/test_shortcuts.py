"""What goes straight to its handler, and what is left to the application."""

import pytest

from chargehand.web.lane.shortcuts import SHORTCUTS, Shortcuts
from chargehand.web.operations import Operation
from chargehand.web.routes import ROUTES

RUN_ID = "run-0199.a:b_C"


def path_of(operation: Operation) -> str:
    return operation.path.replace("{run_id}", RUN_ID)


@pytest.mark.parametrize("operation", SHORTCUTS, ids=lambda operation: operation.name)
def test_an_operation_is_found_by_its_path(operation):
    ids = {"run_id": RUN_ID} if "{" in operation.path else {}
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


def test_agents_ask_for_nothing_else_of_their_own():
    of_agents = {one for one in Operation if one.path.startswith("/api/agent/")}
    assert of_agents == set(SHORTCUTS)
