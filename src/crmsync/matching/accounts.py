"""Which companies of two CRMs are the same: by decision, by the CRMs' own ids, by domain, by name and place.

Candidates come from blocks of equal keys, never from all against all: domain, name, name without group and holding,
and a telling word in the same city. What two records share and what speaks against it decides by one table whether
they are a pair, a question for a person, or nothing.
"""

from __future__ import annotations

import polars as pl

from crmsync.matching.blocks import Rule, block, compared, judged
from crmsync.matching.names import initials_of, name_columns, relation
from crmsync.matching.places import place_columns, place_relation
from crmsync.matching.score import Matched, column, settle
from crmsync.model.decided import Decided
from crmsync.normalize.data import word_list
from crmsync.normalize.domain import domains

_NO_COMPANYS_OWN = sorted(word_list("free_mail.txt") | word_list("shared_domains.txt"))
_KEYS = ("compact", "core", "words", "strong", "domain", "city", "region", "country")


def match_accounts(left: pl.DataFrame, right: pl.DataFrame, decided: Decided | None = None) -> Matched:
    """Pairs of companies of two CRMs.

    `left`, `right`: canonical accounts with `id` and any of `name domain city region country counterpart`.
    `how` is `decided`, `native`, `domain` or `name_place`.
    """
    one, other = (prepared(frame, row) for frame, row in ((left, "l"), (right, "r")))
    return settle(one, other, candidates(one, other), decided or Decided(), judge_native=True)


def prepared(frame: pl.DataFrame, row: str) -> pl.DataFrame:
    """A row number, `id name counterpart` as they are, and what is compared."""
    names = ("id", "name", "domain", "city", "region", "country", "counterpart")
    given = frame.select(column(frame, name) for name in names).filter(pl.col("id").is_not_null())
    keyed = place_columns(name_columns(given.with_row_index(row)))
    return keyed.with_columns(domains(keyed["domain"]).alias("domain")).with_columns(
        pl.when(~pl.col("domain").is_in(_NO_COMPANYS_OWN)).then("domain").alias("domain")
    )


