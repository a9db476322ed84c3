"""`python -m chargehand` is the program `chargehand`."""

import sys


def main() -> None:
    """Run it. Nothing is loaded before Ctrl-C is seen to."""
    if sys.platform == "win32":
        sys.exit("chargehand: runs on Linux and macOS alone; on Windows it runs within WSL")
    from chargehand.web.cli.interrupts import end_on_interrupt

    end_on_interrupt()
    from chargehand.web.__main__ import main as program

    program(prog_name="chargehand")


if __name__ == "__main__":
    main()
