"""What holds for all tests."""

import os

import pytest
from hypothesis import settings

# An example may be held up by the machine or by a collection of garbage; that proves nothing.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """Have the hundreds of processes that tests start keep bytecode, where none shall stand beside
    the sources: each would compile all of them."""
    cache = config.cache
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None) and cache is not None:
        os.environ["PYTHONPYCACHEPREFIX"] = str(cache.mkdir("bytecode"))
