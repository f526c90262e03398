"""The `gaps` section of the program: who fills which missing field (domain.md C2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from crmsync.assess.checklist_section import Checklist
from crmsync.model.fields import ACCOUNT
from crmsync.program.loader import Program, Resolver, Section
from crmsync.program.yaml import did_you_mean

SALES, FORMS = "sales", "forms"
FILLERS = (SALES, FORMS)
FILLER_LABELS = {SALES: "sales", FORMS: "progressive profiling"}


class GapsSpec(BaseModel):
    """`sales` are the fields that sales fills, all of them by default; `forms` those that forms and bots ask for."""

    model_config = ConfigDict(extra="forbid")
    sales: list[str] | None = None
    forms: list[str] = []


@dataclass(frozen=True, slots=True)
class GapProgram:
    """`sales` is None where sales may fill any field."""

    sales: tuple[str, ...] | None = None
    forms: tuple[str, ...] = ()

    def fillers(self, field: str) -> tuple[str, ...]:
        """Who is to fill this field, in the order of `FILLERS`; nobody where both lists leave it out."""
        by_sales = (SALES,) if self.sales is None or field in self.sales else ()
        return (*by_sales, *((FORMS,) if field in self.forms else ()))


def _resolve(spec: GapsSpec, resolver: Resolver) -> GapProgram:
    checklist = resolver.section("checklist")
    silent = not resolver.given("checklist") or (isinstance(checklist, Checklist) and not checklist.writes_tier)
    if silent and not resolver.given("tiers"):
        resolver.fault((), "a gap is what holds back a tier; give tiers:, or a checklist: with writes_tier: true")
    for key, names in (("sales", spec.sales), ("forms", spec.forms)):
        _check(key, names or (), resolver)
    return GapProgram(None if spec.sales is None else tuple(spec.sales), tuple(spec.forms))


def _check(key: str, names: Sequence[str], resolver: Resolver) -> None:
    for position, name in enumerate(names):
        if name not in ACCOUNT:
            near = did_you_mean(name, tuple(ACCOUNT))
            resolver.fault((key, position), f"{name} is not a field of an account.{near}")
        elif ACCOUNT[name].derived:
            resolver.fault((key, position), f"{name} is worked out from other records; nobody can fill it")
        elif name in names[:position]:
            resolver.fault((key, position), f"{name} is named twice")


def gap_program(program: Program) -> GapProgram:
    """The resolved section; without one, sales fills everything."""
    section = program.sections.get("gaps")
    return section if isinstance(section, GapProgram) else GapProgram()


GAPS_SECTION = Section("gaps", GapsSpec, _resolve)
