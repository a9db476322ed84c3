"""A short run of `python -m benchmarks.health`: who is busy with a tree answers others."""

from benchmarks.health import measure


def test_health_is_answered_while_a_tree_is_streamed_read_paused_resumed_and_canceled(tmp_path):
    phases = measure(tmp_path, descendants=60)
    assert [name for name, _, _ in phases] == [
        "idle",
        "streamed from the start",
        "read",
        "paused",
        "resumed",
        "canceled",
    ]
    answers = sum(count for _, count, _ in phases)
    assert answers > len(phases)  # all of them were 200
