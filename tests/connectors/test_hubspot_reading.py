"""Reading from a HubSpot portal over HTTP: full pulls, increments, given records."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hubspot_portal import Open, companies

from crmsync.connectors.base import Link, Page
from crmsync.errors import RecordNotFound, Unauthorized, Unavailable

LIST = "/crm/objects/2026-09/companies"


def _ids(pages: list[Page]) -> Counter[str]:
    return Counter(record.id for page in pages for record in page.records)


def test_a_small_portal_is_read_by_one_cursor_and_the_fewest_calls(portal: Open) -> None:
    rows = companies(950)
    one = portal(companies=rows)
    with one.connect() as crm:
        assert _ids(list(crm.pull("company", ["name"], expected=950))) == Counter(row["hs_object_id"] for row in rows)
        assert crm.usage().calls == {"list": 10}


def test_several_cursors_bring_each_id_exactly_once_with_few_calls(portal: Open) -> None:
    rows = companies(12_345, step=3)
    with portal(companies=rows).connect() as crm:
        pages = list(crm.pull("company", ["name"]))
        assert _ids(pages) == Counter(row["hs_object_id"] for row in rows)
        # 124 pages at least; a cut costs one search and now and then one page.
        assert crm.usage().calls["list"] <= 124 + 8
        assert crm.usage().calls["search"] >= 2


def test_clumped_ids_are_read_exactly_once(portal: Open) -> None:
    rows = [*companies(3_000, first=1, step=1), *companies(3_000, first=70_000_000_000, step=1_000_003)]
    with portal(companies=rows).connect() as crm:
        assert _ids(list(crm.pull("company", ["name"]))) == Counter(row["hs_object_id"] for row in rows)


def test_searches_beside_the_lists_double_nothing(portal: Open) -> None:
    rows = companies(5_000)
    with portal(companies=rows).connect(search_beside_lists=True) as crm:
        assert _ids(list(crm.pull("company", ["name"]))) == Counter(row["hs_object_id"] for row in rows)


def test_a_pull_brings_the_properties_as_the_json_that_hubspot_sent(portal: Open) -> None:
    with portal(companies=[{"hs_object_id": "7", "name": 'Zürich "AG"', "country": ""}]).connect() as crm:
        (page,) = crm.pull("company", ["name", "country"])
    (record,) = page.records
    said = json.loads(record.properties)
    assert (record.id, said["name"], said["country"]) == ("7", 'Zürich "AG"', None)
    assert datetime.fromisoformat(record.modified_at).tzinfo is not None


def test_an_empty_portal_is_an_empty_pull(portal: Open) -> None:
    with portal(companies=companies(1)).connect() as crm:
        assert list(crm.pull("contact", ["email"])) == []
        assert crm.count("contact") == 0


def test_a_pull_that_nobody_finishes_ends_its_cursors(portal: Open) -> None:
    with portal(companies=companies(6_000)).connect(cursors=2) as crm:
        pages = crm.pull("company", ["name"])
        next(iter(pages))
        pages.close()  # type: ignore[attr-defined]  # a generator


def test_more_property_names_than_an_address_holds_are_read_in_batches(portal: Open) -> None:
    names = [f"a_rather_long_property_name_{n}" for n in range(250)]
    rows = [{"hs_object_id": str(n), "name": f"C{n}", names[-1]: f"v{n}"} for n in range(1, 151)]
    with portal(companies=rows).connect() as crm:
        pages = list(crm.pull("company", ["name", *names]))
        found = {record.id: json.loads(record.properties)[names[-1]] for page in pages for record in page.records}
        assert found == {str(n): f"v{n}" for n in range(1, 151)}
        since = datetime.now(UTC) - timedelta(days=1)
        changed = [record for page in crm.changes("company", ["name", *names], since) for record in page.records]
        for record in changed:
            assert json.loads(record.properties)[names[-1]] == f"v{record.id}"


def test_a_page_that_hides_the_rest_ends_the_pull_short_and_the_count_tells(portal: Open) -> None:
    one = portal(companies=companies(500))
    one.faults({"match": {"method": "GET", "path": LIST}, "fault": "lost_page", "after": 2, "times": 1})
    with one.connect() as crm:
        assert _ids(list(crm.pull("company", ["name"]))).total() == 300
        assert crm.count("company") == 500


def test_an_error_of_one_cursor_ends_the_pull_with_that_error(portal: Open) -> None:
    one = portal(companies=companies(4_000))
    one.faults({"match": {"method": "GET", "path": LIST}, "fault": "503", "after": 5})
    with one.connect(patience=0.0001) as crm, pytest.raises(Unavailable):
        list(crm.pull("company", ["name"]))


def test_more_than_10_000_changes_come_by_id_paging(portal: Open) -> None:
    rows = companies(10_450, step=1)
    one = portal(companies=rows)
    with one.connect() as crm:
        since = datetime(2000, 1, 1, tzinfo=UTC)
        assert _ids(list(crm.changes("company", ["name"], since))) == Counter(row["hs_object_id"] for row in rows)
        # ceil(10,450 / 200)
        assert crm.usage().calls == {"search": 53}


def test_only_what_changed_since_comes(portal: Open) -> None:
    one = portal(companies=companies(300))
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    one.call("PATCH", f"{LIST}/1007", {"properties": {"name": "New"}})
    with one.connect() as crm:
        assert set(_ids(list(crm.changes("company", ["name"], before)))) >= {"1007"}
        newest = max(
            datetime.fromisoformat(record.modified_at)
            for page in crm.changes("company", ["name"], before)
            for record in page.records
        )
        assert list(_ids(list(crm.changes("company", ["name"], newest)))) == ["1007"]


def test_a_count_is_one_search(portal: Open) -> None:
    with portal(companies=companies(321)).connect() as crm:
        assert crm.count("company") == 321
        assert crm.usage().calls == {"search": 1}


def test_every_asked_id_is_found_missing_or_merged(portal: Open) -> None:
    one = portal(companies=companies(250))
    merged = one.call("POST", f"{LIST}/merge", {"primaryObjectId": "1000", "objectIdToMerge": "1007"})
    one.call("DELETE", f"{LIST}/1014")
    with one.connect() as crm:
        asked = [str(1000 + 7 * n) for n in range(250)] + ["5", "not-an-id"]
        back = crm.read("company", asked, ["name"])
    survivor = merged["id"]
    assert back.merged == {old: survivor for old in ("1000", "1007") if old != survivor}
    assert back.values[survivor]["name"] == "Company 0"
    assert set(back.missing) == {"1014", "5", "not-an-id"}
    assert len(back.values) == 248


def test_associations_of_many_ids_take_one_call_a_thousand(portal: Open) -> None:
    rows = [
        {"hs_object_id": str(n), "email": f"p{n}@x.example", "associatedcompanyid": "1000"} for n in range(1, 1_101)
    ]
    one = portal(companies=companies(2), contacts=rows)
    with one.connect() as crm:
        by_contact = crm.associations("contact", "company", [row["hs_object_id"] for row in rows])
        assert by_contact == {row["hs_object_id"]: [Link("1000", ("Primary",))] for row in rows}
        assert crm.usage().calls == {"associations": 2}
        by_company = crm.associations("company", "contact", ["1000", "1007"])
        assert (len(by_company["1000"]), by_company["1007"]) == (1_100, [])


def test_owners_are_named_and_told_active_or_not(portal: Open) -> None:
    owners = [{"id": "51", "firstName": "Ada", "lastName": "Ng", "email": "ada@x.example"}]
    with portal(companies=companies(1), owners=owners).connect() as crm:
        (ada,) = crm.owners()
        assert (ada.id, ada.name, ada.active) == ("51", "Ada Ng", True)


def test_archived_ids_are_only_those(portal: Open) -> None:
    one = portal(companies=companies(150))
    for id_ in ("1000", "1700"):
        one.call("DELETE", f"{LIST}/{id_}")
    with one.connect() as crm:
        assert sorted(crm.archived_ids("company")) == ["1000", "1700"]


def test_a_list_that_does_not_exist_is_not_found(portal: Open) -> None:
    with portal(companies=companies(1)).connect() as crm, pytest.raises(RecordNotFound, match="no list 4711"):
        list(crm.list_members("4711"))


def test_property_names_say_what_is_read_only(portal: Open) -> None:
    with portal(companies=companies(1)).connect() as crm:
        names = crm.property_names("company")
    assert (names["hs_object_id"], names["name"], names["hs_is_target_account"]) == (True, False, False)


def test_the_account_says_where_its_records_are(portal: Open) -> None:
    with portal(companies=companies(1)).connect() as crm:
        info = crm.info()
    assert info.link("company", "123") == f"https://app.hubspot.com/contacts/{info.id}/record/0-2/123"
    assert info.daily_limit is not None
    assert info.daily_left is not None
    assert 0 < info.daily_left <= info.daily_limit


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
def test_every_api_version_reads_alike(portal: Open, version: str) -> None:
    people = [{"hs_object_id": "9", "email": "p@x.example", "associatedcompanyid": "1000"}]
    with portal(companies=companies(3), contacts=people).connect(api_version=version) as crm:
        assert len(_ids(list(crm.pull("company", ["name"])))) == 3
        assert crm.read("company", ["1000"], ["name"]).values["1000"]["name"] == "Company 0"
        assert crm.associations("company", "contact", ["1000"]) == {"1000": [Link("9", ("Primary",))]}
        assert crm.info().id


def test_a_wrong_token_says_what_to_check(portal: Open) -> None:
    crm = portal(companies=companies(1)).connect(token=lambda: "pat-na1-wrong-secret")
    with pytest.raises(Unauthorized, match="Check the token") as caught:
        crm.count("company")
    assert "wrong-secret" not in str(caught.value)


def test_a_rotated_token_is_picked_up_in_the_middle_of_a_call(portal: Open) -> None:
    one = portal(companies=companies(3))
    tokens = iter(["pat-old", "pat-old"])
    with one.connect(token=lambda: next(tokens, one.server.access_token)) as crm:
        # The first attempt uses the old token; asked again after the 401 it is still the old one on the second look.
        with pytest.raises(Unauthorized):
            crm.count("company")
        assert crm.count("company") == 3


def test_newest_gives_the_count_and_those_changed_last_first(portal: Open) -> None:
    one = portal(companies=companies(450))
    one.call("PATCH", f"{LIST}/1007", {"properties": {"name": "New"}})
    with one.connect() as crm:
        total, page = crm.newest("company", ["name"], datetime(2000, 1, 1, tzinfo=UTC))
        stamps = [record.modified_at for record in page.records]
        assert (total, len(stamps), page.records[0].id) == (450, 200, "1007")
        assert stamps == sorted(stamps, reverse=True)
        assert crm.usage().calls == {"search": 1}
