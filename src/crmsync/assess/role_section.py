"""The `roles` section of the program: which vocabulary reads titles, and the table from level and department to role.

The default table is domain.md B1's, first match from the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from crmsync.program.loader import Program, Resolver, Section

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
ROLE_VALUES = ("commercial_decision_maker", "technical_qualifier", "influencer", END_USER, UNCLASSIFIED)

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


class RolesSpec(BaseModel):
    """`users` are the departments whose people use what you sell: they are End Users, beside another role too."""

    model_config = ConfigDict(extra="forbid")
    vocabulary: str = "titles"
    users: list[Department] = []
    table: list[RoleRow] = list(DEFAULT_TABLE)
    overrides: list[Literal["stakeholder_role"]] = []


@dataclass(frozen=True, slots=True)
class RoleProgram:
    vocabulary: str = "titles"
    users: frozenset[str] = frozenset()
    table: tuple[RoleRow, ...] = DEFAULT_TABLE
    overrides: tuple[str, ...] = ()


def _resolve(spec: RolesSpec, resolver: Resolver) -> RoleProgram:
    for position, name in enumerate(spec.users):
        _check(name, ("users", position), resolver)
    for row_number, row in enumerate(spec.table):
        for position, name in enumerate(row.department):
            _check(name, ("table", row_number, "department", position), resolver)
    return RoleProgram(spec.vocabulary, frozenset(spec.users), tuple(spec.table), tuple(spec.overrides))


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
