"""State and country picklists: text and code say the same, and nothing but what the org has goes (salesforce.md 3)."""

from pathlib import Path
from typing import Any

import pytest
from salesforce_client import ACME, BETA, FILES, GAMMA, Box, write_org

SETTINGS = """\
Country,CountryCode,State,StateCode
United States,US,Texas,TX
United States,US,Florida,FL
Canada,CA,Ontario,ON
Germany,DE,,
"""
FIELDS = ("BillingCountry", "BillingCountryCode", "BillingState", "BillingStateCode")


@pytest.fixture
def strict(start_org: Any, tmp_path: Path) -> Box:
    box: Box = start_org(write_org(tmp_path / "strict", FILES | {"AddressSettings.csv": SETTINGS}))
    return box


def place(org: Box, id_: str) -> tuple[Any, ...]:
    found = org.record("Account", id_, *FIELDS)
    return tuple(found[name] for name in FIELDS)


def write(org: Box, status: int = 204, **values: Any) -> Any:
    return org.call("PATCH", f"sobjects/Account/{GAMMA}", values, status)


def test_an_org_without_them_has_no_code_fields(org: Box) -> None:
    assert "BillingCountryCode" not in org.client().Account.get(ACME)
    org.call("PATCH", f"sobjects/Account/{ACME}", {"BillingCountry": "Atlantis"}, 204)


def test_what_the_files_say_is_filled_on_both_sides(strict: Box) -> None:
    assert place(strict, ACME) == ("United States", "US", None, None)
    assert place(strict, BETA) == ("Germany", "DE", None, None)


def test_setting_the_code_sets_the_text_and_the_other_way_round(strict: Box) -> None:
    write(strict, BillingCountryCode="US", BillingStateCode="TX")
    assert place(strict, GAMMA) == ("United States", "US", "Texas", "TX")
    write(strict, BillingState="florida")
    assert place(strict, GAMMA) == ("United States", "US", "Florida", "FL")
    write(strict, BillingCountry="CA", BillingState="Ontario")
    assert place(strict, GAMMA) == ("Canada", "CA", "Ontario", "ON")
    write(strict, BillingCountry=None, BillingStateCode=None)
    assert place(strict, GAMMA) == (None, None, None, None)


def test_what_the_org_does_not_have_is_refused(strict: Box) -> None:
    write(strict, BillingCountryCode="US", BillingStateCode="TX")
    refused = write(strict, 400, BillingStateCode="EP")[0]
    assert refused["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    # The page has these words, with another object's field.
    assert refused["message"].startswith("The BillingStateCode field contains EP, which isn't an available state.")
    refused = write(strict, 400, BillingCountryCode="FR")[0]
    assert (refused["errorCode"], refused["message"]) == (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Billing Country Code: bad value for restricted picklist field: FR",
    )
    for values in ({"BillingCountry": "Atlantis"}, {"BillingState": "Ontario"}, {"BillingCountry": "Canada"}):
        assert write(strict, 400, **values)[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    assert place(strict, GAMMA) == ("United States", "US", "Texas", "TX")
