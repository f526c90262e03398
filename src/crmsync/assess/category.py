"""ABC category, managed and unmanaged (domain.md A4): by fixed thresholds or a Pareto split of the potential.

The failure it prevents: an account dropped to C because a figure went missing, or because a partial read made the rest
look larger. Accounts that the program excludes stand outside the split.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World, beside, held, out
from crmsync.assess.category_section import CATEGORY_SECTION, CategoryProgram, category_program
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.explain import account_decisions, answer
from crmsync.assess.ownership import owner_text
from crmsync.assess.pins import bad_pins, pin, pin_output, pin_remark
from crmsync.assess.ranks import name_of, rank_of, settle
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.snapshot import LEAST
from crmsync.model.text import id_order
from crmsync.program.conditions import fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import Program
from crmsync.program.words import field_text

CATEGORIES = ("c", "b", "a")
"""Worst to best; a category's rank is its place."""

_BEST = CATEGORIES.index("a")
_OPTIONS = tuple(Option(value, value.upper()) for value in reversed(CATEGORIES))
_MANAGEMENT = ("managed", "unmanaged")
_MISMATCHES = (Option("needs_owner", "Needs owner"), Option("owned_c", "Owner on C"))
_OWN = WHY + "category."
_NO_RANK = pl.lit(None, dtype=pl.Int32)


def outputs(program: Program) -> tuple[Output, ...]:
    own = partial(Output, object="company", system="category")
    owned = (
        own(
            "category",
            kind=OutputKind.ENUM,
            label="ABM category",
            description="A high value, B growth potential, C low value; decided by the account programme.",
            options=_OPTIONS,
            ranked=CATEGORIES,
            reason="category_reason",
            list_name="ABM: Category {label}",
        ),
        own("category_reason", kind=OutputKind.TEXT, label="ABM category reason", follows=True),
        own(
            "management",
            kind=OutputKind.ENUM,
            label="ABM management",
            description="Managed accounts have an active owner.",
            options=tuple(Option(value, value.capitalize()) for value in _MANAGEMENT),
        ),
        own(
            "management_mismatch",
            kind=OutputKind.ENUM,
            label="ABM owner check",
            description="A or B without an active owner, or C with one.",
            options=_MISMATCHES,
            reason="category_reason",
            list_name="ABM: {label}",
        ),
    )
    if not category_program(program).override:
        return owned
    return (*owned, pin_output("category", "ABM category", _OPTIONS, system="category"))


def reads(program: Program) -> Reads:
    rules = category_program(program)
    fields = frozenset({EXCLUDED, "managed", rules.by.name, *_least(rules)})
    return {"company": fields | fields_of(rules.important) if rules.important else fields}


def _least(rules: CategoryProgram) -> list[str]:
    """The column of what the potential is at least, where it may be known only from below."""
    return [LEAST + rules.by.name] if rules.by.at_least else []


def wants(_program: Program) -> Reads:
    return {"company": frozenset({"owner"})}


def assess(world: World) -> World:
    """Add `out.category`, `out.category_reason`, `out.management` and `out.management_mismatch`."""
    rules = category_program(world.program)
    important = compile_expr(rules.important, as_of=world.as_of) if rules.important else pl.lit(value=False)
    frame = _by_thresholds(world.accounts, rules) if rules.thresholds else _by_pareto(world, rules)
    frame = frame.with_columns(
        important.alias(_OWN + "important"), pin("category", rules.override, CATEGORIES).alias(_OWN + "pin")
    )
    size, important = pl.col(_OWN + "size"), pl.col(_OWN + "important")
    reached = pl.when(important.fill_null(value=False)).then(_BEST).otherwise(pl.coalesce(size, _OWN + "floor"))
    potential = pl.when(important.fill_null(value=True)).then(_BEST).otherwise(size.fill_null(_BEST))
    frame = frame.with_columns(reached.cast(pl.Int32).alias(_OWN + "reached"))
    by_rule = settle(pl.col(_OWN + "reached"), potential.cast(pl.Int32), rank_of(held("category"), CATEGORIES))
    frame = frame.with_columns(by_rule.alias(_OWN + "by_rule"))
    decided = pl.coalesce(pl.col(_OWN + "pin"), name_of(pl.col(_OWN + "by_rule"), CATEGORIES))
    frame = frame.with_columns(
        pl.when(~pl.col(EXCLUDED)).then(decided).alias(OUT + "category"),
        _reason(rules, world).alias(OUT + "category_reason"),
        _management().alias(OUT + "management"),
    )
    frame = frame.with_columns(_mismatch().alias(OUT + "management_mismatch"))
    return world.with_frame("company", frame, *bad_pins(frame, "category", CATEGORIES), *_notes(frame, rules, world))


