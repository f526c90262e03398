"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import settings

# Speed is measured by `make bench`; on a busy machine a deadline fails tests of code that is right.
settings.register_profile("house", deadline=None, max_examples=30)
#: CRMSYNC_LAWS=long looks for what thirty examples do not show; for changes of what a law is about.
settings.register_profile("long", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("CRMSYNC_LAWS", "house"))
