"""The `tiers` section of the program: cumulative layers, or weighted criteria with score bands (domain.md A2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from crmsync.program.conditions import All, Condition
from crmsync.program.contradictions import never_true
from crmsync.program.loader import ConditionSpec, Program, Resolver, Section

NO_TIER = "none"
TierName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Criterion(BaseModel):
    """One weighted criterion: its weight counts where `when` is true."""

    model_config = ConfigDict(extra="forbid")
    name: str = ""
    when: ConditionSpec
    weight: Annotated[int, Field(gt=0)]


class WeightedSpec(BaseModel):
    """`bands` gives each tier the least score it needs; `requires` must be true for any tier."""

    model_config = ConfigDict(extra="forbid")
    requires: ConditionSpec | None = None
    criteria: Annotated[list[Criterion], Field(min_length=1)]
    bands: Annotated[dict[TierName, int], Field(min_length=1)]


class TiersSpec(BaseModel):
    """Either `layers`, bottom up, each standing on the ones before it, or `weighted`."""

    model_config = ConfigDict(extra="forbid")
    layers: dict[TierName, ConditionSpec] | None = None
    weighted: WeightedSpec | None = None


@dataclass(frozen=True, slots=True)
class TierProgram:
    """Tiers worst to best (`names`) and what decides them.

    Layers: `conditions[i]` is the layer of `names[i]`. Weighted: `conditions` are the required one (where `required`),
    then the criteria with their `weights`; `bands[i]` is the least score of `names[i]`.
    """

    names: tuple[str, ...]
    conditions: tuple[Condition, ...]
    labels: tuple[str, ...] = ()
    weights: tuple[int, ...] = ()
    bands: tuple[int, ...] = ()
    required: bool = False

    def step(self, position: int) -> str:
        """What line `position` of an explanation is called: the tier of a layer, the weight of a criterion."""
        if not self.weights:
            return self.names[position]
        if self.required and position == 0:
            return "required"
        return f"weight {self.weights[position - int(self.required)]}"


def _resolve(spec: TiersSpec, resolver: Resolver) -> TierProgram:
    if (spec.layers is None) == (spec.weighted is None):
        resolver.fault((), "expected either layers: or weighted:, one of the two")
        return TierProgram((), ())
    return _layers(spec.layers, resolver) if spec.layers is not None else _weighted(spec.weighted, resolver)


def _layers(layers: dict[str, ConditionSpec], resolver: Resolver) -> TierProgram:
    if not layers:
        resolver.fault(("layers",), "expected at least one layer, such as tier_1: icp")
    conditions: list[Condition] = []
    for name, spec in layers.items():
        condition = resolver.condition(spec)
        _check_name(name, ("layers", name), resolver)
        impossible = (
            None if resolver.faulty(condition) else never_true(All((*conditions, condition)), resolver.currency)
        )
        if impossible:
            resolver.fault(("layers", name), f"this layer can never be true: {impossible}")
        if not resolver.faulty(condition) and not impossible:
            conditions.append(condition)
    return TierProgram(tuple(layers), tuple(conditions))


def _weighted(spec: WeightedSpec | None, resolver: Resolver) -> TierProgram:
    assert spec is not None
    conditions = [] if spec.requires is None else [resolver.condition(spec.requires)]
    conditions += [resolver.condition(criterion.when) for criterion in spec.criteria]
    most = sum(criterion.weight for criterion in spec.criteria)
    for name, least in spec.bands.items():
        _check_name(name, ("weighted", "bands", name), resolver)
        if least > most:
            resolver.fault(
                ("weighted", "bands", name), f"{least} can never be reached; all weights together are {most}"
            )
    if len(set(spec.bands.values())) < len(spec.bands):
        resolver.fault(("weighted", "bands"), "two tiers need the same score; every band needs its own")
    names = sorted(spec.bands, key=spec.bands.__getitem__)
    return TierProgram(
        names=tuple(names),
        conditions=tuple(conditions),
        labels=tuple(criterion.name for criterion in spec.criteria),
        weights=tuple(criterion.weight for criterion in spec.criteria),
        bands=tuple(spec.bands[name] for name in names),
        required=spec.requires is not None,
    )


def _check_name(name: str, path: tuple[str, ...], resolver: Resolver) -> None:
    if name in (NO_TIER, "global"):
        resolver.fault(path, f"{name} is a word of its own for accounts outside the tiers; choose another name")


def tier_program(program: Program) -> TierProgram:
    """The resolved section; without one, no tiers at all."""
    section = program.sections.get("tiers")
    return section if isinstance(section, TierProgram) else TierProgram((), ())


TIERS_SECTION = Section("tiers", TiersSpec, _resolve)
