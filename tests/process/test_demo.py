import re
import subprocess
import sys

from tests.process.conftest import ROOT
from web.demo.plan import APPROVAL, area_names, release


def test_the_plan_hangs_together():
    plan = release()
    keys = {step.key for step in plan}
    assert len(keys) == len(plan) == 62
    assert {key for step in plan for key in step.after} <= keys
    assert [step.key for step in plan if step.parent is None] == ["release"]
    assert [step.key for step in plan if step.needs_approval] == [APPROVAL]
    assert sum(step.failures for step in plan) == 6
    assert sum(step.loses_its_agent for step in plan) == 1
    assert keys >= set(area_names())


def test_the_demo_completes_everything_also_without_a_terminal():
    ended = subprocess.run(
        [sys.executable, "-m", "web", "demo", "--pace=60"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    numbers = dict(re.findall(r"│ ([a-z ]+?) +│ (\d+) +│", ended.stdout))
    assert numbers["tasks completed"] == "62"
    assert numbers["runs failed"] == numbers["retries by the operator"] == "6"
    assert numbers["leases lost and recovered"] == numbers["approvals"] == "1"
    assert numbers["runs claimed"] == "69"
    assert " 62/62  " in ended.stdout
