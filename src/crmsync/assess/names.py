"""Name development (domain.md B2): how many people of an account are known, in which departments, and who is missing.

Names are counted, not records: two contacts of one account with the same e-mail address are one name, known where
either of them is not stale. Their departments and roles all count. Another contact never lowers a figure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World, beside, text
from crmsync.assess.contact_care import PERSON, PROFILES, SOCIAL, STALE
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.names_section import NAMES_SECTION, NamesProgram, names_program
from crmsync.assess.role_evidence import BITS, bits_of
from crmsync.assess.role_section import DEPARTMENTS, STAKEHOLDERS, role_label
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.program.loader import Program

_OWN = WHY + "names."
_COUNTS = {name: _OWN + name for name in ("known", "stale", "without_profile", "added")}
_ROLES, _DEPARTMENTS = _OWN + "roles", _OWN + "departments"
_PLACES = {name: 1 << place for place, name in enumerate(DEPARTMENTS) if name not in ("other", "unknown")}
"""Departments as bits of one number; `other` and `unknown` name none."""
_SHARE = 500_000


def outputs(_program: Program) -> tuple[Output, ...]:
    own = partial(Output, object="company", system="names")
    number = partial(own, kind=OutputKind.NUMBER)
    return (
        number("names_known", label="ABM names known", description="People known here who are not stale."),
        number("names_needed", label="ABM names needed", description="How many names are short of the minimum."),
        own(
            "missing_roles",
            kind=OutputKind.MULTI,
            label="ABM missing roles",
            description="Wanted stakeholder roles that no known name has.",
            options=tuple(Option(role, role_label(role)) for role in STAKEHOLDERS),
            list_name="ABM: Missing {label}",
        ),
        number("departments_covered", label="ABM departments covered", description="Departments with a known name."),
    )


def reads(_program: Program) -> Reads:
    asked = {"account", STALE, SOCIAL, PERSON, OUT + "department", OUT + "stakeholder_role"}
    return {"contact": frozenset(asked), "company": frozenset({EXCLUDED})}


def wants(_program: Program) -> Reads:
    return {"contact": frozenset({"created_at"})}


def assess(world: World) -> World:
    """Add the outputs, null where the portal's contacts, or their roles, are not known; and `why.names.` figures."""
    rules = names_program(world.program)
    counts = _counted(world)
    frame = beside(world.accounts, counts)
    figures = (*_COUNTS.values(), _ROLES, _DEPARTMENTS)
    if world.has("contact", "account"):
        frame = frame.with_columns(pl.col(figures).fill_null(0))
    known = pl.col(_COUNTS["known"])
    needed = pl.when(~pl.col(EXCLUDED)).then((rules.minimum - known).clip(lower_bound=0))
    departments, missing = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.String)
    if rules.roles is not None:
        departments = pl.col(_DEPARTMENTS).bitwise_count_ones().cast(pl.String)
        missing = pl.when(~pl.col(EXCLUDED)).then(_missing(rules))
    return world.with_frame(
        "company",
        frame.with_columns(
            known.cast(pl.String).alias(OUT + "names_known"),
            needed.cast(pl.String).alias(OUT + "names_needed"),
            missing.alias(OUT + "missing_roles"),
            departments.alias(OUT + "departments_covered"),
        ),
    )


def _missing(rules: NamesProgram) -> pl.Expr:
    """Wanted roles that nobody has, `;`-separated; null where none is missing, or nobody is counted."""
    absent = [pl.when(pl.col(_ROLES) & BITS[role] == 0).then(pl.lit(role)) for role in rules.roles or ()]
    if not absent:
        return pl.lit(None, dtype=pl.String)
    joined = pl.concat_str(absent, separator=";", ignore_nulls=True)
    return pl.when(pl.col(_ROLES).is_not_null() & (joined != "")).then(joined)


