"""A Quart-Trio app on Hypercorn that gives every POST the same answer: what the framework costs."""

import sys
from functools import partial

import hypercorn.trio
import trio
from hypercorn.config import Config
from quart import Response, request
from quart_trio import QuartTrio


def constant_app(body: bytes) -> QuartTrio:
    app = QuartTrio("constant")

    @app.post("/<path:_path>")
    async def answer(_path: str) -> Response:
        await request.get_data()
        return Response(body, content_type="application/json")

    return app


async def main(size: int) -> None:
    """Serve answers of `size` bytes; prints the port when ready."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.accesslog = None
    config.errorlog = None
    config.keep_alive_max_requests = sys.maxsize  # as an agent keeps its connection
    app = constant_app(b'{"filler":"' + b"x" * (size - 13) + b'"}')
    async with trio.open_nursery() as nursery:
        binds = await nursery.start(partial(hypercorn.trio.serve, app, config, mode="asgi"))
        print(binds[0].rsplit(":", 1)[1], flush=True)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]))