def _by_thresholds(frame: pl.DataFrame, rules: CategoryProgram) -> pl.DataFrame:
    """Add `why.category.size`, the rank by potential, null where it is unknown, and `why.category.floor`.

    The floor is the rank that the potential certainly has, where it is known from below; nobody is certainly a C.
    """
    assert rules.thresholds is not None
    limits = rules.thresholds

    def rank(column: str) -> pl.Expr:
        beyond = pl.sum_horizontal((pl.col(column) >= least).cast(pl.Int32) for least in limits)
        return pl.when(pl.col(column).is_not_null()).then(beyond).cast(pl.Int32)

    floor = next((pl.when(rank(column) > 0).then(rank(column)) for column in _least(rules)), _NO_RANK)
    return frame.with_columns(rank(rules.by.name).alias(_OWN + "size"), floor.alias(_OWN + "floor"))


def _by_pareto(world: World, rules: CategoryProgram) -> pl.DataFrame:
    """Add `why.category.size` as above and `why.category.before`: the share before an account, in whole per cent.

    Accounts from the largest potential to the smallest, equal ones by id; a negative potential counts as none. Where
    not every account was read no share is known, and so no rank.
    """
    frame, name = world.accounts, rules.by.name
    if not world.whole:
        before = pl.lit(None, pl.Int64).alias(_OWN + "before")
        return frame.with_columns(_NO_RANK.alias(_OWN + "size"), _NO_RANK.alias(_OWN + "floor"), before)
    order = frame.filter(pl.col(name).is_not_null() & ~pl.col(EXCLUDED)).select("id", pl.col(name).clip(0))
    order = order.sort([pl.col(name), *id_order()], descending=[True, False, False])
    # A million amounts, times a hundred, are more than 64 bits hold.
    potential = pl.col(name).cast(pl.Int128)
    before, total = (potential.cum_sum() - potential) * 100, potential.sum()
    a, b = rules.pareto
    order = order.select(
        "id",
        ((before < total * a).cast(pl.Int32) + (before < total * b).cast(pl.Int32)).alias(_OWN + "size"),
        pl.when(total > 0).then(before // total).cast(pl.Int64).alias(_OWN + "before"),
    )
    frame = beside(frame, order)
    return frame.with_columns(_NO_RANK.alias(_OWN + "floor"))


def _called(rules: CategoryProgram) -> str:
    return rules.by.name.replace("_", " ")


def _rule_texts(rules: CategoryProgram, currency: str) -> dict[int, str]:
    """Why an account has its rank by potential, in words that do not move with the figures."""
    name = _called(rules)
    if rules.thresholds is None:
        return {rank: f"{name}, Pareto {category.upper()}" for rank, category in enumerate(CATEGORIES)}
    a, b = (field_text(rules.by, least, currency) for least in rules.thresholds)
    return dict(enumerate((f"{name} below {b}", f"{name} at least {b}", f"{name} at least {a}")))


def _reason(rules: CategoryProgram, world: World) -> pl.Expr:
    size, reached, by_rule = (pl.col(_OWN + name) for name in ("size", "reached", "by_rule"))
    texts = _rule_texts(rules, world.program.currency)
    unread = pl.col(rules.by.name).is_not_null() & size.is_null()
    unknown = (
        pl.when(unread)
        .then(pl.lit("not every account was read"))
        .when(size.is_null())
        .then(pl.lit(f"{_called(rules)} is unknown"))
        .otherwise(pl.lit("strategic importance is unknown"))
    )
    is_held = by_rule.is_not_null() & (reached.is_null() | (by_rule > reached))
    return (
        pl.when(EXCLUDED)
        .then(pl.lit("excluded by the program"))
        .when(pl.col(_OWN + "pin").is_not_null())
        .then(pl.lit("set by a person"))
        .when(is_held)
        .then(pl.concat_str(pl.lit("held: "), unknown))
        .when(pl.col(_OWN + "important"))
        .then(pl.lit("strategically important"))
        .when(reached.is_null())
        .then(unknown)
        .otherwise(reached.replace_strict(texts, default=None, return_dtype=pl.String))
    )


def _management() -> pl.Expr:
    """Managed or not; what is held where the CRM did not say which owners are active."""
    known = pl.when(held("management").is_in(_MANAGEMENT)).then(held("management"))
    managed = pl.col("managed")
    return pl.when(managed).then(pl.lit("managed")).when(~managed).then(pl.lit("unmanaged")).otherwise(known)


def _mismatch() -> pl.Expr:
    category, management = out("category"), out("management")
    return (
        pl.when(category.is_in(["a", "b"]) & (management == "unmanaged"))
        .then(pl.lit("needs_owner"))
        .when((category == "c") & (management == "managed"))
        .then(pl.lit("owned_c"))
    )


def _notes(frame: pl.DataFrame, rules: CategoryProgram, world: World) -> list[str]:
    if not world.whole and rules.thresholds is None:
        return ["not every account was read: the Pareto split is not made anew, categories stay as they are held"]
    blank = frame.filter(~pl.col(EXCLUDED) & out("category").is_null()).height
    if not blank:
        return []
    return [f"{blank:,} of {frame.height:,} accounts have no category: {_called(rules)} is unknown and none is held"]


def explain(world: World, record: pl.DataFrame) -> Explanation:
    """The category of one account: its potential, what stands before it, its importance and its owner."""
    rules = category_program(world.program)
    row = record.row(0, named=True)
    category = row[OUT + "category"]
    lines = [_potential_line(rules, row, world)]
    if rules.important is not None:
        decided = account_decisions(rules.important, record, world)
        lines.append(ExplainLine(answer(row[_OWN + "important"]), "important", "", decided))
    lines.append(ExplainLine(answer(row["managed"]), "managed", "owner", owner_text(row)))
    headline = f"Category {category.upper()}" if category else "No category"
    return Explanation("category", headline, tuple(lines), tuple(_remarks(row)))


def _potential_line(rules: CategoryProgram, row: dict[str, object], world: World) -> ExplainLine:
    name, currency = _called(rules), world.program.currency
    value, limits = row[rules.by.name], _limits(rules, currency)
    least = next((row[column] for column in _least(rules)), None)
    if value is None and least is not None:
        said = field_text(rules.by, least, currency)
        return ExplainLine("unknown", "potential", name, f"at least {said}; {limits or 'its share of all is unknown'}")
    if value is None:
        how = "" if rules.by.derived else f'; filling "{rules.by.label}" decides the category'
        return ExplainLine("unknown", "potential", name, f"nobody knows{how}")
    said = field_text(rules.by, value, currency)
    if limits:
        return ExplainLine("", "potential", name, f"{said}; {limits}")
    if row[EXCLUDED]:
        return ExplainLine("", "potential", name, f"{said}; it stands outside the split")
    if not world.whole:
        return ExplainLine("unknown", "potential", name, f"{said}; what stands before it was not all read")
    before = row[_OWN + "before"]
    if before is None:
        return ExplainLine("", "potential", name, f"{said}; no account has any {name}, so that all are C")
    a_share, b_share = rules.pareto
    cuts = f"A is below {a_share} %, B below {b_share} %"
    more = world.accounts.filter(~pl.col(EXCLUDED) & (pl.col(rules.by.name) > value)).height
    ahead = f"{more:,} {'account has' if more == 1 else 'accounts have'} more"
    text = f"{said}; {ahead}, {before} % of all {name} stands before it ({cuts})"
    return ExplainLine("", "potential", name, text)


def _limits(rules: CategoryProgram, currency: str) -> str:
    if rules.thresholds is None:
        return ""
    a, b = (field_text(rules.by, least, currency) for least in rules.thresholds)
    return f"A is from {a}, B from {b}"


def _remarks(row: dict[str, object]) -> list[str]:
    remarks = []
    if row[EXCLUDED]:
        return ["Excluded by the program: no category" + (", pin or not." if row[_OWN + "pin"] else ".")]
    by_rule = row[_OWN + "by_rule"]
    if row[_OWN + "pin"]:
        alone = "nothing" if by_rule is None else CATEGORIES[int(str(by_rule))].upper()
        remarks.append(pin_remark("category", alone))
    elif str(row[OUT + "category_reason"]).startswith("held: "):
        why = str(row[OUT + "category_reason"]).removeprefix("held: ")
        remarks.append(f"Held: {why}, and an unknown costs nobody the category it has.")
    mismatch, when = row[OUT + "management_mismatch"], "" if row["managed"] is not None else ", as last known"
    if mismatch == "needs_owner":
        remarks.append(f"A mismatch{when}: A and B accounts want an active owner.")
    elif mismatch == "owned_c":
        remarks.append(f"A mismatch{when}: C accounts are served without an owner, by self-service and campaigns.")
    return remarks


CATEGORY = System(
    key="category",
    title="Category",
    source="domain.md A4",
    object="company",
    sections=(CATEGORY_SECTION,),
    reads=reads,
    wants=wants,
    outputs=outputs,
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("category") is not None,
)