def quarter_start(as_of: datetime) -> datetime:
    """Midnight UTC of the first day of the calendar quarter."""
    return datetime(as_of.year, (as_of.month - 1) // 3 * 3 + 1, 1, tzinfo=UTC)


def _counted(world: World) -> pl.DataFrame:
    """One row an account that has contacts: `id` and the `why.names.` figures."""
    contacts = world.contacts.select(
        "account", PERSON, STALE, SOCIAL, "created_at", OUT + "stakeholder_role", OUT + "department"
    )
    # Some accounts after the other: what is worked out of five million contacts at once takes as much room as they do.
    shares = max(1, contacts.height // _SHARE)
    share = contacts["account"].cast(pl.String).hash() % shares
    return pl.concat([_share(world, contacts.filter(share == place)) for place in range(shares)])


def _share(world: World, contacts: pl.DataFrame) -> pl.DataFrame:
    """`_counted` of the accounts that these contacts belong to."""
    known = ~pl.col(STALE)
    since = pl.lit(quarter_start(world.as_of)).cast(pl.Datetime("us", "UTC"))
    until = pl.lit(world.as_of).cast(pl.Datetime("us", "UTC"))
    contacts = contacts.select(
        pl.col("account").cast(pl.String).alias("id"),
        PERSON,
        known.alias("known"),
        pl.col(SOCIAL).alias("social"),
        pl.col("created_at"),
        bits_of(contacts[OUT + "stakeholder_role"]).alias("roles"),
        bits_of(contacts[OUT + "department"], _PLACES).alias("departments"),
    ).filter(pl.col("id").is_not_null())
    of_known = [pl.when("known").then(name).otherwise(0).bitwise_or().alias(name) for name in ("roles", "departments")]
    people = contacts.group_by("id").agg(of_known)
    names = _names(contacts)
    new = pl.col("created_at").is_between(since, until).fill_null(value=False)
    figures = names.group_by("id").agg(
        pl.col("known").sum().cast(pl.Int64).alias(_COUNTS["known"]),
        (~pl.col("known")).sum().cast(pl.Int64).alias(_COUNTS["stale"]),
        (pl.col("known") & ~pl.col("social")).sum().cast(pl.Int64).alias(_COUNTS["without_profile"]),
        (pl.col("known") & new).sum().cast(pl.Int64).alias(_COUNTS["added"]),
    )
    return figures.join(people, on="id").rename({"roles": _ROLES, "departments": _DEPARTMENTS})


def _names(contacts: pl.DataFrame) -> pl.DataFrame:
    """One row a name: records of one account with the same address are taken together."""
    columns = ["id", "known", "social", "created_at"]
    # Nulls, who have no address, are not each other's doubles.
    addresses = contacts[PERSON].drop_nulls()
    if addresses.n_unique() == addresses.len():
        return contacts.select(columns)
    double = contacts[PERSON].is_duplicated() & contacts[PERSON].is_not_null()
    together = (
        contacts.filter(double)
        .group_by(PERSON)
        .agg(pl.col("id").first(), pl.col("known").any(), pl.col("social").any(), pl.col("created_at").min())
    )
    return pl.concat([contacts.filter(~double).select(columns), together.select(columns)])


def explain(world: World, record: pl.DataFrame) -> Explanation | None:
    """How many names an account has of those wanted, where they sit, and what is wrong with the others."""
    rules = names_program(world.program)
    row = record.row(0, named=True)
    known = row[_COUNTS["known"]]
    if known is None:
        return Explanation("names", "Nobody knows: no contacts are read")
    wanted = str(rules.minimum) if rules.maximum == rules.minimum else f"{rules.minimum} to {rules.maximum}"
    added = ""
    if world.has("contact", "created_at"):
        added = f"; {row[_COUNTS['added']]:,} added since {quarter_start(world.as_of):%Y-%m-%d}"
    lines = [
        ExplainLine(
            "yes" if known >= rules.minimum else "no",
            "names",
            f"{known:,} known",
            f"{wanted} wanted{added}",
        )
    ]
    if rules.roles is not None:
        lines += [_departments_line(world, row, rules), _roles_line(row, rules)]
    if row[_COUNTS["stale"]]:
        lines.append(ExplainLine("", "stale", f"{row[_COUNTS['stale']]:,} more", _stale_text(world, rules)))
    if row[_COUNTS["without_profile"]] and any(world.has("contact", name) for name in PROFILES):
        without = f"{row[_COUNTS['without_profile']]:,} of {known:,}"
        lines.append(ExplainLine("", "profiles", without, "without LinkedIn or X"))
    remarks = ("Excluded by the program: no names are asked for.",) if row[EXCLUDED] else ()
    headline = f"{known:,} of {wanted} name{'' if wanted == '1' else 's'}"
    return Explanation("names", headline, tuple(lines), remarks)


def _departments_line(world: World, row: dict[str, Any], rules: NamesProgram) -> ExplainLine:
    mine = world.contacts.filter((text("account") == row["id"]) & ~pl.col(STALE))
    there = mine[OUT + "department"].cast(pl.String).unique().drop_nulls()
    names = ", ".join(role_label(name) for name in DEPARTMENTS if name in _PLACES and name in there)
    covered = int(row[OUT + "departments_covered"])
    return ExplainLine(
        "yes" if covered >= rules.departments else "no",
        "departments",
        f"{covered} of {rules.departments}",
        names or "nobody's department is known",
    )


def _stale_text(world: World, rules: NamesProgram) -> str:
    """Why a name is stale, as far as this portal can say it."""
    signs = {
        "last_contacted_at": f"last contacted more than {rules.stale_days} days ago",
        "bounced": "bounced",
        "left_company": "gone",
    }
    said = [words for name, words in signs.items() if world.has("contact", name)]
    return f"{' or '.join(part for part in (', '.join(said[:-1]), *said[-1:]) if part)}; not counted"


def _roles_line(row: dict[str, Any], rules: NamesProgram) -> ExplainLine:
    absent = [role for role in rules.roles or () if not row[_ROLES] & BITS[role]]
    said = "missing: " + ", ".join(role_label(role) for role in absent) if absent else "every wanted role is there"
    return ExplainLine("no" if absent else "yes", "roles", "", said)


NAMES = System(
    key="names",
    title="Names",
    source="domain.md B2",
    object="company",
    sections=(NAMES_SECTION,),
    assess=assess,
    reads=reads,
    wants=wants,
    outputs=outputs,
    explain=explain,
    active=lambda program: program.sections.get("names") is not None,
)
