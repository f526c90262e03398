"""From candidates to pairs: one to one, the stronger evidence first, and never a guess between two.

A candidate is two records and what speaks for them. It becomes a pair only where nothing comes near it on either side;
everything else that is likely goes to a person. All of it works on row numbers of the two sides (`l`, `r`), so that the
order of rows makes no difference to which records are paired, and swapping the sides swaps the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crmsync.model.decided import Decided, IdPair

#: Columns of `Matched.pairs`, one row a pair, sorted by `left`. `score` from 0 to 1.
PAIR_SCHEMA: dict[str, pl.DataType] = {
    "left": pl.String(),
    "right": pl.String(),
    "how": pl.String(),
    "score": pl.Float64(),
}
#: Columns of `Matched.review`: likely pairs of records that have none, with the reason for a person.
REVIEW_SCHEMA: dict[str, pl.DataType] = {
    "left": pl.String(),
    "right": pl.String(),
    "score": pl.Float64(),
    "why": pl.String(),
    "left_name": pl.String(),
    "right_name": pl.String(),
}
#: Columns of candidates. `auto`: good enough alone. `anchor`: the two share what no two others should (a domain).
CANDIDATE_SCHEMA: dict[str, pl.DataType] = {
    "l": pl.UInt32(),
    "r": pl.UInt32(),
    "how": pl.String(),
    "score": pl.Float64(),
    "auto": pl.Boolean(),
    "anchor": pl.Boolean(),
    "why": pl.String(),
}
#: A candidate as near as this to another one of the same record leaves the choice to a person.
MARGIN = 0.1
#: So many candidates of one record are shown to a person.
SHOWN = 5

SEVERAL = "several records could be the one"
IDS_DISAGREE = "the ids that the CRMs keep of each other disagree"


@dataclass(frozen=True)
class Matched:
    """Pairs found (PAIR_SCHEMA), and what a person has to decide (REVIEW_SCHEMA); no record is in both."""

    pairs: pl.DataFrame
    review: pl.DataFrame


def column(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A text column that may be absent or categorical; blank text is null."""
    if name not in frame.columns:
        return pl.lit(None, dtype=pl.String).alias(name)
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text).alias(name)


def settle(
    left: pl.DataFrame, right: pl.DataFrame, candidates: pl.DataFrame, decided: Decided, *, judge_native: bool = False
) -> Matched:
    """The pairs of two sides. `left` has `l id name counterpart`, `right` has `r` for `l`; candidates as the schema.

    Order: a person's decision, the CRMs' own ids of each other, then the candidates. With `judge_native`, ids of each
    other that a strong candidate speaks against (anchored, and good enough alone) are left to a person.
    """
    said = _decided(left, right, decided.same)
    never = _decided(left, right, decided.different)
    # Two decisions about one record are none; the loader tells the person.
    same = _only(said.join(never, on=["l", "r"], how="anti"))
    taken = same.with_columns(how=pl.lit("decided"), score=pl.lit(1.0))
    candidates = _free(candidates.join(never, on=["l", "r"], how="anti"), taken)
    claims = _free(_claims(left, right).join(never, on=["l", "r"], how="anti"), taken)
    native, disputed = _native(claims, candidates if judge_native else candidates.clear())
    taken = pl.concat([taken, native.with_columns(how=pl.lit("native"), score=pl.lit(1.0))], how="diagonal")
    disputed = _free(disputed, native)
    candidates = _free(candidates, native)
    blocked = pl.col("l").is_in(disputed["l"].implode()) | pl.col("r").is_in(disputed["r"].implode())
    candidates = candidates.with_columns(
        auto=pl.col("auto") & ~blocked,
        why=pl.when(pl.col("auto") & blocked).then(pl.lit(IDS_DISAGREE)).otherwise("why"),
    )
    found, likely = _choose(candidates)
    taken = pl.concat([taken.select("l", "r", "how", "score"), found.select("l", "r", "how", "score")])
    review = _free(pl.concat([disputed, likely.select(disputed.columns)]), taken)
    return Matched(_pairs(taken, left, right), _review(review, left, right))


def _decided(left: pl.DataFrame, right: pl.DataFrame, pairs: tuple[IdPair, ...]) -> pl.DataFrame:
    """Rows (l, r) of decided pairs whose records are both there; a pair may be written in either order."""
    given = pl.DataFrame(sorted(set(pairs)), schema={"a": pl.String, "b": pl.String}, orient="row")
    found = [
        given.join(left.select("l", pl.col("id").alias(one)), on=one).join(
            right.select("r", pl.col("id").alias(other)), on=other
        )
        for one, other in (("a", "b"), ("b", "a"))
    ]
    return pl.concat([rows.select("l", "r") for rows in found]).unique()


