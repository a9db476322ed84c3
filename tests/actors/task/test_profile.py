"""Execution profiles: what is stored of them, what is refused, and when."""

import pytest
from attrs import evolve as replace

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.profile import (
    CoordinatorMode,
    CoordinatorProfile,
    ExecutionProfile,
    ParticipantsProfile,
    ReviewProfile,
    SandboxMode,
    SandboxProfile,
    WorkerMode,
    WorkerProfile,
)
from chargehand.actors.task.profile_rules import checked
from tests.actors.task.kit import START_NS, Bench, types


def worker(**fields) -> ExecutionProfile:
    return ExecutionProfile(worker=WorkerProfile(WorkerMode.INHERIT, **fields))


def participants(**fields) -> ExecutionProfile:
    return ExecutionProfile(participants=ParticipantsProfile(**fields))


def review(**fields) -> ExecutionProfile:
    return ExecutionProfile(review=ReviewProfile(**fields))


def coordinator(**fields) -> ExecutionProfile:
    return ExecutionProfile(coordinator=CoordinatorProfile(CoordinatorMode.GUIDED, **fields))


def sandbox(mode, ref=None) -> ExecutionProfile:
    return ExecutionProfile(sandbox=SandboxProfile(mode, ref))


class TestChanges:
    def test_a_profile_is_replaced_as_a_whole_and_keeps_when_it_was_made(self):
        bench = Bench.created()
        assert bench.task.profile is None
        assert types(bench.do(c.SetProfile(worker(agent_name="a")))) == [
            "task.execution_profile_updated"
        ]
        bench.pass_s(1)
        bench.do(c.SetProfile(coordinator(model="m")))
        later = replace(coordinator(model="m"), created_at_ns=START_NS, updated_at_ns=bench.now_ns)
        assert bench.task.profile == later

    def test_a_profile_is_taken_away(self):
        bench = Bench.created()
        bench.do(c.SetProfile(worker(agent_name="a")))
        assert types(bench.do(c.DeleteProfile())) == ["task.execution_profile_deleted"]
        assert bench.task.profile is None

    def test_what_is_not_there_cannot_be_taken_away(self):
        assert Bench.created().code(c.DeleteProfile()) is Code.PROFILE_NOT_FOUND

    @pytest.mark.parametrize("command", [c.SetProfile(ExecutionProfile()), c.DeleteProfile()])
    def test_nothing_changes_while_somebody_works(self, command):
        bench = Bench.with_run()
        bench.do(c.SetProfile(worker()))
        bench.lease()
        assert bench.code(command) is Code.TRANSITION
        bench.expire()
        bench.do(command)

    def test_the_time_of_the_task_does_not_move_but_its_activity(self):
        bench = Bench.created()
        bench.pass_s(5)
        bench.do(c.SetProfile(worker()))
        assert bench.task.updated_at_ns == START_NS
        assert bench.task.last_activity_at_ns == bench.now_ns

    def test_nothing_is_left_of_it_after_a_deletion(self):
        bench = Bench.created()
        bench.do(c.SetProfile(worker()))
        bench.do(c.DeleteTask())
        assert bench.task.profile is None


class TestValues:
    def test_texts_are_trimmed_and_blank_ones_absent(self):
        given = coordinator(agent_name=" a ", provider=" ", model="\tm\n", guidance=" ")
        assert checked(given) == coordinator(agent_name="a", model="m")

    @pytest.mark.parametrize("section", [worker, participants, review])
    def test_lists_lose_blanks_and_repeats_and_are_sorted(self, section):
        for name in ("allowed_agent_names", "required_capabilities", "preferred_capabilities"):
            given = section(**{name: (" b", "", "a", "b ")})
            assert checked(given) == section(**{name: ("a", "b")})

    @pytest.mark.parametrize(
        ("profile", "pointer"),
        [
            (coordinator(guidance="x" * (limits.GUIDANCE_BYTES_MAX + 1)), "/coordinator/guidance"),
            (coordinator(provider="a\tb"), "/coordinator/provider"),
            (coordinator(agent_name="x" * 201), "/coordinator/agent_name"),
            (worker(model="x" * 129), "/worker/model"),
            (worker(agent_name="x" * 201), "/worker/agent_name"),
            (worker(allowed_agent_names=("a", "b\nc")), "/worker/allowed_agent_names/1"),
            (worker(preferred_agent_names=("x" * 129,)), "/worker/preferred_agent_names/0"),
            (worker(required_capabilities=("", "a b")), "/worker/required_capabilities/1"),
            (worker(preferred_capabilities=("a,b",)), "/worker/preferred_capabilities/0"),
            (worker(agent_name="a", allowed_agent_names=("b",)), "/worker/agent_name"),
            (review(agent_name="a", allowed_agent_names=("b",)), "/review/agent_name"),
            (review(agent_name="a\rb"), "/review/agent_name"),
            (review(provider="x" * 129), "/review/provider"),
            (review(allowed_channel_ids=("x" * 129,)), "/review/allowed_channel_ids/0"),
            (participants(preferred_peer_ids=("x\ty",)), "/participants/preferred_peer_ids/0"),
            (
                participants(allowed_agent_names=tuple(map(str, range(65)))),
                "/participants/allowed_agent_names",
            ),
            (sandbox(SandboxMode.REF, " "), "/sandbox/sandbox_ref"),
            (sandbox(SandboxMode.NONE, "box"), "/sandbox/sandbox_ref"),
            (sandbox(SandboxMode.INHERIT, "box"), "/sandbox/sandbox_ref"),
        ],
    )
    def test_what_is_wrong_is_named(self, profile, pointer):
        with pytest.raises(Rejected) as refused:
            c.SetProfile(profile)
        assert refused.value.code is Code.INVALID_REQUEST
        assert refused.value.pointer == pointer

    def test_a_preferred_agent_need_not_be_an_allowed_one(self):
        profile = worker(allowed_agent_names=("a",), preferred_agent_names=("b",))
        assert checked(profile) == profile

    def test_a_sandbox_may_be_one_that_nobody_knows(self):
        assert checked(sandbox(SandboxMode.REF, " box ")) == sandbox(SandboxMode.REF, "box")


class TestWhoMayClaim:
    @pytest.mark.parametrize(
        ("profile", "allowed"),
        [
            (ExecutionProfile(), None),
            (worker(agent_name="a"), {"a"}),
            (worker(allowed_agent_names=("a", "b")), {"a", "b"}),
            (participants(allowed_agent_names=("a",)), {"a"}),
            (
                replace(
                    worker(allowed_agent_names=("a", "b")),
                    participants=ParticipantsProfile(allowed_agent_names=("b", "c")),
                ),
                {"b"},
            ),
            (
                replace(
                    worker(agent_name="a"),
                    participants=ParticipantsProfile(allowed_agent_names=("b",)),
                ),
                set(),
            ),
        ],
    )
    def test_the_agents_that_every_part_allows(self, profile, allowed):
        assert profile.allowed_agents == allowed
