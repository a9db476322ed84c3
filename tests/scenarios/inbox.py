"""An inbox that goes from unread to archived."""

from typing import Any, Final

from tests.scenarios.looks import runs, task
from tests.scenarios.story import OPERATOR, Look, Scenario, Step, agent

CLERK: Final = agent("sess-clerk", "clerk")
OTHER: Final = agent("sess-other", "clerk")


def _inbox(unread: int, archived_count: int = 0, **lanes: list[dict[str, Any]]) -> Look:
    """All lanes with something in them, and the numbers."""

    def view(answer: Any) -> Any:
        inbox = answer["inbox"]
        found = {group["lane"]: group["items"] for group in inbox["groups"] if group["count"]}
        return {**inbox, "groups": found, "lanes": sorted(found)}

    expected = {
        "total": sum(map(len, lanes.values())),
        "unread_total": unread,
        "archived_total": archived_count,
        "groups": lanes,
        "lanes": sorted(lanes),
    }
    return Look("/api/observe/tasks/inbox", expected, view=view)


def _item(read: bool, **expected: Any) -> dict[str, Any]:
    return {"task": {"id": "contract"}, "triage": {"read": read}, **expected}


_ARCHIVED: Final = _inbox(0, 1, archived=[_item(True, triage={"read": True, "archived": True})])

SCENARIO: Final = Scenario(
    "an inbox from unread to archived",
    follows=("contract",),
    steps=(
        Step(
            "a contract needs somebody's approval",
            OPERATOR.post(
                "/api/tasks",
                {
                    "id": "contract",
                    "scope": "global",
                    "title": "Sign the contract",
                    "approval_policy": "manual",
                },
            ),
            201,
            again=409,
            sees=(_inbox(1, approvals=[_item(False, blocking_reason="awaiting_approval")]),),
        ),
        Step(
            "a person has read it",
            OPERATOR.post("/api/tasks/contract/triage/read"),
            shows={"triage": {"read": True, "archived": False, "dismissed": False}},
            sees=(_inbox(0, approvals=[_item(True)]),),
        ),
        Step(
            "it becomes urgent, which is news",
            OPERATOR.patch("/api/tasks/contract", {"priority": "urgent"}),
            sees=(_inbox(1, approvals=[_item(False)]),),
        ),
        Step(
            "the person approves it, and has nothing to do",
            OPERATOR.post("/api/tasks/contract/approve"),
            201,
            keeps={"run": "run.id"},
            sees=(_inbox(0), runs("contract", "queued")),
        ),
        Step(
            "a clerk takes it",
            CLERK.claims("sign"),
            shows={"claim": {"run": {"id": "{run}"}}},
            sees=(_inbox(0),),
        ),
        Step(
            "and fails",
            CLERK.of_its_run("fail", "{run}", error="no pen"),
            sees=(
                _inbox(
                    1,
                    failed_runs=[
                        _item(
                            False,
                            blocking_reason="latest_run_failed",
                            run={"id": "{run}", "status": "failed", "error": "no pen"},
                        )
                    ],
                ),
            ),
        ),
        Step(
            "the person does not want to see that",
            OPERATOR.post("/api/tasks/contract/triage/dismiss"),
            shows={"triage": {"dismissed": True}},
            sees=(_inbox(0),),
        ),
        Step(
            "it is tried again",
            OPERATOR.post("/api/tasks/contract/runs", {"idempotency_key": "again"}),
            201,
            keeps={"second": "run.id"},
            sees=(_inbox(0), runs("contract", "failed", "queued")),
        ),
        Step(
            "by another clerk",
            OTHER.claims("sign"),
            shows={"claim": {"run": {"id": "{second}"}}},
        ),
        Step(
            "who fails, too; the person sees it again",
            OTHER.of_its_run("fail", "{second}", error="no ink"),
            sees=(_inbox(1, failed_runs=[_item(False, run={"error": "no ink"})]),),
        ),
        Step(
            "and archives it",
            OPERATOR.post("/api/tasks/contract/triage/archive"),
            shows={"triage": {"read": True, "archived": True, "dismissed": False}},
            sees=(_ARCHIVED,),
        ),
        Step(
            "where it stays, whatever happens to it",
            OPERATOR.patch("/api/tasks/contract", {"title": "Sign it some day"}),
            sees=(task("contract", title="Sign it some day", status="ready"), _ARCHIVED),
        ),
        Step(
            "the clerk has an inbox of its own",
            CLERK.get("/api/observe/tasks/inbox"),
            shows={"inbox": {"unread_total": 1, "archived_total": 0}},
            sees=(_ARCHIVED,),
        ),
    ),
)
