"""A generated portal of any size, the same for the same seed, for benchmarks.

Prevents a benchmark from needing gigabytes of CSV.
"""

import polars as pl

from crmsync.sandbox.hubspot.kinds import COMPANIES, CONTACTS, DEALS
from crmsync.sandbox.hubspot.labels import Labels
from crmsync.sandbox.hubspot.load import Data, Owner, frame_of, links_of
from crmsync.sandbox.hubspot.options import INDUSTRIES, TECHNOLOGIES
from crmsync.sandbox.hubspot.table import CREATED, ID, MODIFIED

FIRST_COMPANY, FIRST_CONTACT = 1_000_001, 100_000_001
_YEAR_2022, _SPAN_MS = 1_640_995_200_000, 150_000_000_000  # four years and nine months, to 2026-10
OWNERS = 40
_PLACES = (
    ("San Francisco", "California", "United States"), ("Austin", "Texas", "United States"),
    ("Chicago", "Illinois", "United States"), ("Toronto", "Ontario", "Canada"), ("Berlin", "Berlin", "Germany"),
    ("Paris", "Ile-de-France", "France"), ("Madrid", "Madrid", "Spain"), ("London", "England", "United Kingdom"),
)  # fmt: skip
_FIRST = ("Ana", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivo", "June", "Kim", "Lea", "Max", "Nia", "Omar")
_LAST = ("Adams", "Berg", "Costa", "Diaz", "Evans", "Fox", "Gupta", "Haas", "Ito", "Jones", "Klein", "Lopez", "Moreau")
_LEVELS = ("Chief", "VP", "Director of", "Head of", "Senior Manager,", "Manager,", "Senior", "", "Junior", "Assistant,")
_AREAS = (
    "Information Technology", "Finance", "Sales", "Marketing", "Engineering", "Operations", "Human Resources", "Legal",
    "Procurement", "Product", "Data", "Customer Success",
)  # fmt: skip


def parse_size(text: str) -> tuple[int, int]:
    """`C,K` as two numbers. Raises ValueError."""
    parts = text.replace("_", "").split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise ValueError(f"--synthetic {text!r}: expected companies and contacts, such as 1000,5000")
    return int(parts[0]), int(parts[1])


def generate(companies: int, contacts: int, seed: int = 1) -> Data:
    """A portal of that many companies and contacts, no deals; about one value in eight is missing."""
    frames = {
        COMPANIES.name: _companies(companies, seed),
        CONTACTS.name: _contacts(contacts, companies, seed),
        DEALS.name: frame_of(DEALS, {"hs_object_id": []}, _YEAR_2022),
    }
    owners = [Owner(str(9001 + i), f"owner{i}@seller.example", f"Owner{i}", "Seller") for i in range(OWNERS)]
    return Data(frames, links_of(frames, {}, Labels()), owners)


def _rows(first: int, count: int, seed: int) -> pl.DataFrame:
    """Ids, stamps and a column of hash bits `h` from which every value is drawn."""
    ids = pl.int_range(first, first + count, dtype=pl.Int64, eager=True)
    frame = pl.DataFrame({ID: ids, "h": ids.hash(seed)})
    created = (_YEAR_2022 + pl.col("h") % (_SPAN_MS // 1000) * 1000).cast(pl.Int64)
    later = _draw(29, 1_000).cast(pl.Int64) * (pl.lit(_YEAR_2022 + _SPAN_MS) - pl.col(CREATED)) // 1_000_000 * 1000
    return frame.with_columns(created.alias(CREATED)).with_columns((pl.col(CREATED) + later).alias(MODIFIED))


def _draw(shift: int, sides: int) -> pl.Expr:
    """A die of `sides` faces from the hash bits from `shift` on."""
    return (pl.col("h") // (1 << shift)) % sides


def _pick(values: tuple[str, ...], shift: int) -> pl.Expr:
    return pl.lit(pl.Series(values)).gather(_draw(shift, len(values)))


def _sometimes(value: pl.Expr, shift: int, of: int = 8) -> pl.Expr:
    """The value, missing once in `of` draws."""
    return pl.when(_draw(shift, of) != 0).then(value)


def _companies(count: int, seed: int) -> pl.DataFrame:
    number = (pl.col(ID) - FIRST_COMPANY).cast(pl.String)
    places = [_pick(tuple(place[i] for place in _PLACES), 23) for i in range(3)]
    technologies = pl.concat_str(_pick(TECHNOLOGIES, 3), _pick(TECHNOLOGIES, 11), separator=";")
    employees = (10 ** (_draw(7, 4000) / 1000 + 1)).cast(pl.Int64)
    return _rows(FIRST_COMPANY, count, seed).select(
        ID, CREATED, MODIFIED,
        name=pl.lit("Company ") + number,
        domain=_sometimes(pl.lit("c") + number + pl.lit(".example"), 19, 16),
        industry=_sometimes(_pick(INDUSTRIES, 5), 31),
        numberofemployees=_sometimes(employees.cast(pl.String), 33),
        annualrevenue=_sometimes((employees * (50_000 + _draw(13, 300) * 1000).cast(pl.Int64)).cast(pl.String), 37),
        city=places[0], state=places[1], country=places[2],
        founded_year=_sometimes((1900 + _draw(17, 120)).cast(pl.String), 39, 4),
        web_technologies=_sometimes(technologies, 41, 3),
        is_public=_pick(("true", "false"), 43),
        hubspot_owner_id=_sometimes((9001 + _draw(27, OWNERS)).cast(pl.String), 45),
        hs_parent_company_id=pl.lit(None, dtype=pl.String),
    )  # fmt: skip


def _contacts(count: int, companies: int, seed: int) -> pl.DataFrame:
    number = (pl.col(ID) - FIRST_CONTACT).cast(pl.String)
    company = (FIRST_COMPANY + _draw(9, max(1, companies))).cast(pl.String) if companies else pl.lit(None, pl.String)
    title = pl.concat_str(_pick(_LEVELS, 15), _pick(_AREAS, 21), separator=" ").str.strip_chars()
    first, last = _pick(_FIRST, 2), _pick(_LAST, 6)
    return _rows(FIRST_CONTACT, count, seed + 1).select(
        ID, CREATED, MODIFIED,
        firstname=first,
        lastname=last,
        email=pl.lit("p") + number + pl.lit("@x.example"),
        jobtitle=_sometimes(title, 31),
        associatedcompanyid=_sometimes(company, 33, 16),
        notes_last_contacted=pl.lit(None, dtype=pl.String),
    )  # fmt: skip
