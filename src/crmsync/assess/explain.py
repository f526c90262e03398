"""One record's decision in words, from the same expressions that made it."""

from __future__ import annotations

import polars as pl

from crmsync.assess.base import World
from crmsync.errors import mask
from crmsync.model.fields import ACCOUNT
from crmsync.model.snapshot import LEAST, UNREADABLE
from crmsync.program.conditions import Condition, Leaf, children
from crmsync.program.evaluate import compile_expr
from crmsync.program.words import describe, explain, field_text


def answer(truth: object) -> str:
    """`yes`, `no` or `unknown`."""
    return "unknown" if truth is None else "yes" if truth else "no"


def account_decisions(condition: Condition, record: pl.DataFrame, world: World) -> str:
    """The leaves that decided a condition for one account: those that agree with its answer, else all of them."""
    truth = _truth(condition, record, world)
    parts = list(dict.fromkeys(_deciding(condition, truth, record, world)))
    return "; ".join(parts)


def _truth(condition: Condition, record: pl.DataFrame, world: World) -> bool | None:
    value = record.select(compile_expr(condition, as_of=world.as_of).alias("truth"))["truth"][0]
    return None if value is None else bool(value)


def _deciding(condition: Condition, truth: bool | None, record: pl.DataFrame, world: World) -> list[str]:
    """A false `all` is explained by its false parts, a true `any` by its true ones, an unknown by its unknowns."""
    if isinstance(condition, Leaf):
        return [_leaf_text(condition, truth, record, world)]
    below = children(condition)
    answers = [_truth(child, record, world) for child in below]
    texts: list[str] = []
    wanted = (not truth if truth is not None else None) if type(condition).__name__ == "Not" else truth
    for child, given in zip(below, answers, strict=True):
        if given is wanted:
            texts += _deciding(child, given, record, world)
    return texts


def _leaf_text(leaf: Leaf, truth: bool | None, record: pl.DataFrame, world: World) -> str:
    name = leaf.field.name
    value = record[name][0] if name in record.columns else None
    if isinstance(value, pl.Series):
        value = value.to_list()
    if truth is None and not leaf.field.derived:
        unreadable = UNREADABLE + name in record.columns and record[UNREADABLE + name][0]
        what = f"{mask(unreadable)!r} cannot be read" if unreadable else "nobody knows"
        label = ACCOUNT[name].label if name in ACCOUNT else name
        return f'{what}; filling "{label}" decides whether {describe(leaf, world.program.currency)}'
    least = record[LEAST + name][0] if value is None and leaf.field.at_least else None
    said = explain(leaf, value if least is None or truth is None else least, truth, world.program.currency)
    if least is None:
        return said
    known = field_text(leaf.field, least, world.program.currency)
    return f"{said}; it is {known} or more" if truth is None else f"{said}, or more"
