"""The last minutes, a row for each."""

from tests.cli.answers import answer_by, as_json

MINUTE = {
    "start": "2026-11-27T05:04:00Z",
    "tasks_created": 11,
    "runs_enqueued": 12,
    "runs_claimed": 13,
    "runs_released": 14,
    "leases_expired": 15,
    "runs_completed": 16,
    "runs_failed": 17,
    "runs_canceled": 18,
    "queue_wait": {"samples": 13, "average_ms": 5, "p50_ms": 20, "p95_ms": 21, "maximum_ms": 22},
    "execution": {"samples": 0},
    "queued_run_count": 23,
    "active_run_count": 24,
}


def test_each_minute_is_a_row_and_below_it_is_said_since_when_it_is_known(bare, monkeypatch):
    body = {"history": {"since": "2026-11-27T04:00:00Z", "minutes": [MINUTE]}}
    sent = answer_by(monkeypatch, lambda _: as_json(200, body))
    done = bare.run("history", "--minutes", "15")
    assert sent[0].path == "/api/observe/history?minutes=15"
    heading, row, _, since = done.stdout.splitlines()
    assert heading.split()[:5] == ["MINUTE", "QUEUED", "CLAIMED", "DONE", "FAILED"]
    assert row.split()[2:] == [
        "12",
        "13",
        "16",
        "17",
        "23",
        "24",
        "21",
        "20",
        "15",
        "18",
        "14",
        "11",
    ]
    assert since == "known since 2026-11-27 04:00:00Z"
