"""Accounts, contacts and deals of two small CRMs, written as rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import polars as pl

from crmsync.matching.score import Matched

_ACCOUNT = ("id", "name", "domain", "city", "region", "country", "counterpart")
_CONTACT = ("id", "first_name", "last_name", "email", "account", "counterpart")


def accounts(*rows: dict[str, Any]) -> pl.DataFrame:
    return _texts(_ACCOUNT, rows)


def contacts(*rows: dict[str, Any]) -> pl.DataFrame:
    return _texts(_CONTACT, rows)


def deals(*rows: dict[str, Any]) -> pl.DataFrame:
    closed = [_midnight(row.get("closed")) for row in rows]
    return pl.DataFrame(
        {
            "id": [row["id"] for row in rows],
            "name": [row.get("name") for row in rows],
            "amount": [row.get("amount") for row in rows],
            "closed_at": closed,
            "accounts": [row.get("accounts") for row in rows],
            "counterpart": [row.get("counterpart") for row in rows],
        },
        schema={
            "id": pl.String,
            "name": pl.String,
            "amount": pl.Int64,
            "closed_at": pl.Datetime("us", "UTC"),
            "accounts": pl.List(pl.String),
            "counterpart": pl.String,
        },
    )


def both(*pairs: tuple[str, str]) -> pl.DataFrame:
    """Pairs of accounts, as `match_accounts` gives them."""
    return pl.DataFrame(pairs, schema={"left": pl.String, "right": pl.String}, orient="row")


def paired(found: Matched) -> dict[tuple[str, str], str]:
    """(left, right) -> how."""
    return {(left, right): how for left, right, how, _ in found.pairs.iter_rows()}


def asked(found: Matched) -> set[tuple[str, str]]:
    return set(found.review.select("left", "right").iter_rows())


def why(found: Matched) -> dict[tuple[str, str], str]:
    return {(row["left"], row["right"]): row["why"] for row in found.review.iter_rows(named=True)}


def _texts(columns: tuple[str, ...], rows: tuple[dict[str, Any], ...]) -> pl.DataFrame:
    return pl.DataFrame(
        [[row.get(name) for name in columns] for row in rows], dict.fromkeys(columns, pl.String), orient="row"
    )


def _midnight(day: str | None) -> datetime | None:
    return datetime.combine(date.fromisoformat(day), time(), UTC) if day else None
