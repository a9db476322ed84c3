"""Where a server is by default, as it and its clients know."""

from typing import Final

DATA_DIR: Final = "data"
SOCKET_NAME: Final = "chargehand.sock"  # in the data directory
HTTP: Final = "127.0.0.1:2123"
