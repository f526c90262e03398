"""Fixtures of the fault tests: houses that are closed, and an environment that is put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_house import TOKEN, Build, House


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    """Builds houses: `build(companies, contacts, latency_ms=5)`."""
    monkeypatch.setenv(TOKEN, "")
    houses: list[House] = []

    def make(*arguments: Any, **options: Any) -> House:
        houses.append(House(tmp_path / f"house-{len(houses)}", *arguments, **options))
        return houses[-1]

    yield make
    for house in houses:
        house.close()
