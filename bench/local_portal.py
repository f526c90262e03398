"""A large portal put straight into a store's mirror: what a pull would have left there, without the hours of a pull.

The same for the same size. About one value in eight is missing, titles are a few thousand distinct ones of which few
are common, one company in twenty has a parent, and a day's changes touch one record in a hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import polars as pl

from crmsync.sandbox.hubspot.options import INDUSTRIES, TECHNOLOGIES
from crmsync.sandbox.hubspot.synthetic import FIRST_COMPANY, FIRST_CONTACT
from crmsync.store import Store

PORTAL = "main"
FIRST_DEAL = 500_000_001
OWNERS = tuple(str(9001 + i) for i in range(200))
#: Rows that are made and stored at a time.
PART = 100_000
#: One record in so many is changed by a day.
CHANGED = 100

_NOW_MS = 1_793_491_200_000  # 2026-11-01, UTC
_DAY_MS = 86_400_000
_PLACES = (
    ("San Francisco", "California", "United States"), ("Austin", "Texas", "United States"),
    ("Chicago", "Illinois", "United States"), ("Boston", "Massachusetts", "United States"),
    ("Toronto", "Ontario", "Canada"), ("Berlin", "Berlin", "Germany"), ("Munich", "Bavaria", "Germany"),
    ("Paris", "Ile-de-France", "France"), ("Madrid", "Madrid", "Spain"), ("London", "England", "United Kingdom"),
    ("Sydney", "New South Wales", "Australia"), ("Mumbai", "Maharashtra", "India"),
)  # fmt: skip
_FIRST = ("Ana", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivo", "June", "Kim", "Lea", "Max", "Nia", "Omar")
_LAST = ("Adams", "Berg", "Costa", "Diaz", "Evans", "Fox", "Gupta", "Haas", "Ito", "Jones", "Klein", "Lopez", "Moreau")
_LEVELS = (
    "Manager", "Senior Manager", "Director", "Senior Director", "Vice President", "VP", "SVP", "Head", "Chief Officer",
    "Specialist", "Analyst", "Senior Analyst", "Coordinator", "Assistant", "Lead", "Consultant", "Associate", "Intern",
    "Team Lead", "Principal",
)  # fmt: skip
_AREAS = (
    "Sales", "Marketing", "Finance", "Information Technology", "Engineering", "Operations", "Human Resources", "Legal",
    "Procurement", "Product", "Data", "Customer Success", "Supply Chain", "Research", "Security", "Accounting",
    "Communications", "Logistics", "Quality", "Training", "Business Development", "Infrastructure", "Facilities",
    "Compliance",
)  # fmt: skip
_WHERE = ("", ", EMEA", ", North America", ", APAC", " (Interim)", ", Global Accounts")
TITLES = tuple(f"{level}, {area}{where}" for where, area, level in product(_WHERE, _AREAS, _LEVELS))
#: From, to, the column of the generator that says whom, and what the CRM calls it.
_LINKS = (
    ("deal", "company", "_company", "Primary"),
    ("deal", "contact", "_contact", "Decision maker"),
    ("contact", "contact", "_manager", "Manager"),
)
_BUYING_ROLES = ("DECISION_MAKER", "INFLUENCER", "BUDGET_HOLDER", "END_USER", "CHAMPION")


@dataclass(frozen=True, slots=True)
class Size:
    """How many records of each object."""

    companies: int
    contacts: int
    deals: int


class Record(NamedTuple):
    """One record as `Mirror.put_records` takes it."""

    id: str
    modified_at: str
    properties: bytes


class Owner(NamedTuple):
    id: str
    name: str
    active: bool


class Link(NamedTuple):
    """One association as `Mirror.put_associations` takes it."""

    to: str
    labels: tuple[str, ...]
    ids: tuple[str, ...] = ()


def fill(store: Store, size: Size) -> None:
    """Every record as the CRM has it before the first run, owners and associations too."""
    store.mirror.put_owners(PORTAL, [Owner(id_, f"Owner {id_}", int(id_) % 10 != 0) for id_ in OWNERS])
    for object_ in ("company", "contact", "deal"):
        for frame in parts(object_, size):
            put(store, object_, frame)
    for object_, to, column, label in _LINKS:
        for frame in parts(object_, size):
            pairs = frame.select("id", column).drop_nulls().rows()
            store.mirror.put_associations(PORTAL, object_, to, {id_: [Link(one, (label,))] for id_, one in pairs})


def put(store: Store, object_: str, frame: pl.DataFrame, settled: pl.DataFrame | None = None) -> None:
    """Store a part, with the values of `settled` (columns `id` and property names) beside its own."""
    if settled is not None:
        frame = frame.join(settled, on="id", how="left", maintain_order="left")
    lines = frame.drop("id", pl.selectors.starts_with("_")).write_ndjson().encode().splitlines()
    modified = frame["hs_lastmodifieddate" if object_ != "contact" else "lastmodifieddate"]
    batch = [Record(*row) for row in zip(frame["id"].to_list(), modified.to_list(), lines, strict=True)]
    store.mirror.put_records(PORTAL, object_, batch, "pull-1")


def parts(object_: str, size: Size, *, later: bool = False) -> Iterator[pl.DataFrame]:
    """Raw properties as text, in order of id; `later`: one record in a hundred has changed since."""
    count, first, make = {
        "company": (size.companies, FIRST_COMPANY, _companies),
        "contact": (size.contacts, FIRST_CONTACT, _contacts),
        "deal": (size.deals, FIRST_DEAL, _deals),
    }[object_]
    for start in range(0, count, PART):
        rows = _rows(first + start, min(PART, count - start))
        columns = make(size, pl.col("_changed") if later else pl.lit(value=False))
        yield rows.select(pl.col("n").cast(pl.String).alias("id"), *[e.alias(name) for name, e in columns.items()])


def _rows(first: int, count: int) -> pl.DataFrame:
    """Numbers with two columns of hash bits, `h` and `g`, from which every value is drawn."""
    numbers = pl.int_range(first, first + count, dtype=pl.Int64, eager=True)
    frame = pl.DataFrame({"n": numbers, "h": numbers.hash(1), "g": numbers.hash(2)})
    return frame.with_columns((numbers.hash(3) % CHANGED == 0).alias("_changed"))


def _draw(bits: str, shift: int, sides: int) -> pl.Expr:
    return (pl.col(bits) // (1 << shift)) % sides


def _pick(values: Sequence[str], draw: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series(values)).gather(draw)


def _sometimes(value: pl.Expr, draw: pl.Expr) -> pl.Expr:
    """The value, missing where the die shows 0."""
    return pl.when(draw != 0).then(value)


def _text(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.Int64).cast(pl.String)


def _moment(days_ago: pl.Expr, millis: pl.Expr) -> pl.Expr:
    at = pl.lit(_NOW_MS) - days_ago.cast(pl.Int64) * _DAY_MS - millis.cast(pl.Int64)
    return pl.from_epoch(at, time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")


def _companies(size: Size, changed: pl.Expr) -> Mapping[str, pl.Expr]:
    number = pl.col("n") - FIRST_COMPANY
    employees = (10 ** (_draw("h", 7, 4000) / 1000 + 1)).cast(pl.Int64) * pl.when(changed).then(3).otherwise(1)
    technologies = pl.concat_str(
        _pick(TECHNOLOGIES, _draw("h", 3, len(TECHNOLOGIES))),
        _pick(TECHNOLOGIES, _draw("h", 11, len(TECHNOLOGIES))),
        separator=";",
    )
    # Among each twenty, the first is the parent of the second, which is the parent of the third.
    parent = pl.when((number % 20).is_in([1, 2])).then(_text(pl.col("n") - 1))
    places = [_pick([place[i] for place in _PLACES], _draw("h", 23, len(_PLACES))) for i in range(3)]
    return {
        "createdate": _moment(_draw("g", 1, 1500) + 30, _draw("g", 2, _DAY_MS)),
        "hs_lastmodifieddate": _moment(_draw("g", 3, 30), _draw("g", 4, _DAY_MS)),
        "name": pl.lit("Company ") + _text(number),
        "domain": _sometimes(pl.lit("c") + _text(number) + pl.lit(".example"), _draw("h", 19, 16)),
        "industry": _sometimes(_pick(INDUSTRIES, _draw("h", 5, len(INDUSTRIES))), _draw("h", 31, 8)),
        "numberofemployees": _sometimes(_text(employees), _draw("h", 33, 8)),
        "annualrevenue": _sometimes(_text(employees * (50_000 + _draw("h", 13, 300) * 1000)), _draw("h", 37, 8)),
        "city": places[0],
        "state": places[1],
        "country": places[2],
        "founded_year": _sometimes(_text(1900 + _draw("h", 17, 125)), _draw("h", 39, 4)),
        "web_technologies": _sometimes(technologies, _draw("h", 41, 3)),
        "is_public": _pick(("true", "false"), _draw("h", 43, 2)),
        "hubspot_owner_id": _sometimes(_pick(OWNERS, _draw("h", 27, len(OWNERS))), _draw("h", 45, 4)),
        "hs_parent_company_id": parent,
        "type": _sometimes(_pick(("PROSPECT", "PARTNER", "OTHER"), _draw("h", 47, 3)), _draw("h", 49, 4)),
        "lifecyclestage": _pick(("lead", "customer", "opportunity"), _draw("h", 51, 3)),
        "hs_last_sales_activity_timestamp": _sometimes(
            _moment(pl.when(changed).then(1).otherwise(_draw("g", 5, 500)), _draw("g", 6, _DAY_MS)), _draw("g", 7, 3)
        ),
        "website_clean": _sometimes(_pick(("true", "false"), _draw("g", 9, 2)), _draw("g", 11, 3)),
        "price": _sometimes(_text(10 + _draw("g", 13, 50_000)), _draw("g", 15, 3)),
        "customers": _sometimes(_text(1 + _draw("g", 17, 5_000)), _draw("g", 19, 3)),
        "money_raised": _sometimes(_text(_draw("g", 21, 100_000_000)), _draw("g", 23, 2)),
        "funding_rounds": _sometimes(_text(_draw("g", 25, 6)), _draw("g", 27, 2)),
        "annual_report_match": _sometimes(_pick(("true", "false"), _draw("g", 29, 2)), _draw("g", 31, 2)),
        "standardised": _sometimes(_pick(("true", "false"), _draw("g", 33, 2)), _draw("g", 35, 2)),
        "share_of_wallet": _sometimes(_text(_draw("g", 37, 101)), _draw("g", 39, 2)),
        "referenceable": _sometimes(_pick(("true", "false"), _draw("g", 41, 2)), _draw("g", 43, 2)),
        "executive_sponsor": _sometimes(_pick(_LAST, _draw("g", 45, len(_LAST))), _draw("g", 47, 2)),
    }


def _contacts(size: Size, changed: pl.Expr) -> Mapping[str, pl.Expr]:
    number = pl.col("n") - FIRST_CONTACT
    company = FIRST_COMPANY + _draw("h", 9, max(1, size.companies))
    # The square of an even draw: half of the contacts share a quarter of the titles.
    place = (_draw("h", 15, 1_000_000) / 1_000_000) ** 2 * len(TITLES)
    place = (place.cast(pl.Int64) + pl.when(changed).then(1).otherwise(0)) % len(TITLES)
    contacted = pl.when(changed).then(0).otherwise(_draw("g", 5, 700))
    boss = pl.when(number % 8 != 0).then(_text(pl.col("n") - number % 8))
    return {
        "createdate": _moment(_draw("g", 1, 1500) + 30, _draw("g", 2, _DAY_MS)),
        "lastmodifieddate": _moment(_draw("g", 3, 30), _draw("g", 4, _DAY_MS)),
        "firstname": _pick(_FIRST, _draw("h", 2, len(_FIRST))),
        "lastname": _pick(_LAST, _draw("h", 6, len(_LAST))),
        "email": pl.lit("p") + _text(number) + pl.lit("@x.example"),
        "jobtitle": _sometimes(_pick(TITLES, place), _draw("h", 31, 8)),
        "associatedcompanyid": _sometimes(_text(company), _draw("h", 33, 16)) if size.companies else pl.lit(None),
        "hs_linkedin_url": _sometimes(
            pl.lit("https://www.linkedin.com/in/p") + _text(number), _draw("h", 35, 3)
        ),
        "twitterhandle": _sometimes(pl.lit("@p") + _text(number), _draw("h", 37, 2)),
        "notes_last_contacted": _sometimes(_moment(contacted, _draw("g", 6, _DAY_MS)), _draw("g", 7, 4)),
        "hs_last_sales_activity_timestamp": _sometimes(_moment(contacted, _draw("g", 8, _DAY_MS)), _draw("g", 9, 3)),
        "email_bounced": pl.when(_draw("h", 39, 40) == 0).then(pl.lit("true")),
        "left_company": pl.when(_draw("h", 41, 50) == 0).then(pl.lit("true")),
        "hs_buying_role": pl.when(_draw("h", 43, 10) == 0).then(_pick(_BUYING_ROLES, _draw("h", 45, 5))),
        "_manager": pl.when(_draw("h", 47, 10) == 0).then(boss),
        "hubspot_owner_id": _sometimes(_pick(OWNERS, _draw("h", 27, len(OWNERS))), _draw("h", 49, 4)),
    }  # fmt: skip


def _deals(size: Size, changed: pl.Expr) -> Mapping[str, pl.Expr]:
    number = pl.col("n") - FIRST_DEAL
    closed, won = _draw("h", 3, 3) != 0, _draw("h", 5, 2) == 0
    # A tenth of the companies has all the deals: some buy again and again.
    company = FIRST_COMPANY + _draw("h", 9, max(1, size.companies // 10)) * 10
    return {
        "createdate": _moment(_draw("g", 1, 400) + 1200, _draw("g", 2, _DAY_MS)),
        "hs_lastmodifieddate": _moment(_draw("g", 3, 30), _draw("g", 4, _DAY_MS)),
        "dealname": pl.lit("Deal ") + _text(number),
        "amount": _sometimes(_text(1_000 + _draw("h", 13, 500_000)), _draw("h", 15, 10)),
        "dealstage": pl.when(closed & won).then(pl.lit("closedwon")).otherwise(pl.lit("qualifiedtobuy")),
        "pipeline": pl.lit("default"),
        "hs_is_closed_won": pl.when(closed & won | changed).then(pl.lit("true")).otherwise(pl.lit("false")),
        "hs_is_closed": pl.when(closed | changed).then(pl.lit("true")).otherwise(pl.lit("false")),
        "closedate": _moment(_draw("g", 5, 1200) + 1, _draw("g", 6, _DAY_MS)),
        "hubspot_owner_id": _pick(OWNERS, _draw("h", 27, len(OWNERS))),
        "product": _pick(("core", "plus", "service"), _draw("h", 31, 3)),
        "unit": _pick(("hq", "plant", "sales", "lab"), _draw("h", 33, 4)),
        "country": _pick(("US", "DE", "FR", "GB"), _draw("h", 35, 4)),
        "_company": _text(company),
        "_contact": _text(FIRST_CONTACT + _draw("h", 37, max(1, size.contacts))),
    }
