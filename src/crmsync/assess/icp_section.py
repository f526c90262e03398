"""The `icp` and `icp_recommended_max` sections of the program (domain.md A1)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, RootModel

from crmsync.program.conditions import All, Condition
from crmsync.program.loader import ConditionSpec, Program, Resolver, Section

_RECOMMENDED_MAX = 500


class IcpSpec(RootModel[ConditionSpec]):
    """The ideal customer profile: a condition."""


class IcpMaxSpec(RootModel[Annotated[int, Field(gt=0)]]):
    """From how many fitting accounts on to warn."""


def _resolve_icp(spec: IcpSpec, resolver: Resolver) -> Condition:
    condition = resolver.condition(spec.root)
    resolver.export("icp", condition)
    return condition


def icp_condition(program: Program) -> Condition:
    """The profile; without one, every account fits."""
    condition = program.sections.get("icp")
    return condition if condition is not None else All(())  # type: ignore[return-value]  # what _resolve_icp returned


def icp_recommended_max(program: Program) -> int:
    stated = program.sections.get("icp_recommended_max")
    return stated if isinstance(stated, int) else _RECOMMENDED_MAX


ICP_SECTION = Section("icp", IcpSpec, _resolve_icp, exports=("icp",))
ICP_MAX_SECTION = Section(
    "icp_recommended_max", IcpMaxSpec, lambda spec, _resolver: spec.root, default=_RECOMMENDED_MAX
)
