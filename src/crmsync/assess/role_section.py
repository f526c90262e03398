"""The `roles` section of the program: how titles are read, the table from level and department to role, what a deal's
contact role says, and what makes influence and interest high or medium.

The default table is domain.md B1's, first match from the top; the words of deals are HubSpot's and Salesforce's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from crmsync.program.loader import Program, Resolver, Section
from crmsync.program.units import MOST_DAYS
from crmsync.program.yaml import did_you_mean

SENIORITIES = ("c_suite", "vp", "director", "manager", "senior", "professional", "entry", "unknown")
DEPARTMENTS = (
    "general_management",
    "finance",
    "sales",
    "marketing",
    "customer_success",
    "product",
    "engineering",
    "it",
    "data",
    "operations",
    "supply_chain",
    "procurement",
    "hr",
    "legal",
    "administration",
    "research",
    "medical",
    "education",
    "other",
    "unknown",
)
UNCLASSIFIED = "unclassified"
END_USER = "end_user"
STAKEHOLDERS = ("commercial_decision_maker", "technical_qualifier", "influencer", END_USER)
ROLE_VALUES = (*STAKEHOLDERS, UNCLASSIFIED)

Seniority = Literal["c_suite", "vp", "director", "manager", "senior", "professional", "entry", "unknown"]
Department = Annotated[str, Field(json_schema_extra={"enum": list(DEPARTMENTS)})]
Role = Literal["commercial_decision_maker", "technical_qualifier", "influencer", "end_user"]


class RoleRow(BaseModel):
    """One row of the table: every stated list must hold the contact's value; an empty list holds any."""

    model_config = ConfigDict(extra="forbid")
    role: Role
    seniority: list[Seniority] = []
    department: list[Department] = []


_LEADERS: list[Seniority] = ["c_suite", "vp", "director", "manager"]
DEFAULT_TABLE: tuple[RoleRow, ...] = (
    RoleRow(role="technical_qualifier", seniority=[*_LEADERS, "senior"], department=["it", "engineering", "data"]),
    RoleRow(
        role="commercial_decision_maker",
        seniority=["c_suite"],
        department=["general_management", "finance", "operations"],
    ),
    RoleRow(
        role="commercial_decision_maker",
        seniority=["vp", "director"],
        department=["finance", "procurement", "general_management"],
    ),
    RoleRow(role="influencer", seniority=_LEADERS),
)


OFF = "off"
DEAL_ROLES: dict[str, str] = {
    # HubSpot's buying roles. Who sponsors a purchase need not approve the money, and a wrong decision maker costs more
    # than a missing one; compliance is the Technical Qualifier's (domain.md B1).
    "decision_maker": "commercial_decision_maker",
    "budget_holder": "commercial_decision_maker",
    "executive_sponsor": "influencer",
    "champion": "influencer",
    "influencer": "influencer",
    "blocker": "influencer",
    "legal_and_compliance": "technical_qualifier",
    "end_user": END_USER,
    "other": OFF,
    # Salesforce's contact roles on opportunities, and what its Buyer Attributes add.
    "economic_buyer": "commercial_decision_maker",
    "economic_decision_maker": "commercial_decision_maker",
    "buyer": "commercial_decision_maker",
    "evaluator": "technical_qualifier",
    "technical_buyer": "technical_qualifier",
    "technical_expert": "technical_qualifier",
    "gatekeeper": "influencer",
    "detractor": "influencer",
    "business_user": END_USER,
}
"""A CRM's word for a contact's part in a deal -> stakeholder role, or `off`: it says nothing of the role."""


def role_label(value: str) -> str:
    """`commercial_decision_maker` -> `Commercial Decision Maker`; levels and departments likewise."""
    return {"c_suite": "C-suite", "vp": "VP", "it": "IT", "hr": "HR"}.get(value, value.replace("_", " ").title())


