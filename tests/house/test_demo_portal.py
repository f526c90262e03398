"""The packaged demo portal: well formed, all invented, and counted again without crmsync.

The evaluator below is written on its own from `domain.md A2` and C1, in plain Python over text, so that it cannot share
a mistake with the product. It repeats the demo program's values; `test_recount_follows_the_packaged_program` compares.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTAL = ROOT / "src/crmsync/demo/portal"
PROGRAM = ROOT / "src/crmsync/demo/program.yaml"
EXPECTED: dict[str, Any] = json.loads((ROOT / "tests/portal/expected.json").read_text(encoding="utf-8"))

INDUSTRIES = {
    "MACHINERY",
    "INDUSTRIAL_AUTOMATION",
    "MECHANICAL_OR_INDUSTRIAL_ENGINEERING",
    "ELECTRICAL_ELECTRONIC_MANUFACTURING",
    "AUTOMOTIVE",
    "MEDICAL_DEVICES",
    "PLASTICS",
}
CODES = {
    "Austria": "AT",
    "Belgium": "BE",
    "Canada": "CA",
    "Deutschland": "DE",
    "España": "ES",
    "France": "FR",
    "Germany": "DE",
    "Italy": "IT",
    "Netherlands": "NL",
    "Spain": "ES",
    "Switzerland": "CH",
    "USA": "US",
    "United Kingdom": "GB",
    "United States": "US",
    "Österreich": "AT",
}
SOLD_IN = {"DE", "AT", "CH", "FR", "ES", "IT", "BE", "NL", "GB", "US", "CA"}
CORE = {"DE", "AT", "CH", "FR", "ES"}
TECHNOLOGIES = {"salesforce", "hubspot"}
COMPETITORS = {"planrad.example", "taktwerk.example"}
PARTNERS = {"PARTNER", "RESELLER"}
BOTTOM_UP = ("tier_5", "tier_4", "tier_3", "tier_2", "tier_1")
RANK = {"none": 0} | {tier: rank for rank, tier in enumerate(BOTTOM_UP, start=1)}
TOTAL, PER_OWNER = 16, 3

Row = dict[str, str]
Truth = bool | None


def read(name: str) -> list[Row]:
    with (PORTAL / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


COMPANIES = read("companies")


def among(value: str, wanted: set[str]) -> Truth:
    return value in wanted if value else None


def both(left: Truth, right: Truth) -> Truth:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def between(value: str, low: int, high: int) -> Truth:
    return low <= int(value) <= high if value.isdecimal() else None


def layers(row: Row) -> dict[str, Truth]:
    country = CODES[row["country"]] if row["country"] else ""
    technologies = set(row["web_technologies"].split(";")) - {""}
    return {
        "tier_5": both(among(row["industry"], INDUSTRIES), among(country, SOLD_IN)),
        "tier_4": between(row["annualrevenue"], 5_000_000, 500_000_000),
        "tier_3": between(row["numberofemployees"], 50, 2_500),
        "tier_2": among(country, CORE),
        "tier_1": bool(technologies & TECHNOLOGIES) if technologies else None,
    }


def climb(truths: dict[str, Truth], *, unknown_as: bool) -> str:
    reached = "none"
    for tier in BOTTOM_UP:
        truth = truths[tier]
        if not (unknown_as if truth is None else truth):
            break
        reached = tier
    return reached


def is_excluded(row: Row) -> bool:
    return row["domain"] in COMPETITORS or row["type"] in PARTNERS


def decide(row: Row) -> dict[str, Any]:
    truths = layers(row)
    reached, potential = climb(truths, unknown_as=False), climb(truths, unknown_as=True)
    kept = min(row["abm_tier"] or "none", potential, key=RANK.__getitem__)
    tier = row["abm_tier_override"] or max(reached, kept, key=RANK.__getitem__)
    return {
        "layers": truths,
        "reached": reached,
        "potential": potential,
        "held": row["abm_tier"] or None,
        "override": row["abm_tier_override"] or None,
        "excluded": is_excluded(row),
        "tier": "none" if is_excluded(row) else tier,
    }


DECIDED = {row["hs_object_id"]: decide(row) for row in COMPANIES}


def seats() -> tuple[dict[str, str], dict[str, str]]:
    """(id -> how the seat was won, id -> why there is none) for all who hold a seat or stood in line."""
    won: dict[str, str] = {}
    lost: dict[str, str] = {}
    line: list[Row] = []
    for row in COMPANIES:
        identity, word = row["hs_object_id"], row["abm_target_override"]
        if DECIDED[identity]["excluded"]:
            continue
        if word == "never":
            lost[identity] = "never"
        elif word == "always":
            won[identity] = "always"
        elif row["abm_target_status"] in {"approved", "active", "at_risk"}:
            won[identity] = "incumbent"
        elif DECIDED[identity]["tier"] in {"tier_1", "tier_2"}:
            line.append(row)
    taken = Counter(row["hubspot_owner_id"] for row in COMPANIES if row["hs_object_id"] in won)
    for row in sorted(line, key=place_in_line):
        identity, owner = row["hs_object_id"], row["hubspot_owner_id"]
        if taken[owner] >= PER_OWNER:
            lost[identity] = "per_owner"
        elif len(won) >= TOTAL:
            lost[identity] = "total"
        else:
            won[identity] = "newcomer"
            taken[owner] += 1
    return won, lost


def place_in_line(row: Row) -> tuple[int, int, int]:
    decided = DECIDED[row["hs_object_id"]]
    return -RANK[decided["tier"]], -RANK[decided["potential"]], int(row["hs_object_id"])


@pytest.mark.parametrize("name", ["companies", "contacts", "deals", "owners"])
def test_every_line_has_as_many_cells_as_the_header_and_ids_are_unique(name: str) -> None:
    with (PORTAL / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = list(csv.reader(file, strict=True))
    assert len(set(header)) == len(header)
    assert {len(line) for line in lines} == {len(header)}
    identities = [line[header.index("id" if name == "owners" else "hs_object_id")] for line in lines]
    assert len(set(identities)) == len(identities) == EXPECTED[name]


def test_every_reference_leads_somewhere() -> None:
    companies = {row["hs_object_id"] for row in COMPANIES}
    contacts = {row["hs_object_id"] for row in read("contacts")}
    owners = {row["id"] for row in read("owners")}
    for row in COMPANIES:
        assert row["hubspot_owner_id"] in owners | {""}
        assert row["hs_parent_company_id"] in companies | {""}
    for row in read("contacts"):
        assert row["associatedcompanyid"] in companies | {""}
        assert row["hubspot_owner_id"] in owners | {""}
    for row in read("deals"):
        assert set(row["associations.companies"].split(";")) <= companies | {""}
        assert set(row["associations.contacts"].split(";")) <= contacts | {""}
        assert row["hubspot_owner_id"] in owners | {""}


def test_every_address_and_domain_is_reserved_for_examples() -> None:
    for row in COMPANIES:
        assert row["domain"].endswith(".example")
    for name in ("contacts", "owners"):
        for row in read(name):
            assert not row["email"] or re.fullmatch(r"[a-z.]+@[a-z-]+\.example", row["email"])
    for row in read("contacts"):
        assert not row["hs_linkedin_url"] or row["hs_linkedin_url"].startswith("https://people.example/")


@pytest.mark.parametrize("identity", sorted(EXPECTED["accounts"]))
def test_account_worked_by_hand_agrees_with_the_recount(identity: str) -> None:
    assert DECIDED[identity] == EXPECTED["accounts"][identity]


def test_tier_counts_worked_by_hand_agree_with_the_recount() -> None:
    assert Counter(decided["tier"] for decided in DECIDED.values()) == EXPECTED["tiers"]
    assert Counter(row["abm_tier"] or "empty" for row in COMPANIES) == EXPECTED["tiers_before"]


def test_moves_worked_by_hand_agree_with_the_recount() -> None:
    def moved(sign: int) -> list[int]:
        return [
            int(identity)
            for identity, decided in DECIDED.items()
            if sign * (RANK[decided["tier"]] - RANK[decided["held"] or "none"]) > 0
        ]

    assert moved(+1) == EXPECTED["moved_up"]
    assert moved(-1) == EXPECTED["moved_down"]


def test_icp_counts_worked_by_hand_agree_with_the_recount() -> None:
    answers = {True: "yes", False: "no", None: "unknown"}
    assert Counter(answers[decided["layers"]["tier_5"]] for decided in DECIDED.values()) == EXPECTED["icp_fit"]


def test_seats_worked_by_hand_agree_with_the_recount() -> None:
    won, lost = seats()
    assert won == EXPECTED["targets"]["seats"]
    assert lost == EXPECTED["targets"]["without_seat"]
    assert len(won) == EXPECTED["targets"]["total"] == TOTAL
    assert EXPECTED["targets"]["per_owner"] == PER_OWNER


def test_readme_table_says_what_expected_json_says() -> None:
    text = (ROOT / "tests/portal/README.md").read_text(encoding="utf-8")
    answers = {True: "yes", False: "no", None: "unknown"}
    lines = [re.split(r"\s*\|\s*", line.strip("| ")) for line in text.splitlines() if re.match(r"\| \d{4} ", line)]
    assert len(lines) == EXPECTED["companies"]
    for identity, _name, *cells in lines:
        said = EXPECTED["accounts"][identity]
        pin = said["override"] or ("excluded" if said["excluded"] else "-")
        assert cells[:5] == [answers[truth] for truth in said["layers"].values()]
        assert cells[5:10] == [said["reached"], said["potential"], said["held"] or "-", pin, f"**{said['tier']}**"]
        seat, refusal = (EXPECTED["targets"][key].get(identity) for key in ("seats", "without_seat"))
        assert cells[10] == (f"yes, {seat}" if seat else f"no: {refusal}" if refusal else "")


def test_recount_follows_the_packaged_program() -> None:
    text = PROGRAM.read_text(encoding="utf-8")
    assert set(re.findall(r"^ +- ([A-Z_]+)$", text, re.MULTILINE)) == INDUSTRIES

    def listed(pattern: str) -> set[str]:
        [found] = re.findall(pattern + r".*\[([^\]]*)\]", text)
        return set(found.split(", "))

    assert listed(r"where_we_sell: {country: {in:") == SOLD_IN
    assert listed(r"tier_2: {country: {in:") == CORE
    assert listed(r"has_any:") == TECHNOLOGIES
    assert listed(r"competitor: {domain:") == COMPETITORS
    assert listed(r"partner: {type:") == PARTNERS
    assert "tier_4: {revenue: {between: [5_000_000, 500_000_000]}}" in text
    assert "tier_3: {employees: {between: [50, 2_500]}}" in text
    assert f"capacity: {{total: {TOTAL}, per_owner: {PER_OWNER}}}" in text


def test_portal_shows_every_case_it_promises() -> None:
    assert set(EXPECTED["tiers"]) == set(RANK)
    unreadable = [
        row["hs_object_id"] for row in COMPANIES if row["annualrevenue"] and not row["annualrevenue"].isdecimal()
    ]
    assert [int(identity) for identity in unreadable] == EXPECTED["unreadable"]["revenue"]
    domains = Counter(row["domain"] for row in COMPANIES)
    same = [
        [int(r["hs_object_id"]) for r in COMPANIES if r["domain"] == d] for d, count in domains.items() if count > 1
    ]
    assert same == EXPECTED["same_domain"]
    for column in ("industry", "numberofemployees", "annualrevenue", "country", "web_technologies", "hubspot_owner_id"):
        assert any(not row[column] for row in COMPANIES), column
    assert any(row["hs_parent_company_id"] for row in COMPANIES)
    assert any(not row["jobtitle"] for row in read("contacts"))
