"""The fixture that opens portals for one test and closes them after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hubspot_portal import Open, Portal


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Open]:
    """Opens portals: `portal(companies=[...], contacts=[...], rate="190/10s")`."""
    opened: list[Portal] = []

    def open_(**arguments: Any) -> Portal:
        names = ("companies", "contacts", "deals", "owners")
        tables = {name: arguments.pop(name) for name in names if name in arguments}
        opened.append(Portal(tmp_path / f"portal-{len(opened)}", tables, **arguments))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()
