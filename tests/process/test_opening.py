"""What `open_system` refuses is told in the words of the program that calls it."""

import re

import pytest

from chargehand import OpenError, Settings, WebhookBridge, open_system

FLAGS = ("--", "CHARGEHAND_", "[[", "keep_alive_s ", "'keep_alive_s'")


async def refused(**arguments) -> str:
    with pytest.raises(OpenError) as error:
        async with open_system(None, **arguments):
            pass
    told = str(error.value)
    assert not [flag for flag in FLAGS if flag in told], told
    return told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"serve_http": "0.0.0.0:0"}, "serve_http: listening on 0.0.0.0 .* set a token .token=."),
        ({"serve_http": "nonsense"}, "serve_http must be HOST:PORT, not 'nonsense'"),
        ({"serve_http": 8080}, "serve_http: "),
        ({"serve_lane": "0.0.0.0:1"}, "serve_lane must be a port of this machine alone"),
        ({"keep_alive_seconds": -1}, "'keep_alive_seconds' must be > 0"),
        ({"keep_alive_seconds": "x"}, "keep_alive_seconds cannot be 'x'"),
        ({"allowed_hosts": ["a b/c"]}, "allowed_hosts: "),
        ({"allowed_origins": ["example.org"]}, "allowed_origins: 'example.org' is not an origin"),
        (
            {"bridges": [WebhookBridge("a", "ftp://x", "s" * 32)]},
            r"bridges\[0\]: url: expected http://",
        ),
    ],
)
async def test_it_names_the_argument(arguments, said):
    assert re.search(said, await refused(**arguments))


async def test_a_path_that_is_too_long_and_a_port_that_is_taken_name_their_arguments(tmp_path):
    assert "socket=" in await refused(socket=tmp_path / ("x" * 200))
    async with open_system(None, serve_http="127.0.0.1:0") as system:
        taken = str(system.url).removeprefix("http://")
        assert "serve_http='127.0.0.1:0'" in await refused(serve_http=taken)
        assert "serve_lane='127.0.0.1:0'" in await refused(serve_lane=taken)


@pytest.mark.parametrize("name", ["allowed_hosts", "allowed_origins"])
async def test_one_text_is_no_list(name):
    with pytest.raises(TypeError, match=f"{name} must be a list"):
        async with open_system(None, **{name: "abc"}):
            pass


async def test_settings_and_bridges_are_of_their_types():
    with pytest.raises(TypeError, match="settings must be a Settings, not "):
        async with open_system(None, {"wait_s": 1}):
            pass
    with pytest.raises(TypeError, match=r"bridges\[0\] must be a WebhookBridge, not 'x'"):
        async with open_system(None, Settings(), bridges=["x"]):
            pass
