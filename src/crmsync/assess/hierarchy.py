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


def reads(program: Program) -> Reads:
    asked = program.fields | {category_program(program).by.name}
    fields = {"parent", *(part for name, part in FIGURES.items() if name in asked)}
    if "group_territories" in asked or program.sections.get("strategic_accounts") is not None:
        fields.add(coverage_program(program).territory_by)
    return {"company": frozenset(fields)}


def wants(program: Program) -> Reads:
    rules = coverage_program(program)
    return {
        "company": frozenset({*FIGURES.values(), LEAST + "spend", rules.territory_by}),
        "contact": frozenset({"account"}),
    }


def assess(world: World) -> World:
    """Add the fields of the group, and the columns of `group_fields`."""
    frame = world.accounts
    nodes = _nodes(world)
    forest = read_forest(nodes["id"], nodes["parent"])
    wide = nodes.join(_groups(forest, nodes, world), on="node", how="left", maintain_order="left")
    tops = roots(forest).join(nodes.select(pl.col("node").alias("root"), pl.col("id").alias(ROOT)), on="root")
    wide = wide.join(tops.drop("root"), on="node", how="left", maintain_order="left")
    columns = wide.select(*_columns(world), ROOT, _place(forest))
    frame = frame.drop([name for name in columns.columns if name in frame.columns]).hstack(columns)
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
    linked = world.contacts.select(text("account").alias("id")).drop_nulls()
    if linked.is_empty():
        # Nobody's company is known, which says nothing about how many there are.
        return nodes.with_columns(pl.lit(None, dtype=pl.Int64).alias("group_contacts"))
    counts = linked.group_by("id").agg(pl.len().cast(pl.Int64).alias("group_contacts"))
    return nodes.join(counts, on="id", how="left", maintain_order="left").with_columns(
        pl.col("group_contacts").fill_null(0)
    )


def _least() -> list[pl.Expr]:
    """`<figure>.least`: what a company's own figure is at least, null where nothing is known of it."""
    bounds = {part: pl.col(part) for part in FIGURES.values()}
    bounds["spend"] = pl.coalesce("spend", LEAST + "spend")
    return [bound.alias(part + ".least") for part, bound in bounds.items()]


def _groups(forest: Forest, nodes: pl.DataFrame, world: World) -> pl.DataFrame:
    """Of every company with a parent or subsidiaries, over itself and all below it.

    `companies`; `<figure>.sum`, of how many companies anything is known, `<figure>.any`, and of how many all,
    `<figure>.known`; `contacts.sum`; `territories.sum`, `territory.known`.
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
    return (
        totals(forest, counts)
        .join(add(forest, figures).select("node", *clipped), on="node")
        .join(territories.select("node", pl.col("count").alias("territories.sum")), on="node", how="left")
    )


def _columns(world: World) -> list[pl.Expr]:
    """The fields of the group and their lower bounds; a company that stands alone is a group of one."""
    alone, whole = pl.col("companies").is_null(), pl.lit(value=world.whole)
    companies = pl.col("companies").fill_null(1)
    own_territory = pl.col("territory").is_not_null().cast(pl.Int64)
    territory_known = pl.when(alone).then(own_territory).otherwise("territory.known")
    lower = {
        "subsidiaries": companies - 1,
        "group_contacts": pl.when(alone | pl.col("group_contacts").is_null())
        .then("group_contacts")
        .otherwise("contacts.sum"),
        "group_territories": pl.when(alone).then(territory_known).otherwise(pl.col("territories.sum").fill_null(0)),
    }
    complete = {
        "subsidiaries": pl.lit(value=True),
        "group_contacts": pl.lit(value=True),
        "group_territories": territory_known == companies,
    }
    for name, part in FIGURES.items():
        known, sum_ = pl.col(part + ".known"), pl.col(part + ".sum")
        lower[name] = pl.when(alone).then(part + ".least").when(pl.col(part + ".any") > 0).then(sum_)
        complete[name] = (
            pl.when(alone).then(pl.col(part).is_not_null()).otherwise((known == companies) & (sum_ < _MOST))
        )
    fields = [pl.when(whole & complete[name]).then(lower[name]).cast(pl.Int64).alias(name) for name in GROUP_FIELDS]
    bounds = [lower[name].cast(pl.Int64).alias(LOWER[name]) for name in GROUP_FIELDS]
    unknown = pl.when(whole).then(companies - territory_known).cast(pl.Int64).alias(TERRITORIES_UNKNOWN)
    return [*fields, *bounds, unknown]


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
