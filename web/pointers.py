"""Where a request calls a field otherwise than the core does, its refusals are renamed."""

from collections.abc import Iterator
from contextlib import contextmanager

from chargehand.actors.errors import Rejected
from chargehand.actors.frozen import replace


@contextmanager
def called(outside: str, inside: str) -> Iterator[None]:
    """Name `outside` what the core, within the block, refuses as `inside`.

    Args:
        outside: as the request has it: `/path`, `?network_channel`.
        inside: as the core has it: `/root_dir`, `/network_channel`.
    """
    try:
        yield
    except Rejected as refusal:
        if refusal.pointer != inside:
            raise
        message = refusal.message.replace(inside, outside)
        raise replace(refusal, message=message, pointer=outside) from None
