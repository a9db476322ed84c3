"""Which release of the program this is."""

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    try:
        return version("chargehand")
    except PackageNotFoundError:
        return "(not installed)"
