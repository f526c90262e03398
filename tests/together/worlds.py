"""One world in two CRMs, drawn from a seed, with the truth kept: which records are the same company, person or deal.

A good part of the companies stands in both CRMs, the rest in one. Names are spelled differently, some domains are
missing, one company in ten stands twice in one CRM, one in twenty has values that contradict each other. Some pairs
are linked by the CRMs' own integration, some agree by domain or e-mail, some by name and place alone. Some stand twice
under names of which one may be nearer (`leaning`), and some cannot be told by anybody: those are `uncertain`, and
whoever matches them by itself guesses.
"""

from __future__ import annotations

import csv
import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from crmsync.sandbox.salesforce import ids
from tests.together.native_sync import LINKS, SOBJECTS, Crm, Kind
from tests.together.world_names import COMPANIES, FIRST_NAMES, LAST_NAMES, NAMESAKES, TITLES, Company

OWNERS = (("Katrin", "Vossberg"), ("Julien", "Marchetier"), ("Inés", "Caldentey"))
#: The Salesforce user that HubSpot's integration works as.
INTEGRATION_USER = ids.make("005", 99)
INDUSTRIES = {
    "MACHINERY": "Machinery", "INSURANCE": "Insurance", "BANKING": "Banking", "CHEMICALS": "Chemicals",
    "RETAIL": "Retail", "CONSTRUCTION": "Construction", "BIOTECHNOLOGY": "Biotechnology",
    "TELECOMMUNICATIONS": "Telecommunications", "UTILITIES": "Utilities",
}  # fmt: skip
_CREATED, _MODIFIED = "2024-03-01T09:00:00.000Z", "2026-05-04T09:00:00.000Z"
_FIRST: dict[Kind, int] = {"company": 10_001, "contact": 50_001, "deal": 90_001}
_FILES: dict[Kind, str] = {"company": "companies.csv", "contact": "contacts.csv", "deal": "deals.csv"}
Row = dict[str, str]
How = Literal["native", "evident", "leaning", "uncertain"]


@dataclass
class World:
    """`entity[crm, kind, id]` is the truth; `how[kind][entity]` how much of it the data show, for what is in both CRMs.

    `conflicts`: companies of HubSpot whose number of employees contradicts Salesforce's. `linked`: HubSpot's id to
    Salesforce's, as the CRMs' own integration keeps it."""

    hubspot: Path
    salesforce: Path
    entity: dict[tuple[Crm, Kind, str], int] = field(default_factory=dict)
    how: dict[Kind, dict[int, How]] = field(default_factory=lambda: {"company": {}, "contact": {}, "deal": {}})
    conflicts: set[str] = field(default_factory=set)
    linked: dict[Kind, dict[str, str]] = field(default_factory=lambda: {"company": {}, "contact": {}, "deal": {}})

    def ids(self, crm: Crm, kind: Kind, entity: int) -> list[str]:
        """The records that are this company, person or deal in one CRM."""
        return sorted(id_ for (c, k, id_), e in self.entity.items() if (c, k, e) == (crm, kind, entity))

    def same(self, kind: Kind, left: str, right: str) -> bool:
        """Whether a record of HubSpot and one of Salesforce are the same, in truth."""
        return self.entity["hubspot", kind, left] == self.entity["salesforce", kind, right]


@dataclass
class _Files:
    """The rows of both CRMs as they are made."""

    world: World
    rows: dict[tuple[Crm, Kind], list[Row]] = field(default_factory=dict)
    roles: list[Row] = field(default_factory=list)

    def add(self, crm: Crm, kind: Kind, entity: int, row: Row) -> str:
        rows = self.rows.setdefault((crm, kind), [])
        number = len(rows)
        if crm == "hubspot":
            id_ = str(_FIRST[kind] + number)
            row = {"hs_object_id": id_, **row, "createdate": _CREATED}
            row["lastmodifieddate" if kind == "contact" else "hs_lastmodifieddate"] = _MODIFIED
        else:
            id_ = ids.make(ids.PREFIXES[SOBJECTS[kind]], number + 1)
            row = {"Id": id_, **row, "CreatedDate": _CREATED, "SystemModstamp": _MODIFIED}
        rows.append(row)
        self.world.entity[crm, kind, id_] = entity
        return id_

    def link(self, kind: Kind, ours: str, theirs: str) -> None:
        row = next(row for row in self.rows["hubspot", kind] if row["hs_object_id"] == ours)
        row[LINKS[kind]] = theirs
        self.world.linked[kind][ours] = theirs

    def write(self) -> None:
        for kind, name in _FILES.items():
            _write(self.world.hubspot / name, self.rows.get(("hubspot", kind), []))
        for kind, name in SOBJECTS.items():
            _write(self.world.salesforce / f"{name}.csv", self.rows.get(("salesforce", kind), []))
        _write(self.world.salesforce / "OpportunityContactRole.csv", self.roles)
        owners = [
            {"id": str(301 + at), "email": f"{_slug(first)}@seller.example", "firstName": first, "lastName": last}
            for at, (first, last) in enumerate(OWNERS)
        ]
        _write(self.world.hubspot / "owners.csv", owners)
        users = [
            {"Id": _user(at), "Username": f"{_slug(first)}@seller.example", "FirstName": first, "LastName": last,
             "Email": f"{_slug(first)}@seller.example", "IsActive": "true"}
            for at, (first, last) in enumerate(OWNERS)
        ]  # fmt: skip
        users.append({**users[0], "Id": INTEGRATION_USER, "Username": "hubspot@seller.example", "FirstName": "HubSpot",
                      "LastName": "Integration"})  # fmt: skip
        _write(self.world.salesforce / "User.csv", users)


