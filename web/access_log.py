"""One line for each request, when that is asked for."""

import logging

_log = logging.getLogger("chargehand.access")


def log(method: str, target: bytes, status: int | None, seconds: float) -> None:
    """Log a request that has ended.

    Args:
        status: None where the peer was gone before anything was answered.
    """
    if _log.isEnabledFor(logging.INFO):
        path = target.partition(b"?")[0].decode("latin-1")
        shown = "hung-up" if status is None else status
        _log.info("%s %s %s %.1f ms", method, path, shown, seconds * 1000)
