"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# Speed is measured by `make bench`; on a busy machine a deadline fails tests of code that is right.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
