"""Faults on demand: which call goes wrong, and how.

Prevents recovery code from being tested against patched clients: the fault happens on the wire.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from crmsync.sandbox.hubspot.wire import Call, Json, invalid, object_id

NAMES = frozenset(
    [
        "429",
        "500",
        "502",
        "503",
        "504",
        "423",
        "401",
        "reset",
        "lost_reply",
        "slow",
        "truncated_body",
        "lost_page",
        "validation_rule",
        "vanished_id",
    ]
)
RECORD_FAULTS = frozenset({"validation_rule", "vanished_id"})
SLOW_MS = 2_000.0


@dataclass
class Rule:
    """One line of the fault list.

    `rate` is the share of matching calls (seeded), `times` how many at most, `after` how many pass before. Without any
    of them every matching call is hit. A rule that picks records keeps to the records it picked.
    """

    fault: str
    method: str | None = None
    path: str = ""
    ids: set[int] = field(default_factory=set)
    named: bool = False
    rate: float | None = None
    times: int | None = None
    after: int = 0
    ms: float = SLOW_MS
    dice: random.Random = field(default_factory=random.Random)
    seen: int = 0
    hits: int = 0

    def matches(self, call: Call, touched: frozenset[int]) -> bool:
        """Method, path substring and, where named, records."""
        if self.method not in {None, call.method} or self.path not in call.path:
            return False
        return not self.named or bool(self.ids & touched)

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


def parse_rules(items: Any) -> list[Rule]:
    """The fault list of the control plane. Raises ApiError(400) saying what is wrong with it."""
    if not isinstance(items, list):
        raise invalid("faults: expected a list of {match, fault, rate | times | after, seed}")
    return [_rule(at, item) for at, item in enumerate(items)]


def _rule(at: int, item: Json) -> Rule:
    name = str(item.get("fault", ""))
    if name not in NAMES:
        raise invalid(f"faults[{at}]: no fault {name!r}. Use one of {' '.join(sorted(NAMES))}")
    unknown = item.keys() - {"match", "fault", "rate", "times", "after", "seed", "ms"}
    match = item.get("match") or {}
    unknown |= match.keys() - {"method", "path", "ids"}
    if unknown:
        raise invalid(f"faults[{at}]: unknown key {', '.join(sorted(unknown))}")
    ids = {int(i) for i in match.get("ids", [])}
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


def touched_ids(call: Call) -> frozenset[int]:
    """Record ids that a call names in its path or its inputs."""
    found = {object_id(part) for part in call.rest.split("/")}
    if isinstance(call.body, dict):
        inputs = call.body.get("inputs")
        for item in inputs if isinstance(inputs, list) else ():
            found.add(object_id(item.get("id")) if isinstance(item, dict) else object_id(item))
    return frozenset(i for i in found if i is not None)


def is_record_write(call: Call) -> bool:
    """A write of record values, which is what rules about records can spoil."""
    if call.family != "objects":
        return False
    batch = call.method == "POST" and call.rest.endswith(("/batch/update", "/batch/upsert", "/batch/create"))
    return batch or call.method == "PATCH"


@dataclass(frozen=True)
class Struck:
    """What happens to one call."""

    rule: Rule
    ids: frozenset[int] = frozenset()


def strike(rules: Sequence[Rule], call: Call) -> Struck | None:
    """The first rule that hits this call."""
    touched = touched_ids(call)
    for rule in rules:
        if not rule.matches(call, touched):
            continue
        if rule.fault not in RECORD_FAULTS:
            if rule.fires():
                return Struck(rule)
            continue
        picked = _pick(rule, call, touched)
        if picked:
            return Struck(rule, picked)
    return None


def _pick(rule: Rule, call: Call, touched: frozenset[int]) -> frozenset[int]:
    """Records of this call that the rule spoils; once picked, a record stays spoiled."""
    if not is_record_write(call) or not touched:
        return frozenset()
    if rule.named:
        if rule.rate is None and rule.times is None and not rule.after:
            return frozenset(rule.ids & touched)
        return frozenset(rule.ids & touched) if rule.fires() else frozenset()
    if not rule.ids & touched and rule.fires():
        rule.ids.add(rule.dice.choice(sorted(touched)))
    return frozenset(rule.ids & touched)
