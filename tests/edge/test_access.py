import pytest

from tests.edge.peer import request


async def ask(served, raw):
    peer = await served.connect()
    await peer.send(raw)
    return await peer.answer()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "LOCALHOST:{port}", "[::1]:{port}", "localhost"]
)
async def test_our_own_names_are_let_through(serve, host):
    served = await serve()
    answer = await ask(served, request(Host=host.format(port=served.port)))
    assert answer.status == 200


@pytest.mark.parametrize(
    "host", ["evil.example:{port}", "evil.example", "localhost:1", "a@localhost", "", "local host"]
)
async def test_any_other_name_is_refused(serve, host):
    served = await serve()
    answer = await ask(served, request(Host=host.format(port=served.port)))
    assert (answer.status, answer.code) == (403, "host_not_allowed")


async def test_a_request_without_host_is_malformed(serve):
    served = await serve()
    answer = await ask(served, request())
    assert (answer.status, answer.code) == (400, "invalid_request")


async def test_names_that_were_allowed_are_let_through(serve):
    served = await serve(allowed_hosts=("jobs.example", "other.example:80"))
    assert (await ask(served, request(Host="jobs.example:99"))).status == 200
    assert (await ask(served, request(Host="other.example:80"))).status == 200
    assert (await ask(served, request(Host="other.example:81"))).status == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:{port}",
        "http://localhost:{port}",
        "HTTP://LocalHost:{port}/",
        "https://tools.example",
    ],
)
async def test_pages_of_ours_may_call(serve, origin):
    served = await serve(allowed_origins=("https://tools.example:443",))
    origin = origin.format(port=served.port)
    answer = await ask(served, request(port=served.port, Origin=origin))
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == origin
    allowed = "Content-Type, Last-Event-ID, Accept, Idempotency-Key, If-Match"
    assert answer.headers["access-control-allow-headers"] == allowed
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost:3000",
        "null",
        "http://localhost:{port}/path",
        "ftp://localhost:{port}",
        "http://localhost:{port}.evil.example",
        "http://localhost:99999",
        "http://\u00fc:{port}",
    ],
)
async def test_pages_of_others_may_not(serve, origin):
    served = await serve()
    peer = await served.connect()
    await peer.send(
        f"GET /x HTTP/1.1\r\nHost: localhost:{served.port}\r\n"
        f"Origin: {origin.format(port=served.port)}\r\n\r\n".encode("latin-1")
    )
    answer = await peer.answer()
    assert (answer.status, answer.code) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in answer.headers


async def test_an_empty_origin_is_none(serve):
    served = await serve()
    answer = await ask(served, request(port=served.port, Origin=""))
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_two_origins_never_match(serve):
    served = await serve()
    origin = f"Origin: http://localhost:{served.port}\r\n"
    raw = f"GET /x HTTP/1.1\r\nHost: localhost:{served.port}\r\n{origin}{origin}\r\n"
    assert (await ask(served, raw.encode())).code == "origin_not_allowed"


async def test_a_preflight_is_answered_without_the_application(serve, application):
    served = await serve(token=b"s3cret")
    origin = f"http://localhost:{served.port}"
    answer = await ask(served, request(method="OPTIONS", port=served.port, Origin=origin))
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert application.bodies == []


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer wrong", "Basic s3cret", "s3cret"])
async def test_without_the_token_nothing_is_answered(serve, application, sent):
    served = await serve(token=b"s3cret")
    answer = await ask(served, request(port=served.port, Authorization=sent))
    assert (answer.status, answer.code) == (401, "token_required")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert b"REDACTED" not in answer.body
    assert b"send it as Authorization: Bearer" in answer.body
    assert application.bodies == []


async def test_with_the_token_all_is(serve):
    served = await serve(token=b"s3cret")
    for sent in ("Bearer s3cret", "bearer s3cret"):
        answer = await ask(served, request(port=served.port, Authorization=sent))
        assert answer.status == 200


async def test_probes_need_no_token(serve):
    served = await serve(token=b"s3cret")
    assert (await ask(served, request("/readyz", port=served.port))).status == 200


@pytest.mark.parametrize("target", ["*", "http://127.0.0.1/x", "x"])
async def test_a_target_that_is_no_path_is_refused(serve, target):
    served = await serve()
    answer = await ask(served, request(target, port=served.port))
    assert (answer.status, answer.code) == (400, "invalid_request")


@pytest.mark.parametrize("target", ["/" + "x" * 9000, "/x?" + "x" * 9000])
async def test_a_target_that_is_too_long_is_refused(serve, target):
    served = await serve()
    answer = await ask(served, request(target, port=served.port))
    assert (answer.status, answer.code) == (413, "payload_too_large")


async def test_pages_may_read_the_headers_of_answers(serve):
    served = await serve()
    origin = f"http://127.0.0.1:{served.port}"
    answer = await ask(served, request(port=served.port, Origin=origin))
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"Link", "Retry-After", "Chargehand-Ignored", "ETag"} <= set(exposed)


async def test_options_without_a_page_is_for_the_application(serve, application):
    served = await serve(token=b"s3cret")
    assert (await ask(served, request(method="OPTIONS", port=served.port))).status == 401
    sent = request(method="OPTIONS", port=served.port, Authorization="Bearer s3cret")
    assert (await ask(served, sent)).status == 200
    assert application.bodies == [b""]
