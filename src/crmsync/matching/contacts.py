"""Which contacts of two CRMs are the same: by decision, by the CRMs' own ids, by e-mail, by name within an account.

An address that two people share (an office's, a list's) is no evidence by itself, nor is a name outside of an account
that both CRMs have.
"""

from __future__ import annotations

import polars as pl

from crmsync.matching.blocks import Rule, block, compared, judged
from crmsync.matching.people import people_columns, person_relation
from crmsync.matching.score import Matched, column, settle
from crmsync.model.decided import Decided
from crmsync.normalize.data import word_list

_FREE_MAIL = sorted(word_list("free_mail.txt"))
_KEYS = ("first", "last", "mail", "office", "pair")


def match_contacts(
    left: pl.DataFrame, right: pl.DataFrame, accounts: pl.DataFrame, decided: Decided | None = None
) -> Matched:
    """Pairs of contacts of two CRMs.

    `left`, `right`: canonical contacts with `id` and any of `first_name last_name email account counterpart`;
    `accounts`: the pairs of companies (`left`, `right`). `how` is `decided`, `native`, `email` or `name_account`.
    """
    one, other = _prepared(left, "l", accounts, "left"), _prepared(right, "r", accounts, "right")
    return settle(one, other, _candidates(one, other), decided or Decided(), judge_native=True)


def _prepared(frame: pl.DataFrame, row: str, accounts: pl.DataFrame, side: str) -> pl.DataFrame:
    """A row number, what is compared, and `pair`: the number of the account's pair, null where it has none."""
    names = ("id", "first_name", "last_name", "email", "account", "counterpart")
    given = frame.select(column(frame, name) for name in names).filter(pl.col("id").is_not_null())
    numbered = (
        accounts.sort("left", "right").with_row_index("pair").select("pair", account=pl.col(side).cast(pl.String))
    )
    full = pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True)
    people = people_columns(given.with_row_index(row)).with_columns(name=pl.when(full != "").then(full))
    told = people.join(numbered, on="account", how="left", maintain_order="left")
    return told.select(row, "id", "name", "counterpart", *_KEYS)


def _candidates(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    keys = (("mail",), ("mail", "pair"), ("pair", "last"), ("pair", "last", "first"))
    return compared(pl.concat([block(left, right, key) for key in keys]), left, right, _KEYS, _judge)


def _judge(pairs: pl.DataFrame) -> pl.DataFrame:
    mail = (pl.col("mail") == pl.col("mail_r")).fill_null(False)
    told = pairs.with_columns(person_relation(pairs), mailed=mail, within=pl.col("pair") == pl.col("pair_r"))
    return judged(told, _rules(), anchor=pl.col("mailed") & ~pl.col("office"))


def _rules() -> tuple[Rule, ...]:
    """First match from the top. An address within an account that both have outdoes the same address elsewhere."""
    mailed, name = pl.col("mailed"), pl.col("relation")
    own, within = mailed & ~pl.col("office"), pl.col("within").fill_null(False)
    person, partly = name == "same", name.is_in(["initial", "first"])
    # Two of a company's addresses are two mailboxes; a private one beside it says nothing.
    work = ~_host("mail").is_in(_FREE_MAIL) & (_host("mail") == _host("mail_r"))
    two_mailboxes = (work & ~mailed).fill_null(False)
    return (
        Rule(own & person & within, True, 0.99, "email"),
        Rule(own & name.is_null() & within, True, 0.95, "email"),
        Rule(own & partly & within, True, 0.93, "email"),
        Rule(own & person, True, 0.88, "email"),
        Rule(own & name.is_null(), True, 0.85, "email"),
        Rule(own & partly, True, 0.82, "email"),
        Rule(own, False, 0.6, "email", "same e-mail address, but different names"),
        Rule(mailed & person & within, True, 0.9, "email"),
        Rule(mailed & person, False, 0.7, "email", "same name, but an address that an office shares"),
        Rule(within & person & ~two_mailboxes, True, 0.87, "name_account"),
        Rule(within & person, False, 0.65, "name_account", "same name and company, but two addresses of that company"),
        Rule(within & (name == "initial"), False, 0.5, "name_account", "same company and last name, and an initial"),
    )


def _host(name: str) -> pl.Expr:
    return pl.col(name).str.extract(r"@(.+)$")