def generate(folder: Path, seed: int, *, accounts: int = 130) -> World:
    """Write `folder/hubspot` and `folder/salesforce`, and return them with the truth. The same for the same seed."""
    dice = random.Random(seed)
    world = World(folder / "hubspot", folder / "salesforce")
    for place in (world.hubspot, world.salesforce):
        place.mkdir(parents=True)
    files = _Files(world)
    chosen = list(COMPANIES)
    dice.shuffle(chosen)
    for entity, company in enumerate(chosen[:accounts]):
        _account(files, dice, entity, company)
    _namesakes(files, accounts)
    files.write()
    return world


def _account(files: _Files, dice: random.Random, entity: int, company: Company) -> None:
    draw = dice.random()
    twice = entity % 10 == 3
    both = draw < 0.7 or (twice and draw < 0.9)
    crms: list[Crm] = ["hubspot", "salesforce"] if both else ["hubspot"] if draw < 0.85 else ["salesforce"]
    how: How = "native" if dice.random() < (0.3 if twice else 0.6) else "evident"
    # Without a native link a domain is missing now and then; then name and place have to do.
    missing = {crm: how != "native" and dice.random() < 0.2 for crm in crms}
    made: dict[Crm, list[str]] = {}
    doubled = dice.choice(crms) if twice else None
    twin = twice and dice.random() < 0.7  # The second record's name says no more than the first one's.
    name = ""
    contradicts = entity % 15 == 5 and len(crms) == 2
    for crm in crms:
        for copy in range(2 if crm == doubled else 1):
            name = name.upper() if copy and twin else _spelling(dice, company)
            employees = 40 + entity * 7 + (500 if contradicts and crm == "salesforce" else 0)
            row = _company_row(crm, company, name, entity, employees, domain=not missing[crm])
            made.setdefault(crm, []).append(files.add(crm, "company", entity, row))
    if len(crms) == 2:
        if how == "native":
            files.link("company", made["hubspot"][0], made["salesforce"][0])
        elif twice:
            how = "uncertain" if twin else "leaning"
        files.world.how["company"][entity] = how
        if contradicts and not twice:
            files.world.conflicts.add(made["hubspot"][0])
    people = _people(files, dice, entity, company, made)
    _deals(files, dice, entity, company, made, people, how if len(crms) == 2 else None)


def _company_row(crm: Crm, company: Company, name: str, entity: int, employees: int, *, domain: bool) -> Row:
    site = f"{_slug(company.name)}.example" if domain else ""
    revenue = str((10 + entity) * 1_000_000)
    owner = entity % len(OWNERS)
    if crm == "hubspot":
        return {
            "name": name, "domain": site, "industry": company.industry, "numberofemployees": str(employees),
            "annualrevenue": revenue, "city": company.city, "country": company.country,
            "hubspot_owner_id": str(301 + owner), LINKS["company"]: "",
        }  # fmt: skip
    return {
        "Name": name, "Website": f"https://www.{site}/" if site else "", "Industry": INDUSTRIES[company.industry],
        "NumberOfEmployees": str(employees), "AnnualRevenue": revenue, "BillingCity": company.city,
        "BillingCountry": company.country, "OwnerId": _user(owner),
    }  # fmt: skip


