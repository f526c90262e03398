"""Toy sections: what an account system hands in, without the systems."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel

from crmsync.program import Condition, ConditionSpec, Resolver, Section


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Icp(RootModel[ConditionSpec]):
    pass


class RecommendedMax(RootModel[int]):
    pass


class Tiers(Strict):
    layers: dict[str, ConditionSpec]


class Capacity(Strict):
    total: int = Field(ge=1)
    per_owner: int | None = Field(None, ge=1)


class Targets(Strict):
    from_: list[str] = Field(alias="from")
    capacity: Capacity | None = None


def resolve_icp(model: Icp, resolver: Resolver) -> Condition:
    condition = resolver.condition(model.root)
    resolver.export("icp", condition)
    return condition


def resolve_tiers(model: Tiers, resolver: Resolver) -> dict[str, Condition]:
    return {name: resolver.condition(spec) for name, spec in model.layers.items()}


def resolve_targets(model: Targets, resolver: Resolver) -> Targets:
    tiers = resolver.section("tiers")
    for position, name in enumerate(model.from_):
        if isinstance(tiers, dict) and name not in tiers:
            resolver.fault(("from", position), f"{name} is not one of the tiers")
    return model


@pytest.fixture
def sections() -> list[Section]:
    return [
        # Before the section that it asks, so that the order is shown not to matter.
        Section("targets", Targets, resolve_targets),
        Section("tiers", Tiers, resolve_tiers),
        Section("icp", Icp, resolve_icp, required=True, exports=("icp",)),
        Section("icp_recommended_max", RecommendedMax, lambda model, _: model.root, default=500),
    ]
