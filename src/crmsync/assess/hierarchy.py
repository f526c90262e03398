"""Companies united up the parent hierarchy (domain.md A6): fields of the group that any condition may use.

A figure of a group is that of the company and of all below it: their sum or, where figures may be consolidated already,
at each company the larger of its own and its subsidiaries' together. A missing part leaves a figure that is at least
what is known: the field is null then, and its lower bound stands beside it (`group_fields.LOWER`), so that a condition
is decided where that is enough, and unknown else.

Companies whose parents go round in a circle are neither rolled up nor rolled into; what hangs below one of them is the
top of its own group, and so is a company whose parent was not read. All of them are reported.
"""

from __future__ import annotations

import polars as pl

from crmsync.assess.base import Reads, System, World, text
from crmsync.assess.category_section import category_program
from crmsync.assess.coverage_section import coverage_program
from crmsync.assess.forest import Forest, distinct, larger, members, read_forest, roots, totals
from crmsync.assess.group_fields import FIGURES, GROUP_FIELDS, LOWER, PLACE, ROOT, TERRITORIES_UNKNOWN
from crmsync.assess.group_words import explain, notes
from crmsync.model.snapshot import LEAST
from crmsync.program.loader import Program

_MOST = 2**63 - 1
_NOTHING = pl.lit(None, dtype=pl.Int64)


def _asked(program: Program) -> frozenset[str]:
    """Fields that the program names, in a condition or to sort by."""
    return program.fields | {category_program(program).by.name}


def reads(program: Program) -> Reads:
    asked = _asked(program)
    fields = {"parent", *(part for name, part in FIGURES.items() if name in asked)}
    if "group_territories" in asked or program.sections.get("strategic_accounts") is not None:
        fields.add(coverage_program(program).territory_by)
    contacts = {"account"} if "group_contacts" in asked else ()
    return {"company": frozenset(fields), "contact": frozenset(contacts)}


def wants(program: Program) -> Reads:
    return {"company": frozenset({*FIGURES.values(), LEAST + "spend", coverage_program(program).territory_by})}


def assess(world: World) -> World:
    """Add the fields of the group, and the columns of `group_fields`."""
    frame = world.accounts
    nodes = _nodes(world)
    forest = read_forest(nodes["id"], nodes["parent"])
    united = _groups(forest, nodes, world).select("node", *_columns(_united(), _UNITED_UNKNOWN, world))
    columns = nodes.select(_columns(_alone(), _ALONE_UNKNOWN, world))
    # Most companies stand alone, so the few others are written over them in place.
    columns = pl.DataFrame([one.scatter(united["node"], united[one.name]) for one in columns.get_columns()])
    tops = roots(forest).join(nodes.select(pl.col("node").alias("root"), pl.col("id").alias(ROOT)), on="root")
    told = nodes.select("node").join(tops.drop("root"), on="node", how="left", maintain_order="left")
    told = told.select(ROOT, _place(forest))
    frame = frame.drop([*columns.columns, *told.columns], strict=False).hstack(columns).hstack(told)
    return world.with_frame("company", frame, *(notes(forest, nodes) if world.whole else ()))


def _nodes(world: World) -> pl.DataFrame:
    """One row an account: `node`, `id`, `parent`, its figures, `group_contacts` of its own, `territory` as a number."""
    rules = coverage_program(world.program)
    nodes = world.accounts.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("node"),
        text("id"),
        text("parent"),
        *FIGURES.values(),
        *_least(),
        text(rules.territory_by).rank("dense").alias("territory"),
    )
    if "group_contacts" not in _asked(world.program):
        # Millions of contacts are not counted for nobody.
        return nodes.with_columns(_NOTHING.alias("group_contacts"))
    counts = world.contacts.group_by("account").agg(pl.len().cast(pl.Int64).alias("group_contacts"))
    counts = counts.select(text("account").alias("id"), "group_contacts").drop_nulls("id")
    if counts.is_empty():
        # Nobody's company is known, which says nothing about how many there are.
        return nodes.with_columns(_NOTHING.alias("group_contacts"))
    nodes = nodes.join(counts, on="id", how="left", maintain_order="left")
    return nodes.with_columns(pl.col("group_contacts").fill_null(0))


def _least() -> list[pl.Expr]:
    """`<figure>.least`: what a company's own figure is at least, null where nothing is known of it."""
    bounds = {part: pl.col(part) for part in FIGURES.values()}
    bounds["spend"] = pl.coalesce("spend", LEAST + "spend")
    return [bound.alias(part + ".least") for part, bound in bounds.items()]


