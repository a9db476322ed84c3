"""What holds for all tests."""

from hypothesis import settings

# An example may be held up by the machine or by a collection of garbage; that proves nothing.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
