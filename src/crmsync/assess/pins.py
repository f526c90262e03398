"""A person's word (domain.md, People win): the `abm_<value>_override` properties, read the same way by every system.

A pin stands until a person clears it. One that names no value of the program decides nothing, and is reported.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmsync.assess.base import held
from crmsync.errors import mask
from crmsync.model.fields import ObjectName
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.snapshot import HELD
from crmsync.model.text import id_order

_SUFFIX = "_override"
_NOTED = 20


def pin_output(
    name: str, label: str, options: Sequence[Option], object: ObjectName = "company", *, system: str
) -> Output:
    """The property in which a person says what the output `name` is; `label` is that output's own ("ABM category")."""
    return Output(
        name + _SUFFIX,
        object=object,
        kind=OutputKind.ENUM,
        label=f"{label} override",
        description="A person's word: the value stays as chosen here until this is cleared.",
        options=tuple(options),
        person=True,
        system=system,
    )


def pin(name: str, enabled: bool, allowed: Sequence[str] | None = None) -> pl.Expr:
    """What a person said of the output `name`: text, lower case, without blanks around; null where nobody did.

    Null as well where the program does not ask for the override (`enabled`), and, given `allowed`, where it is none of
    those values.
    """
    if not enabled:
        return pl.lit(None, dtype=pl.String)
    said = _said(name)
    return pl.when(said != "" if allowed is None else said.is_in(list(allowed))).then(said)


def bad_pins(frame: pl.DataFrame, name: str, allowed: Sequence[str], object: ObjectName = "company") -> tuple[str, ...]:
    """One note for each record of `frame` whose override is no value of the program, 20 at most, by id.

    `frame` has `id` and, where the program asks for the override, `held.<name>_override`.
    """
    if HELD + name + _SUFFIX not in frame.columns:
        return ()
    bad = frame.select("id", _said(name).alias("said"))
    bad = bad.filter((pl.col("said") != "") & ~pl.col("said").is_in(list(allowed)))
    what = name.replace("_", " ")
    choice = ", ".join(allowed)
    notes = [
        f"{object} {id_}: the {what} override {mask(said)!r} decides nothing; choose one of {choice}, or clear it"
        for id_, said in bad.sort(id_order()).head(_NOTED).rows()
    ]
    if bad.height > _NOTED:
        notes.append(f"{bad.height - _NOTED:,} more records have a {what} override that decides nothing")
    return tuple(notes)


def pin_remark(name: str, by_rule: str) -> str:
    """What an explanation says where a person's word stands; `by_rule` is the value that the rules give, for people."""
    return f"Set by a person in the {name.replace('_', ' ')} override; the rules alone say {by_rule}."


def _said(name: str) -> pl.Expr:
    return held(name + _SUFFIX).str.strip_chars().str.to_lowercase()
