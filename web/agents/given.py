"""What a program has given, refused where it is of another kind than it seems."""

from collections.abc import Iterable


def several(name: str, given: Iterable[str]) -> tuple[str, ...]:
    """The texts of a list.

    Raises:
        TypeError: it is one text, which would be taken for a list of letters.
    """
    if isinstance(given, str):
        raise TypeError(f"{name} must be a list of texts, not a text: give [{given!r}]")
    return tuple(given)
