"""Coverage model and strategic accounts (domain.md A6): who looks after an account, and whether they still can.

First match from the top: global, strategic, customer success, account manager, self-service. The failure it prevents:
an account taken from its strategic manager because a subsidiary's figure went missing.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World, held, out, text
from crmsync.assess.coverage_section import PLURALS, STRATEGIC_ACCOUNTS_SECTION, CoverageProgram, coverage_program
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.explain import account_decisions, answer
from crmsync.assess.group_fields import LOWER, TERRITORIES_UNKNOWN
from crmsync.assess.ownership import owner_text
from crmsync.assess.pins import bad_pins, pin, pin_output, pin_remark
from crmsync.assess.ranks import name_of, rank_of, settle
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.text import id_order
from crmsync.program.conditions import fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import Program

MODELS = ("self_service", "account_manager", "customer_success", "strategic", "global")
"""Worst to best; a model's rank is its place."""

_LABELS = {"self_service": "Self-service"} | {
    name: name.replace("_", " ").capitalize() for name in MODELS if name != "self_service"
}
_OPTIONS = tuple(Option(name, _LABELS[name]) for name in reversed(MODELS))
_SELF, _MANAGER, _CUSTOMER, _STRATEGIC, _GLOBAL = range(len(MODELS))
_OVERSEEN = MODELS[_STRATEGIC:]
_NOTED = 20
_OWN = WHY + "coverage_model."


def outputs(program: Program) -> tuple[Output, ...]:
    own = partial(Output, object="company", system="coverage_model")
    owned = (
        own(
            "coverage_model",
            kind=OutputKind.ENUM,
            label="ABM coverage model",
            description="Who looks after the account; decided by the account programme.",
            options=_OPTIONS,
            ranked=MODELS,
            reason="coverage_reason",
            list_name="ABM: Coverage {label}",
        ),
        own("coverage_reason", kind=OutputKind.TEXT, label="ABM coverage reason", follows=True),
    )
    if not coverage_program(program).override:
        return owned
    return (*owned, pin_output("coverage_model", "ABM coverage model", _OPTIONS, system="coverage_model"))


def reads(program: Program) -> Reads:
    rules = coverage_program(program)
    own = {EXCLUDED, "managed", LOWER["group_territories"], TERRITORIES_UNKNOWN}
    return {"company": fields_of(rules.strategic) | fields_of(rules.customers) | own}


def wants(_program: Program) -> Reads:
    return {"company": frozenset({"owner", "executive_sponsor"})}


def assess(world: World) -> World:
    """Add `out.coverage_model` and `out.coverage_reason`."""
    rules = coverage_program(world.program)
    frame = world.accounts.with_columns(
        compile_expr(rules.strategic, as_of=world.as_of).alias(_OWN + "strategic"),
        compile_expr(rules.customers, as_of=world.as_of).alias(_OWN + "customers"),
        _spread().alias(_OWN + "spread"),
        pin("coverage_model", rules.override, MODELS).alias(_OWN + "pin"),
    )
    frame = frame.with_columns(_rank(unknown=False).alias(_OWN + "reached"))
    by_rule = settle(pl.col(_OWN + "reached"), _rank(unknown=True), rank_of(held("coverage_model"), MODELS))
    frame = frame.with_columns(by_rule.alias(_OWN + "by_rule"))
    decided = pl.coalesce(pl.col(_OWN + "pin"), name_of(pl.col(_OWN + "by_rule"), MODELS))
    frame = frame.with_columns(
        pl.when(~pl.col(EXCLUDED)).then(decided).alias(OUT + "coverage_model"),
        _reason(rules).alias(OUT + "coverage_reason"),
    )
    world = world.with_frame("company", frame, *bad_pins(frame, "coverage_model", MODELS))
    return world.with_frame("company", frame, *_notes(world, rules))


def _spread() -> pl.Expr:
    """Whether the group is in more than one territory: a company without one may be in another, or in none of these."""
    least = pl.col(LOWER["group_territories"])
    return (
        pl.when(least > 1)
        .then(pl.lit(value=True))
        .when(least + pl.col(TERRITORIES_UNKNOWN) <= 1)
        .then(pl.lit(value=False))
    )


def _rank(*, unknown: bool) -> pl.Expr:
    """The first model from the top that matches, with every unknown taken as `unknown`."""
    strategic, spread, customers = (
        pl.col(_OWN + name).fill_null(value=unknown) for name in ("strategic", "spread", "customers")
    )
    rank = (
        pl.when(strategic & spread)
        .then(_GLOBAL)
        .when(strategic)
        .then(_STRATEGIC)
        .when(customers)
        .then(_CUSTOMER)
        .when(pl.col("managed").fill_null(value=unknown))
        .then(_MANAGER)
        .otherwise(_SELF)
    )
    return rank.cast(pl.Int32)


def _reason(rules: CoverageProgram) -> pl.Expr:
    """One of a few fixed texts, so that it never flaps."""
    territories = PLURALS[rules.territory_by]
    texts = {
        _GLOBAL: f"strategic, and several {territories} in its group",
        _STRATEGIC: "strategic",
        _CUSTOMER: "a customer under retention care",
        _MANAGER: "has an active owner",
        _SELF: "no other model fits",
    }
    reached, by_rule = pl.col(_OWN + "reached"), pl.col(_OWN + "by_rule")
    unknown = (
        pl.when(pl.col(_OWN + "strategic").is_null())
        .then(pl.lit("whether it is strategic is unknown"))
        .when(pl.col(_OWN + "strategic") & pl.col(_OWN + "spread").is_null() & (by_rule == _GLOBAL))
        .then(pl.lit(f"the {territories} of its group are unknown"))
        .when(pl.col(_OWN + "customers").is_null())
        .then(pl.lit("whether it is a customer is unknown"))
        .otherwise(pl.lit("whether its owner is active is unknown"))
    )
    return (
        pl.when(EXCLUDED)
        .then(pl.lit("excluded by the program"))
        .when(pl.col(_OWN + "pin").is_not_null())
        .then(pl.lit("set by a person"))
        .when(by_rule > reached)
        .then(pl.concat_str(pl.lit("held: "), unknown))
        .otherwise(by_rule.replace_strict(texts, return_dtype=pl.String))
    )


