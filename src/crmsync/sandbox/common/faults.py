"""The fault list: which call goes wrong, how often, and after how many.

Prevents recovery code from being tested against patched clients: the fault happens on the wire. What a fault does to a
call is the CRM's own matter.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

SLOW_MS = 2_000.0


class FaultListError(ValueError):
    """A fault list that cannot be used: which entry, and what is wrong with it."""


@dataclass
class Rule:
    """One line of the fault list.

    `rate` is the share of matching calls (seeded), `times` how many at most, `after` how many pass before. Without any
    of them every matching call is hit. A rule that picks records keeps to the records it picked, in `ids`.
    """

    fault: str
    method: str | None = None
    path: str = ""
    ids: set[Any] = field(default_factory=set)
    named: bool = False
    rate: float | None = None
    times: int | None = None
    after: int = 0
    ms: float = SLOW_MS
    dice: random.Random = field(default_factory=random.Random)
    seen: int = 0
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Method and path substring."""
        return self.method in {None, method} and self.path in path

    def fires(self) -> bool:
        """Whether this matching call is hit; counts it."""
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.hits >= self.times):
            return False
        if self.rate is not None and self.dice.random() >= self.rate:
            return False
        self.hits += 1
        return True

    def give_back(self) -> None:
        """The hit had nothing to spoil, so it is not one of the `times`."""
        self.hits -= 1


def parse_rules(items: Any, names: Collection[str], id_of: Callable[[Any], Any]) -> list[Rule]:
    """The fault list of the control plane; `id_of` reads a record id. Raises FaultListError."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise FaultListError("faults: expected a list of {match, fault, rate | times | after, seed}")
    return [_rule(at, item, names, id_of) for at, item in enumerate(items)]


def _rule(at: int, item: dict[str, Any], names: Collection[str], id_of: Callable[[Any], Any]) -> Rule:
    name = str(item.get("fault", ""))
    if name not in names:
        raise FaultListError(f"faults[{at}]: no fault {name!r}. Use one of {' '.join(sorted(names))}")
    unknown = item.keys() - {"match", "fault", "rate", "times", "after", "seed", "ms"}
    match = item.get("match") or {}
    unknown |= match.keys() - {"method", "path", "ids"}
    if unknown:
        raise FaultListError(f"faults[{at}]: unknown key {', '.join(sorted(unknown))}")
    ids = {id_of(i) for i in match.get("ids", [])}
    return Rule(
        fault=name,
        method=match.get("method"),
        path=match.get("path", ""),
        ids=ids,
        named=bool(ids),
        rate=item.get("rate"),
        times=item.get("times"),
        after=int(item.get("after", 0)),
        ms=float(item.get("ms", SLOW_MS)),
        dice=random.Random(item.get("seed", 0)),  # noqa: S311 a repeatable fault, no secret
    )
