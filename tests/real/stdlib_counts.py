"""What every system of domain.md says of the portal of `../shared/data`, counted again without crmsync.

Written from domain.md and from program_all.yaml, by the standard library alone: `csv`, `datetime`, `fractions`.
Nothing is held in this portal, so that only what is certainly true counts: an unknown ticks no box and lifts nobody.

The one thing that is handed in is the reading of job titles, (seniority, department) by title: it is a vocabulary, not
a rule, and has tests of its own.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

Row = Mapping[str, str]
Titles = Mapping[str, tuple[str, str]]

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
ENGAGED_SINCE = AS_OF - timedelta(days=365)
# 36, 24 and 12 calendar months before the as-of date, each with its own day: the first of November has one every year.
YEARS = (date(2023, 11, 1), date(2024, 11, 1), date(2025, 11, 1))

# The values of program_all.yaml, a second time.
COMPETITORS = {"oracle.com", "salesforce.com"}
MONEY_HOUSES = {"BANKING", "INSURANCE", "INVESTMENT_MANAGEMENT", "FINANCIAL_SERVICES", "REAL_ESTATE"}
STATES = {
    "California", "Texas", "New York", "Illinois", "Ohio", "Wisconsin", "Pennsylvania", "Michigan", "Georgia",
    "Minnesota",
}  # fmt: skip
LARGEST = 100
GLOBAL_EMPLOYEES = 200_000
SHOPS = {"hubspot", "marketo", "adobe_experience_manager"}
MAKERS = {"RETAIL", "INTERNET", "COMPUTER_SOFTWARE", "MACHINERY", "FOOD_BEVERAGES", "CHEMICALS", "OIL_ENERGY"}
PARETO_A, PARETO_B = 80, 95
BUYERS_AT_THE_TOP = 50
MINIMUM_NAMES = 5
WANTED_ROLES = ("commercial_decision_maker", "technical_qualifier", "influencer", "end_user")
USERS = {"operations", "supply_chain"}

LEVELS = ("c_suite", "vp", "director", "manager", "senior")
LEADERS = LEVELS[:4]


@dataclass(frozen=True)
class Account:
    """What the portal should say of one company once everything has landed. None is a blank."""

    layer_tier: str
    checklist_tier: str
    checklist_score: int
    category: str | None
    management: str
    management_mismatch: str | None
    relationship: str
    coverage_model: str | None
    names_known: int
    names_needed: int | None
    departments_covered: int
    missing_roles: str | None


@dataclass(frozen=True)
class Contact:
    """What the portal should say of one person. None is a blank."""

    stakeholder_role: str
    interest: str | None
    name_gaps: str | None


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def number(text: str) -> Fraction | None:
    return Fraction(text) if text else None


class Portal:
    """The four files, and what each system makes of them."""

    def __init__(self, folder: Path, titles: Titles) -> None:
        self.companies = read(folder, "companies")
        self.contacts = read(folder, "contacts")
        self.deals = read(folder, "deals")
        self.owners = {row["id"] for row in read(folder, "owners")}
        self.titles = titles
        self.names_products = "product" in self.deals[0]
        self.people: dict[str, list[Row]] = defaultdict(list)
        for row in self.contacts:
            self.people[row["associatedcompanyid"]].append(row)
        self.won: dict[str, list[Row]] = defaultdict(list)
        self.on_open_deals: set[str] = set()
        for row in self.deals:
            closed = moment(row["closedate"])
            if row["dealstage"] == "closedwon" and closed is not None and closed <= AS_OF:
                for company in set(filter(None, row["associations.companies"].split(";"))):
                    self.won[company].append(row)
            if row["dealstage"] not in ("closedwon", "closedlost"):
                self.on_open_deals |= set(filter(None, row["associations.contacts"].split(";")))
        self.children: dict[str, list[Row]] = defaultdict(list)
        for row in self.companies:
            if row["hs_parent_company_id"]:
                self.children[row["hs_parent_company_id"]].append(row)

    def accounts(self) -> dict[str, Account]:
        globals_ = self._global_accounts()
        categories = self._categories()
        relationships = self._relationships()
        found = {}
        for row in self.companies:
            id_ = row["hs_object_id"]
            tier, score = self._checklist(row, globals_)
            category = categories[id_]
            managed = row["hubspot_owner_id"] in self.owners
            known, departments, missing = self._names(id_)
            found[id_] = Account(
                layer_tier=_layers(row),
                checklist_tier=tier,
                checklist_score=score,
                category=category,
                management="managed" if managed else "unmanaged",
                management_mismatch=_mismatch(category, managed=managed),
                relationship=relationships[id_],
                coverage_model=self._coverage_model(row, managed=managed),
                names_known=known,
                names_needed=None if _excluded(row) else max(0, MINIMUM_NAMES - known),
                departments_covered=departments,
                # As the names that are needed: nobody is to look for people at an account that is excluded.
                missing_roles=None if _excluded(row) else missing,
            )
        return found

    def persons(self) -> dict[str, Contact]:
        return {
            row["hs_object_id"]: Contact(
                stakeholder_role=";".join(self._roles(row)) or "unclassified",
                interest=self._interest(row),
                name_gaps=_name_gaps(row),
            )
            for row in self.contacts
        }

    # A3

    def _global_accounts(self) -> set[str]:
        """The largest by revenue, or so many employees. Revenues that are missing make the last places uncertain."""
        by_size = sorted((r for r in self.companies if r["annualrevenue"]), key=_revenue, reverse=True)
        unknown = sum(not row["annualrevenue"] for row in self.companies)
        # Certainly among the largest: even if every company without a revenue were larger.
        certain = by_size[: max(0, LARGEST - unknown)]
        assert _revenue(certain[-1]) > _revenue(by_size[len(certain)]), "no tie for the last place"
        many = [r for r in self.companies if r["numberofemployees"] and int(r["numberofemployees"]) >= GLOBAL_EMPLOYEES]
        return {row["hs_object_id"] for row in (*certain, *many)}

    def _checklist(self, row: Row, globals_: set[str]) -> tuple[str, int]:
        employees, founded, revenue = row["numberofemployees"], row["founded_year"], row["annualrevenue"]
        boxes = {
            "website": bool(SHOPS & set(row["web_technologies"].split(";"))),
            "employee_size": bool(employees) and 2_000 <= int(employees) <= 50_000,
            # Thirty years or more, unless known or possibly of fewer than 3,000 people.
            "tenure": bool(founded) and int(founded) <= 2026 - 30 and bool(employees) and int(employees) >= 3_000,
            "budget": bool(revenue) and Fraction(revenue) >= 5_000_000_000,
            "prior_spend": bool(self.won[row["hs_object_id"]]),
            "annual_report": row["industry"] in MAKERS,
        }
        ticked = sum(boxes.values())
        if _excluded(row):
            return "none", ticked
        if row["hs_object_id"] in globals_:
            return "global", ticked
        if ticked == len(boxes) and _fits(row):
            return "tier_1", ticked
        if Fraction(ticked, len(boxes)) > Fraction(1, 2):
            return "tier_2", ticked
        if ticked > 2:
            return "tier_3", ticked
        return ("tier_4" if ticked else "none"), ticked

    # A4

    def _categories(self) -> dict[str, str | None]:
        """Sorted by revenue, A while the share before the account is below 80 %, B below 95 %, then C."""
        sharing = [row for row in self.companies if row["annualrevenue"] and not _excluded(row)]
        sharing.sort(key=lambda row: row["hs_object_id"])
        sharing.sort(key=_revenue, reverse=True)
        total = sum((_revenue(row) for row in sharing), Fraction(0))
        found: dict[str, str | None] = dict.fromkeys(row["hs_object_id"] for row in self.companies)
        before = Fraction(0)
        for row in sharing:
            share = before / total * 100
            found[row["hs_object_id"]] = "a" if share < PARETO_A else "b" if share < PARETO_B else "c"
            before += _revenue(row)
        for row in self.companies:
            if not _excluded(row) and _strategically_important(row):
                found[row["hs_object_id"]] = "a"
        return found

    # A5

    def _relationships(self) -> dict[str, str]:
        counting = {
            row["hs_object_id"]: [deal for deal in self.won[row["hs_object_id"]] if _closed(deal) >= YEARS[0]]
            for row in self.companies
        }
        totals = {id_: sum((Fraction(d["amount"]) for d in deals), Fraction(0)) for id_, deals in counting.items()}
        buyers = sorted((id_ for id_, deals in counting.items() if deals), key=lambda id_: totals[id_], reverse=True)
        places = -(-BUYERS_AT_THE_TOP * len(buyers) // 100)
        assert totals[buyers[places - 1]] > totals[buyers[places]], "no tie for the last place"
        top = set(buyers[:places])
        return {id_: self._relationship(id_, deals, top) for id_, deals in counting.items()}

    def _relationship(self, id_: str, counting: Sequence[Row], top: set[str]) -> str:
        """Evidence that the portal cannot give decides nothing: standardised, share of wallet, mostly breadth."""
        if not counting:
            return "greenfield"
        years = {sum(_closed(deal) >= start for start in YEARS) for deal in counting}
        engaged = {self._level(person) for person in self.people[id_] if _engaged(person)}
        if len(counting) >= 4 and len(years) == 3 and id_ in top and "c_suite" in engaged:
            return "strategic"
        broad = not self.names_products or len({deal["product"] for deal in counting if deal["product"]}) >= 2
        if len(years) >= 2 and broad and engaged & {"c_suite", "vp", "director"}:
            return "core"
        return "beachhead"

    # A6

    def _coverage_model(self, row: Row, *, managed: bool) -> str | None:
        if _excluded(row):
            return None
        group = self._group(row)
        people = sum(int(one["numberofemployees"]) for one in group if one["numberofemployees"])
        if len(group) > 1 or people >= 150_000:
            return "global" if len({one["state"] for one in group if one["state"]}) > 1 else "strategic"
        if self.won[row["hs_object_id"]]:
            return "customer_success"
        return "account_manager" if managed else "self_service"

    def _group(self, row: Row) -> list[Row]:
        """The company and all that stand below it; this portal has no circles."""
        below = (one for child in self.children[row["hs_object_id"]] for one in self._group(child))
        return [row, *below]

    # B

    def _level(self, person: Row) -> str:
        return self.titles[person["jobtitle"].strip()][0] if person["jobtitle"].strip() else "unknown"

    def _department(self, person: Row) -> str:
        return self.titles[person["jobtitle"].strip()][1] if person["jobtitle"].strip() else "unknown"

    def _roles(self, person: Row) -> list[str]:
        """B1's table, first match; End User beside it. No deal of this portal says what somebody's role in it is."""
        level, department = self._level(person), self._department(person)
        roles = []
        if department in ("it", "engineering", "data") and level in LEVELS:
            roles.append("technical_qualifier")
        elif (level == "c_suite" and department in ("general_management", "finance", "operations")) or (
            level in ("vp", "director") and department in ("finance", "procurement", "general_management")
        ):
            roles.append("commercial_decision_maker")
        elif level in LEADERS:
            roles.append("influencer")
        if department in USERS:
            roles.append("end_user")
        return roles

    def _names(self, id_: str) -> tuple[int, int, str | None]:
        """Names that are not stale, their departments, and the wanted roles that none of them has."""
        known = [person for person in self.people[id_] if not _stale(person)]
        departments = {self._department(person) for person in known} - {"unknown", "other"}
        there = {role for person in known for role in self._roles(person)}
        missing = ";".join(role for role in WANTED_ROLES if role not in there)
        return len(known), len(departments), missing or None

    def _interest(self, person: Row) -> str | None:
        last = moment(person["notes_last_contacted"])
        if person["hs_object_id"] in self.on_open_deals or (last and last >= AS_OF - timedelta(days=30)):
            return "high"
        if last is None:
            return None
        return "medium" if last >= AS_OF - timedelta(days=180) else "low"


def _excluded(row: Row) -> bool:
    return row["domain"] in COMPETITORS


def _revenue(row: Row) -> Fraction:
    return Fraction(row["annualrevenue"])


def _fits(row: Row) -> bool:
    """The ideal customer profile, where it is certain."""
    return row["country"] == "United States" and bool(row["industry"]) and row["industry"] not in MONEY_HOUSES


def _layers(row: Row) -> str:
    """A2: every layer in turn."""
    if _excluded(row) or not _fits(row):
        return "none"
    revenue, employees = number(row["annualrevenue"]), number(row["numberofemployees"])
    layers = (
        revenue is not None and 2_500_000_000 <= revenue <= 60_000_000_000,
        employees is not None and 4_000 <= employees <= 120_000,
        row["state"] in STATES,
        bool({"salesforce", "hubspot"} & set(row["web_technologies"].split(";"))),
    )
    climbed = layers.index(False) if False in layers else len(layers)
    return f"tier_{5 - climbed}"


def _strategically_important(row: Row) -> bool:
    return row["industry"] == "AIRLINES_AVIATION" or (bool(row["founded_year"]) and int(row["founded_year"]) < 1850)


def _mismatch(category: str | None, *, managed: bool) -> str | None:
    if category in ("a", "b") and not managed:
        return "needs_owner"
    return "owned_c" if category == "c" and managed else None


def _closed(deal: Row) -> date:
    return datetime.fromisoformat(deal["closedate"]).astimezone(UTC).date()


def _engaged(person: Row) -> bool:
    last = moment(person["notes_last_contacted"])
    return last is not None and last >= ENGAGED_SINCE


def _stale(person: Row) -> bool:
    """More than 365 days ago; no date is unknown, so not stale."""
    last = moment(person["notes_last_contacted"])
    return last is not None and last < ENGAGED_SINCE


def _name_gaps(person: Row) -> str | None:
    gaps = (
        "stale" if _stale(person) else "",
        "" if person["hs_linkedin_url"] else "no_social_profile",
        "" if person["jobtitle"].strip() else "no_title",
    )
    return ";".join(filter(None, gaps)) or None


def spread(found: Mapping[str, object], name: str) -> dict[str, int]:
    """How many have which value, for a table that people read."""
    return dict(sorted(Counter(str(getattr(one, name)) for one in found.values()).items()))


def _rewritten(
    source: Path, target: Path, name: str, change: Callable[[dict[str, str]], dict[str, str] | None]
) -> None:
    rows = [row for one in read(source, name) if (row := change(one)) is not None]
    with (target / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def with_a_past(source: Path, target: Path) -> Path:
    """The portal with what it has none or few of: purchases of three years, products, deep families, chief executives.

    A deal moves back by none, one or two years by its number; its product is its name without the last word; every
    second head of a family belongs to the head before it; every twentieth person is a chief executive; the last owner
    is no longer in the portal.
    """
    target.mkdir()
    heads = sorted({row["hs_parent_company_id"] for row in read(source, "companies")} - {""})
    above = dict(zip(heads[1::2], heads[::2], strict=False))

    def older(row: dict[str, str]) -> dict[str, str]:
        back = int(row["hs_object_id"]) % 3
        moved = {
            name: f"{int(row[name][:4]) - back}{row[name][4:]}" for name in ("closedate", "createdate") if row[name]
        }
        return row | moved | {"product": row["dealname"].rpartition(" ")[0]}

    def deeper(row: dict[str, str]) -> dict[str, str]:
        return row | {"hs_parent_company_id": above.get(row["hs_object_id"], row["hs_parent_company_id"])}

    def promoted(row: dict[str, str]) -> dict[str, str]:
        return row | ({"jobtitle": "Chief Executive Officer"} if int(row["hs_object_id"]) % 20 == 0 else {})

    _rewritten(source, target, "deals", older)
    _rewritten(source, target, "contacts", promoted)
    _rewritten(source, target, "companies", deeper)
    last = max(row["id"] for row in read(source, "owners"))
    _rewritten(source, target, "owners", lambda row: None if row["id"] == last else row)
    return target
