"""Fields by describe, their names at our border, and values as text and back (salesforce.md 3, 0.8)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesforce_org import TABLES, LocalOrg, StartOrg

from crmsync.connectors.salesforce.answers import Answer, decode
from crmsync.connectors.salesforce.fields import FieldInfo, Fields, converter
from crmsync.connectors.salesforce.ids import canonical_id, is_id, owns
from crmsync.connectors.salesforce.settings import api_name
from crmsync.connectors.salesforce.soql import URL_ROOM, among, chunks, select
from crmsync.errors import Unavailable


class Canned:
    """A describe by hand, and how often it was asked for."""

    def __init__(self, *fields: dict[str, Any]) -> None:
        self.fields = [{"name": "Id", "type": "id"}, *fields]
        self.asked = 0

    def get(self, family: str, path: str) -> Answer:
        assert (family, path) == ("describe", "sobjects/Account/describe")
        self.asked += 1
        return Answer(200, {}, msgspec.json.encode({"fields": self.fields}))


OWNED = Canned(
    {"name": "ABM_Tier__c", "type": "picklist", "restrictedPicklist": False, "updateable": True,
     "picklistValues": [{"value": "tier_1", "active": True}, {"value": "old", "active": False}]},
    {"name": "ABM_Tier_Changed_At__c", "type": "datetime", "updateable": True},
    {"name": "AbmScore__c", "type": "double"},
    {"name": "Industry", "type": "picklist", "updateable": True},
    {"name": "BillingAddress", "type": "address"},
)  # fmt: skip


def test_an_owned_field_has_our_name_at_the_border_and_its_own_in_the_org() -> None:
    fields = Fields(OWNED, "abm_")
    assert fields.api("company", "abm_tier") == "ABM_Tier__c"
    assert fields.api("company", "abm_tier_changed_at") == "ABM_Tier_Changed_At__c"
    assert fields.api("company", "abm_target") is None
    assert fields.api("company", "INDUSTRY") == "Industry"
    assert fields.api("company", "Nope__c") is None
    assert fields.api("company", "AbmScore__c") == "AbmScore__c"
    assert fields.api("company", "BillingAddress") is None  # its parts are fields of their own
    assert fields.names("company") == {
        "Id": "Id",
        "abm_tier": "ABM_Tier__c",
        "abm_tier_changed_at": "ABM_Tier_Changed_At__c",
        "AbmScore__c": "AbmScore__c",
        "Industry": "Industry",
    }
    info = fields.info("company", "abm_tier")
    assert info is not None
    assert (info.values, info.restricted, info.updateable) == (("tier_1",), False, True)


def test_an_object_is_described_once_until_it_is_forgotten() -> None:
    canned = Canned()
    fields = Fields(canned, "abm_")
    for _ in range(3):
        assert fields.exists("company")
        assert fields.exists("Account")
    assert canned.asked == 1
    fields.forget("company")
    canned.fields.append({"name": "Industry", "type": "picklist"})
    assert fields.api("company", "industry") == "Industry"
    assert canned.asked == 2


def test_what_the_org_does_not_have_or_show_is_not_there(start_org: StartOrg) -> None:
    org = start_org(features=["campaigns"])
    org.control("fls", {"object": "Account", "field": "Note__c", "read": False})
    fields = org.connect().fields
    assert fields.api("company", "Name") == "Name"
    assert fields.api("company", "Note__c") is None
    assert fields.exists("CampaignMember")
    assert not fields.exists("AccountContactRelation")
    assert fields.names("AccountContactRelation") == {}


@given(st.lists(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), min_size=1, max_size=4))
def test_our_name_survives_the_way_to_the_org_and_back(words: list[str]) -> None:
    name = "abm_" + "_".join(words)
    assert Fields(OWNED, "abm_").ours(api_name("abm_", name)) == name


def _info(kind: str) -> FieldInfo:
    return FieldInfo("F__c", kind)


FIELDS = Fields(OWNED, "abm_")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("boolean", True, "true"),
        ("boolean", False, "false"),
        ("boolean", "True", "true"),  # as a bulk file may have it
        ("currency", Decimal("5000000.0"), "5000000"),
        ("currency", Decimal("3.5E8"), "350000000"),
        ("currency", Decimal("1000.50"), "1000.5"),
        ("currency", "5000000.00", "5000000"),
        ("double", Decimal("-0.0"), "0"),
        ("double", Decimal("123456789012345678"), "123456789012345678"),
        ("double", 1e-7, "0.0000001"),
        ("int", 250, "250"),
        ("int", 0, "0"),
        ("percent", 12.5, "12.5"),
        ("string", "Zoë; Söhne", "Zoë; Söhne"),
        ("string", "1.0", "1.0"),
        ("string", "TRUE", "TRUE"),
        ("multipicklist", "a;b", "a;b"),
        ("date", "2026-11-01", "2026-11-01"),
        ("datetime", "2026-06-19T15:00:00.000+0000", "2026-06-19T15:00:00.000Z"),
        ("datetime", "2026-06-19T15:00:00.000Z", "2026-06-19T15:00:00.000Z"),
        ("datetime", "2026-06-19T17:00:00.250+0200", "2026-06-19T15:00:00.250Z"),
        ("reference", "001D000000IRFma", "001D000000IRFmaIAH"),
        ("reference", "001D000000IRFmaIAH", "001D000000IRFmaIAH"),
        ("string", "", None),
        ("double", "", None),
        ("double", None, None),
        ("boolean", None, None),
    ],
)
def test_a_value_has_one_text(kind: str, value: Any, text: str | None) -> None:
    assert FIELDS.to_text(_info(kind), value) == text
    assert converter(_info(kind))(value) == text


@pytest.mark.parametrize(
    ("kind", "text", "json", "cell"),
    [
        ("boolean", "true", True, "true"),
        ("boolean", "false", False, "false"),
        ("double", "5", 5, "5"),
        ("double", "5.0", 5, "5"),
        ("double", "1000.5", Decimal("1000.5"), "1000.5"),
        ("double", "0.0000001", Decimal("0.0000001"), "0.0000001"),
        ("double", "many", "many", "many"),  # refused in Salesforce's words
        ("double", "1e999999999", "1e999999999", "1e999999999"),
        ("picklist", "tier_1", "tier_1", "tier_1"),
        ("picklist", "false", "false", "false"),
        ("textarea", "two\nlines", "two\nlines", "two\nlines"),
        ("date", "2026-11-01", "2026-11-01", "2026-11-01"),
        ("date", "2026-11-01T00:00:00Z", "2026-11-01", "2026-11-01"),
        ("datetime", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("double", "", None, "#N/A"),
        ("picklist", "", None, "#N/A"),
        ("boolean", "", None, "#N/A"),
    ],
)
def test_a_text_becomes_what_the_field_takes(kind: str, text: str, json: Any, cell: str) -> None:
    made = FIELDS.to_json(_info(kind), text)
    assert made == json
    assert type(made) is type(json)
    assert FIELDS.to_csv(_info(kind), text) == cell


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14))
def test_a_figure_comes_back_as_it_went(figure: Decimal) -> None:
    """As in a JSON body and back, and as in a bulk file and back: the same text, exactly the same figure."""
    info = _info("double")
    text = FIELDS.to_text(info, figure)
    assert text is not None
    assert Decimal(text) == figure
    body = msgspec.json.Encoder(decimal_format="number").encode(FIELDS.to_json(info, text))
    assert FIELDS.to_text(info, decode(body)) == text
    assert FIELDS.to_text(info, FIELDS.to_csv(info, text)) == text


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_a_moment_is_in_utc_and_sorts_as_text(moment: datetime, minutes: int) -> None:
    sign, (hours, rest) = "+" if minutes >= 0 else "-", divmod(abs(minutes), 60)
    said = f"{moment:%Y-%m-%dT%H:%M:%S}.000{sign}{hours:02d}{rest:02d}"
    text = FIELDS.to_text(_info("datetime"), said)
    assert text is not None
    assert datetime.fromisoformat(text) == datetime.fromisoformat(said)
    assert text.endswith("Z")


def test_an_answer_that_is_no_json_is_no_exception_of_its_own() -> None:
    with pytest.raises(Unavailable):
        Answer(200, {}, b"<html>").json()
    assert Answer(204, {}, b"").json() is None


@pytest.mark.parametrize(
    ("given", "known"),
    [
        # Salesforce's own example, and what a spreadsheet makes of it.
        ("001D000000IRFma", "001D000000IRFmaIAH"),
        ("001D000000IRFmaIAH", "001D000000IRFmaIAH"),
        ("001d000000irfmaIAH", "001D000000IRFmaIAH"),
        ("001D000000IRFMAIAH", "001D000000IRFmaIAH"),
        (" 001D000000IRFma ", "001D000000IRFmaIAH"),
        ("0015g0000000001", "0015g0000000001AAA"),
        ("1234567890", "1234567890"),
        ("0015g00000!0001", "0015g00000!0001"),
        ("0015g0000000001AA9", "0015g0000000001AA9"),  # 9 is in no suffix
        ("", ""),
    ],
)
def test_an_id_has_one_form(given: str, known: str) -> None:
    assert canonical_id(given) == known


@pytest.mark.parametrize(
    ("id_", "ours"),
    [
        ("001D000000IRFma", True),
        ("001D000000IRFmaIAH", True),
        ("0035g0000000001AAA", True),
        ("0065g0000000001AAA", True),
        ("7015g0000000001AAA", True),
        ("00Q5g0000000001AAA", True),
        ("001000000000001", False),  # digits alone are HubSpot's
        ("001000000000001AAA", True),
        ("a015g0000000001AAA", False),
        ("100812", False),
        ("001D000000IRFm", False),
        ("", False),
    ],
)
def test_whose_an_id_is_shows_by_its_form(id_: str, ours: bool) -> None:
    assert owns(id_) is ours


def test_an_id_that_salesforce_would_refuse_is_none() -> None:
    assert is_id("001D000000IRFmaIAH")
    assert is_id("001D000000IRFma")
    assert not is_id("001D000000IRFmaAAA")
    assert not is_id("1234")


ALPHABET = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=15, max_size=15)


@given(ALPHABET, st.randoms(use_true_random=False))
def test_an_18_character_id_survives_any_change_of_case(id15: str, dice: Any) -> None:
    known = canonical_id(id15)
    shaken = "".join(dice.choice((char.upper(), char.lower())) for char in known)
    assert canonical_id(shaken) == known
    assert known.startswith(id15)


def test_a_value_cannot_end_a_query_early(org: LocalOrg) -> None:
    """The name of the second account of TABLES has a quote's worth of trouble put before it."""
    query = select("Account", ["Name"], among("Name", ["x') OR Name != ('", str(TABLES["Account"][1]["Name"])]))
    rows = [row["Name"] for page in org.transport().soql(query) for row in page.rows]
    assert rows == ["Zoë & Söhne"]


@given(st.integers(0, 3_000), st.integers(1, 300))
def test_chunks_are_all_ids_in_order_and_fit_an_address(count: int, columns: int) -> None:
    ids = [f"0015g{n:010d}AAA" for n in range(count)]
    names = [f"Field_{n}__c" for n in range(columns)]
    found = list(chunks(select("Account", names), ids))
    assert [id_ for chunk in found for id_ in chunk] == ids
    assert all(len(quote_plus(select("Account", names, among("Id", chunk)))) <= URL_ROOM for chunk in found)
