"""What a report is made of: one assessment of the mirror, as plain frames with names, owners and links in them.

Nothing is written, and nothing is pulled unless nothing ever was. Contacts are assessed in parts, so that a report fits
where a plan does. Which part of it a program lacks, a report says; here a column is simply not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from crmsync.assess import data_gaps
from crmsync.assess.base import OUT, World
from crmsync.assess.contact_care import PROFILES
from crmsync.assess.coverage_model import manager_load
from crmsync.assess.data_gaps_section import gap_program
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.names_section import names_program
from crmsync.assess.run import Assessment, direct_reports
from crmsync.engine.context import Context
from crmsync.engine.explain import find_record, pull_if_never
from crmsync.engine.people import kept_info, people
from crmsync.engine.picture import picture
from crmsync.engine.plan import portal_info
from crmsync.errors import RecordNotFound
from crmsync.model.fields import ACCOUNT
from crmsync.model.outputs import Output, OutputKind

#: Decisions on an account that the coverage report shows, where the program makes them.
SHOWN = (
    "tier", "checklist_tier", "target_status", "category", "management", "management_mismatch", "relationship",
    "coverage_model", "names_known", "names_needed", "departments_covered", "missing_roles",
)  # fmt: skip
#: What is counted of an account's contacts: the column, and the entry of `name_gaps` that it counts.
COUNTED = {"stale": "stale", "without_profile": "no_social_profile", "without_title": "no_title"}


@dataclass(frozen=True)
class Head:
    """Which portal and program, judged as of when, from what was read when."""

    portal: str
    program: str
    digest: str
    as_of: datetime
    read_at: datetime | None


@dataclass(frozen=True)
class Labels:
    """Values of an output with their labels, in the order in which the output declares them."""

    title: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class CoverageData:
    """Coverage of all accounts, or of the one `company` that was asked for, with its `people` (assessed contacts).

    `accounts`: one row an account with `id name owner url excluded`, those of `SHOWN` that the program decides, and
    `contacts` and the columns of `COUNTED` that contact care could fill. `goals`: the `names` section's `minimum` and
    `maximum`, and `departments` where departments are known. `roles`: the wanted ones. `managers`: `owner` (a name),
    `strategic_accounts`, `limit`, `over`.
    """

    head: Head
    accounts: pl.DataFrame
    labels: Mapping[str, Labels] = field(default_factory=dict)
    goals: Mapping[str, int] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    managers: pl.DataFrame | None = None
    company: str | None = None
    people: pl.DataFrame | None = None


@dataclass(frozen=True)
class GapsData:
    """Gaps of all accounts, or of the one `company` that was asked for; `assessed` is how many were looked at.

    `filled`: one row for each account and field that holds it back, `id name owner url field now alone together`, the
    last three as ranks into `tiers` (worst to best, with labels). `fields`: `data_gaps.ranking` of them. `fillers` and
    `field_labels` by field.
    """

    head: Head
    assessed: int
    tiers: Mapping[str, str]
    fields: pl.DataFrame
    filled: pl.DataFrame
    fillers: Mapping[str, tuple[str, ...]]
    field_labels: Mapping[str, str]
    company: str | None = None
    company_name: str | None = None


def coverage(ctx: Context, *, as_of: datetime | None = None, company: str | None = None) -> CoverageData:
    """Names, roles, owners and categories of every account, or of one with its people.

    Raises RecordNotFound where `company` does not exist or is outside the portal's scope.
    """
    looked = _assessed(ctx, as_of, company)
    outputs = {one.name: one for one in ctx.outputs if one.object == "company"}
    undecided = _undecided(ctx, looked.accounts)
    shown = [name for name in SHOWN if name in outputs and name not in undecided]
    accounts = looked.accounts.select(
        pl.col("id").cast(pl.String),
        _excluded(looked.accounts),
        *[
            pl.col(OUT + name).cast(pl.String).cast(pl.Int64).alias(name)
            if outputs[name].kind is OutputKind.NUMBER
            else pl.col(OUT + name).cast(pl.String).alias(name)
            for name in shown
        ],
    )
    if looked.contacts is not None:
        accounts = accounts.join(looked.contacts, on="id", how="left", maintain_order="left")
        accounts = accounts.with_columns(pl.col(looked.contacts.columns[1:]).fill_null(0))
    labels = {
        name: Labels(outputs[name].label.removeprefix("ABM "), _values(outputs[name]))
        for name in shown
        if outputs[name].options
    }
    return CoverageData(
        head=looked.head,
        accounts=_named(ctx, accounts),
        labels=labels,
        goals=_goals(ctx),
        roles=names_program(ctx.program).roles or (),
        managers=_managers(ctx, looked.world) if "coverage_model" in shown else None,
        company=looked.company,
        people=looked.people,
    )


def gaps(ctx: Context, *, as_of: datetime | None = None, company: str | None = None) -> GapsData:
    """Which missing fields hold back which accounts, and what filling them could change (domain.md C2).

    Raises RecordNotFound where `company` does not exist or is outside the portal's scope.
    """
    looked = _assessed(ctx, as_of, company)
    filled = data_gaps.if_filled(looked.world, looked.accounts)
    fields = data_gaps.ranking(filled)
    rules = gap_program(ctx.program)
    tier = next((one for one in ctx.outputs if one.name == "tier"), None)
    labels = _values(tier) if tier else {}
    names = fields["field"].to_list()
    return GapsData(
        head=looked.head,
        assessed=looked.accounts.height,
        tiers={name: labels.get(name, name) for name in (tier.ranked if tier else ())},
        fields=fields,
        filled=_named(ctx, filled),
        fillers={name: rules.fillers(name) for name in names},
        field_labels={name: ACCOUNT[name].label for name in names},
        company=looked.company,
        company_name=None if looked.company is None else people(ctx, "company", [looked.company])["name"][0],
    )


@dataclass(frozen=True)
class _Assessed:
    """`accounts` are those asked for; `contacts` what is counted of theirs by account, None where none are read."""

    head: Head
    world: World
    accounts: pl.DataFrame
    contacts: pl.DataFrame | None
    company: str | None
    people: pl.DataFrame | None


def _assessed(ctx: Context, as_of: datetime | None, company: str | None) -> _Assessed:
    first = pull_if_never(ctx)
    for side in ctx.sides:
        if kept_info(side) is None:
            portal_info(side, fresh=False)  # Links need the portal's number; it is kept from here on.
    if company is not None:
        company = find_record(ctx, "company", company, [])[1]
    seen = picture(ctx, as_of or ctx.now(), {}, asks=first)
    company = seen.at_home("company", [company])[0] if company is not None else None
    snapshot, lines = seen.snapshot, seen.reporting_lines()
    run = Assessment(
        snapshot,
        ctx.program,
        classify=ctx.classify,
        slim=True,
        reporting=None if lines is None else direct_reports(lines),
    )
    counts, people_parts = [], []
    for part in seen.contact_parts():
        decided = run.part(part)
        counts.append(_counted(ctx, decided))
        if company is not None:
            people_parts.append(decided.filter(pl.col("account") == company))
    world = run.finish()
    accounts = world.accounts
    if company is not None:
        accounts = accounts.filter(pl.col("id") == company)
        if accounts.is_empty():
            raise RecordNotFound(f"company {company} is outside the portal's scope, so nothing is decided about it.")
    contacts = pl.concat(counts).group_by("id").agg(pl.all().sum()) if counts else None
    state = ctx.store.mirror.pull_state(ctx.main.space, "company")
    head = Head(ctx.portal.name, ctx.program.name, ctx.program.short_digest, snapshot.as_of, state.full_at)
    people_frame = pl.concat(people_parts, how="diagonal") if people_parts else None
    return _Assessed(head, world, accounts, contacts, company, people_frame)


def _counted(ctx: Context, contacts: pl.DataFrame) -> pl.DataFrame:
    """`id` of the account, `contacts`, and the columns of `COUNTED` that contact care could fill in this portal."""
    figures = [pl.len().cast(pl.Int64).alias("contacts")]
    if OUT + "name_gaps" in contacts.columns:
        gaps_of = pl.col(OUT + "name_gaps").cast(pl.String).fill_null("").str.split(";")
        can = {"without_profile": PROFILES, "without_title": ("title",)}
        mapped = ctx.maps("contact")
        figures += [
            gaps_of.list.contains(entry).sum().cast(pl.Int64).alias(column)
            for column, entry in COUNTED.items()
            if column not in can or any(name in mapped for name in can[column])
        ]
    mine = contacts.filter(pl.col("account").is_not_null())
    return mine.group_by(pl.col("account").cast(pl.String).alias("id")).agg(figures)


def _excluded(accounts: pl.DataFrame) -> pl.Expr:
    return pl.col(EXCLUDED).alias("excluded") if EXCLUDED in accounts.columns else pl.lit(value=False).alias("excluded")


def _named(ctx: Context, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with name, owner and url after its `id`."""
    who = people(ctx, "company", frame["id"].unique(maintain_order=True)).drop("object")
    rest = [name for name in frame.columns if name != "id"]
    return frame.join(who, on="id", how="left", maintain_order="left").select("id", "name", "owner", "url", *rest)


