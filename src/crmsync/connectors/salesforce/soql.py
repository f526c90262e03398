"""Queries as text: quoting, the chunks of a long IN list, and where to go on after a row.

It prevents a value from ending a query early, and an address that Salesforce refuses because it is too long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from urllib.parse import quote_plus

from simple_salesforce.format import format_soql

URL_ROOM = 15_500
"""Characters of a query as it stands in an address; Salesforce refuses addresses above 16,384."""
_WHERE_ROOM = 150
"""For ` WHERE (OpportunityId IN ())` around the values, and the name of the column."""


def select(sobject: str, columns: Iterable[str], *conditions: str, order: str = "") -> str:
    """`SELECT a, b FROM X WHERE (c) AND (d) ORDER BY o`; empty conditions are left out."""
    there = [f"({condition})" for condition in conditions if condition]
    parts = ["SELECT", ", ".join(columns), "FROM", sobject]
    if there:
        parts += ["WHERE", " AND ".join(there)]
    if order:
        parts += ["ORDER BY", order]
    return " ".join(parts)


def among(column: str, values: Sequence[str]) -> str:
    """`column IN ('a','b')`, quoted."""
    return f"{column} IN {format_soql('{}', list(values))}"


def equals(column: str, value: str) -> str:
    """`column = 'a'`, quoted."""
    return f"{column} = {format_soql('{}', value)}"


def since(column: str, moment: datetime) -> str:
    """`column >= 2026-01-01T00:00:00+00:00`; `moment` has a zone, fractions of its second do not count."""
    return f"{column} >= {format_soql('{}', moment)}"


def after_id(last: str) -> str:
    """Rows behind an id in `ORDER BY Id`."""
    return f"Id > {format_soql('{}', last)}"


def after_stamp(column: str, stamp: str, last: str) -> str:
    """Rows behind one in `ORDER BY column, Id`; `stamp` is a literal such as `2026-01-01T00:00:00.000Z`."""
    return f"{column} > {stamp} OR ({column} = {stamp} AND {after_id(last)})"


def chunks(query: str, ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Ids in runs that fit with `query`, which has no conditions yet, into one address: fewer than a page has rows."""
    size = len(quote_plus("'',")) + max((len(quote_plus(id_)) for id_ in ids), default=0)
    room = max(1, (URL_ROOM - len(quote_plus(query)) - _WHERE_ROOM) // size)
    for start in range(0, len(ids), room):
        yield ids[start : start + room]
