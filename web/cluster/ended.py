"""Why a node has ended, as far as that is another node."""

from chargehand.actors.ports import EndedError


def superseded_by(error: BaseException) -> EndedError | None:
    """Why another node goes on, if that is what has ended everything here."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(superseded_by, error.exceptions)), None)
    if error.__cause__ is not None and not isinstance(error, EndedError):
        return superseded_by(error.__cause__)
    return error if isinstance(error, EndedError) else None
