"""The data gaps report (domain.md C2): which fields are worth filling first, by whom, and for which accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from crmsync.assess.data_gaps_section import FILLER_LABELS
from crmsync.assess.tier_section import NO_TIER
from crmsync.engine.report import GapsData
from crmsync.model.text import id_order
from crmsync.planning.render.view import plural
from crmsync.report.document import Bar, Bars, Block, Document, Link, Part, Prose, Sheet, table_csv
from crmsync.report.words import head_line

_TOP = 10
_COLUMNS = ("field", "fills", "id", "name", "owner", "tier", "if_filled_alone", "if_all_filled", "url")
_HOW = (
    "An account is held back by a field that nobody has filled where the field could raise its tier. Tiers gained are "
    "counted as favourably as the rules allow, added up over the accounts: for the field alone, and with every other "
    "gap of the same account filled too."
)


def gaps_csv(data: GapsData) -> str:
    """One row for each account and field that holds it back: the field worth most first, then who gains most by it."""
    tiers = list(data.tiers)
    rows = (
        (
            row["field"],
            ";".join(data.fillers[row["field"]]),
            row["id"],
            row["name"],
            row["owner"],
            *(tiers[row[key]] for key in ("now", "alone", "together")),
            row["url"],
        )
        for field in data.fields["field"]
        for row in accounts_of(data, field).iter_rows(named=True)
    )
    return table_csv(_COLUMNS, rows)


def accounts_of(data: GapsData, field: str) -> pl.DataFrame:
    """The accounts that `field` holds back: most tiers gained alone first, then together, then by id."""
    gained = [pl.col("alone") - pl.col("now"), pl.col("together") - pl.col("now"), pl.col("together")]
    ids = id_order()
    return data.filled.filter(pl.col("field") == field).sort(
        [*gained, *ids], descending=[*(True for _ in gained), *(False for _ in ids)], nulls_last=True
    )


def gaps_figures(data: GapsData) -> dict[str, Any]:
    """The report as plain values, for a JSON document. Tiers are the values that land in the CRM."""
    tiers = list(data.tiers)
    fields = [row | {"fills": list(data.fillers[row["field"]])} for row in data.fields.iter_rows(named=True)]
    accounts = [
        row | {key: tiers[row[key]] for key in ("now", "alone", "together")}
        for field in data.fields["field"]
        for row in accounts_of(data, field).iter_rows(named=True)
    ]
    return {
        "portal": data.head.portal,
        "program": data.head.program,
        "as_of": data.head.as_of.isoformat(),
        "read_at": data.head.read_at.isoformat() if data.head.read_at else None,
        "company": data.company,
        "assessed": data.assessed,
        "held_back": data.filled["id"].n_unique(),
        "fields": fields,
        "accounts": accounts,
    }


def gaps_document(data: GapsData) -> Document:
    said = (*head_line(data.head), plural(data.assessed, "account"))
    whose = "" if data.company is None else f" of {data.company_name or f'company {data.company}'}"
    return Document(f"Data gaps{whose}", said, tuple(_parts(data)))


def _parts(data: GapsData) -> Iterator[Part]:
    if not data.tiers:
        yield Part("No tiers", (Prose("The program decides no tier, so no field can hold one back."),))
        return
    if data.fields.is_empty():
        whose = "of any account" if data.company is None else "of this account"
        yield Part("No gaps", (Prose(f"No missing field holds back the tier {whose}."),))
        return
    held_back = plural(data.filled["id"].n_unique(), "account")
    could = int(data.filled.group_by("id").agg((pl.col("together") - pl.col("now")).max())["together"].sum())
    summary = f"{held_back} held back, {plural(could, 'tier')} to gain with everything filled."
    rows = tuple(
        (
            data.field_labels[row["field"]],
            row["field"],
            row["accounts"],
            row["alone"],
            row["together"],
            _fills(data, row["field"]),
        )
        for row in data.fields.iter_rows(named=True)
    )
    bars = tuple(
        Bar(data.field_labels[row["field"]], row["alone"], total=row["together"], note=_up_to(row))
        for row in data.fields.iter_rows(named=True)
    )
    columns = ("Field", "in the program", "accounts", "tiers gained alone", "with the other gaps", "who fills it")
    yield Part(
        "Fields by what filling them is worth",
        (Prose(summary), Sheet(columns, rows), Bars("Tiers gained by filling each field", bars), Prose(_HOW)),
    )
    for field in data.fields["field"]:
        yield _field_part(data, field)


def _up_to(row: dict[str, Any]) -> str:
    return f"to {row['together']:,}" if row["together"] > row["alone"] else ""


def _fills(data: GapsData, field: str) -> str:
    return " or ".join(FILLER_LABELS[name] for name in data.fillers[field]) or "nobody named"


def _field_part(data: GapsData, field: str) -> Part:
    accounts = accounts_of(data, field)
    labels = [label if tier != NO_TIER else "no tier" for tier, label in data.tiers.items()]
    rows = tuple(
        (
            Link(row["name"] or f"company {row['id']}", row["url"] or ""),
            row["owner"],
            labels[row["now"]],
            labels[row["alone"]],
            labels[row["together"]],
        )
        for row in accounts.head(_TOP).iter_rows(named=True)
    )
    blocks: list[Block] = [Sheet(("Account", "owner", "tier now", "if filled alone", "with the other gaps"), rows)]
    if accounts.height > _TOP:
        blocks.append(Prose(f"and {accounts.height - _TOP:,} more; the CSV lists them all."))
    return Part(f"{data.field_labels[field]}, {plural(accounts.height, 'account')}", tuple(blocks))
