"""A world in two running CRMs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from crmsync.sandbox.hubspot.server import SandboxServer
from crmsync.sandbox.salesforce.server import SandboxOrg
from tests.together.native_sync import Crms


@contextmanager
def running(hubspot: Path | None, salesforce: Path | None) -> Iterator[Crms]:
    """Both CRMs over these folders, at rates that never make a test wait."""
    with ExitStack() as stack:
        server = stack.enter_context(SandboxServer(hubspot, rate="100000/10s", search_rate="10000/s"))
        org = stack.enter_context(SandboxOrg(salesforce))
        yield Crms(server, org)
