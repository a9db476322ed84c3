"""Where the server is and who calls it: options, then the environment, then what is usual."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, final
from urllib.parse import urlsplit

import click

from chargehand.web.cli import environment
from chargehand.web.cli.environment import found
from chargehand.web.headers import AGENT_HEADER, SESSION_HEADER
from chargehand.web.places import DATA_DIR, HTTP, SOCKET_NAME
from chargehand.web.version import PROGRAM

DEFAULT_URL: Final = f"http://{HTTP}"
_NO_OPTIONS: Final[Mapping[str, str]] = {}


@final
class ServerAddress(NamedTuple):
    """A server: at a Unix socket, or else at a URL.

    Args:
        options: those that lead another command to it, as they were given; a token is none, as
            it is not to be seen.
    """

    socket: Path | None = None
    url: str = DEFAULT_URL
    token: str | None = None
    options: Mapping[str, str] = _NO_OPTIONS

    def __str__(self) -> str:
        return self.url if self.socket is None else str(self.socket)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"  # without the token

    @property
    def start_command(self) -> str:
        """The command that starts a server there."""
        if self.socket is None:
            port = urlsplit(self.url).port
            if self.url == DEFAULT_URL or port is None:
                return f"{PROGRAM} serve"
            return shlex.join([PROGRAM, "serve", "--http", f"127.0.0.1:{port}"])
        if self.socket.name != SOCKET_NAME:
            return shlex.join([PROGRAM, "serve", "--socket", str(self.socket)])
        if self.socket.parent == Path(DATA_DIR):
            return f"{PROGRAM} serve"
        return shlex.join([PROGRAM, "serve", "--data-dir", str(self.socket.parent)])


@final
class Identity(NamedTuple):
    """Who calls: an agent, or the local user. Half of an agent is for the server to refuse.

    Args:
        options: those that name it to another command, as they were given.
    """

    session: str | None = None
    agent: str | None = None
    options: Mapping[str, str] = _NO_OPTIONS

    @property
    def headers(self) -> dict[str, str]:
        named = {SESSION_HEADER: self.session, AGENT_HEADER: self.agent}
        return {name: value for name, value in named.items() if value}

    @property
    def missing(self) -> str | None:
        """How to give the half that there is not; None where there are both, or neither."""
        match bool(self.session), bool(self.agent):
            case False, True:
                return f"--session or {environment.SESSION_VARIABLES[0]}"
            case True, False:
                return f"--agent or {environment.AGENT_VARIABLES[0]}"
            case _:
                return None


def target_of(socket: Path | None, url: str | None, token: str | None) -> ServerAddress:
    """Where the server is: options, then the environment, then its socket here, then its port."""
    if socket is not None and url is not None:
        raise click.UsageError("--socket and --url are two places; give one of them")
    token = found(environment.TOKEN_VARIABLE) if token is None else token
    if socket is not None:
        return ServerAddress(socket, options={"--socket": str(socket)})
    if url is not None:
        return ServerAddress(None, url, token, options={"--url": url})
    named = found(environment.SOCKET_VARIABLE)
    if named is not None:
        return ServerAddress(Path(named))
    url = found(environment.URL_VARIABLE)
    near = Path(found(environment.DATA_DIR_VARIABLE) or DATA_DIR) / SOCKET_NAME
    if url is None and near.is_socket():
        return ServerAddress(near)
    return ServerAddress(None, url or DEFAULT_URL, token)


def identity_of(session: str | None, agent: str | None) -> Identity:
    """The agent that options or the environment name, else the local user."""
    options = {"--session": session, "--agent": agent}
    return Identity(
        session or found(*environment.SESSION_VARIABLES),
        agent or found(*environment.AGENT_VARIABLES),
        {name: value for name, value in options.items() if value},
    )