def _groups(forest: Forest, nodes: pl.DataFrame, world: World) -> pl.DataFrame:
    """Of every company with a parent or subsidiaries, over itself and all below it.

    `companies`; `<figure>.sum`, of how many companies anything is known, `<figure>.any`, and of how many all,
    `<figure>.known`; `contacts.sum`, null where nobody's contacts are known; `territories.sum`, `territory.known`.
    """
    own = nodes.join(members(forest), on="node", how="semi")
    figures = own.select(
        "node", *(pl.col(p + ".least").fill_null(0).cast(pl.Int128).alias(p) for p in FIGURES.values())
    )
    known = {f"{part}.known": part for part in (*FIGURES.values(), "territory")}
    known |= {f"{part}.any": f"{part}.least" for part in FIGURES.values()}
    counts = own.select(
        "node",
        pl.lit(1, dtype=pl.Int64).alias("companies"),
        pl.col("group_contacts").fill_null(0).alias("contacts.sum"),
        *(pl.col(column).is_not_null().cast(pl.Int64).alias(name) for name, column in known.items()),
    )
    add = larger if coverage_program(world.program).consolidation == "larger" else totals
    # Amounts of a whole group may be more than 64 bits hold: what is beyond them is at least that.
    clipped = [pl.col(part).clip(-_MOST, _MOST).cast(pl.Int64).alias(part + ".sum") for part in FIGURES.values()]
    territories = distinct(forest, own.select("node", pl.col("territory").alias("value")))
    groups = (
        totals(forest, counts)
        .join(add(forest, figures).select("node", *clipped), on="node")
        .join(territories.select("node", pl.col("count").alias("territories.sum")), on="node", how="left")
    )
    return groups.with_columns(_NOTHING.alias("contacts.sum")) if own["group_contacts"].null_count() else groups


_Bounds = dict[str, tuple[pl.Expr, pl.Expr]]
"""Field of the group -> (what it is at least, whether that is all of it)."""

_ALONE_UNKNOWN = pl.col("territory").is_null()
_UNITED_UNKNOWN = pl.col("companies") - pl.col("territory.known")


def _alone() -> _Bounds:
    """A company that stands alone is a group of one."""
    known = pl.col("territory").is_not_null()
    bounds: _Bounds = {"subsidiaries": (pl.lit(0), pl.lit(value=True))}
    bounds["group_contacts"] = (pl.col("group_contacts"), pl.lit(value=True))
    bounds["group_territories"] = (known, known)
    for name, part in FIGURES.items():
        bounds[name] = (pl.col(part + ".least"), pl.col(part).is_not_null())
    return bounds


def _united() -> _Bounds:
    companies, territories = pl.col("companies"), pl.col("territories.sum").fill_null(0)
    bounds: _Bounds = {"subsidiaries": (companies - 1, pl.lit(value=True))}
    bounds["group_contacts"] = (pl.col("contacts.sum"), pl.lit(value=True))
    bounds["group_territories"] = (territories, pl.col("territory.known") == companies)
    for name, part in FIGURES.items():
        sum_, any_ = pl.col(part + ".sum"), pl.col(part + ".any") > 0
        bounds[name] = (pl.when(any_).then(sum_), (pl.col(part + ".known") == companies) & (sum_ < _MOST))
    return bounds


def _columns(bounds: _Bounds, unknown: pl.Expr, world: World) -> list[pl.Expr]:
    """The fields of the group, null where they are not all known; their lower bounds; territories unknown."""
    whole = pl.lit(value=world.whole)
    fields = [pl.when(whole & all_).then(least).cast(pl.Int64).alias(name) for name, (least, all_) in bounds.items()]
    lower = [least.cast(pl.Int64).alias(LOWER[name]) for name, (least, _) in bounds.items()]
    return [*fields, *lower, pl.when(whole).then(unknown).cast(pl.Int64).alias(TERRITORIES_UNKNOWN)]


def _place(forest: Forest) -> pl.Expr:
    why = pl.lit(None, dtype=pl.String)
    for name, nodes in (
        ("orphan", forest.orphans),
        ("below", forest.below["child"]),
        ("circle", forest.circle["child"]),
    ):
        why = pl.when(pl.col("node").is_in(nodes.implode())).then(pl.lit(name)).otherwise(why)
    return why.alias(PLACE)


_INTEGERS: dict[str, pl.DataType] = {name: pl.Int64() for name in (*GROUP_FIELDS, *LOWER.values(), TERRITORIES_UNKNOWN)}

HIERARCHY = System(
    key="hierarchy",
    title="Group",
    source="domain.md A6",
    object="company",
    reads=reads,
    wants=wants,
    assess=assess,
    explain=explain,
    gives={"company": _INTEGERS},
)
