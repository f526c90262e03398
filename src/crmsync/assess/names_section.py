"""The `names` section of the program: how many names an account needs, in how many departments, and in which roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from crmsync.assess.role_section import END_USER, STAKEHOLDERS, Role, RoleProgram
from crmsync.program.loader import Program, Resolver, Section
from crmsync.program.units import MOST_DAYS

_WANTED = tuple(role for role in STAKEHOLDERS if role != END_USER)


class NamesSpec(BaseModel):
    """Name development (domain.md B2). `minimum` to `maximum` names are aimed at, across so many `departments`.

    A name is stale when it was last contacted more than `stale_days` ago. Without `roles`, all but End Users are
    wanted, and those too where the roles section says whose departments use what you sell.
    """

    model_config = ConfigDict(extra="forbid")
    minimum: Annotated[int, Field(ge=1)] = 5
    maximum: Annotated[int, Field(ge=1)] = 10
    departments: Annotated[int, Field(ge=0)] = 3
    stale_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 365
    roles: list[Role] | None = None


@dataclass(frozen=True, slots=True)
class NamesProgram:
    """`roles` in the order in which they are declared. Without a roles section nothing is known of roles, so None."""

    minimum: int = 5
    maximum: int = 10
    departments: int = 3
    stale_days: int = 365
    roles: tuple[str, ...] | None = None


def _resolve(spec: NamesSpec, resolver: Resolver) -> NamesProgram:
    maximum = spec.maximum
    if maximum < spec.minimum:
        if "maximum" in spec.model_fields_set:
            resolver.fault(("maximum",), f"{maximum} is below the minimum of {spec.minimum}; expected at least that")
        maximum = spec.minimum
    roles = resolver.section("roles")
    wanted = set(_WANTED if spec.roles is None else spec.roles)
    if spec.roles is None and isinstance(roles, RoleProgram) and roles.users:
        wanted.add(END_USER)
    if spec.roles and not resolver.given("roles"):
        resolver.fault(("roles",), "nobody's role is known without a roles: section; add one, or leave this out")
    return NamesProgram(
        spec.minimum,
        maximum,
        spec.departments,
        spec.stale_days,
        tuple(role for role in STAKEHOLDERS if role in wanted) if resolver.given("roles") else None,
    )


def names_program(program: Program) -> NamesProgram:
    section = program.sections.get("names")
    return section if isinstance(section, NamesProgram) else NamesProgram()


NAMES_SECTION = Section("names", NamesSpec, _resolve)
