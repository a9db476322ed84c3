"""A node that cannot do its work says so before it says that it is ready."""

import pytest

from chargehand.persistence.lmdb_store import LmdbStore
from chargehand.web.exits import ExitCode
from tests.cluster.conftest import NodeProcess


def refused(node: NodeProcess, *options: str) -> str:
    """What a node says that does not start, as its data directory is not to be used."""
    node.spawn(*options)
    assert node.wait() == ExitCode.CANNOT_OPEN, node.log
    assert "ready in" not in node.log
    assert "Traceback" not in node.log
    return node.log


def test_the_data_directory_of_a_server_alone_is_refused_at_the_start(make_node, tmp_path):
    LmdbStore(tmp_path / "own").close()
    said = refused(make_node("a"), f"--data-dir={tmp_path / 'own'}")
    assert "holds a journal of its own: choose another --data-dir" in said


def test_a_data_directory_that_cannot_be_made_is_refused_at_the_start(make_node, tmp_path):
    (tmp_path / "file").touch()
    assert "Not a directory" in refused(make_node("a"), f"--data-dir={tmp_path / 'file/data'}")


@pytest.mark.parametrize("socket", [(), ("--socket={}/other.sock",)], ids=["same", "another"])
def test_two_nodes_with_one_data_directory(make_node, tmp_path, socket):
    first = make_node("a").start(f"--data-dir={tmp_path / 'one'}")
    options = [option.format(tmp_path) for option in socket]
    said = refused(make_node("b"), f"--data-dir={tmp_path / 'one'}", *options)
    assert "is in use by process" in said
    assert "choose another directory with --data-dir" in said
    assert first.create("x", key="k").status_code == 201
