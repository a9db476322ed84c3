"""`python -m chargehand` is the program `chargehand`."""

import signal
import sys


def main() -> None:
    """Run it. Nothing else is loaded before Ctrl-C is seen to."""
    if sys.platform == "win32":
        sys.exit("chargehand: runs on Linux and macOS alone; on Windows it runs within WSL")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which ends it as well, with no newline
    from chargehand.web.cli.interrupts import end_on_interrupt

    end_on_interrupt()
    from chargehand.web.__main__ import main as program

    program(prog_name="chargehand")


if __name__ == "__main__":
    main()
