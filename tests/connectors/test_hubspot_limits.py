"""The connector against a portal's own limits, over HTTP."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest
from hubspot_portal import Open, companies

from crmsync.connectors.hubspot import HubSpotSettings, connect
from crmsync.errors import BudgetSpent, ConfigError, Unavailable


def test_a_pull_through_a_narrow_window_loses_nothing(portal: Open) -> None:
    one = portal(companies=companies(9_000), rate="20/0.5s")
    with one.connect() as crm:
        assert sum(len(page.records) for page in crm.pull("company", ["name"])) == 9_000


def test_too_many_calls_are_slowed_down_and_lose_nothing(portal: Open) -> None:
    # The portal allows far fewer searches than the connector was told.
    one = portal(companies=companies(3_000), search_rate="5/0.2s")
    with one.connect(search_rate=200.0) as crm:
        since = datetime(2000, 1, 1, tzinfo=UTC)
        found = [record.id for page in crm.changes("company", ["name"], since) for record in page.records]
        assert len(set(found)) == 3_000


def test_a_fifth_of_the_day_is_left_to_other_apps(portal: Open) -> None:
    one = portal(companies=companies(5_000), daily=50)
    with one.connect(cursors=1) as crm:
        with pytest.raises(BudgetSpent, match="kept for other apps"):
            list(crm.pull("company", ["name"], expected=5_000))
        assert crm.usage().total == 40
        assert crm.usage().daily_left == 10


def test_a_day_that_others_used_up_ends_the_run(portal: Open) -> None:
    one = portal(companies=companies(5_000), daily=5)
    with one.connect(cursors=1, daily_share=1.0) as crm, pytest.raises(BudgetSpent):
        list(crm.pull("company", ["name"], expected=5_000))


def test_the_account_tells_the_day_before_the_first_call(portal: Open) -> None:
    one = portal(companies=companies(1), daily=1_000)
    with one.connect() as crm:
        assert crm.info().daily_limit == 1_000


def test_nobody_at_the_address_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        settings = HubSpotSettings(address, token=lambda: "pat-secret-token", patience=0.0001, search_rate=5_000.0)
        with connect(settings, prefix="abm_", group=("crmsync", "crmsync")) as crm:
            with pytest.raises(Unavailable, match="gave no answer") as caught:
                crm.count("company")
            assert "secret" not in str(caught.value)
            assert crm.usage().calls == {"search": 5}


def test_settings_show_no_token_and_their_faults_come_all_at_once() -> None:
    assert "secret" not in repr(HubSpotSettings("https://api.hubapi.com", token=lambda: "pat-secret"))
    with pytest.raises(ConfigError) as caught:
        HubSpotSettings("api.hubapi.com", token=str, api_version="v9", daily_share=2.0, cursors=0, search_rate=0.0)
    assert [fault.where for fault in caught.value.faults] == [
        "hubspot.api_version",
        "hubspot.base_url",
        "hubspot.daily_share",
        "hubspot.cursors",
        "hubspot.search_rate",
    ]
