"""`python -m bench.matching [--part train|held_out] [--errors] [--size N]`: how well two CRMs' companies are matched.

The labelled pairs of `tests/matching/labels` stand in two portals at once, each group in one, so that every name has
all others of its group to be mistaken for. Precision is over all pairs made, recall over all labelled the same.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from crmsync.matching.accounts import match_accounts

LABELS = Path(__file__).resolve().parent.parent / "tests" / "matching" / "labels" / "companies.csv"
PARTS = ("train", "held_out")
FIELDS = ("name", "city", "region", "country", "domain")
#: Groups that stand in one portal.
TOGETHER = {"namesakes": "world"}

Pair = tuple[str, str]


@dataclass
class Looked:
    """What became of the labelled pairs of one part; a pair is (left name, right name) in `errors`."""

    made: int = 0
    right: int = 0
    same: int = 0
    same_in_review: int = 0
    review: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / self.made if self.made else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.same

    @property
    def found_or_asked(self) -> float:
        """Share of the same that are matched or in the review list."""
        return (self.right + self.same_in_review) / self.same


def labelled(part: str | None = None) -> list[dict[str, str]]:
    """The labelled pairs of one part, or all."""
    with LABELS.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if part in (None, row["part"])]


def look(rows: list[dict[str, str]]) -> Looked:
    """Match every group of `rows` and hold the answer against the labels."""
    looked = Looked()
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(TOGETHER.get(row["group"], row["group"]), []).append(row)
    for group in groups.values():
        _look(group, looked)
    return looked


def _look(rows: list[dict[str, str]], looked: Looked) -> None:
    sides = [_side(rows, side) for side in ("left", "right")]
    found = match_accounts(*(frame for frame, _ in sides))
    ids = [{value: id_ for id_, value in known.items()} for _, known in sides]
    same = {(ids[0][_record(row, "left")], ids[1][_record(row, "right")]) for row in rows if row["label"] == "same"}
    made: set[Pair] = set(found.pairs.select("left", "right").rows())
    review: set[Pair] = set(found.review.select("left", "right").rows())
    looked.made += len(made)
    looked.right += len(made & same)
    looked.same += len(same)
    looked.review += len(review)
    looked.same_in_review += len(review & same)
    for pairs, into in ((made - same, looked.wrong), (same - made - review, looked.lost)):
        into += sorted(f"{sides[0][1][left][0]} | {sides[1][1][right][0]}" for left, right in pairs)


def _record(row: dict[str, str], side: str) -> tuple[str, ...]:
    return tuple(row[f"{side}_{name}"] for name in FIELDS)


def _side(rows: list[dict[str, str]], side: str) -> tuple[pl.DataFrame, dict[str, tuple[str, ...]]]:
    """One CRM's accounts, each record once, and what stands behind each id."""
    records = list(dict.fromkeys(_record(row, side) for row in rows))
    known = {f"{side}-{number}": record for number, record in enumerate(records)}
    schema = ["id", *FIELDS]
    return pl.DataFrame([(id_, *record) for id_, record in known.items()], schema=schema, orient="row"), known


def made_up(left: int, right: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two CRMs that share two thirds of the smaller one's companies under other spellings, for the clock alone."""
    draw = random.Random(1)
    places = sorted({(row["right_city"], row["right_region"], row["right_country"]) for row in labelled()})
    stems = ["".join(draw.choice("bcdfglmnprstv") + draw.choice("aeiou") for _ in range(3)) for _ in range(20_000)]
    kinds = ("Systems", "Logistics", "Bank", "Foods", "Energy", "Health", "Group", "Holdings", "Steel", "Insurance")
    forms = ("", " Inc.", " LLC", " Corp.", " GmbH", " Ltd.", " & Co.")
    companies = []
    for number in range(max(left, right)):
        name = f"{draw.choice(stems).title()} {draw.choice(kinds if number % 2 else stems).title()}"
        web = f"{name.lower().replace(' ', '')}{number}.com" if draw.random() < 0.8 else None
        companies.append((name, web, *draw.choice(places)))

    def side(count: int, start: int) -> pl.DataFrame:
        rows = []
        for number in range(start, start + count):
            name, web, *place = companies[number % len(companies)]
            rows.append((str(number), name + draw.choice(forms), web if draw.random() < 0.9 else None, *place))
        return pl.DataFrame(rows, schema=["id", "name", "domain", "city", "region", "country"], orient="row")

    return side(left, 0), side(right, left // 3)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.matching", description=__doc__)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--errors", action="store_true", help="list what was matched wrongly, and what was not found")
    parser.add_argument("--size", type=int, default=100_000, help="accounts of the smaller CRM, for the clock")
    options = parser.parse_args()
    print(f"{'':10}{'labelled':>9}{'pairs':>7}{'precision':>11}{'recall':>8}{'in review':>11}{'not found':>11}")
    for part in (options.part,) if options.part else PARTS:
        rows = labelled(part)
        seen = look(rows)
        print(
            f"{part:10}{len(rows):9}{seen.made:7}{seen.precision:11.3f}{seen.recall:8.3f}"
            f"{seen.same_in_review / seen.same:11.3f}{1 - seen.found_or_asked:11.3f}"
        )
        if options.errors:
            print("\n".join([f"  wrong: {pair}" for pair in seen.wrong] + [f"  lost:  {pair}" for pair in seen.lost]))
    if options.size:
        left, right = made_up(options.size, options.size * 3 // 2)
        began, cpu = time.perf_counter(), time.process_time()
        found = match_accounts(left, right)
        print(
            f"{left.height:,} against {right.height:,} accounts: {time.perf_counter() - began:.1f} s, "
            f"{time.process_time() - cpu:.1f} CPU-s, {found.pairs.height:,} pairs, {found.review.height:,} in review"
        )


if __name__ == "__main__":
    main()
