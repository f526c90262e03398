"""The one diff: what the program wants against what the CRM holds, as changes of single values.

The failures it prevents: a write that changes nothing (and fires workflows), a reason or a date written alone, and two
spellings of one value taken for a change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from crmsync.model.fields import ObjectName
from crmsync.model.moments import parse_datetime
from crmsync.model.outputs import NativePolicy, Output, OutputKind
from crmsync.model.plan import CHANGE_SCHEMA, object_order
from crmsync.model.snapshot import HELD, NATIVE
from crmsync.model.text import id_order

OUT = "out."

LAST_RUN = Output(
    "last_run",
    object="company",
    kind=OutputKind.TEXT,
    label="ABM last run",
    description="The run that last changed a decision on this record.",
    follows=True,
    system="ledger",
)


@dataclass(frozen=True, slots=True)
class NativeRule:
    """A property that crmsync does not own and may write by mapping: `values` from an output's options to the CRM's.

    Empty `values` pass the output on as it is.
    """

    name: str
    object: ObjectName
    property: str
    source: str
    policy: NativePolicy
    values: dict[str, str]


def canonical(expr: pl.Expr, kind: OutputKind) -> pl.Expr:
    """Text of a value as it is compared: order of a multi-select, precision of a number or date do not matter."""
    expr = pl.when(expr == "").then(None).otherwise(expr)
    match kind:
        case OutputKind.MULTI:
            parts = expr.str.split(";").list.eval(pl.element().str.strip_chars())
            joined = parts.list.sort().list.unique(maintain_order=True).list.join(";").str.strip_prefix(";")
            return pl.when(joined != "").then(joined)
        case OutputKind.NUMBER:
            return expr.cast(pl.Float64, strict=False).cast(pl.String)
        case OutputKind.DATETIME | OutputKind.DATE:
            return parse_datetime(expr).dt.truncate("1s").dt.to_string("iso")
        case OutputKind.BOOLEAN:
            return expr.str.to_lowercase()
        case _:
            return expr


def diff(
    frames: dict[ObjectName, pl.DataFrame],
    outputs: Sequence[Output],
    natives: Sequence[NativeRule],
    *,
    prefix: str,
    run_id: str,
) -> pl.DataFrame:
    """Changes (CHANGE_SCHEMA) by object, record and property. Frames carry `out.*`, `held.*` and `native.*`."""
    parts: list[pl.DataFrame] = []
    for object_ in sorted(frames, key=object_order):
        frame = frames[object_]
        owned = [output for output in outputs if output.object == object_ and not output.person]
        decisions = [_changes(frame, output, prefix) for output in owned if not output.follows]
        decisions += [native_changes(frame, rule) for rule in natives if rule.object == object_]
        decided = pl.concat(decisions) if decisions else _empty()
        touched = decided.select("id").unique()
        companions = [output for output in owned if output.follows]
        asked = {side + output.name for output in (*companions, LAST_RUN) for side in (OUT, HELD)}
        asked |= {OUT + output.reason for output in companions}
        beside = frame.select("id", *(name for name in frame.columns if name in asked))
        beside = beside.join(touched, on="id", how="semi", maintain_order="left")
        followers = [_changes(beside, output, prefix) for output in companions]
        if object_ == LAST_RUN.object and not touched.is_empty():
            followers.append(_changes(_with_last_run(beside, run_id), LAST_RUN, prefix))
        parts += [decided, *followers]
    everything = pl.concat(parts) if parts else _empty()
    return number(everything)


def number(changes: pl.DataFrame) -> pl.DataFrame:
    """Changes in the order of writing, numbered from 1."""
    order = pl.col("object").replace_strict({"company": 0, "contact": 1, "deal": 2}, default=9, return_dtype=pl.Int32)
    changes = changes.sort([order, *id_order(), pl.col("property")])
    return changes.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("seq")).select(list(CHANGE_SCHEMA))


def _empty() -> pl.DataFrame:
    return pl.DataFrame(schema=CHANGE_SCHEMA)


def _with_last_run(frame: pl.DataFrame, run_id: str) -> pl.DataFrame:
    frame = frame.with_columns(pl.lit(run_id).alias(OUT + LAST_RUN.name))
    return frame if HELD + LAST_RUN.name in frame.columns else frame.with_columns(_null(HELD + LAST_RUN.name))


def _null(name: str) -> pl.Expr:
    return pl.lit(None, dtype=pl.String).alias(name)


def _changes(frame: pl.DataFrame, output: Output, prefix: str) -> pl.DataFrame:
    """Rows where an output's value differs from what the CRM holds."""
    if OUT + output.name not in frame.columns:
        return _empty()
    if HELD + output.name not in frame.columns:
        frame = frame.with_columns(_null(HELD + output.name))
    told = OUT + output.reason in frame.columns
    before, after = pl.col(HELD + output.name), pl.col(OUT + output.name)
    # Rows of these columns alone are picked: a frame has some hundred. Its text may be categories, which are compared
    # as they are where both are.
    frame = frame.select("id", before, after, *([pl.col(OUT + output.reason).alias("_reason")] if told else []))
    if frame.schema[HELD + output.name] != frame.schema[OUT + output.name]:
        frame = frame.with_columns(before.cast(pl.String), after.cast(pl.String))
    # Text for text first: almost everything is equal to the letter, and reading values as dates or sets costs more.
    frame = frame.filter(after.ne_missing(before)).with_columns(before.cast(pl.String), after.cast(pl.String))
    frame = frame.filter(canonical(after, output.kind).ne_missing(canonical(before, output.kind)))
    reason = pl.col("_reason").cast(pl.String) if told else pl.lit("")
    return _rows(frame, output.object, prefix + output.name, before, after, output.system, reason, False)


