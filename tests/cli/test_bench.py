"""`chargehand bench` on a server that runs."""

import json

import pytest

from chargehand.actors.settings import Settings
from chargehand.web.bench import measuring
from chargehand.web.bench.work import Unexpected
from chargehand.web.exits import ClientExit

FEW = ("--agents", "3", "--size", "100")


def open_sessions(line) -> list[str]:
    return [one["id"] for one in line.json("session", "list")["sessions"]]


def test_it_measures_a_closed_loop_and_leaves_nothing(line):
    found = line.json("bench", *FEW, "--tasks", "7")
    assert (found["asked"], found["done"]) == (7, 7)
    assert [one["name"] for one in found["figures"]] == ["task in, and queued", "claim", "cycle"]
    for one in found["figures"]:
        assert one["count"] == 7
        assert one["rate"] > 0
        assert 0 < one["p50_ms"] <= one["p99_ms"] <= one["p999_ms"]
    assert line.json("task", "list", "--drafts")["tasks"] == []
    assert not [name for name in open_sessions(line) if name.startswith("bench-")]


def test_it_measures_an_open_loop_over_http(bare, served):
    where = ("--url", served.url, "--token", "s3cret")
    found = bare.json("bench", *FEW, "--rate", "50", "--seconds", "0.2", *where)
    assert (found["asked"], found["done"]) == (10, 10)
    assert {one["count"] for one in found["figures"]} == {10}


def test_for_people_it_is_a_table(line):
    told = line.output("bench", *FEW, "--tasks", "4")
    assert "per second" in told
    assert "p99.9 ms" in told
    assert [row.split()[0] for row in told.splitlines()[1:]] == ["task", "claim", "cycle"]


def test_others_work_is_asked_about_and_left_alone(line):
    line.output("task", "create", "theirs", "--id", "theirs")
    line.output("task", "start", "theirs")
    refused = line.refused(ClientExit.CONFLICT, "bench", *FEW)
    assert "others are at work there (1 runs queued, 0 claimed)" in refused
    assert "--yes" in refused
    found = line.json("bench", *FEW, "--tasks", "4", "--yes")
    assert found["done"] == 4
    [task] = line.json("task", "list")["tasks"]
    assert task["id"] == "theirs"
    [run] = line.json("task", "runs", "theirs")["runs"]
    assert run["status"] == "queued"


def test_a_paused_scheduler_would_hand_out_nothing(line):
    line.output("scheduler", "pause")
    refused = line.refused(ClientExit.CONFLICT, "bench", *FEW)
    assert "the scheduler is paused" in refused
    assert "try: chargehand scheduler resume" in refused


def test_a_server_that_is_not_there_is_reported(bare):
    bare.refused(ClientExit.UNREACHABLE, "bench", "--url", "http://127.0.0.1:1")


def test_a_url_with_a_path_is_no_address_to_load(bare):
    told = bare.refused(ClientExit.USAGE, "bench", "--url", "http://127.0.0.1:1/x")
    assert "http://HOST:PORT" in told


def test_claims_that_get_less_than_a_batch_are_reported(line):
    done = line.run("bench", *FEW, "--tasks", "7", "--batch", "4")
    assert done.exit_code == 0, done.output
    assert "claim of up to 1 run " in done.stdout
    assert "no claim got more than 1 run" in done.stderr
    assert "start it with --max-leases-per-session 4" in done.stderr
    found = line.json("bench", *FEW, "--tasks", "7", "--batch", "4")
    assert (found["batch"], found["largest_claim"]) == (4, 1)


@pytest.mark.parametrize("settings", [Settings(wait_s=0.05, max_leases_per_session=4)])
@pytest.mark.parametrize("tasks", ["7", "2"])
def test_claims_of_whole_batches_are_named_by_their_size(line, settings, tasks):
    done = line.run("bench", *FEW, "--tasks", tasks, "--batch", "4")
    assert done.exit_code == 0, done.output
    assert f"claim of up to {min(4, int(tasks))} runs" in done.stdout
    assert done.stderr == ""


def test_in_an_open_loop_small_batches_may_be_for_want_of_tasks(line):
    done = line.run("bench", *FEW, "--rate", "50", "--seconds", "0.2", "--batch", "4")
    assert done.exit_code == 0, done.output
    assert "or no more were waiting, at that rate" in done.stderr


def test_a_batch_is_no_larger_than_the_server_takes(line):
    assert "1<=x<=256" in line.refused(ClientExit.USAGE, "bench", "--batch", "257")


def test_an_error_of_the_server_is_reported_as_its_message(line, monkeypatch):
    told = {"error": "the disk is full (next: make room)", "diagnostic": {"code": "disk_full"}}

    async def fails(*_):
        raise Unexpected("/api/tasks", 503, json.dumps(told).encode())

    monkeypatch.setattr(measuring, "measure", fails)
    refused = line.refused(ClientExit.LATER, "bench", *FEW)
    assert refused == (
        "chargehand: the measurement failed at /api/tasks:"
        " the disk is full (next: make room) [disk_full]\n"
    )


def test_json_is_one_document(line):
    json.loads(line.output("bench", "--agents", "1", "--tasks", "1", "--json"))
