"""`python -m chargehand` is the program `chargehand`."""


def main() -> None:
    """Run it. Nothing is loaded before Ctrl-C is seen to."""
    from chargehand.web.cli.interrupts import end_on_interrupt

    end_on_interrupt()
    from chargehand.web.__main__ import main as program

    program(prog_name="chargehand")


if __name__ == "__main__":
    main()