def _rows(
    frame: pl.DataFrame,
    object_: ObjectName,
    property_: str,
    before: pl.Expr,
    after: pl.Expr,
    rule: str,
    reason: pl.Expr,
    shared: bool,
) -> pl.DataFrame:
    columns = {
        "seq": pl.lit(0, dtype=pl.Int64),
        "object": pl.lit(object_),
        "id": pl.col("id"),
        "property": pl.lit(property_),
        "before": pl.when(before == "").then(None).otherwise(before),
        "after": pl.when(after == "").then(None).otherwise(after),
        "rule": pl.lit(rule),
        "reason": reason.fill_null(""),
        "shared": pl.lit(shared),
    }
    return frame.select([expr.cast(CHANGE_SCHEMA[name]).alias(name) for name, expr in columns.items()])


def native_changes(frame: pl.DataFrame, rule: NativeRule) -> pl.DataFrame:
    """Changes of a property that is not ours: only over a blank, or over what we must have written ourselves.

    What we wrote is what the mapping makes of the value that our own property still holds, so that it can be told from
    the CRM alone. Never `false` over a blank, never over a person's value (contract.md, native).
    """
    if rule.policy is NativePolicy.NEVER or OUT + rule.source not in frame.columns:
        return _empty()
    sources = {"_now": NATIVE + rule.name, "_out": OUT + rule.source, "_held": HELD + rule.source}
    values = frame.select("id", *[pl.col(c).alias(n) if c in frame.columns else _null(n) for n, c in sources.items()])
    # Judged once for each way that the three values come together: a portal has few.
    kinds = values.select(sources.keys()).unique(maintain_order=True)
    kinds = kinds.with_columns(
        pl.when(pl.col("_now").cast(pl.String) != "").then(pl.col("_now").cast(pl.String)).alias("_before"),
        _mapped(kinds["_out"], rule).alias("_wanted"),
        _mapped(kinds["_held"], rule).alias("_ours"),
    )
    now, wanted = pl.col("_before"), pl.col("_wanted")
    differs = canonical(now, OutputKind.MULTI).ne_missing(canonical(wanted, OutputKind.MULTI))
    blank = now.is_null() & wanted.is_not_null() & (wanted != "false")
    ours = now.is_not_null() & (canonical(now, OutputKind.MULTI) == canonical(pl.col("_ours"), OutputKind.MULTI))
    allowed = blank | ours.fill_null(value=False) if rule.policy is NativePolicy.OWN else blank
    written = values.join(
        kinds.filter(differs & allowed), on=list(sources), how="inner", nulls_equal=True, maintain_order="left"
    )
    reason = pl.format("follows {}", pl.lit(rule.source))
    return _rows(written, rule.object, rule.property, now, wanted, f"mapping.{rule.name}", reason, True)


def _mapped(texts: pl.Series, rule: NativeRule) -> pl.Series:
    """An output's text through the mapping, option by option; null where nothing is mapped. No values: as it is."""
    texts = texts.cast(pl.String)
    distinct = texts.drop_nulls().unique().to_list()
    known = {text: mapped for text in distinct if (mapped := _mapped_text(text, rule))}
    return texts.replace_strict(known, default=None, return_dtype=pl.String)


def _mapped_text(text: str, rule: NativeRule) -> str:
    if not rule.values:
        return text
    options = [rule.values[option] for option in text.split(";") if option in rule.values]
    return ";".join(dict.fromkeys(options))
