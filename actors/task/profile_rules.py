"""What an execution profile may hold: `checked` gives it as stored, or raises `Rejected`.

Texts are trimmed, blank ones are absent; lists lose blanks and repeats, and are sorted.
"""

import re
from collections.abc import Callable

from chargehand.actors import limits
from chargehand.actors.errors import invalid
from chargehand.actors.frozen import replace
from chargehand.actors.task import validation as valid
from chargehand.actors.task.profile import (
    CoordinatorProfile,
    ExecutionProfile,
    ParticipantsProfile,
    ReviewProfile,
    SandboxMode,
    SandboxProfile,
    WorkerProfile,
)

_BREAKS = re.compile("[\t\r\n]")


def checked(profile: ExecutionProfile) -> ExecutionProfile:
    """The profile with every value made valid.

    Raises:
        Rejected: INVALID_REQUEST, naming the value by its JSON pointer.
    """
    return replace(
        profile,
        coordinator=_coordinator(profile.coordinator),
        worker=_worker(profile.worker),
        review=_review(profile.review),
        participants=_participants(profile.participants),
        sandbox=_sandbox(profile.sandbox),
    )


def _coordinator(part: CoordinatorProfile) -> CoordinatorProfile:
    at = "/coordinator"
    guidance = part.guidance
    if guidance is not None:
        limit = limits.GUIDANCE_BYTES_MAX
        guidance = valid.text(f"{at}/guidance", guidance, bytes_max=limit) or None
    return replace(
        part,
        agent_name=_agent_name(f"{at}/agent_name", part.agent_name),
        provider=_optional(f"{at}/provider", part.provider),
        model=_optional(f"{at}/model", part.model),
        guidance=guidance,
    )


def _worker(part: WorkerProfile) -> WorkerProfile:
    at = "/worker"
    worker = replace(
        part,
        agent_name=_agent_name(f"{at}/agent_name", part.agent_name),
        provider=_optional(f"{at}/provider", part.provider),
        model=_optional(f"{at}/model", part.model),
        allowed_agent_names=_names(f"{at}/allowed_agent_names", part.allowed_agent_names),
        preferred_agent_names=_names(f"{at}/preferred_agent_names", part.preferred_agent_names),
        required_capabilities=_skills(f"{at}/required_capabilities", part.required_capabilities),
        preferred_capabilities=_skills(f"{at}/preferred_capabilities", part.preferred_capabilities),
    )
    _check_allowed(at, worker.agent_name, worker.allowed_agent_names)
    return worker


def _review(part: ReviewProfile) -> ReviewProfile:
    at = "/review"
    review = replace(
        part,
        agent_name=_optional(f"{at}/agent_name", part.agent_name),
        provider=_optional(f"{at}/provider", part.provider),
        model=_optional(f"{at}/model", part.model),
        **_selectors(at, part),
    )
    _check_allowed(at, review.agent_name, review.allowed_agent_names)
    return review


def _participants(part: ParticipantsProfile) -> ParticipantsProfile:
    return replace(part, **_selectors("/participants", part))


def _selectors(at: str, part: ReviewProfile | ParticipantsProfile) -> dict[str, tuple[str, ...]]:
    """The lists that both have."""
    return {
        "allowed_agent_names": _names(f"{at}/allowed_agent_names", part.allowed_agent_names),
        "preferred_agent_names": _names(f"{at}/preferred_agent_names", part.preferred_agent_names),
        "allowed_channel_ids": _names(f"{at}/allowed_channel_ids", part.allowed_channel_ids),
        "preferred_channel_ids": _names(f"{at}/preferred_channel_ids", part.preferred_channel_ids),
        "allowed_peer_ids": _names(f"{at}/allowed_peer_ids", part.allowed_peer_ids),
        "preferred_peer_ids": _names(f"{at}/preferred_peer_ids", part.preferred_peer_ids),
        "required_capabilities": _skills(f"{at}/required_capabilities", part.required_capabilities),
        "preferred_capabilities": _skills(
            f"{at}/preferred_capabilities", part.preferred_capabilities
        ),
    }


def _sandbox(part: SandboxProfile) -> SandboxProfile:
    pointer = "/sandbox/sandbox_ref"
    sandbox = replace(part, sandbox_ref=_optional(pointer, part.sandbox_ref))
    if sandbox.mode is SandboxMode.REF and sandbox.sandbox_ref is None:
        raise invalid(pointer, f"{pointer} is required in the mode ref", "name the sandbox")
    if sandbox.mode is not SandboxMode.REF and sandbox.sandbox_ref is not None:
        raise invalid(
            pointer,
            f"{pointer} has no meaning in the mode {sandbox.mode.value}",
            'leave it out, or set /sandbox/mode to "ref"',
        )
    return sandbox


def _check_allowed(at: str, agent_name: str | None, allowed: tuple[str, ...]) -> None:
    if agent_name is not None and allowed and agent_name not in allowed:
        raise invalid(
            f"{at}/agent_name",
            f"{at}/agent_name is not among {at}/allowed_agent_names",
            "add it there, or empty that list",
        )


def _agent_name(pointer: str, value: str | None) -> str | None:
    """A name that an agent may have: those of sessions may be longer than a selector."""
    return valid.optional_text(pointer, value, chars_max=limits.NAME_CHARS_MAX)


def _optional(pointer: str, value: str | None) -> str | None:
    return None if value is None else _atom(pointer, value) or None


def _atom(pointer: str, value: str) -> str:
    """A short text of one line."""
    value = valid.text(pointer, value, bytes_max=limits.SELECTOR_BYTES_MAX)
    if _BREAKS.search(value):
        raise invalid(pointer, f"{pointer} holds a tab or a line break", "leave it out")
    return value


def _names(pointer: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return _listed(pointer, values, _atom)


def _skills(pointer: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return _listed(pointer, values, valid.capability)


def _listed(
    pointer: str, values: tuple[str, ...], check: Callable[[str, str], str]
) -> tuple[str, ...]:
    found = {
        check(f"{pointer}/{index}", value) for index, value in enumerate(values) if value.strip()
    }
    if len(found) > limits.CAPABILITIES_MAX:
        raise invalid(pointer, f"{pointer} has more than {limits.CAPABILITIES_MAX} items")
    return tuple(sorted(found))
