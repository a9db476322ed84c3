"""A server and Schemathesis, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final, final

import trio
from attrs import frozen

from benchmarks.chaos.launch import ROOT
from benchmarks.chaos.server import ServerProcess
from benchmarks.fuzz.receiver import configuration, receive_webhooks
from benchmarks.fuzz.world import URL_VARIABLE

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
SERVER_OPTIONS: Final = (
    *("--wait-s=0.02", "--drain-s=0.02"),  # nobody waits for long
    "--max-leases-per-session=1000",
    "--lease-expiries-max=1",
    "--log-level=warning",
)


@final
@frozen
class Bounds:
    """Args:
    examples: requests of an operation in each phase.
    seconds: None ends after one round of all phases, and repeats the same one each time.
    """

    examples: int
    seconds: int | None = None
    seed: int = 1


@final
@frozen
class Findings:
    """`report` is what Schemathesis prints; `log` the warnings and errors of the server."""

    passed: bool
    report: str
    log: str


async def fuzz(directory: Path, bounds: Bounds) -> Findings:
    """One run in an empty directory. Raises: RuntimeError: the server has ended by itself."""
    async with trio.open_nursery() as nursery:
        port: int = await nursery.start(receive_webhooks)
        settings = directory / "chargehand.toml"
        settings.write_text(configuration(port), encoding="utf-8")
        server = ServerProcess(directory, f"--config={settings}", *SERVER_OPTIONS)
        report = await _ask(server, directory, bounds)
        nursery.cancel_scope.cancel()
    _, _, log = server.log.partition("\n")  # behind the line that says that it has started
    return Findings(report.returncode == 0 and not log, report.stdout.decode(), log)


async def _ask(
    server: ServerProcess, directory: Path, bounds: Bounds
) -> "subprocess.CompletedProcess[bytes]":
    """Start the server, let Schemathesis ask it, and stop it."""
    try:
        await server.start()
        done = await trio.run_process(
            [sys.executable, "-m", "schemathesis.cli", *_arguments(server.url, bounds)],
            cwd=directory,  # where it keeps what it has seen
            env={
                **os.environ,
                URL_VARIABLE: server.url,
                "PYTHONPATH": str(ROOT),
            },
            check=False,
            capture_stdout=True,
            stderr=subprocess.STDOUT,
        )
        server.stop()
    finally:
        server.close()
    return done


def _arguments(url: str, bounds: Bounds) -> list[str]:
    lasting = (
        ["--generation-deterministic"]
        if bounds.seconds is None
        else [
            f"--max-time={bounds.seconds}",
            f"--seed={bounds.seed}",
            "--generation-database=none",
        ]
    )
    return [
        f"--config-file={CONFIG}",
        "run",
        f"{url}/openapi.json",
        f"--max-examples={bounds.examples}",
        "--no-color",
        *lasting,
    ]
