"""What the missing fields of an account cost it, and who is to fill them (domain.md C2).

The failure it prevents: a list of blanks that nobody can work. A gap is a field that holds back the tier, and it comes
with what filling it could change: alone, and together with the other gaps of the same account. Both are taken as
favourably as the rules allow, like the potential that they climb to, so that neither promises less than can happen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from crmsync.assess.base import OUT, ExplainLine, Explanation, Reads, System, World, out
from crmsync.assess.data_gaps_section import FILLER_LABELS, FILLERS, GAPS_SECTION, gap_program
from crmsync.assess.gaps import Climb
from crmsync.assess.ranks import rank_of
from crmsync.assess.tier_climb import climb
from crmsync.assess.tier_section import NO_TIER
from crmsync.model.fields import ACCOUNT
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.text import id_order
from crmsync.program.loader import Program

_SHOWN = 5
_GAPS = OUT + "data_gaps"
IF_FILLED: dict[str, pl.DataType] = {
    "id": pl.String(),
    "field": pl.String(),
    "now": pl.Int32(),
    "alone": pl.Int32(),
    "together": pl.Int32(),
}


def outputs(_program: Program) -> tuple[Output, ...]:
    return (
        Output(
            "gap_route",
            object="company",
            kind=OutputKind.MULTI,
            label="ABM gap route",
            description="Who is to fill the fields that hold back the tier.",
            options=tuple(Option(name, FILLER_LABELS[name]) for name in FILLERS),
            system="data_gaps",
            list_name="ABM: Gaps for {label}",
        ),
    )


def reads(_program: Program) -> Reads:
    return {"company": frozenset({_GAPS, OUT + "tier", OUT + "potential_tier"})}


def assess(world: World) -> World:
    """Add `out.gap_route`: worked out once for each combination of gaps that the portal has."""
    rules = gap_program(world.program)
    routes = {}
    for gaps in world.accounts[_GAPS].unique().drop_nulls().cast(pl.String):
        asked = {filler for field in gaps.split(";") for filler in rules.fillers(field)}
        routes[gaps] = ";".join(filler for filler in FILLERS if filler in asked) or None
    route = out("data_gaps").replace_strict(routes, default=None, return_dtype=pl.String)
    return world.with_frame("company", world.accounts.with_columns(route.alias(OUT + "gap_route")))


def if_filled(world: World, accounts: pl.DataFrame | None = None) -> pl.DataFrame:
    """What filling each gap could change: one row (`IF_FILLED`) for each account and field that holds it back.

    Ranks count from 0, no tier. `now` is the tier that it has, `alone` the one it could have with this field filled and
    nothing else, `together` the one with every gap filled. `accounts` (assessed) are those looked at, all by default.
    Rows are in the order of the accounts' ids, then of the canonical fields.
    """
    frame = world.accounts if accounts is None else accounts
    steps = climb(world)
    if steps is None or _GAPS not in frame.columns:
        return pl.DataFrame(schema=IF_FILLED)
    frame = frame.filter(pl.col(_GAPS).is_not_null())
    fields = gap_fields(frame)
    if not fields:
        return pl.DataFrame(schema=IF_FILLED)
    now = rank_of(out("tier"), steps.names).fill_null(0).alias("now")
    known = frame.select(pl.col("id").cast(pl.String), out("data_gaps").alias("gaps"), now)
    known = known.with_columns(pl.max_horizontal("now", _reached(frame, fields, steps)).alias("together"))
    parts = []
    for field in fields:
        mine = pl.concat_str(pl.lit(";"), "gaps", pl.lit(";")).str.contains(f";{field};", literal=True)
        at_best = pl.max_horizontal("now", _reached(frame, [field], steps)).alias("alone")
        parts.append(known.with_columns(at_best, pl.lit(field).alias("field")).filter(mine).select(list(IF_FILLED)))
    places = {name: place for place, name in enumerate(ACCOUNT)}
    order = pl.col("field").replace_strict(places, return_dtype=pl.Int32)
    return pl.concat(parts).sort([*id_order(), order])


def _reached(frame: pl.DataFrame, fields: Collection[str], steps: Climb) -> pl.Series:
    """The same climb over the steps as they would stand with `fields` filled."""
    filled = frame.with_columns(expr.alias(column) for column, expr in steps.filled(fields).items())
    return filled.select(steps.reached.cast(pl.Int32).alias("reached"))["reached"]


def gap_fields(accounts: pl.DataFrame) -> list[str]:
    """The fields that hold back any of these accounts, in the order of the canonical fields."""
    found = {field for gaps in accounts[_GAPS].unique().drop_nulls().cast(pl.String) for field in gaps.split(";")}
    return [name for name in ACCOUNT if name in found]


def ranking(filled: pl.DataFrame) -> pl.DataFrame:
    """Fields of `if_filled` rows by what filling them is worth (domain.md C2): accounts times tiers gained.

    Columns `field`, `accounts` held back by it, `alone` and `together`: tiers gained, added up over these accounts, if
    it were filled alone, or with the other gaps of the same account. Best first by `alone`, then by name.
    """
    by_field = filled.group_by("field").agg(
        pl.len().cast(pl.Int64).alias("accounts"),
        (pl.col("alone") - pl.col("now")).cast(pl.Int64).sum().alias("alone"),
        (pl.col("together") - pl.col("now")).cast(pl.Int64).sum().alias("together"),
    )
    return by_field.sort(["alone", "field"], descending=[True, False])


def explain(world: World, record: pl.DataFrame) -> Explanation | None:
    """The gaps of one account with what each could change; nothing to say where no field holds it back."""
    steps = climb(world)
    filled = if_filled(world, record)
    if steps is None or filled.is_empty():
        return None
    rules = gap_program(world.program)
    rows = list(filled.iter_rows(named=True))
    names = [str(row["field"]) for row in rows]
    # Those that change most come first; the sort keeps the order of the fields among equals.
    shown = sorted(rows, key=lambda row: int(row["now"]) - int(row["alone"]))[:_SHOWN]
    lines = [
        ExplainLine("", row["field"], "/".join(rules.fillers(row["field"])), _alone(row, steps.names)) for row in shown
    ]
    remarks = [f"And {len(rows) - _SHOWN:,} more fields."] if len(rows) > _SHOWN else []
    if len(rows) > 1:
        remarks.append(_together(rows[0], names, steps.names))
    return Explanation("data_gaps", f"Data gaps: {', '.join(names)}", tuple(lines), tuple(remarks))


def _together(row: dict[str, int], fields: Sequence[str], names: Sequence[str]) -> str:
    said = f"Filling {and_list(fields)} together"
    if row["together"] == row["now"]:
        return f"{said} leaves it {_at(names[row['now']])}."
    return f"{said} could make it {names[row['together']]}."


def _alone(row: dict[str, int], names: Sequence[str]) -> str:
    if row["alone"] == row["now"]:
        return f"filling it alone leaves it {_at(names[row['now']])}"
    return f"filling it alone could make it {names[row['alone']]}"


def _at(tier: str) -> str:
    return "without a tier" if tier == NO_TIER else f"at {tier}"


def and_list(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


DATA_GAPS = System(
    key="data_gaps",
    title="Data gaps",
    source="domain.md C2",
    object="company",
    sections=(GAPS_SECTION,),
    reads=reads,
    outputs=outputs,
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("gaps") is not None,
)
