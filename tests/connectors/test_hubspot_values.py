"""When two texts are one value to HubSpot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.connectors.hubspot.values import same


@pytest.mark.parametrize(
    ("sent", "stands"),
    [
        ("tier_1", "tier_1"),
        ("", None),
        (None, ""),
        ("5", "5.0"),
        ("1500", "1.5e3"),
        ("b;a", "a;b"),
        ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00.000Z"),
        ("2026-11-01T11:00:00+01:00", "2026-11-01T10:00:00Z"),
        # 2026-11-01T00:00:00Z is 20,758 days after 1970-01-01.
        ("2026-11-01", "1793491200000"),
        ("text ", "text"),
    ],
)
def test_same(sent: str | None, stands: str | None) -> None:
    assert same(sent, stands)
    assert same(stands, sent)


@pytest.mark.parametrize(
    ("sent", "stands"),
    [
        ("tier_1", "tier_2"),
        ("", "0"),
        ("5", "6"),
        ("a;b", "a"),
        ("true", "false"),
        ("2026-11-01", "2026-11-02"),
        ("999999999999999999999", "2026-11-01"),
        ("snan", "5"),
    ],
)
def test_not_same(sent: str, stands: str) -> None:
    assert not same(sent, stands)
    assert not same(stands, sent)


@given(st.text(), st.text())
def test_any_two_texts_can_be_compared_and_each_is_the_same_as_itself(one: str, other: str) -> None:
    assert same(one, one)
    assert same(one, other) == same(other, one)
