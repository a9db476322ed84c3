"""The listening sockets, made so that a taken address is one clear message."""

import errno
import os
import resource
import socket
import stat
import sys
from pathlib import Path
from typing import Final

from chargehand.web.exits import ExitCode, Fatal

BACKLOG: Final = 1024  # connections the kernel holds for us; it caps this at its own limit
# sun_path, less its closing NUL.
UNIX_PATH_BYTES_MAX: Final = 107 if sys.platform == "linux" else 103
KEEPALIVE_IDLE_S: Final = 60  # silence after which the kernel asks whether the peer still lives
KEEPALIVE_EVERY_S: Final = 15
KEEPALIVE_PROBES: Final = 4
RESERVED_FILES: Final = 128  # descriptors left to the store, logs and the runtime


def listen_tcp(host: str, port: int, setting: str = "--http {} (a free one)") -> socket.socket:
    """A listening TCP socket; port 0 picks a free one.

    Accepted sockets inherit keep-alive probes, so a peer that lost its power is found.

    Args:
        setting: how another one is set; port 0 of this host stands where the braces are.

    Raises:
        Fatal: the address is taken, unknown or not ours.
    """
    shown = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Fatal(
            ExitCode.CANNOT_LISTEN, f"cannot listen on {shown}: {error.strerror}"
        ) from error
    # `localhost` is often both; clients that are given an address try 127.0.0.1.
    family, _, _, _, address = min(found, key=lambda entry: entry[0] is not socket.AF_INET)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.setsockopt(socket.IPPROTO_TCP, _keepalive_idle(), KEEPALIVE_IDLE_S)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_EVERY_S)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        is_taken = error.errno == errno.EADDRINUSE
        free = f"[{host}]:0" if ":" in host else f"{host}:0"
        step = f"; choose another with {setting.format(free)}" if is_taken else ""
        raise Fatal(
            ExitCode.CANNOT_LISTEN, f"cannot listen on {shown}: {error.strerror}{step}"
        ) from error
    return listener


def _keepalive_idle() -> int:
    """The option that sets the silence before a probe; macOS has another name for it."""
    name = "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE"
    option: int = getattr(socket, name)
    return option


def listen_unix(path: Path, setting: str = "--socket") -> socket.socket:
    """A listening Unix socket that only this user may connect to.

    The file of a server that is gone is replaced; the caller holds the data directory's lock, so
    no second server does the same at the same time for the default path.

    Args:
        setting: by which the path is set.

    Raises:
        Fatal: the path is too long, not ours to use, or somebody listens there.
    """
    length = len(os.fsencode(path))
    if length > UNIX_PATH_BYTES_MAX:
        raise Fatal(
            ExitCode.BAD_SETTING,
            f"the socket path has {length} bytes, the system allows {UNIX_PATH_BYTES_MAX}: "
            f"{path}; choose a shorter one with {setting}",
        )
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear_stale(path, setting)
        # Bound under the mask, so that there is no moment in which others could connect.
        mask = os.umask(0o177)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(mask)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Fatal(ExitCode.CANNOT_LISTEN, f"cannot listen on {path}: {error.strerror}") from error
    except Fatal:
        listener.close()
        raise
    return listener


def _clear_stale(path: Path, setting: str) -> None:
    """Remove the socket file of a server that is gone."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise Fatal(ExitCode.CANNOT_LISTEN, f"{path} exists and is not a socket; it was left alone")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A listener with a full backlog would otherwise hold us; it is alive all the same.
        probe.setblocking(False)
        answer = probe.connect_ex(os.fspath(path))
    if answer != errno.ECONNREFUSED:
        raise Fatal(
            ExitCode.CANNOT_LISTEN,
            f"another server listens on {path}; choose another path with {setting}",
        )
    path.unlink()


def connections_possible(wanted: int) -> int:
    """How many connections of `wanted` the limit on open files leaves room for, at least one.

    The soft limit is raised as far as the system allows.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    needed = wanted + RESERVED_FILES
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    # macOS reports no hard limit and refuses what is above one that it keeps elsewhere.
    while needed > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        except (OSError, ValueError):
            needed //= 2
        else:
            soft = needed
    return max(1, min(wanted, soft - RESERVED_FILES))
