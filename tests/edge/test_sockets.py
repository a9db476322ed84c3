import errno
import resource
import socket
import stat
from contextlib import closing

import pytest

from chargehand.web.exits import ExitCode, Fatal
from chargehand.web.hosts import Hosts
from chargehand.web.sockets import (
    KEEPALIVE_IDLE_S,
    RESERVED_FILES,
    connections_possible,
    listen_tcp,
    listen_unix,
)


def test_a_taken_port_is_one_clear_message():
    with closing(listen_tcp("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Fatal, match=f"127.0.0.1:{port}: Address already in use") as caught:
            listen_tcp("127.0.0.1", port)
    assert caught.value.code is ExitCode.CANNOT_LISTEN


def test_localhost_listens_where_clients_look_first():
    with closing(listen_tcp("localhost", 0)) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_only_this_user_may_connect_to_the_socket(tmp_path):
    path = tmp_path / "s"
    with closing(listen_unix(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_of_a_server_that_is_gone_is_replaced(tmp_path):
    path = tmp_path / "s"
    listen_unix(path).close()
    assert path.is_socket()
    with closing(listen_unix(path)), closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect(str(path))


def test_the_file_of_a_living_server_is_left_alone(tmp_path):
    path = tmp_path / "s"
    with closing(listen_unix(path)), pytest.raises(Fatal, match="another server listens"):
        listen_unix(path)
    assert path.is_socket()


def test_what_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(Fatal, match="not a socket"):
        listen_unix(path)
    assert path.read_text() == "precious"


def test_a_path_too_long_for_the_system_is_a_bad_setting(tmp_path):
    with pytest.raises(Fatal, match="the system allows 107") as caught:
        listen_unix(tmp_path / ("x" * 107))
    assert caught.value.code is ExitCode.BAD_SETTING


def test_connections_never_use_up_the_open_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (RESERVED_FILES + 200, hard))
        assert connections_possible(100) == 100
        assert connections_possible(2**40) <= hard - RESERVED_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_limit_that_the_system_keeps_to_itself_is_found(monkeypatch):
    """macOS tells no hard limit, and refuses one that is above another that it has."""
    granted = []

    def setrlimit(_, limits):
        if limits[0] > 10_240:
            raise ValueError("current limit exceeds maximum limit")
        granted.append(limits[0])

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    assert connections_possible(8192) == 8192
    assert 5_000 < connections_possible(100_000) <= 10_240 - RESERVED_FILES
    assert granted
    assert connections_possible(1) == 1


def test_a_system_that_grants_nothing_leaves_what_there_is(monkeypatch):
    def setrlimit(_, __):
        raise OSError(errno.EPERM, "not permitted")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    assert connections_possible(8192) == 256 - RESERVED_FILES


def test_the_silence_before_a_probe_is_set_where_its_option_has_the_name_of_macos(monkeypatch):
    option = socket.TCP_KEEPIDLE
    monkeypatch.delattr(socket, "TCP_KEEPIDLE")
    monkeypatch.setattr(socket, "TCP_KEEPALIVE", option, raising=False)
    with listen_tcp("127.0.0.1", 0) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, option) == KEEPALIVE_IDLE_S


@pytest.mark.parametrize(("address", "allowed"), [("192.0.2.7", True), ("192.0.2.8", False)])
def test_a_listener_on_all_addresses_is_called_by_the_one_it_was_reached_at(address, allowed):
    hosts = Hosts("0.0.0.0", 2123)
    assert hosts.allows_host(f"{address}:2123".encode(), ("192.0.2.7", 2123)) is allowed
