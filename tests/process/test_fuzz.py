"""A short run of the fuzzer, the same each time; `python -m benchmarks.fuzz` is the long one."""

from benchmarks.fuzz.fuzzing import Bounds, fuzz

EXAMPLES = 3  # of an operation in each phase; the boundaries of its schema come besides


async def test_no_answer_is_off_the_description(tmp_path):
    found = await fuzz(tmp_path, Bounds(EXAMPLES))
    assert found.passed, found.report + found.log
    assert "No issues found" in found.report
