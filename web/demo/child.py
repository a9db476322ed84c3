"""The demo's server: as `chargehand serve`, but it ends with its stdin, so with the demo.

A demo that is killed cannot stop its server, but the kernel closes the pipe between them.
"""

import os
import signal
import sys
import threading
from typing import Final

from chargehand.web.__main__ import main

_STDIN: Final = 0


def _end_with_stdin() -> None:
    while os.read(_STDIN, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    main(["serve", *sys.argv[1:]], prog_name="chargehand")
