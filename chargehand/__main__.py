"""`python -m chargehand` is the program `chargehand`."""

from chargehand.web.__main__ import main

if __name__ == "__main__":
    main(prog_name="chargehand")
