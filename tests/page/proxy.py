"""A small reverse proxy that serves a server below a path, piece by piece, as streams need it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from tests.page.watched import ELSEWHERE

_OF_ONE_HOP: Final = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length"})
_PIECE_BYTES: Final = 65_536


@contextmanager
def proxied(port: int, prefix: str) -> Iterator[str]:
    """The address, by a name of its own, below which the server at `port` is served; what is asked
    beside the prefix is answered by 404.

    The `Host` goes on as it came, so the server must allow it.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not self.path.startswith(prefix):
                self.send_error(404)
                return
            upstream = HTTPConnection("127.0.0.1", port)
            upstreams.append(upstream)
            try:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _OF_ONE_HOP}
                upstream.request(
                    self.command, "/" + self.path[len(prefix) :], body or None, headers
                )
                answered = upstream.getresponse()
                self.send_response_only(answered.status, answered.reason)
                for name, value in answered.getheaders():
                    if name.lower() not in _OF_ONE_HOP:
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                while piece := answered.read1(_PIECE_BYTES):
                    self.wfile.write(piece)
            except OSError:
                self.close_connection = True  # one of both has hung up
            finally:
                upstream.close()

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do

        def log_message(self, *args: object) -> None:
            """Nobody reads it."""

    upstreams: list[HTTPConnection] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{ELSEWHERE}:{server.server_port}{prefix}"
        finally:
            server.shutdown()
            thread.join()
            for upstream in upstreams:
                if upstream.sock is not None:
                    upstream.sock.shutdown(socket.SHUT_RDWR)  # ends the streams