def role_word(text: str) -> str:
    """A CRM's word in lower snake case: `Economic Buyer`, `ECONOMIC_BUYER` and `EconomicBuyer` are one word."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text.strip())
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


class InfluenceSpec(BaseModel):
    """Who has high and medium influence: stakeholder roles, levels, or words of a deal's contact role such as champion.

    `direct_reports`: how many people report to someone of high and of medium influence.
    """

    model_config = ConfigDict(extra="forbid")
    high: list[str] = ["commercial_decision_maker", "c_suite", "vp"]
    medium: list[str] = ["technical_qualifier", "director", "manager", "champion"]
    direct_reports: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)] = [3, 1]


Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]


class InterestSpec(BaseModel):
    """Within how many days of the last contact interest is high, and within how many it is medium."""

    model_config = ConfigDict(extra="forbid")
    engaged_days: Annotated[list[Days], Field(min_length=2, max_length=2)] = [30, 180]


class RolesSpec(BaseModel):
    """`users` are the departments whose people use what you sell: they are End Users, beside another role too.

    `deal_roles` adds to the words that a CRM has for a contact's part in a deal, or replaces what one of them means.
    """

    model_config = ConfigDict(extra="forbid")
    vocabulary: str = "titles"
    users: list[Department] = []
    table: list[RoleRow] = list(DEFAULT_TABLE)
    deal_roles: dict[str, Role | Literal["off"]] = {}
    influence: InfluenceSpec = InfluenceSpec()
    interest: InterestSpec = InterestSpec()
    overrides: list[Literal["stakeholder_role"]] = []


@dataclass(frozen=True, slots=True)
class RoleProgram:
    """`deal_roles` is the whole table. `influence_words` ranks roles, levels and words: 2 is high, 1 medium."""

    vocabulary: str = "titles"
    users: frozenset[str] = frozenset()
    table: tuple[RoleRow, ...] = DEFAULT_TABLE
    overrides: tuple[str, ...] = ()
    deal_roles: Mapping[str, str] = field(default_factory=lambda: dict(DEAL_ROLES))
    influence_words: Mapping[str, int] = field(default_factory=lambda: _influence_words(InfluenceSpec()))
    direct_reports: tuple[int, int] = (3, 1)
    engaged_days: tuple[int, int] = (30, 180)


def _influence_words(spec: InfluenceSpec) -> dict[str, int]:
    return dict.fromkeys(spec.medium, 1) | dict.fromkeys(spec.high, 2)


def _resolve(spec: RolesSpec, resolver: Resolver) -> RoleProgram:
    for position, name in enumerate(spec.users):
        _check(name, ("users", position), resolver)
    for row_number, row in enumerate(spec.table):
        for position, name in enumerate(row.department):
            _check(name, ("table", row_number, "department", position), resolver)
    deal_roles = DEAL_ROLES | {role_word(word): role for word, role in spec.deal_roles.items()}
    _check_influence(spec.influence, deal_roles, resolver)
    recent, within = spec.interest.engaged_days
    if recent > within:
        resolver.fault(("interest", "engaged_days"), f"expected the shorter time first, such as [{within}, {recent}]")
    many, some = spec.influence.direct_reports
    return RoleProgram(
        spec.vocabulary,
        frozenset(spec.users),
        tuple(spec.table),
        tuple(spec.overrides),
        deal_roles,
        _influence_words(spec.influence),
        (many, some),
        (recent, within),
    )


def _check_influence(spec: InfluenceSpec, deal_roles: Mapping[str, str], resolver: Resolver) -> None:
    known = (*STAKEHOLDERS, *(name for name in SENIORITIES if name != "unknown"), *deal_roles)
    for level in ("high", "medium"):
        for position, word in enumerate(getattr(spec, level)):
            path = ("influence", level, position)
            if word not in known:
                near = did_you_mean(word, known)
                resolver.fault(path, f"{word} is no role, no level and no word of roles.deal_roles.{near or ''}")
            elif level == "medium" and word in spec.high:
                resolver.fault(path, f"{word} stands under high as well; keep it in one of the two")
    many, some = spec.direct_reports
    if many < some:
        resolver.fault(("influence", "direct_reports"), f"expected the larger number first, such as [{some}, {many}]")


def _check(name: str, path: tuple[str | int, ...], resolver: Resolver) -> None:
    if name not in DEPARTMENTS:
        resolver.fault(path, f"{name} is not one of the departments ({', '.join(DEPARTMENTS)})")


def role_of(seniority: str, department: str, rules: RoleProgram) -> tuple[tuple[str, ...], RoleRow | None]:
    """(roles, the row that decided): first match from the top, End User beside it, else unclassified (B1)."""
    match = next(
        (
            row
            for row in rules.table
            if (not row.seniority or seniority in row.seniority)
            and (not row.department or department in row.department)
        ),
        None,
    )
    roles = () if match is None else (match.role,)
    if department in rules.users and END_USER not in roles:
        roles = (*roles, END_USER)
    return roles or (UNCLASSIFIED,), match


def role_program(program: Program) -> RoleProgram:
    section = program.sections.get("roles")
    return section if isinstance(section, RoleProgram) else RoleProgram()


ROLES_SECTION = Section("roles", RolesSpec, _resolve)