def _people(
    files: _Files, dice: random.Random, entity: int, company: Company, made: Mapping[Crm, list[str]]
) -> dict[Crm, list[str]]:
    """Two or three people of a company: their records by CRM."""
    found: dict[Crm, list[str]] = {}
    for nth in range(2 + entity % 2):
        person = entity * 10 + nth
        first, last = (
            FIRST_NAMES[(entity + 7 * nth) % len(FIRST_NAMES)],
            LAST_NAMES[(3 * entity + nth) % len(LAST_NAMES)],
        )
        email = f"{_slug(first)}.{_slug(last)}@{_slug(company.name)}.example"
        both = len(made) == 2 and dice.random() < 0.7
        there: list[Crm] = list(made) if both else [dice.choice(list(made))]
        twice = "salesforce" in there and dice.random() < 0.05
        records: dict[Crm, list[str]] = {}
        for crm in there:
            for _copy in range(2 if twice and crm == "salesforce" else 1):
                row = _contact_row(crm, first, last, email, TITLES[person % len(TITLES)], made[crm][0])
                records.setdefault(crm, []).append(files.add(crm, "contact", person, row))
        if both:
            native = dice.random() < 0.5
            if native:
                files.link("contact", records["hubspot"][0], records["salesforce"][0])
            files.world.how["contact"][person] = "native" if native else "uncertain" if twice else "evident"
        for crm, made_ in records.items():
            found.setdefault(crm, []).append(made_[0])
    return found


def _contact_row(crm: Crm, first: str, last: str, email: str, title: str, account: str) -> Row:
    if crm == "hubspot":
        return {
            "firstname": first, "lastname": last, "email": email, "jobtitle": title, "associatedcompanyid": account,
            LINKS["contact"]: "",
        }  # fmt: skip
    return {"FirstName": first, "LastName": last, "Email": email, "Title": title, "AccountId": account}


def _deals(
    files: _Files,
    dice: random.Random,
    entity: int,
    company: Company,
    made: Mapping[Crm, list[str]],
    people: Mapping[Crm, Sequence[str]],
    how: How | None,
) -> None:
    """A deal for every second company, in both CRMs where the company is in both beyond doubt."""
    if entity % 2:
        return
    won = entity % 4 == 0
    amount, closed = str(20_000 + entity * 500), f"2025-{1 + entity % 12:02d}-15"
    name = f"{company.name}: platform {entity}"
    both = how in ("native", "evident") and len(made) == 2
    records: dict[Crm, str] = {}
    for crm in list(made) if both else list(made)[:1]:
        person = people.get(crm, [""])[0]
        if crm == "hubspot":
            row = {
                "dealname": name, "amount": amount, "dealstage": "closedwon" if won else "qualifiedtobuy",
                "pipeline": "default", "closedate": f"{closed}T00:00:00.000Z",
                "hubspot_owner_id": str(301 + entity % len(OWNERS)), "associations.companies": made[crm][0],
                "associations.contacts": person, LINKS["deal"]: "",
            }  # fmt: skip
        else:
            row = {
                "Name": name, "AccountId": made[crm][0], "Amount": amount, "CloseDate": closed,
                "StageName": "Closed Won" if won else "Qualification", "OwnerId": _user(entity % len(OWNERS)),
            }  # fmt: skip
        records[crm] = files.add(crm, "deal", entity, row)
        if crm == "salesforce" and person:
            files.roles.append({
                "Id": ids.make(ids.PREFIXES["OpportunityContactRole"], len(files.roles) + 1),
                "OpportunityId": records[crm], "ContactId": person, "Role": "Decision Maker", "IsPrimary": "true",
            })  # fmt: skip
    if both:
        if how == "native" and dice.random() < 0.7:
            files.link("deal", records["hubspot"], records["salesforce"])
            files.world.how["deal"][entity] = "native"
        else:
            files.world.how["deal"][entity] = "evident"


def _namesakes(files: _Files, first: int) -> None:
    """Companies that only seem to be the same; of the last, HubSpot's record could be either of Salesforce's."""
    for at, (one, other) in enumerate(NAMESAKES):
        entity, another = first + 2 * at, first + 2 * at + 1
        last = at == len(NAMESAKES) - 1
        row = _company_row("hubspot", one, one.name, entity, 100, domain=False)
        if last:
            row |= {"city": "", "country": ""}
            files.add(
                "salesforce", "company", entity, _company_row("salesforce", one, one.full, entity, 100, domain=False)
            )
            files.world.how["company"][entity] = "uncertain"
        files.add("hubspot", "company", entity, row)
        theirs = _company_row("salesforce", other, other.full, another, 100, domain=False)
        files.add("salesforce", "company", another, theirs)


def _spelling(dice: random.Random, company: Company) -> str:
    """One of the ways in which people write a company's name down."""
    ways = (
        company.name,
        company.full,
        company.full.upper(),
        company.name.replace("&", "and"),
        company.full.replace(",", "").replace(".", ""),
        "".join(c for c in unicodedata.normalize("NFKD", company.name) if not unicodedata.combining(c)),
    )
    return dice.choice(ways)


def _slug(name: str) -> str:
    """A name as a part of an invented domain or address."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("&", "and").replace("ß", "ss"))
    return re.sub(r"[^a-z0-9]+", "", plain.encode("ascii", "ignore").decode())


def _user(at: int) -> str:
    return ids.make(ids.PREFIXES["User"], at + 1)


def _write(path: Path, rows: Sequence[Row]) -> None:
    if not rows:
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
