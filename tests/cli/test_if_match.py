"""Changes by the command line that are made only if nobody else was faster."""

from chargehand.web.exits import ClientExit


def test_a_change_is_refused_if_the_task_has_changed_since_it_was_read(line):
    read = line.json("task", "create", "a", "--id", "t1")["task"]["latest_event_seq"]
    words = ("task", "update", "t1", "--if-match", str(read))
    line.output(*words, "--title", "b")
    told = line.refused(ClientExit.CONFLICT, *words, "--title", "c")
    assert "[precondition_failed]" in told
    assert "t1 has changed since it was read" in told
    assert "try: chargehand task show t1" in told
    assert line.json("task", "show", "t1")["task"]["task"]["title"] == "b"


def test_it_is_a_number(line):
    told = line.refused(ClientExit.USAGE, "task", "update", "t1", "--if-match", "x")
    assert "--if-match" in told
