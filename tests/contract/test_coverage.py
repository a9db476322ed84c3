"""Every status that the contract lists for an operation is one that it was seen to answer, by the
listener of the application and by the lane in the same words."""

from operator import attrgetter
from typing import Final

import pytest
import trio

from chargehand.actors.settings import Settings
from chargehand.web.operations import Operation as Op
from tests.contract.recorded import good_answers
from tests.contract.refusals import CONTRACTED, FORCE, REFUSALS, as_an_agent
from tests.contract.scene import set_scene
from tests.web.client import CONTRACT, ContractClient

_name = attrgetter("name")
BY_NAME: Final = sorted(CONTRACTED, key=_name)
NO_FAULT_OF_A_CLIENT: Final = 500
_READS: Final = {op for op in CONTRACTED if op.method == "GET"}
_NOTHING_TO_CHECK: Final = "only its path says anything, and an id that none can have is not found"
_OF_A_ROW: Final = "each row tells it for itself"

# What is listed and never answered, and why.
UNREACHABLE: Final[dict[tuple[Op, int], str]] = {
    **{
        (operation, 503): "a read needs no storage; actors that are overloaded are tested by others"
        for operation in _READS
    },
    (Op.GET_TASK, 422): _NOTHING_TO_CHECK,
    (Op.GET_TREE, 422): _NOTHING_TO_CHECK,
    (Op.GET_RUN, 422): _NOTHING_TO_CHECK,
    (Op.REJECT_TASK, 422): _NOTHING_TO_CHECK,
    (Op.GET_PROFILE, 422): _NOTHING_TO_CHECK,
    (Op.MARK_TASK_READ, 422): _NOTHING_TO_CHECK,
    (Op.ARCHIVE_TASK, 422): _NOTHING_TO_CHECK,
    (Op.DISMISS_TASK, 422): _NOTHING_TO_CHECK,
    (Op.REMOVE_DEPENDENCY, 422): _NOTHING_TO_CHECK,
    (Op.INSPECT_TASK, 422): _NOTHING_TO_CHECK,
    (Op.INSPECT_RUN, 422): _NOTHING_TO_CHECK,
    (Op.BULK_RELEASE, 429): _OF_A_ROW,
    (Op.BULK_FAIL, 429): _OF_A_ROW,
    (Op.UPDATE_TASK, 409): "a task can be changed in every status",
    (Op.RESUME_TASK, 409): "a task can be resumed in every status, paused or not",
}


@pytest.fixture
async def client(twins) -> ContractClient:
    return ContractClient(twins)


@pytest.mark.parametrize("operation", BY_NAME, ids=_name)
async def test_refusals_are_as_the_contract_says(twins, client, operation, autojump_clock):
    causes = [refusal for refusal in REFUSALS if operation in refusal.operations]
    for number, refusal in enumerate(causes):
        scene = await set_scene(twins.systems, client, number)
        with trio.fail_after(60):  # a stream that is not refused has no end
            answered = await refusal.provoke(scene, operation)
        told = (refusal.provoke.__name__, answered.status, answered.code)
        assert told == (refusal.provoke.__name__, refusal.status, refusal.code)
        await scene.strike()


class TestAgentsWithoutForce:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(allow_agent_force=False)

    @pytest.mark.parametrize("operation", sorted(FORCE, key=_name), ids=_name)
    async def test_they_are_told_so(self, twins, client, operation, autojump_clock):
        answered = await as_an_agent(await set_scene(twins.systems, client, 0), operation)
        assert (answered.status, answered.code) == (403, "forbidden_operator_action")


@pytest.mark.parametrize("operation", BY_NAME, ids=_name)
def test_every_listed_status_is_answered_somewhere(operation):
    listed = CONTRACT.operation(operation.method, operation.path)["responses"]
    good = {recorded.status for recorded in good_answers() if recorded.operation is operation}
    if operation is Op.STREAM_TASK:
        good.add(200)  # held against a recording of its own
    refused = {refusal.status for refusal in REFUSALS if operation in refusal.operations}
    unreachable = {status for known, status in UNREACHABLE if known is operation}
    assert not unreachable & (good | refused)
    seen = good | refused | unreachable | {NO_FAULT_OF_A_CLIENT}
    assert {int(status) for status in listed} <= seen