def _claims(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """(l, r, votes): which record names which as itself in the other CRM; two votes where both name each other."""
    mine = left.select("l", id="counterpart").join(right.select("r", "id"), on="id").select("l", "r")
    theirs = right.select("r", id="counterpart").join(left.select("l", "id"), on="id").select("l", "r")
    return pl.concat([mine, theirs]).group_by("l", "r").agg(votes=pl.len())


def _native(claims: pl.DataFrame, candidates: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Claims that hold (l, r), and those that a person has to settle, as candidates."""
    alone = (pl.len().over("l") == 1) & (pl.len().over("r") == 1)
    mutual = pl.col("votes") == 2
    agreed = mutual & (mutual.sum().over("l") == 1) & (mutual.sum().over("r") == 1)
    holds = claims.with_columns(holds=alone | agreed)
    against = candidates.filter(pl.col("auto") & pl.col("anchor")).join(claims, on=["l", "r"], how="anti")
    anchored = candidates.filter("anchor").select("l", "r", meant=pl.lit(True))
    holds = holds.join(anchored, on=["l", "r"], how="left").with_columns(
        holds=pl.col("holds")
        & (
            pl.col("meant").fill_null(False)
            | ~(pl.col("l").is_in(against["l"].implode()) | pl.col("r").is_in(against["r"].implode()))
        )
    )
    native = holds.filter("holds").select("l", "r")
    disputed = holds.filter(~pl.col("holds")).select(
        "l", "r", score=pl.lit(0.8), why=pl.lit(IDS_DISAGREE, dtype=pl.String)
    )
    return native, disputed


def _choose(candidates: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Candidates that nothing comes near, and the rest with the reason why not."""
    judged = _rivalled(_rivalled(candidates, "l"), "r").with_columns(
        accepted=pl.col("auto") & ~pl.col("rivalled_l") & ~pl.col("rivalled_r")
    )
    likely = judged.filter(~pl.col("accepted")).with_columns(why=pl.when("auto").then(pl.lit(SEVERAL)).otherwise("why"))
    return judged.filter("accepted"), likely


def _rivalled(candidates: pl.DataFrame, side: str) -> pl.DataFrame:
    """With `rivalled_<side>`: another candidate of this record is near in score; or, where this one has no anchor, has
    one or is good enough too."""
    best_first = pl.col("score").sort(descending=True)
    of_record = candidates.group_by(side).agg(
        best=pl.col("score").max(),
        second=pl.when(pl.len() > 1).then(best_first.get(1, null_on_oob=True)),
        autos=pl.col("auto").sum(),
        anchors=pl.col("anchor").sum(),
    )
    other = pl.when(pl.col("score") == pl.col("best")).then("second").otherwise("best")
    near = (other > pl.col("score") - MARGIN).fill_null(False)
    rivalled = near | (~pl.col("anchor") & ((pl.col("autos") > 1) | (pl.col("anchors") > 0)))
    return (
        candidates.join(of_record, on=side)
        .with_columns(rivalled.alias(f"rivalled_{side}"))
        .drop("best", "second", "autos", "anchors")
    )


def _only(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.filter((pl.len().over("l") == 1) & (pl.len().over("r") == 1))


def _free(candidates: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """Candidates neither of whose records has a pair."""
    return candidates.join(taken, on="l", how="anti").join(taken, on="r", how="anti")


def _pairs(taken: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    ids = taken.join(left.select("l", left="id"), on="l").join(right.select("r", right="id"), on="r")
    return ids.select(*PAIR_SCHEMA).sort("left", "right")


def _review(likely: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """The best few of each record by score, then ids: what a person can look through."""
    best = likely.sort("score", "why", descending=[True, False]).unique(["l", "r"], keep="first", maintain_order=True)
    named = best.join(left.select("l", left="id", left_name="name"), on="l").join(
        right.select("r", right="id", right_name="name"), on="r"
    )
    ordered = named.sort("score", "left", "right", descending=[True, False, False])
    place = pl.int_range(pl.len())
    shown = (place.over("left") < SHOWN) | (place.over("right") < SHOWN)
    return ordered.filter(shown).select(*REVIEW_SCHEMA)
