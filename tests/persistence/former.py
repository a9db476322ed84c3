"""Snapshots as formats 1 and 2 have written them."""

import struct
from operator import attrgetter
from zlib import crc32

import orjson

from chargehand.actors.record import AnyState
from chargehand.actors.task.ended import pack
from chargehand.actors.task.state import TaskState
from chargehand.persistence.snapshots import SMALL_STATES, former
from chargehand.persistence.snapshots.positions import plain

_head_of = attrgetter(*former._HEAD)
_rare_of = attrgetter(*("open_reviews" if name == "reviews" else name for name in former._RARE))


def encode_former(state: AnyState, *, ended: bool = True) -> bytes:
    """Args: ended: whether the head has the facts of ended runs, as since format 1 was extended."""
    if not isinstance(state, TaskState):
        return joined(orjson.dumps(SMALL_STATES.write(state)), b"")
    facts = (pack(state.runs).hex(),) if ended else ()
    fields = (*_head_of(state), state.open_run, *facts, *_rare_of(state))
    runs = [None if run is state.open_run else run for run in state.runs]
    body = (state.description, state.metadata, runs, state.reviews)
    return joined(_dumps(("u" if ended else "t", *fields)), _dumps(body))


def _dumps(value: object) -> bytes:
    return orjson.dumps(value, default=plain)


def joined(head: bytes, body: bytes) -> bytes:
    return struct.pack(">III", len(head), crc32(head), crc32(body)) + head + body
