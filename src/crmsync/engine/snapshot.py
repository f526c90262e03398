"""From the mirror's text to canonical columns: the one place where a CRM's values become the program's.

Text that cannot be read is unknown, never a guess, and is told apart from no text (`unreadable.<field>`), so that it
can be listed for a person to mend. Records are read in parts and each part is made narrow, because a million accounts
with fifty properties as text would not fit into a gigabyte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import chain

import polars as pl

from crmsync.config.mappings import ReadMap
from crmsync.engine.links import linked_ids, with_links
from crmsync.engine.side import Side
from crmsync.model.fields import FIELDS, Field, Kind, ObjectName
from crmsync.model.snapshot import HELD, NATIVE, UNREADABLE, Coverage, Snapshot
from crmsync.normalize.columns import (
    normalize_unique,
    parse_boolean,
    parse_datetime,
    parse_integer,
    parse_money,
    parse_set,
    unreadable,
)
from crmsync.normalize.domain import domains
from crmsync.normalize.places import country, regions
from crmsync.program.conditions import Condition
from crmsync.program.evaluate import compile_expr
from crmsync.program.units import currency_digits

#: Records a part: few enough to be small, enough that columns pay.
PART_ROWS = 50_000


def _each(fn: Callable[[str], str | None]) -> Callable[[pl.Expr], pl.Expr]:
    """`fn` over a text column, once for each distinct value."""
    return lambda expr: expr.map_batches(lambda series: normalize_unique(series, fn), return_dtype=pl.String)


#: Kinds of text that can be unreadable: what they hold is looked up or parsed.
_CHECKED_TEXT = (Kind.COUNTRY, Kind.DOMAIN)

#: Kinds of which a portal has few distinct values.
_FEW = (Kind.ENUM, Kind.COUNTRY, Kind.REGION)


def _text(expr: pl.Expr) -> pl.Expr:
    stripped = expr.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


_READERS: dict[Kind, Callable[[pl.Expr], pl.Expr]] = {
    Kind.ID: _text,
    Kind.TEXT: _text,
    Kind.ENUM: _text,
    Kind.INTEGER: parse_integer,
    Kind.BOOLEAN: parse_boolean,
    Kind.DATETIME: parse_datetime,
    Kind.SET: parse_set,
    Kind.COUNTRY: _each(country),
    Kind.REGION: _text,
    Kind.DOMAIN: lambda expr: expr.map_batches(domains, return_dtype=pl.String),
}


def build_snapshot(
    side: Side, as_of: datetime, coverage: dict[str, Coverage], *, contacts: bool = True, scoped: bool = True
) -> Snapshot:
    """One CRM's mirror as frames: canonical fields, `held.*` for what we own, `native.*` for what we may write.

    Without `contacts` their frame is left out, for a caller that reads them by `contact_parts`; `scoped=False` leaves
    the portal's scope to the caller.
    """
    frames: dict[ObjectName, pl.DataFrame] = {
        object_: _whole(side, object_) for object_ in side.objects if object_ != "contact"
    }
    if scoped and side.portal.scope is not None:
        frames["company"] = in_scope(side.portal.scope, frames["company"], as_of)
    owners = side.store.mirror.owners(side.space)
    snapshot = Snapshot(
        frames,
        as_of,
        coverage,
        owners={owner.id: owner.name for owner in owners},
        # A portal without owners, or a key that may not see them, says nothing about who is active.
        active_owners=frozenset(owner.id for owner in owners if owner.active) or None,
    )
    if contacts and "contact" in side.objects:
        frames["contact"] = _together(contact_parts(side, snapshot, scoped=scoped), _empty(side, "contact"))
    return snapshot


def in_scope(scope: Condition | None, accounts: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The accounts that are looked at. Unknown is not false: one is left out only where it is certainly outside."""
    if scope is None:
        return accounts
    return accounts.filter(compile_expr(scope, as_of=as_of).fill_null(value=True))


