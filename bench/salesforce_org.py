"""A large Salesforce org as CSV files: what the local org of `bench.salesforce` loads.

The same for the same size. Written by columns, so that half a million contacts take seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from crmsync.sandbox.salesforce.standard import PICKLISTS

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CASES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_POD = "5g0"
_CREATED_MS = 1_709_283_600_000  # 2024-03-01, 09:00 UTC
_MINUTES = 1_000_000
_TITLES = ("Chief Financial Officer", "VP Sales", "IT Manager", "Software Engineer", "Marketing Director", "Buyer",
           "Head of Operations", "Data Analyst")  # fmt: skip
_PLACES = (("San Francisco", "California", "United States"), ("Toronto", "Ontario", "Canada"),
           ("Berlin", "Berlin", "Germany"), ("Paris", "Ile-de-France", "France"))  # fmt: skip


_ADDRESS = ("BillingCity", "BillingState", "BillingCountry")


def write_org(folder: Path, accounts: int, contacts: int) -> None:
    """`Account.csv` and `Contact.csv`: one value in eight or so is missing, titles are few."""
    folder.mkdir(parents=True, exist_ok=True)
    made = _numbers(accounts).select(
        ids("001").alias("Id"),
        pl.format("Company {}", "n").alias("Name"),
        pl.when(pl.col("h") % 16 != 0).then(pl.format("c{}.example", "n")).alias("Website"),
        _pick(PICKLISTS["Industry"]).alias("Industry"),
        (pl.col("h") % 5_000 + 10).alias("NumberOfEmployees"),
        pl.when(pl.col("h") % 8 != 1).then(pl.col("h") % 90_000 * 1_000 + 500_000).alias("AnnualRevenue"),
        *(_pick([place[at] for place in _PLACES]).alias(name) for at, name in enumerate(_ADDRESS)),
        *_stamps(),
    )
    made.write_csv(folder / "Account.csv")
    company = pl.col("h") // 1_000 % max(1, accounts) + 1
    people = _numbers(contacts).select(
        ids("003").alias("Id"),
        ids("001", company).alias("AccountId"),
        pl.lit("Ana").alias("FirstName"),
        pl.format("Person {}", "n").alias("LastName"),
        pl.format("p{}@x.example", "n").alias("Email"),
        pl.when(pl.col("h") % 8 != 0).then(_pick(_TITLES)).alias("Title"),
        *_stamps(),
    )
    people.write_csv(folder / "Contact.csv")


def id_list(prefix: str, count: int) -> list[str]:
    """The ids of the first `count` records."""
    return _numbers(count).select(ids(prefix).alias("id"))["id"].to_list()


def ids(prefix: str, number: pl.Expr | None = None) -> pl.Expr:
    """The 18-character ids of records by number, as Salesforce makes them (15 characters of base 62, and three that
    tell which of them are capitals)."""
    number = pl.col("n") if number is None else number
    digits = [number // 62**place % 62 for place in range(8, -1, -1)]
    letters = [_pick(_ALPHABET, digit) for digit in digits]
    first, second, third = (
        [pl.lit(char) for char in (prefix + _POD)[:5]],
        [pl.lit(_POD[2]), *letters[:4]],
        letters[4:],
    )
    return pl.concat_str(*first, *second, *third, *(_case(part) for part in (first, second, third)))


def _case(five: Sequence[pl.Expr]) -> pl.Expr:
    capitals = [char.is_in(list(_CASES[:26])).cast(pl.Int64) * (1 << at) for at, char in enumerate(five)]
    return _pick(_CASES, pl.sum_horizontal(capitals))


def _numbers(count: int) -> pl.DataFrame:
    numbers = pl.int_range(1, count + 1, dtype=pl.Int64, eager=True)
    return pl.DataFrame({"n": numbers, "h": (numbers.hash(7) % 1_000_000_007).cast(pl.Int64)})


def _pick(values: Sequence[str], at: pl.Expr | None = None) -> pl.Expr:
    place = pl.col("h") % len(values) if at is None else at
    return pl.lit(pl.Series(list(values))).gather(place)


def _stamps() -> tuple[pl.Expr, ...]:
    """Created together, and last modified at any minute of nearly two years since."""
    created = pl.lit(_CREATED_MS, dtype=pl.Int64)
    return _moment(created).alias("CreatedDate"), _moment(created + pl.col("h") % _MINUTES * 60_000).alias(
        "SystemModstamp"
    )


def _moment(millis: pl.Expr) -> pl.Expr:
    return pl.from_epoch(millis, time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S.000Z")
