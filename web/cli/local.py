"""Commands that ask no server: they run one, look at its data, or play. Each loads what it needs
when it runs."""

import logging
import math
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from chargehand.web import logs
from chargehand.web.cli.interrupts import wakeups_left_to_trio
from chargehand.web.cli.output import failure_in
from chargehand.web.exits import ExitCode, Fatal, first_leaf
from chargehand.web.setting_values import ValueForm
from chargehand.web.settings import all_settings, load

_log = logging.getLogger("chargehand")


def _setting_options(command: Callable[..., None]) -> Callable[..., None]:
    for setting in reversed(all_settings()):
        shown = f" [{setting.shown_default}]" if setting.shown_default else ""
        if setting.form is ValueForm.SWITCH:
            names = f"{setting.flag}/--no-{setting.flag.removeprefix('--')}"
        else:
            names = setting.flag
        command = click.option(names, setting.name, default=None, help=f"{setting.help}{shown}")(
            command
        )
    return command


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings")
@_setting_options
def serve(config: Path | None, **flags: str | bool | None) -> None:
    """Run the server. Each option is also CHARGEHAND_NAME in the environment and a key of the
    configuration file.

    \b
    Example:
      chargehand serve --data-dir /var/lib/chargehand --http 127.0.0.1:2123
    """
    from chargehand.web import process

    try:
        configuration = load(flags, os.environ, config)
        logs.configure(configuration.server.log_level, configuration.server.access_log)
        for warning in configuration.warnings:
            _log.warning("%s", warning)
        with wakeups_left_to_trio():
            process.run(configuration)
    except Fatal as fatal:
        print(f"chargehand: {fatal}", file=sys.stderr)
        sys.exit(fatal.code)
    except Exception as error:
        if failure_in(error) is not None:
            raise  # it is shown as that of any command
        _log.exception("the server has failed")
        sys.exit(ExitCode.INTERNAL)


@click.command()
@click.argument("data_dir", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="print the findings as JSON")
def verify(data_dir: Path, as_json: bool) -> None:
    """Check every record, checksum and reference of a data directory, and say what to do about each
    fault. Changes nothing; refused while a server has the directory open. Of a node's directory it
    checks the copy.

    \b
    Example:
      chargehand verify /var/lib/chargehand
    """
    from chargehand.web.cli import verification

    try:
        verification.run(data_dir, as_json=as_json)
    except Fatal as fatal:
        print(f"chargehand: {fatal}", file=sys.stderr)
        sys.exit(fatal.code)


def _pace(_: click.Context, __: click.Parameter, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise click.BadParameter("must be a number above 0")
    return value


@click.command()
@click.option(
    "--pace", default=1.0, callback=_pace, help="how many times faster the agents work [1]"
)
@click.option(
    "--hold", is_flag=True, help="go on afterwards, with work that needs you, until Ctrl-C"
)
def demo(pace: float, hold: bool) -> None:
    """Watch eight agents work off a release of some sixty tasks, on a server of its own.

    \b
    Example:
      chargehand demo --pace 4
    """
    import trio
    from rich.console import Console

    from chargehand.web.demo.play import DemoFailed, play

    console = Console()
    failure: BaseException | None = None
    ended_by: int | None = None
    try:
        with wakeups_left_to_trio():
            ended_by = trio.run(partial(play, pace, console, hold=hold))
    except* DemoFailed as failed:
        failure = first_leaf(failed)
    except* KeyboardInterrupt:
        ended_by = signal.SIGINT
    if ended_by is not None:
        print(f"chargehand: the demo was ended by {signal.Signals(ended_by).name}", file=sys.stderr)
        sys.exit(128 + ended_by)
    if failure is not None:
        print(f"chargehand: {failure}", file=sys.stderr)
        sys.exit(1)
