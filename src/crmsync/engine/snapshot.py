"""From the mirror's text to canonical columns: the one place where a CRM's values become the program's.

Text that cannot be read is unknown, never a guess, and is told apart from no text (`unreadable.<field>`), so that it
can be listed for a person to mend.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import polars as pl

from crmsync.config.mappings import ReadMap
from crmsync.engine.context import Context
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
from crmsync.normalize.domain import domain
from crmsync.normalize.places import country, regions
from crmsync.program.evaluate import compile_expr
from crmsync.program.units import currency_digits


def _each(fn: Callable[[str], str | None]) -> Callable[[pl.Expr], pl.Expr]:
    """`fn` over a text column, once for each distinct value."""
    return lambda expr: expr.map_batches(lambda series: normalize_unique(series, fn), return_dtype=pl.String)


#: Kinds of text that can be unreadable: what they hold is looked up or parsed.
_CHECKED_TEXT = (Kind.COUNTRY, Kind.DOMAIN)


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
    Kind.DOMAIN: _each(domain),
}


def build_snapshot(ctx: Context, as_of: datetime, coverage: dict[ObjectName, Coverage]) -> Snapshot:
    """The mirror as frames: canonical fields, `held.*` for what we own, `native.*` for what we may write."""
    frames = {object_: _frame(ctx, object_) for object_ in ctx.objects}
    if ctx.portal.scope is not None:
        # Unknown is not false: a record leaves the scope only where it is certainly outside.
        inside = compile_expr(ctx.portal.scope, as_of=as_of).fill_null(value=True)
        frames["company"] = frames["company"].filter(inside)
        if "contact" in frames:
            frames["contact"] = frames["contact"].join(
                frames["company"].select(pl.col("id").alias("account")), on="account", how="semi", maintain_order="left"
            )
    owners = ctx.store.mirror.owners(ctx.portal.name)
    return Snapshot(
        frames,
        as_of,
        coverage,
        owners={owner.id: owner.name for owner in owners},
        # A portal without owners, or a key that may not see them, says nothing about who is active.
        active_owners=frozenset(owner.id for owner in owners if owner.active) or None,
    )


def _frame(ctx: Context, object_: ObjectName) -> pl.DataFrame:
    mapped = {
        name: read
        for name, read in ctx.mapping.read[object_].items()
        if name in ctx.reads[object_] and not read.association
    }
    owned = {output.name: ctx.prefix + output.name for output in ctx.owned if output.object == object_}
    native = {rule.name: rule.property for rule in ctx.natives if rule.object == object_}
    wanted = [*(read.property for read in mapped.values()), *owned.values(), *native.values()]
    raw = ctx.store.mirror.load(ctx.portal.name, object_, wanted)
    fields = FIELDS[object_]
    columns: list[pl.Expr] = [pl.col("id")]
    for name, read in mapped.items():
        if name == "id":
            continue
        value = _value(pl.col(read.property), fields[name], read, ctx.program.currency)
        columns.append(value.alias(name))
        if not fields[name].kind.is_text or fields[name].kind in _CHECKED_TEXT:
            text = pl.col(read.property)
            columns.append(pl.when(unreadable(text, value)).then(text).alias(UNREADABLE + name))
    columns += [
        pl.lit(None, dtype=fields[name].kind.dtype).alias(name)
        for name in sorted(ctx.reads[object_] - set(mapped) - {"id"})
    ]
    columns += [pl.col(property_).alias(HELD + name) for name, property_ in owned.items()]
    columns += [pl.col(property_).alias(NATIVE + name) for name, property_ in native.items()]
    frame = raw.select(columns)
    if "region" in frame.columns and "country" in frame.columns:
        # A region's code means another place in another country.
        frame = frame.with_columns(regions(frame["region"], frame["country"]).alias("region"))
    return frame


def _value(expr: pl.Expr, field: Field, read: ReadMap, currency: str) -> pl.Expr:
    if field.kind is not Kind.MONEY:
        return _READERS[field.kind](expr)
    value = parse_money(expr, currency_digits(read.currency or currency))
    return value if read.rate is None else converted(value, read.rate, read.currency or currency, currency)


def converted(minor: pl.Expr, rate: Decimal, from_: str, to: str) -> pl.Expr:
    """Minor units of one currency in another's, exact: a decimal rate in whole numbers, rounded half up."""
    numerator, denominator = rate.scaleb(currency_digits(to) - currency_digits(from_)).as_integer_ratio()
    # Whole and rest apart: a large amount times a rate of many digits does not fit 64 bits.
    whole = minor // denominator
    rest = minor - whole * denominator
    return whole * numerator + (rest * numerator * 2 + denominator) // (denominator * 2)
