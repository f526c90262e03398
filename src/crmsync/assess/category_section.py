"""The `category` section of the program: by what accounts are sorted into A, B and C, and where the cuts are (A4)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from crmsync.assess.amounts import LARGEST, minor_units
from crmsync.model import fields
from crmsync.model.fields import ACCOUNT, Kind
from crmsync.program.conditions import Condition
from crmsync.program.loader import ConditionSpec, Program, Resolver, Section
from crmsync.program.yaml import did_you_mean

# Editors that read YAML 1.2 by the letter take 10_000_000 for text.
_AMOUNT_SCHEMA = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9][0-9_]*(\.[0-9]+)?$"}]
}
Amount = Annotated[Decimal, Field(ge=0), WithJsonSchema(_AMOUNT_SCHEMA)]
PerCent = Annotated[int, Field(gt=0, le=100)]
_BY = "revenue"


class ThresholdsSpec(BaseModel):
    """The least potential of an A and of a B account, both included."""

    model_config = ConfigDict(extra="forbid")
    a: Amount
    b: Amount


class ParetoSpec(BaseModel):
    """An account is an A while the share of the potential before it is below `a` per cent, a B below `b`."""

    model_config = ConfigDict(extra="forbid")
    a: PerCent = 80
    b: PerCent = 95


class CategorySpec(BaseModel):
    """A, B and C by `by`, an amount or number of the account; `strategically_important` lifts to A."""

    model_config = ConfigDict(extra="forbid")
    by: str = _BY
    thresholds: ThresholdsSpec | None = None
    pareto: ParetoSpec | None = None
    strategically_important: ConditionSpec | None = None
    override: bool = False


@dataclass(frozen=True, slots=True)
class CategoryProgram:
    """`by`: the field of the potential. `thresholds` of A and B in the unit of its column, else `pareto` per cent."""

    by: fields.Field = ACCOUNT[_BY]
    thresholds: tuple[int, int] | None = None
    pareto: tuple[int, int] = (80, 95)
    important: Condition | None = None
    override: bool = False


def _resolve(spec: CategorySpec, resolver: Resolver) -> CategoryProgram:
    by = ACCOUNT.get(spec.by)
    if by is None or by.kind not in (Kind.INTEGER, Kind.MONEY):
        numbers = [name for name, known in ACCOUNT.items() if known.kind in (Kind.INTEGER, Kind.MONEY)]
        near = did_you_mean(spec.by, numbers) or f" Choose one of {', '.join(numbers)}."
        resolver.fault(("by",), f"{spec.by} is no amount or number of an account.{near}")
        by = ACCOUNT[_BY]
    if spec.thresholds is not None and spec.pareto is not None:
        resolver.fault((), "expected either thresholds: or pareto:, one of the two")
    pareto = spec.pareto or ParetoSpec()
    if pareto.a >= pareto.b:
        resolver.fault(("pareto",), f"the share of A, {pareto.a}, must be below that of A and B together, {pareto.b}")
    return CategoryProgram(
        by=by,
        thresholds=None if spec.thresholds is None else _thresholds(spec.thresholds, by, resolver),
        pareto=(pareto.a, pareto.b),
        important=None if spec.strategically_important is None else resolver.condition(spec.strategically_important),
        override=spec.override,
    )


def _thresholds(spec: ThresholdsSpec, by: fields.Field, resolver: Resolver) -> tuple[int, int]:
    if spec.a <= spec.b:
        resolver.fault(("thresholds",), f"the least potential of A, {spec.a}, must be above that of B, {spec.b}")
    return _units(spec.a, by, "a", resolver), _units(spec.b, by, "b", resolver)


def _units(stated: Decimal, by: fields.Field, name: str, resolver: Resolver) -> int:
    """A threshold in the unit of the column: minor units of the program's currency, or whole numbers."""
    path = ("thresholds", name)
    if by.kind is Kind.MONEY:
        return minor_units(stated, path, resolver) or 0
    if stated != stated.to_integral_value():
        resolver.fault(path, f"{stated} is finer than whole numbers, which this field holds")
    elif stated > LARGEST:
        resolver.fault(path, f"{stated} is too large")
    return int(stated)


def category_program(program: Program) -> CategoryProgram:
    """The resolved section, else its defaults."""
    section = program.sections.get("category")
    return section if isinstance(section, CategoryProgram) else CategoryProgram()


CATEGORY_SECTION = Section("category", CategorySpec, _resolve)
