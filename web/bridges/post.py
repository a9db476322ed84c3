"""One attempt at a delivery over HTTP: bounded in time, in redirects, and in what comes back."""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, final
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx
import orjson
import trio

from chargehand.actors.bridges.bridge import Gone, Undelivered
from chargehand.actors.bridges.message import Message
from chargehand.actors.limits import DELIVERIES_AT_ONCE_MAX
from chargehand.web.retry_after import retry_after_s

ANSWER_BYTES_MAX: Final = 65_536  # what is longer is not read, and taken as said by its status
REDIRECTS_MAX: Final = 3
KEEP_ALIVE_S: Final = 5.0  # less than most receivers keep a connection open

_REDIRECTS: Final = frozenset({301, 302, 307, 308})  # the request is made again as it was
_MAY_ASK_FOR_TIME: Final = frozenset({429, 503})  # by Retry-After
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@final
class _Body(httpx.AsyncByteStream):
    """A request's body in one piece.

    httpx's own is a generator, which a connection that breaks leaves unfinished.
    """

    def __init__(self, body: bytes) -> None:
        self._left = [body]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


@final
class Poster:
    """Posts to one receiver; no other shares its connections.

    Args:
        now_s: seconds since 1970.
    """

    def __init__(
        self, url: str, timeout_s: float, tls: ssl.SSLContext, now_s: Callable[[], float]
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._now_s = now_s
        # A client would keep cookies; and of the environment nothing counts, proxies included.
        self.transport = httpx.AsyncHTTPTransport(
            verify=tls,
            trust_env=False,
            limits=httpx.Limits(
                max_connections=DELIVERIES_AT_ONCE_MAX,
                max_keepalive_connections=DELIVERIES_AT_ONCE_MAX,
                keepalive_expiry=KEEP_ALIVE_S,
            ),
        )

    async def post(self, message: Message, body: bytes, headers: Mapping[str, str]) -> None:
        """Return once the receiver has taken it.

        Raises:
            Undelivered: it has not, or not in time; with the time that it asks for, if it does.
            Gone: it answered 410.
        """
        try:
            with trio.fail_after(self._timeout_s):
                status, headers_back, answer = await self._follow(body, headers)
        except trio.TooSlowError:
            raise Undelivered(f"no answer within {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Undelivered(f"no answer: {_text_of(error)}") from error
        if not 200 <= status < 300:
            text = f"answered {status} {httpx.codes.get_reason_phrase(status)}".strip()
            if status == httpx.codes.GONE:
                raise Gone(text)
            asks = status in _MAY_ASK_FOR_TIME
            raise Undelivered(text, retry_after_s(headers_back, self._now_s()) if asks else None)
        check_acknowledgment(message, answer)

    async def _follow(
        self, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers and body of the answer, behind redirects on the receiver's own host."""
        url = self._url
        for _ in range(REDIRECTS_MAX + 1):
            request = httpx.Request("POST", url, headers=headers, content=body)
            request.stream = _Body(body)
            response = await self.transport.handle_async_request(request)
            try:
                if response.status_code not in _REDIRECTS:
                    return response.status_code, response.headers, await _bounded(response)
                url = redirected(url, response.headers.get("location", ""))
            finally:
                await response.aclose()
        raise Undelivered(f"redirects more than {REDIRECTS_MAX} times")


async def _bounded(response: httpx.Response) -> bytes:
    """The body, or nothing of one that is too long."""
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) > ANSWER_BYTES_MAX:
            return b""
    return bytes(read)


def redirected(url: str, location: str) -> str:
    """Where a redirect leads.

    Raises:
        Undelivered: to another host or port, or away from TLS; what we sign is for nobody else.
    """
    try:
        target = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(target)
        upgraded = (here.scheme, there.scheme) == ("http", "https")
        if not location or here.hostname != there.hostname:
            raise Undelivered("redirects to another host")
        if _origin(here) != _origin(there) and not upgraded:
            raise Undelivered("redirects to another port, or away from https")
    except ValueError:
        raise Undelivered("redirects to what is no URL") from None
    return target


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


def check_acknowledgment(message: Message, answer: bytes) -> None:
    """Any answer of 2xx will do, but one that names a delivery must name this one.

    Raises:
        Undelivered: it names another.
    """
    try:
        said: Any = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return
    if not isinstance(said, dict):
        return
    for name, ours in (("delivery_id", message.delivery_id), ("seq", message.seq)):
        theirs = said.get(name)
        if theirs is not None and theirs != ours:
            raise Undelivered(f"acknowledged another {name}")


def _text_of(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
