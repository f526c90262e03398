"""Whole worlds matched, company, person and deal: what is paired is the same in truth, and nobody guesses.

The truth is the generator's own (`worlds.World`); nothing of it but the two CRMs' files reaches the matching.
"""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from crmsync.matching.accounts import match_accounts
from crmsync.matching.contacts import match_contacts
from crmsync.matching.deals import match_deals
from crmsync.matching.score import Matched
from tests.together.native_sync import Kind
from tests.together.worlds import World, generate

_CODES = {
    "Germany": "DE", "Austria": "AT", "Switzerland": "CH", "France": "FR", "Spain": "ES", "United States": "US",
    "Canada": "CA", "United Kingdom": "GB",
}  # fmt: skip


def _read(path: Path, names: dict[str, str]) -> pl.DataFrame:
    """A file's columns under the canonical names, blank as null."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return pl.DataFrame({ours: [row[theirs] or None for row in rows] for ours, theirs in names.items()})


def _companies(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    ours = _read(
        world.hubspot / "companies.csv",
        {"id": "hs_object_id", "name": "name", "domain": "domain", "city": "city", "country": "country",
         "counterpart": "salesforceaccountid"},
    )  # fmt: skip
    theirs = _read(
        world.salesforce / "Account.csv",
        {"id": "Id", "name": "Name", "domain": "Website", "city": "BillingCity", "country": "BillingCountry"},
    )
    website = pl.col("domain").str.strip_prefix("https://www.").str.strip_suffix("/")
    return ours.with_columns(_country()), theirs.with_columns(_country(), website)


def _country() -> pl.Expr:
    return pl.col("country").replace_strict(_CODES, default=None)


def _contacts(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    ours = {"id": "hs_object_id", "first_name": "firstname", "last_name": "lastname", "email": "email",
            "account": "associatedcompanyid", "counterpart": "salesforcecontactid"}  # fmt: skip
    theirs = {"id": "Id", "first_name": "FirstName", "last_name": "LastName", "email": "Email", "account": "AccountId"}
    return _read(world.hubspot / "contacts.csv", ours), _read(world.salesforce / "Contact.csv", theirs)


def _deals(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    ours = {"id": "hs_object_id", "name": "dealname", "amount": "amount", "closed_at": "closedate",
            "accounts": "associations.companies", "counterpart": "hs_salesforceopportunityid"}  # fmt: skip
    theirs = {"id": "Id", "name": "Name", "amount": "Amount", "closed_at": "CloseDate", "accounts": "AccountId"}
    made = [_read(world.hubspot / "deals.csv", ours), _read(world.salesforce / "Opportunity.csv", theirs)]
    typed = [
        frame.with_columns(
            pl.col("amount").cast(pl.Int64) * 100,
            pl.col("closed_at").str.slice(0, 10).str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC"),
            pl.concat_list("accounts"),
        )
        for frame in made
    ]
    return typed[0], typed[1]


@pytest.fixture(params=[1, 2, 3, 4, 5], ids=lambda seed: f"seed {seed}")
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return generate(tmp_path, request.param)


def test_what_is_paired_is_the_same_and_what_nobody_can_tell_is_left_to_a_person(world: World) -> None:
    companies = match_accounts(*_companies(world))
    _check(world, "company", companies, evident=0.8)
    people = match_contacts(*_contacts(world), companies.pairs)
    _check(world, "contact", people, evident=0.95)
    _check(world, "deal", match_deals(*_deals(world), companies.pairs), evident=0.8)


def _check(world: World, kind: Kind, matched: Matched, *, evident: float) -> None:
    """`evident`: the share of what the data show, without the CRMs' own link, that has to be found by itself."""
    wrong = [row for row in matched.pairs.select("left", "right").rows() if not world.same(kind, *row)]
    assert wrong == []
    asked = set(matched.review["left"]) | set(matched.review["right"])
    paired = dict(matched.pairs.select("left", "right").rows())
    found = {world.entity["hubspot", kind, left] for left in paired}
    how = world.how[kind]
    for entity, told in how.items():
        records = {*world.ids("hubspot", kind, entity), *world.ids("salesforce", kind, entity)}
        if told == "uncertain":
            assert entity not in found
            assert records & asked
        if told == "leaning":
            assert entity in found or records & asked
    assert {ours: paired.get(ours) for ours in world.linked[kind]} == world.linked[kind]
    shown = [entity for entity, told in how.items() if told == "evident"]
    assert sum(entity in found for entity in shown) >= evident * len(shown)
