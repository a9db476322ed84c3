"""The table of operations says what the contract says."""

from chargehand.web.operations import ALWAYS_ALLOWED, BATCHES, BULK_TASKS, Operation
from chargehand.web.routes import ROUTES
from tests.web.client import CONTRACT

OF_OUR_OWN = {
    *(Operation.LIST_UNDELIVERED, Operation.RESEND_UNDELIVERED),
    *(*BATCHES, *BULK_TASKS, Operation.LIST_DEPENDENTS),
}


def test_every_operation_of_the_table_is_the_contracts():
    served = 0
    for operation in Operation:
        listed = CONTRACT.operation(operation.method, operation.path)
        if listed is None:
            of_theirs = ("/api/tasks", "/api/agent", "/api/scheduler")
            assert operation in OF_OUR_OWN or not operation.path.startswith(of_theirs)
            continue
        served += 1
        refusals = {int(status) for status in listed["responses"] if status >= "400"} - {500}
        assert refusals | ALWAYS_ALLOWED == operation.refusals, operation
        assert str(operation.success) in listed["responses"], operation
    assert served >= 41


def test_every_operation_has_a_handler():
    assert set(ROUTES) == set(Operation)
