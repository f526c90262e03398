"""Sums up a hierarchy of any depth, from pointers to parents alone (domain.md A6).

Every walk doubles its stride: from parents to grandparents of grandparents, so that a chain of ten thousand takes
fourteen steps, a circle ends, and no step looks at one record at a time. Nodes are row numbers; a link goes from
`child` to `parent`; rows come back in no order. The failure it prevents: parents that go round in a circle, followed
for ever or counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Forest:
    """The links that are followed, and why others are not.

    `links` (child, parent) form trees. `circle`: links among those whose parents lead back to themselves; `below`:
    links that end at one of those; `orphans`: nodes whose parent is not there. All of these stand at the top of what is
    below them.
    """

    links: pl.DataFrame
    circle: pl.DataFrame
    below: pl.DataFrame
    orphans: pl.Series


def read_forest(ids: pl.Series, parents: pl.Series) -> Forest:
    """The forest of records with these ids (text, each once) and ids of parents (text, null for none)."""
    nodes = pl.DataFrame({"id": ids}).with_row_index("parent")
    stated = pl.DataFrame({"id": parents}).with_row_index("child").drop_nulls("id")
    links = stated.join(nodes, on="id", how="left", maintain_order="left").select("child", "parent")
    orphans = links.filter(pl.col("parent").is_null())["child"]
    links = links.drop_nulls("parent")
    inside = pl.DataFrame({"node": _in_circles(links)})
    circle = links.join(inside, left_on="child", right_on="node", how="semi")
    outside = links.join(inside, left_on="child", right_on="node", how="anti")
    below = outside.join(inside, left_on="parent", right_on="node", how="semi")
    return Forest(outside.join(inside, left_on="parent", right_on="node", how="anti"), circle, below, orphans)


def _twice(jumps: pl.DataFrame) -> pl.DataFrame:
    """Jumps of double the stride; those that would leave the top are gone."""
    further = jumps.rename({"child": "parent", "parent": "further"})
    return jumps.join(further, on="parent", how="inner").select("child", pl.col("further").alias("parent"))


def _in_circles(links: pl.DataFrame) -> pl.Series:
    """Nodes whose parents lead back to themselves.

    A walk longer than there are links has gone round, and where it ends is in the circle; every node of a circle is
    where the walk of another one ends.
    """
    stride, jumps = 1, links
    while stride <= links.height and not jumps.is_empty():
        jumps, stride = _twice(jumps), stride * 2
    return jumps["parent"].unique()


def _jumps(forest: Forest) -> Iterator[pl.DataFrame]:
    """The links, then those of double the stride, and so on while there are any."""
    jumps = forest.links
    while not jumps.is_empty():
        yield jumps
        jumps = _twice(jumps)


def roots(forest: Forest) -> pl.DataFrame:
    """`node` and `root`, for every node with a parent that is followed: the top of its tree."""
    tops = forest.links
    for _ in _jumps(forest):
        further = tops.rename({"child": "parent", "parent": "further"})
        top = pl.coalesce("further", "parent").alias("parent")
        tops = tops.join(further, on="parent", how="left").select("child", top)
    return tops.select(pl.col("child").alias("node"), pl.col("parent").alias("root"))


def members(forest: Forest) -> pl.DataFrame:
    """`node`: those with a parent that is followed, or with children; all others stand alone."""
    return pl.concat([forest.links["child"], forest.links["parent"]]).unique().alias("node").to_frame()


def totals(forest: Forest, own: pl.DataFrame) -> pl.DataFrame:
    """`own` (`node` and integer columns without nulls), each figure summed over the node and all below it.

    What is within one stride below a node, and within one below those that are a whole stride below it, is what is
    within two.
    """
    figures, sums = [name for name in own.columns if name != "node"], own
    for jumps in _jumps(forest):
        gained = jumps.join(sums, left_on="child", right_on="node").group_by("parent")
        gained_sums = gained.agg(pl.col(figures).sum().name.suffix(".below"))
        both = [(pl.col(name) + pl.col(name + ".below").fill_null(0)).alias(name) for name in figures]
        sums = sums.join(gained_sums, left_on="node", right_on="parent", how="left").select("node", *both)
    return sums


def larger(forest: Forest, own: pl.DataFrame) -> pl.DataFrame:
    """As `totals`, where each figure is the larger of the node's own and the sum of its children's figures.

    That is no plain sum, so it goes level by level, from the bottom.
    """
    figures = [name for name in own.columns if name != "node"]
    nodes = own.join(forest.links, left_on="node", right_on="child", how="left")
    nodes = nodes.join(_depths(forest), on="node", how="left").with_columns(pl.col("depth").fill_null(0))
    done, beneath = [own.clear()], nodes.clear()
    for level in reversed(nodes.sort("depth").partition_by("depth", maintain_order=True)):
        sums = beneath.group_by("parent").agg(pl.col(figures).sum().name.suffix(".below"))
        best = [pl.max_horizontal(name, name + ".below").alias(name) for name in figures]
        beneath = level.join(sums, left_on="node", right_on="parent", how="left").with_columns(best)
        done.append(beneath.select(own.columns))
    return pl.concat(done)


def distinct(forest: Forest, own: pl.DataFrame) -> pl.DataFrame:
    """`node` and `count`: how many different values the node and all below it have; `own` has `node` and `value`.

    Rows come back for nodes that have any.
    """
    values = own.drop_nulls("value").unique()
    for jumps in _jumps(forest):
        passed = jumps.join(values, left_on="child", right_on="node").select(pl.col("parent").alias("node"), "value")
        values = pl.concat([values, passed]).unique()
    return values.group_by("node").agg(pl.len().alias("count"))


def _depths(forest: Forest) -> pl.DataFrame:
    """`node` and `depth`, the number of its ancestors, for every node with a parent that is followed."""
    depths = forest.links.select(pl.col("child").alias("node"), pl.lit(1, dtype=pl.UInt32).alias("depth"))
    for jumps in _jumps(forest):
        above = jumps.join(depths, left_on="parent", right_on="node").select(
            pl.col("child").alias("node"), pl.col("depth").alias("above")
        )
        depths = depths.join(above, on="node", how="left").select(
            "node", pl.col("depth") + pl.col("above").fill_null(0)
        )
    return depths