def manager_load(world: World) -> pl.DataFrame:
    """How many strategic and global accounts each owner has, most first.

    Columns `owner` (id; null for accounts without one), `strategic_accounts`, `limit` (the program's `per_manager`,
    domain.md A6) and `over` (Boolean; nobody's accounts are over nobody's limit). `world` is one that was assessed.
    """
    limit = coverage_program(world.program).per_manager
    overseen = world.accounts.filter(out("coverage_model").is_in(_OVERSEEN))
    load = overseen.group_by(text("owner").alias("owner")).agg(pl.len().cast(pl.Int64).alias("strategic_accounts"))
    order = [pl.col("strategic_accounts"), *id_order("owner")]
    load = load.sort(order, descending=[True, False, False], nulls_last=True)
    over = pl.col("owner").is_not_null() & (pl.col("strategic_accounts") > limit)
    return load.with_columns(pl.lit(limit, dtype=pl.Int64).alias("limit"), over.alias("over"))


def _notes(world: World, rules: CoverageProgram) -> list[str]:
    load = manager_load(world)
    over = load.filter("over")
    found = [
        f"owner {owner}: {count:,} strategic accounts, and a strategic manager holds at most {limit:,} "
        "(strategic_accounts.per_manager)"
        for owner, count, limit in over.select("owner", "strategic_accounts", "limit").head(_NOTED).rows()
    ]
    if over.height > _NOTED:
        found.append(f"{over.height - _NOTED:,} more owners hold more strategic accounts than {rules.per_manager:,}")
    total = int(load["strategic_accounts"].sum())
    if world.whole and total < rules.critical_mass:
        found.append(
            f"{total:,} strategic accounts, and a programme keeps at least {rules.critical_mass:,} "
            "(strategic_accounts.critical_mass)"
        )
    return found + _without_sponsor(world)


def _without_sponsor(world: World) -> list[str]:
    """Strategic accounts that nobody among our executives looks after, where the CRM can say so."""
    if not world.has("company", "executive_sponsor"):
        return []
    sponsor = text("executive_sponsor").str.strip_chars()
    bare = world.accounts.filter(out("coverage_model").is_in(_OVERSEEN) & (sponsor.is_null() | (sponsor == "")))
    found = [
        f"company {id_}: a strategic account without an executive sponsor"
        for id_ in bare.select("id").sort(id_order())["id"].head(_NOTED)
    ]
    if bare.height > _NOTED:
        found.append(f"{bare.height - _NOTED:,} more strategic accounts have no executive sponsor")
    return found


def explain(world: World, record: pl.DataFrame) -> Explanation:
    """The coverage model of one account: each question from the top, and what answered it."""
    rules = coverage_program(world.program)
    row = record.row(0, named=True)
    model = row[OUT + "coverage_model"]
    lines = [
        ExplainLine(
            answer(row[_OWN + "strategic"]), "strategic", "", account_decisions(rules.strategic, record, world)
        ),
        ExplainLine(answer(row[_OWN + "customers"]), "customer", "", account_decisions(rules.customers, record, world)),
        ExplainLine(answer(row["managed"]), "managed", "owner", owner_text(row)),
    ]
    if row[_OWN + "strategic"] is not False:
        # Territories make a difference to strategic accounts only.
        spread = ExplainLine(
            answer(row[_OWN + "spread"]), "spread", PLURALS[rules.territory_by], _spread_text(row, rules)
        )
        lines.insert(1, spread)
    headline = f"Coverage: {_LABELS[model]}" if model else "No coverage model"
    return Explanation("coverage_model", headline, tuple(lines), tuple(_remarks(row)))


def _spread_text(row: dict[str, object], rules: CoverageProgram) -> str:
    least, unknown = int(str(row[LOWER["group_territories"]])), row[TERRITORIES_UNKNOWN]
    count = f"{least:,} {rules.territory_by if least == 1 else PLURALS[rules.territory_by]}"
    if unknown == 0:
        return f"{count} in its group"
    missing = f"; not known of {unknown:,} {'company' if unknown == 1 else 'companies'}" if unknown else ""
    return f"at least {count} in its group{missing}"


def _remarks(row: dict[str, object]) -> list[str]:
    if row[EXCLUDED]:
        return ["Excluded by the program: no coverage model" + (", pin or not." if row[_OWN + "pin"] else ".")]
    reason = str(row[OUT + "coverage_reason"])
    if row[_OWN + "pin"]:
        return [pin_remark("coverage_model", _LABELS[MODELS[int(str(row[_OWN + "by_rule"]))]])]
    if reason.startswith("held: "):
        return [f"Held: {reason.removeprefix('held: ')}, and an unknown costs nobody the coverage it has."]
    return []


COVERAGE_MODEL = System(
    key="coverage_model",
    title="Coverage",
    source="domain.md A6",
    object="company",
    sections=(STRATEGIC_ACCOUNTS_SECTION,),
    reads=reads,
    wants=wants,
    outputs=outputs,
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("strategic_accounts") is not None,
)
