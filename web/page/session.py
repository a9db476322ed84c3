"""The session of a browser: a cookie that stands for the server's token, and ends with it.

Nothing is stored. The cookie holds when it expires, and a code that only who knows the token can
make; so a restart ends no session, and another token ends all. Scripts cannot read it, and pages of
other sites cannot have it sent.
"""

import hmac
import math
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final, final

SESSION_S: Final = 12 * 3600

_PURPOSE: Final = b"chargehand page session"
_NAME_DIGITS: Final = 8
_EXPIRY_DIGITS_MAX: Final = 12


@final
class BrowserSessions:
    """Args:
    token: the server's.
    now: seconds since 1970.
    """

    def __init__(self, token: bytes, now: Callable[[], float] = time.time) -> None:
        self._token = token
        self._key = hmac.digest(token, _PURPOSE, sha256)
        self._now = now
        # Of servers on one host each keeps its own: cookies know no ports.
        name = hmac.digest(self._key, b"name", sha256).hex()[:_NAME_DIGITS]
        self.cookie_name = f"chargehand-{name}"

    def accepts(self, token: str) -> bool:
        """Whether it is the token, which a session is opened with."""
        return hmac.compare_digest(token.strip().encode(errors="replace"), self._token)

    def opened(self, *, secure: bool) -> str:
        """The `Set-Cookie` of a new session. It has no path, so it holds for the folder that the
        page is in, whatever a proxy puts in front.

        Args:
            secure: the page was loaded by HTTPS, so the cookie is never sent without.
        """
        expires = math.ceil(self._now()) + SESSION_S
        return self._cookie(f"{expires}.{self._code(expires)}", SESSION_S, secure=secure)

    def closed(self) -> str:
        """The `Set-Cookie` by which the browser forgets its session."""
        return self._cookie("", 0, secure=False)

    def _cookie(self, value: str, age_s: int, *, secure: bool) -> str:
        flags = "; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")
        return f"{self.cookie_name}={value}; Max-Age={age_s}{flags}"

    def is_open(self, cookies: bytes) -> bool:
        """Whether a `Cookie` header holds a session that has not expired."""
        wanted = self.cookie_name.encode()
        for cookie in cookies.split(b";"):
            name, _, value = cookie.strip().partition(b"=")
            if name == wanted and self._holds(value):
                return True
        return False

    def _holds(self, value: bytes) -> bool:
        expiry, _, code = value.partition(b".")
        if not (expiry.isdigit() and len(expiry) <= _EXPIRY_DIGITS_MAX):
            return False
        expires = int(expiry)
        known = hmac.compare_digest(code, self._code(expires).encode())
        return known and self._now() < expires

    def _code(self, expires: int) -> str:
        return hmac.digest(self._key, b"%d" % expires, sha256).hex()
