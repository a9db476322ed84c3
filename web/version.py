"""What the program is called, and which release of it this is."""

from typing import Final

PROGRAM: Final = "chargehand"


def program_version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # which loads much

    try:
        return version(PROGRAM)
    except PackageNotFoundError:
        return "(not installed)"