def contact_parts(side: Side, snapshot: Snapshot, *, named: bool = True, scoped: bool = True) -> Iterator[pl.DataFrame]:
    """The contacts of `build_snapshot`, in parts; none where the portal's contacts are not read.

    A portal that has no contact yet gives one empty part: that nobody is known is known.
    `named=False` leaves out what no decision reads and only people do, such as first and last names.
    """
    if "contact" not in side.objects:
        return
    inside = (
        None if side.portal.scope is None or not scoped else snapshot.accounts.select(pl.col("id").alias("account"))
    )
    fields = side.reads["contact"] if named else side.decides_on["contact"] | {"account"}
    found = _parts(side, "contact", sorted(fields))
    first = next(found, None)
    if first is None:
        first = _canonical(side, "contact", pl.DataFrame(schema={"id": pl.String}), sorted(fields), owned=True)
    for part in chain([first], found):
        yield part if inside is None else part.join(inside, on="account", how="semi", maintain_order="left")


def reporting_lines(side: Side) -> pl.DataFrame | None:
    """`id` and `reports_to` of every contact that reports to somebody; None where the portal does not say."""
    if "reports_to" not in side.reads.get("contact", ()) or "reports_to" not in side.mapping.read["contact"]:
        return None
    if side.mapping.read["contact"]["reports_to"].associated is not None:
        return linked_ids(side, "contact", "reports_to")
    parts = [
        part.select("id", "reports_to").filter(pl.col("reports_to").is_not_null())
        for part in _parts(side, "contact", ["reports_to"], owned=False)
    ]
    return _together(parts, pl.DataFrame(schema={"id": pl.String, "reports_to": pl.String}))


def _whole(side: Side, object_: ObjectName) -> pl.DataFrame:
    return _together(_parts(side, object_, sorted(side.reads[object_])), _empty(side, object_))


def _empty(side: Side, object_: ObjectName) -> pl.DataFrame:
    return _canonical(side, object_, pl.DataFrame(schema={"id": pl.String}), sorted(side.reads[object_]), owned=True)


def _together(parts: Iterable[pl.DataFrame], empty: pl.DataFrame) -> pl.DataFrame:
    found = list(parts)
    return together(found) if found else empty


def together(found: list[pl.DataFrame]) -> pl.DataFrame:
    """Parts, at least one, as one frame; columns of what could not be read are only where there is such a thing."""
    heights, columns = [part.height for part in found], []
    schema: dict[str, pl.DataType] = {}
    for part in found:
        schema |= {name: dtype for name, dtype in part.schema.items() if name not in schema}
    for name, dtype in schema.items():
        # One column after the other in one piece, so that two whole frames are never held.
        pieces = [
            part[name] if name in part.columns else pl.repeat(None, rows, dtype=dtype, eager=True).alias(name)
            for part, rows in zip(found, heights, strict=True)
        ]
        columns.append(pl.concat(pieces, rechunk=True))
        found = [part.drop(name, strict=False) for part in found]
    return pl.DataFrame(columns)


def _parts(side: Side, object_: ObjectName, fields: list[str], *, owned: bool = True) -> Iterator[pl.DataFrame]:
    """Canonical, narrow frames of at most PART_ROWS records, in the mirror's order."""
    waiting: list[pl.DataFrame] = []
    rows = 0
    for page in side.store.mirror.scan(side.space, object_, _properties(side, object_, fields, owned=owned)):
        waiting.append(page)
        rows += page.height
        if rows >= PART_ROWS:
            yield _part(side, object_, waiting, fields, owned=owned)
            waiting, rows = [], 0
    if waiting:
        yield _part(side, object_, waiting, fields, owned=owned)


def _part(
    side: Side, object_: ObjectName, pages: list[pl.DataFrame], fields: list[str], *, owned: bool
) -> pl.DataFrame:
    frame = _narrow(side, object_, _canonical(side, object_, pl.concat(pages, rechunk=True), fields, owned=owned))
    return with_links(side, object_, frame, fields)


def _mapped(side: Side, object_: ObjectName, fields: Iterable[str]) -> dict[str, ReadMap]:
    known = side.mapping.read[object_]
    return {name: known[name] for name in fields if name in known and not known[name].association}


def _owned(side: Side, object_: ObjectName) -> dict[str, str]:
    """Column -> property, of what we own and of what we may write."""
    held = {HELD + output.name: side.prefix + output.name for output in side.owned if output.object == object_}
    return held | {NATIVE + rule.name: rule.property for rule in side.natives if rule.object == object_}


def _properties(side: Side, object_: ObjectName, fields: list[str], *, owned: bool) -> list[str]:
    ours = _owned(side, object_).values() if owned else ()
    return [*(read.property for read in _mapped(side, object_, fields).values()), *ours]


