"""Where two CRMs say different things of one record: both values and the one that counts, for people to mend.

Listed is what both sides know and say differently, not a second spelling of the same: blanks, case and forms of an
accented letter do not count in text, order does not in sets, fractions of a second do not in points in time. Where one
side has a day without a time of day (midnight, as Salesforce keeps the close of an opportunity) the day is compared.
Everything else is compared as it is, for it is canonical already.

Never listed is what each CRM keeps for itself: ids, owners, when a record was made, changed or last touched, and the
stages and pipelines of deals, of which each CRM has its own (whether a deal is closed and won is compared). Nor are
sets of which both sides' entries count, and an empty set beside another, since nothing is overruled there.

No personal data: of what says who or where a person is, only that it differs is told (`HIDDEN`).
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from crmsync.errors import mask
from crmsync.model.fields import FIELDS, Kind, ObjectName
from crmsync.normalize.columns import normalize_unique

DIFFERS = "differs"
#: A contact's fields whose values are never shown.
HIDDEN = frozenset({"first_name", "last_name", "email", "twitter", "linkedin_url"})
#: Sets of which the entries of both sides count.
UNITED_SETS = frozenset({"contacts", "contact_roles"})
_OWN_TO_EACH = frozenset(
    {"id", "counterpart", "owner", "created_at", "modified_at", "last_contacted_at", "last_engaged_at"}
    | {"stage", "pipeline"}
)

DISAGREEMENT_SCHEMA: dict[str, pl.DataType] = {
    "object": pl.String(),
    "id": pl.String(),
    "field": pl.String(),
    "left": pl.String(),
    "right": pl.String(),
    "kept": pl.String(),
}
"""One value that two CRMs say differently: the united record's id, what either says, and what counts, in plain text."""


def is_compared(object_: ObjectName, name: str) -> bool:
    """Whether two values of this field can disagree."""
    known = FIELDS[object_].get(name)
    return known is not None and not known.derived and name not in _OWN_TO_EACH | UNITED_SETS


def differing(object_: ObjectName, name: str, pairs: pl.DataFrame, *, digits: int = 2) -> pl.DataFrame:
    """The disagreements (DISAGREEMENT_SCHEMA) about one field, or about a person's word, which is text.

    `pairs` has `id` and, in the field's own type, `left`, `right` and `kept` of records that are on both sides.
    `digits`: of the program's currency, for amounts in minor units.
    """
    kind = FIELDS[object_][name].kind if name in FIELDS[object_] else Kind.TEXT
    rows = pairs.filter(pl.col("left").is_not_null() & pl.col("right").is_not_null())
    if kind is Kind.SET:
        rows = rows.filter((pl.col("left").list.len() > 0) & (pl.col("right").list.len() > 0))
    # Almost everything is equal as it is, and other forms of the same cost more to compare.
    rows = rows.filter(_plain("left", kind) != _plain("right", kind))
    rows = rows.filter(_different(kind))
    shown = pl.lit(DIFFERS) if object_ == "contact" and name in HIDDEN else None
    texts = [_shown(side, kind, digits) if shown is None else shown.alias(side) for side in ("left", "right", "kept")]
    found = rows.select(pl.lit(object_).alias("object"), "id", pl.lit(name).alias("field"), *texts)
    if kind is Kind.TEXT and shown is None:
        found = found.with_columns(_without_addresses(found[side]) for side in ("left", "right", "kept"))
    return found.select(pl.col(column).cast(dtype) for column, dtype in DISAGREEMENT_SCHEMA.items())


def in_order(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """All of them by object, id and field, so that the order of what was read makes no difference."""
    place = pl.col("object").replace_strict({"company": 0, "contact": 1, "deal": 2}, return_dtype=pl.Int32)
    everything = pl.concat([pl.DataFrame(schema=DISAGREEMENT_SCHEMA), *parts])
    return everything.sort(place, "id", "field")


def _plain(side: str, kind: Kind) -> pl.Expr:
    """The value in a type that can be compared with the other side's, whatever is narrower than text."""
    if kind is Kind.SET:
        return pl.col(side).list.unique().list.sort().list.join("\n")
    return pl.col(side).cast(kind.dtype)


def _different(kind: Kind) -> pl.Expr:
    match kind:
        case Kind.DATETIME:
            left, right = (pl.col(side).dt.truncate("1s") for side in ("left", "right"))
            days = (left.dt.truncate("1d"), right.dt.truncate("1d"))
            day_alone = (left == days[0]) | (right == days[1])
            return pl.when(day_alone).then(days[0] != days[1]).otherwise(left != right)
        case Kind.TEXT | Kind.ENUM | Kind.REGION | Kind.DOMAIN:
            return _folded("left") != _folded("right")
        case _:
            return pl.lit(value=True)


def _folded(side: str) -> pl.Expr:
    words = pl.col(side).cast(pl.String).str.normalize("NFC").str.replace_all(r"\s+", " ")
    return words.str.strip_chars().str.to_lowercase()


def _shown(side: str, kind: Kind, digits: int) -> pl.Expr:
    value = pl.col(side)
    match kind:
        case Kind.SET:
            text = value.list.unique().list.sort().list.join("; ")
        case Kind.MONEY:
            text = _decimal(value, digits)
        case Kind.DATETIME:
            midnight = value == value.dt.truncate("1d")
            day, moment = value.dt.strftime("%Y-%m-%d"), value.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
            text = pl.when(midnight).then(day).otherwise(moment)
        case _:
            text = value.cast(pl.String)
    return text.alias(side)


def _decimal(minor: pl.Expr, digits: int) -> pl.Expr:
    """An amount as people write it, exact; no fraction where there is none."""
    unit = 10**digits
    whole, rest = minor.abs() // unit, minor.abs() % unit
    fraction = pl.format(".{}", rest.cast(pl.String).str.zfill(digits))
    sign = pl.when(minor < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.concat_str(sign, whole.cast(pl.String), pl.when(rest != 0).then(fraction).otherwise(pl.lit("")))


def _without_addresses(texts: pl.Series) -> pl.Series:
    """What people wrote, with e-mail addresses masked: they are put into any field there is."""
    return normalize_unique(texts, mask) if texts.str.contains("@", literal=True).any() else texts