def _values(output: Output) -> Mapping[str, str]:
    return {option.value: option.label for option in output.options}


def _undecided(ctx: Context, accounts: pl.DataFrame) -> frozenset[str]:
    """Columns of the names section that nothing can fill: no contacts are read, or nobody's role is known."""
    if OUT + "names_known" in accounts.columns and accounts[OUT + "names_known"].null_count() == accounts.height > 0:
        return frozenset({"names_known", "names_needed", "missing_roles", "departments_covered"})
    roles_known = names_program(ctx.program).roles is not None
    return frozenset() if roles_known else frozenset({"missing_roles", "departments_covered"})


def _goals(ctx: Context) -> Mapping[str, int]:
    if ctx.program.sections.get("names") is None:
        return {}
    rules = names_program(ctx.program)
    goals = {"minimum": rules.minimum, "maximum": rules.maximum}
    return goals if rules.roles is None else goals | {"departments": rules.departments}


def _managers(ctx: Context, world: World) -> pl.DataFrame:
    """`coverage_model.manager_load` with names instead of owner ids."""
    owners = {id_: name for side in reversed(ctx.sides) for id_, name in side.owners.items()}
    owner = pl.col("owner").cast(pl.String)
    return manager_load(world).with_columns(owner.replace_strict(owners, default=owner).alias("owner"))
