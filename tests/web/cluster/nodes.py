"""Nodes without processes, sockets and a database: what they answer, and what they make of the row
that their members show."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, final

import httpx
import orjson
import trio
from attrs import define, field

from chargehand.persistence.postgres.presence import Seen
from chargehand.persistence.replicated.far import LostError
from chargehand.persistence.replicated.node import Active, Node, Standby
from chargehand.persistence.replicated.shard import NOBODY, Owner, Row
from chargehand.web.cluster.agreement import Agreement, token_sign
from chargehand.web.cluster.answering import NodeAnswerer
from chargehand.web.cluster.forwarding import Forwarder
from chargehand.web.cluster.peers import PeerAnswerer
from chargehand.web.cluster.roles import Roles
from chargehand.web.exchange import Answerer, Exchange
from chargehand.web.listeners import Way
from chargehand.web.parsing import RequestHead

TTL_S: Final = 5.0
SECRET: Final = "known to the nodes"


@final
@define(eq=False)
class FakeMember:
    """In place of `Member`. Attributes: confirmed: it knows that no other node is active."""

    owner: Owner
    row: Row = field(factory=Row)
    node: Node = field(init=False)
    confirmed: bool = False
    followed_seq: int = 0
    trouble: str | None = None
    still_s: float = 0.0
    hesitates: bool = False
    ttl_s: float = TTL_S
    hung_s: list[float] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.node = Standby(self.owner, 1)

    def may_answer(self) -> bool:
        return isinstance(self.node, Active) and self.confirmed

    def hesitate(self, *, is_on: bool) -> None:
        self.hesitates = is_on

    def end_hung(self, seconds: float) -> None:
        self.hung_s.append(seconds)


@final
@define(eq=False)
class FakePresence:
    """In place of `NodePresence`. Attributes: found: the nodes; None: the database is away."""

    me: Owner
    found: list[Seen] | None = field(factory=list)
    is_gone_s: float = 3.0

    async def nodes(self) -> list[Seen]:
        await trio.lowlevel.checkpoint()
        if self.found is None:
            raise LostError("the database is away")
        return self.found


@final
@define(eq=False)
class Listening:
    """A client that reads all that it is sent."""

    data: bytearray = field(factory=bytearray)
    client: None = None
    server: None = None
    is_last: bool = False

    async def write(self, data: bytes) -> None:
        self.data += data
        await trio.lowlevel.checkpoint()

    def made_room(self) -> None:
        """It never waits."""


@final
class Asked:
    """A request, and what was answered, as far as that has come."""

    def __init__(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    ) -> None:
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        named = [(name.lower().encode(), value.encode()) for name, value in pairs]
        self._peer = Listening()
        head = RequestHead(method, target.encode(), "1.1", named, len(body) or None)
        self.exchange = Exchange(head, self._peer)
        self.exchange.body = body
        self.exchange.complete()

    @property
    def status(self) -> int:
        assert self.exchange.status is not None, "it was not answered"
        return int(self._peer.data.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = bytes(self._peer.data).partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return dict(line.split(": ", 1) for line in lines)

    @property
    def body(self) -> bytes:
        return bytes(self._peer.data).partition(b"\r\n\r\n")[2]

    @property
    def code(self) -> str:
        """Of a refusal."""
        return orjson.loads(self.body)["diagnostic"]["code"]


@final
class FakeNode:
    """One node.

    Args:
        cluster: all nodes by their addresses.
        secret, token: as it is set.
    """

    def __init__(
        self,
        name: str,
        cluster: "dict[str, FakeNode]",
        *,
        secret: str = SECRET,
        token: str | None = None,
    ) -> None:
        self.name = name
        self.address = f"{name}:1"
        self.roles = Roles(self.address)
        self.member = FakeMember(Owner(name, name, self.address))
        self.roles.begin(self.member)
        self.arrived = trio.Event()  # something at the door for the others
        cluster[self.address] = self
        self._cluster = cluster
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._send))
        self._forwarder = Forwarder(client, self.roles, secret.encode())
        sign = token_sign(secret, token)
        self.presence = FakePresence(self.member.owner)
        self._door = PeerAnswerer(self.roles, self.presence, secret, sign)
        self.agreement = Agreement(self.roles, self._forwarder, name, sign)

    def see(self, active: "FakeNode | None", epoch: int = 1) -> None:
        """What the database shows from now on."""
        self.member.row = Row(epoch, 0, NOBODY if active is None else active.member.owner)

    def become_active(self, answer: Answerer | dict[Way, Answerer]) -> None:
        """It takes over, and serves."""
        self.member.node = Active(self.member.owner, 1, 1, 0, 0)
        self.member.confirmed = True
        self.see(self)
        self.roles.serve(answer if isinstance(answer, dict) else dict.fromkeys(Way, answer))

    async def ask(self, asked: Asked, way: Way = Way.TCP) -> None:
        """Have it answered, as by the listener of that way."""
        answer = NodeAnswerer(self.roles, self._forwarder, self.agreement, self.presence, way)
        await answer(asked.exchange)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """To the door for nodes of another one."""
        there = self._cluster.get(f"{request.url.host}:{request.url.port}")
        if there is None:
            raise httpx.ConnectError("nobody is there")
        return await there.take_in(request)

    async def take_in(self, request: httpx.Request) -> httpx.Response:
        """What came in at the door for nodes."""
        self.arrived.set()
        await request.aread()
        asked = Asked(
            request.method,
            request.url.raw_path.decode(),
            request.content,
            [one for one in request.headers.multi_items() if one[0] != "content-length"],
        )
        await self._door(asked.exchange)
        return httpx.Response(asked.status, headers=asked.headers, stream=Whole(asked.body))


@final
class Whole(httpx.AsyncByteStream):
    """A body that has come."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


def saying(text: str) -> Answerer:
    """Answers all with it."""

    async def answer(exchange: Exchange) -> None:
        body = text.encode()
        await exchange.answer(200, [(b"content-length", b"%d" % len(body))], body)

    return answer