def candidates(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """All pairs of records that something speaks for (CANDIDATE_SCHEMA), each once."""
    pairs = pl.concat(
        [
            block(left, right, ("domain",)),
            block(left, right, ("compact",)),
            block(left, right, ("compact", "city")),
            block(left, right, ("core",)),
            block(left, right, ("core", "city")),
            _word_block(left, right),
            _head_block(left, right),
            block(_beginnings(left), _beginnings(right), ("city", "beginning")),
            *_initials_blocks(left, right),
        ]
    )
    return compared(pairs, left, right, _KEYS, _judge)


def _judge(pairs: pl.DataFrame) -> pl.DataFrame:
    told = pairs.with_columns(
        relation(pairs),
        place=place_relation(),
        web=_web(),
        telling=(pl.col("strong").list.len() > 0) & (pl.col("strong_r").list.len() > 0),
    )
    return judged(told, _rules(), anchor=pl.col("web") == "same")


def _head_block(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Records of one region whose names begin with the same two words, or telling word."""
    two = pl.col("words").list.head(2).list.join(" ")
    head = pl.when(pl.col("strong").list.first() == pl.col("words").list.first()).then(pl.col("words").list.first())
    mine, theirs = (frame.with_columns(head=pl.coalesce(head, two)) for frame in (left, right))
    return block(mine, theirs, ("region", "head"))


def _beginnings(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(beginning=pl.col("compact").str.slice(0, 5))


def _word_block(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Records of one city whose names share a telling word."""
    mine, theirs = (
        frame.select(row, "city", "strong").drop_nulls().explode("strong", empty_as_null=False)
        for frame, row in ((left, "l"), (right, "r"))
    )
    return block(mine, theirs, ("city", "strong"))


def _initials_blocks(left: pl.DataFrame, right: pl.DataFrame) -> list[pl.DataFrame]:
    """Records of one city of which one is called by the other's initials."""
    blocks = []
    for spelled, short, turned in ((left, right, False), (right, left, True)):
        rows = ("r", "l") if turned else ("l", "r")
        long = spelled.select(pl.col(rows[0]).alias("l"), "city", key=initials_of(pl.col("words")))
        found = block(long, short.select(pl.col(rows[1]).alias("r"), "city", key="core"), ("city", "key"))
        blocks.append(found.select(l="r", r="l") if turned else found)
    return blocks


def _web() -> pl.Expr:
    """`same` domain, `sibling` (the same under another ending), `differ`, or `open` where a side has none."""
    mine, theirs = pl.col("domain"), pl.col("domain_r")
    label = [name.str.extract(r"^([^.]+)\.") for name in (mine, theirs)]
    return (
        pl.when(mine.is_null() | theirs.is_null())
        .then(pl.lit("open"))
        .when(mine == theirs)
        .then(pl.lit("same"))
        .when(label[0] == label[1])
        .then(pl.lit("sibling"))
        .otherwise(pl.lit("differ"))
    )


def _rules() -> tuple[Rule, ...]:
    """First match from the top.

    A pair needs two things that agree and none that disagrees: the domain and the name, or the name and the place.
    """
    web, name, place = pl.col("web"), pl.col("relation"), pl.col("place")
    telling = pl.col("telling")
    same, other_web = web == "same", web == "differ"
    exact, core = name == "exact", name == "core"
    near = name.is_in(["contained", "similar"])
    city, region = place == "city", place == "region"
    return (
        Rule(same & (place == "abroad") & exact, False, 0.8, "domain", "same domain and name, but different countries"),
        Rule(same & (place == "abroad"), False, 0.6, "domain", "same domain, but different countries"),
        Rule(same & exact, True, 0.99, "domain"),
        Rule(same & core, True, 0.97, "domain"),
        Rule(same & name.is_null(), True, 0.9, "domain"),
        Rule(same & near & (place != "apart"), True, 0.93, "domain"),
        Rule(same & near, False, 0.75, "domain", "same domain, but the names and places differ"),
        Rule(same & (name == "unit"), False, 0.7, "domain", "same domain, but one may be a part of the other"),
        Rule(same & name.is_in(["partial", "begins"]), False, 0.65, "domain", "same domain, but the names differ"),
        Rule(same, False, 0.5, "domain", "same domain, but quite different names"),
        Rule(exact & city & telling & other_web, True, 0.88, "name_place"),
        Rule(exact & city & ~other_web, True, 0.95, "name_place"),
        Rule(exact & city, False, 0.6, "name_place", "same name and city, but different domains"),
        Rule(exact & region & telling & ~other_web, True, 0.9, "name_place"),
        Rule(exact & region, False, 0.65, "name_place", "same name and region, but another city or domain"),
        Rule(
            exact & (place == "open") & ~other_web,
            False,
            0.7,
            "name_place",
            "same name, but no place or domain to tell",
        ),
        Rule(exact & telling & (place == "abroad"), False, 0.45, "name_place", "same name, but different countries"),
        Rule(exact & telling, False, 0.55, "name_place", "same name, but another place or domain"),
        Rule(exact & ~other_web & (place == "apart"), False, 0.45, "name_place", "same name, but another place"),
        Rule(core & city & telling & ~other_web, True, 0.87, "name_place"),
        Rule(core & city, False, 0.6, "name_place", "like names in the same city"),
        Rule(core & region & telling, False, 0.5, "name_place", "like names in the same region"),
        Rule(
            core & telling & (place != "abroad") & ~other_web, False, 0.5, "name_place", "like names, but another place"
        ),
        Rule(near & city, False, 0.6, "name_place", "like names in the same city"),
        Rule(near & region & ~other_web, False, 0.45, "name_place", "like names in the same region"),
        Rule(
            (name == "begins") & city & ~other_web, False, 0.42, "name_place", "names that begin alike in the same city"
        ),
        Rule(
            (name == "unit") & (city | region) & ~other_web,
            False,
            0.43,
            "name_place",
            "like names nearby; one may be a part of the other",
        ),
    )
