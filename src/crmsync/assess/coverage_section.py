"""The `strategic_accounts` section of the program: who needs oversight, and how a group is added up (domain.md A6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from crmsync.model.fields import ACCOUNT
from crmsync.program.conditions import Any_, Condition, Leaf
from crmsync.program.loader import ConditionSpec, Program, Resolver, Section

TerritoryBy = Literal["country", "region", "owner"]
Consolidation = Literal["sum", "larger"]
PLURALS: dict[TerritoryBy, str] = {"country": "countries", "region": "regions", "owner": "owners"}

DEFAULT_STRATEGIC: Condition = Any_(
    (Leaf(ACCOUNT["subsidiaries"], "gte", 3, 0), Leaf(ACCOUNT["group_employees"], "gte", 50_000, 0))
)
DEFAULT_CUSTOMERS: Condition = Leaf(ACCOUNT["purchases"], "gte", 1, 0)


class StrategicAccountsSpec(BaseModel):
    """`strategic`: who needs oversight across divisions; `customers`: who is under retention care.

    `consolidation` says whether a company's own figure leaves out its subsidiaries (sum) or may hold them already
    (larger). A strategic manager holds at most `per_manager` accounts; a programme keeps at least `critical_mass`.
    """

    model_config = ConfigDict(extra="forbid")
    strategic: ConditionSpec | None = None
    customers: ConditionSpec | None = None
    territory_by: TerritoryBy = "country"
    consolidation: Consolidation = "sum"
    per_manager: Annotated[int, Field(gt=0)] = 10
    critical_mass: Annotated[int, Field(ge=0)] = 5
    override: bool = False


@dataclass(frozen=True, slots=True)
class CoverageProgram:
    strategic: Condition = DEFAULT_STRATEGIC
    customers: Condition = DEFAULT_CUSTOMERS
    territory_by: TerritoryBy = "country"
    consolidation: Consolidation = "sum"
    per_manager: int = 10
    critical_mass: int = 5
    override: bool = False


def _resolve(spec: StrategicAccountsSpec, resolver: Resolver) -> CoverageProgram:
    return CoverageProgram(
        strategic=DEFAULT_STRATEGIC if spec.strategic is None else resolver.condition(spec.strategic),
        customers=DEFAULT_CUSTOMERS if spec.customers is None else resolver.condition(spec.customers),
        territory_by=spec.territory_by,
        consolidation=spec.consolidation,
        per_manager=spec.per_manager,
        critical_mass=spec.critical_mass,
        override=spec.override,
    )


def coverage_program(program: Program) -> CoverageProgram:
    """The resolved section, else its defaults: a group is added up even where nobody manages strategic accounts."""
    section = program.sections.get("strategic_accounts")
    return section if isinstance(section, CoverageProgram) else CoverageProgram()


STRATEGIC_ACCOUNTS_SECTION = Section("strategic_accounts", StrategicAccountsSpec, _resolve)
