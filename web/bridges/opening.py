"""The bridges of the configuration, ready to be used."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, final

from httpx import create_ssl_context

from chargehand.actors.bridges.bridge import Bridge, Undelivered
from chargehand.actors.bridges.message import Message
from chargehand.web.bridges.body import body_of
from chargehand.web.bridges.configuration import Webhook
from chargehand.web.bridges.post import Poster
from chargehand.web.bridges.signature import signed_headers
from chargehand.web.redaction import redact

_HEADERS: Final = {"content-type": "application/json", "user-agent": "chargehand"}


@final
class _Courier:
    """Args: now_s: seconds since 1970, as the receiver's clock has them."""

    def __init__(self, webhook: Webhook, poster: Poster, now_s: Callable[[], float]) -> None:
        self._webhook = webhook
        self._poster = poster
        self._now_s = now_s

    async def send(self, message: Message) -> None:
        body = body_of(message)
        at_s = int(self._now_s())
        headers = signed_headers(self._webhook.keys, message.delivery_id, at_s, body)
        try:
            await self._poster.post(message, body, {**_HEADERS, **headers})
        except Undelivered as failure:
            raise Undelivered(redact(str(failure)), failure.retry_after_s) from failure


@asynccontextmanager
async def open_bridges(
    webhooks: Iterable[Webhook], now_s: Callable[[], float] = time.time
) -> AsyncIterator[list[Bridge]]:
    """The bridges, for as long as the block lasts; each has connections of its own."""
    tls = create_ssl_context(trust_env=False)  # one for all: to read the certificates takes 50 ms
    bridges = []
    async with AsyncExitStack() as stack:
        for webhook in webhooks:
            poster = Poster(webhook.url, webhook.timeout_s, tls, now_s)
            await stack.enter_async_context(poster.transport)
            send = _Courier(webhook, poster, now_s).send
            bridges.append(
                Bridge(webhook.id, webhook.scope, webhook.workspace, send, webhook.enabled)
            )
        yield bridges
