"""Variables of the environment that look like ours and are not known, and which may be meant."""

import re
from collections.abc import Iterable, Mapping, Set
from typing import Final

from chargehand.web.cli.environment import PREFIX

# What Kubernetes sets in each container for a service whose name begins as ours: NAME_SERVICE_HOST
# and the like, and NAME_PORT, which holds an address. No setting may be named so.
_OF_A_SERVICE: Final = re.compile(
    r"_SERVICE_(HOST|PORT(_\w+)?)=|_PORT=(tcp|udp|sctp)://|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?="
)
_LIKE: Final = 0.6  # how alike a known name must be to be meant


def unknown_variables(environment: Mapping[str, str], known: Set[str]) -> list[str]:
    """Those that begin as ours, but for those of a service in Kubernetes."""
    return sorted(
        name
        for name, value in environment.items()
        if name.startswith(PREFIX)
        and name not in known
        and not _OF_A_SERVICE.search(f"{name}={value}")
    )


def nearest(name: str, known: Iterable[str], like: float = _LIKE) -> str | None:
    """The known name that may have been meant."""
    from difflib import get_close_matches  # rarely needed

    # Names of the environment all begin alike, which is no likeness.
    bare = {one.removeprefix(PREFIX).lower(): one for one in sorted(known)}
    found = get_close_matches(name.removeprefix(PREFIX).lower(), bare, n=1, cutoff=like)
    return bare[found[0]] if found else None