def _canonical(side: Side, object_: ObjectName, raw: pl.DataFrame, fields: list[str], *, owned: bool) -> pl.DataFrame:
    """One part of the mirror's text as canonical columns."""
    mapped = _mapped(side, object_, fields)
    ours = _owned(side, object_) if owned else {}
    wanted = [*(read.property for read in mapped.values()), *ours.values()]
    raw = raw.with_columns(
        [pl.lit(None, dtype=pl.String).alias(n) for n in dict.fromkeys(wanted) if n not in raw.columns]
    )
    known = FIELDS[object_]
    columns: list[pl.Expr] = [pl.col("id")]
    for name, read in mapped.items():
        value = _value(pl.col(read.property), known[name], read, side.currency)
        columns.append(value.alias(name))
    columns += [
        pl.lit(None, dtype=known[name].kind.dtype).alias(name) for name in fields if name not in mapped and name != "id"
    ]
    columns += [pl.col(property_).alias(name) for name, property_ in ours.items()]
    frame = raw.select(columns)
    frame = frame.with_columns(_not_read(raw, frame, mapped, known))
    if "region" in frame.columns and "country" in frame.columns:
        # A region's code means another place in another country.
        frame = frame.with_columns(regions(frame["region"], frame["country"]).alias("region"))
    return frame


def _not_read(
    raw: pl.DataFrame, frame: pl.DataFrame, mapped: dict[str, ReadMap], known: dict[str, Field]
) -> list[pl.Series]:
    """`unreadable.<field>` for each field of which some text could not be read; mostly there is none."""
    found = []
    for name, read in mapped.items():
        said, value = raw[read.property], frame[name]
        checked = not known[name].kind.is_text or known[name].kind in _CHECKED_TEXT or bool(read.values)
        if checked and value.null_count() > said.null_count():
            pair = pl.DataFrame({"said": said, "value": value})
            lost = pl.when(unreadable(pl.col("said"), pl.col("value"))).then(pl.col("said"))
            found.append(pair.select(lost.alias(UNREADABLE + name)).to_series())
    return found


def _narrow(side: Side, object_: ObjectName, frame: pl.DataFrame) -> pl.DataFrame:
    """The same values in less memory: text of few distinct values as categories, no column of what could be read."""
    known = FIELDS[object_]
    narrow = [
        name
        for name, dtype in frame.schema.items()
        if dtype == pl.String and (name.startswith((HELD, NATIVE)) or (name in known and known[name].kind in _FEW))
    ]
    empty = [name for name in frame.columns if name.startswith(UNREADABLE) and frame[name].null_count() == frame.height]
    return frame.drop(empty).with_columns(pl.col(narrow).cast(pl.Categorical))


def _value(expr: pl.Expr, field: Field, read: ReadMap, currency: str) -> pl.Expr:
    if field.kind is not Kind.MONEY:
        return _READERS[field.kind](_meant(expr, field, read))
    value = parse_money(expr, currency_digits(read.currency or currency))
    return value if read.rate is None else converted(value, read.rate, read.currency or currency, currency)


def _meant(expr: pl.Expr, field: Field, read: ReadMap) -> pl.Expr:
    """The text as the mapping says what it means; null where it does not say.

    A set with an option that the mapping does not name is unknown as a whole: of what is left, "has none of these"
    would be certain and perhaps wrong.
    """
    if not read.values:
        return expr
    if field.kind is not Kind.SET:
        return _word(expr, read.values)
    options = parse_set(expr).list.eval(_word(pl.element(), read.values))
    return pl.when(~options.list.contains(None)).then(options.list.join(";"))


def _word(expr: pl.Expr, values: Mapping[str, str]) -> pl.Expr:
    return expr.str.strip_chars().str.to_lowercase().replace_strict(values, default=None, return_dtype=pl.String)


def converted(minor: pl.Expr, rate: Decimal, from_: str, to: str) -> pl.Expr:
    """Minor units of one currency in another's, exact: a decimal rate in whole numbers, rounded half up."""
    numerator, denominator = rate.scaleb(currency_digits(to) - currency_digits(from_)).as_integer_ratio()
    # Whole and rest apart: a large amount times a rate of many digits does not fit 64 bits.
    whole = minor // denominator
    rest = minor - whole * denominator
    return whole * numerator + (rest * numerator * 2 + denominator) // (denominator * 2)
