"""Faults on demand: which call goes wrong, and how.

Prevents recovery code from being tested against patched clients: the fault happens on the wire.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crmsync.sandbox.common import faults
from crmsync.sandbox.common.faults import Rule
from crmsync.sandbox.hubspot.wire import Call, invalid, object_id

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


def parse_rules(items: Any) -> list[Rule]:
    """The fault list of the control plane. Raises ApiError(400) saying what is wrong with it."""
    try:
        return faults.parse_rules(items, NAMES, int)
    except faults.FaultListError as fault:
        raise invalid(str(fault)) from fault


def _hit(rule: Rule, call: Call, touched: frozenset[int]) -> bool:
    """Whether a rule is about this call: method, path and, where named, records."""
    return rule.matches(call.method, call.path) and (not rule.named or bool(rule.ids & touched))


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
        if not _hit(rule, call, touched):
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
