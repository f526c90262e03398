"""Faults on demand, in Salesforce's own forms (salesforce.md 2.6).

Prevents recovery code from being tested against patched clients. Some faults hit a call, some the records it writes:
those are refused one by one, over REST, in collections and in bulk alike.
"""

from collections.abc import Callable, Sequence
from typing import Any

from crmsync.sandbox.common import faults
from crmsync.sandbox.common.faults import Rule
from crmsync.sandbox.salesforce import errors, ids
from crmsync.sandbox.salesforce.errors import ApiError, Json
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.values import OrgError, lock_refusal
from crmsync.sandbox.salesforce.wire import Call

RECORD_FAULTS = frozenset({"lock_row", "duplicate_rule", "validation_rule"})
_WRITES = frozenset({"late_commit"})
_JOBS = frozenset({"bulk_fail"})
NAMES = RECORD_FAULTS | _WRITES | _JOBS | {
    "500", "502", "503", "504", "429", "401", "reset", "lost_reply", "slow", "truncated_body", "session_expired",
    "concurrent_limit", "daily_limit", "api_disabled",
}  # fmt: skip
_EDGE = "<html><head><title>{0}</title></head><body><h1>We are setting things up...</h1></body></html>"
MISSPELT = "duplicateResut"
"""The key that real bodies carry; the documentation says `duplicateResult`."""


def parse_rules(items: Any) -> list[Rule]:
    """The fault list of the control plane. Raises FaultListError saying what is wrong with it."""
    return faults.parse_rules(items, NAMES, lambda text: ids.canonical(str(text)) or str(text))


def strike(rules: Sequence[Rule], method: str, path: str, raw: bytes) -> Rule | None:
    """The first rule that hits this call as a whole. A rule of records is about the calls that name one of them."""
    for rule in rules:
        if rule.fault in RECORD_FAULTS or not rule.matches(method, path):
            continue
        if rule.named and not any(id_[:15] in path or id_[:15].encode() in raw for id_ in rule.ids):
            continue
        if rule.fault in _WRITES and (method == "GET" or "/sobjects" not in path):
            continue
        if rule.fault in _JOBS and "/jobs/" not in path:
            continue
        if rule.fires():
            return rule
    return None


def refusal(name: str) -> ApiError | None:
    """What a call answers under that fault, where the fault is an answer."""
    if name in {"502", "504", "429"}:
        return ApiError(int(name), _EDGE.format(name))
    made: dict[str, Callable[[], ApiError]] = {
        "500": errors.unknown_exception,
        "503": errors.server_unavailable,
        "401": errors.expired,
        "session_expired": errors.expired,
        "concurrent_limit": errors.concurrent_requests,
        "daily_limit": errors.total_requests,
        "api_disabled": errors.api_disabled,
    }
    return made[name]() if name in made else None


class Gate:
    """Refuses single records, as lock waits, validation rules and duplicate rules do.

    A record that a rule picked stays refused; a lock is over with the next try.
    """

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.call: Call | None = None
        self.duplicate_key = MISSPELT

    def guard(self, org: Org) -> None:
        """Puts the gate in front of an org's writes."""
        org.gate = lambda name, id_: self.check(org, name, id_)

    def check(self, org: Org, name: str, id_: str | None) -> None:
        """Raises OrgError where a rule hits this record."""
        method, path = (self.call.method, self.call.path) if self.call is not None else ("POST", "/jobs/ingest")
        for rule in self.rules:
            if rule.fault in RECORD_FAULTS and rule.matches(method, path) and self._hits(rule, id_):
                self._refuse(rule.fault, org, name, id_)

    def _hits(self, rule: Rule, id_: str | None) -> bool:
        if rule.named:
            return id_ in rule.ids and rule.fires()
        if id_ is not None and id_ in rule.ids:
            return True
        if not rule.fires():
            return False
        if id_ is not None and rule.fault != "lock_row":
            rule.ids.add(id_)
        return True

    def _refuse(self, fault: str, org: Org, name: str, id_: str | None) -> None:
        if fault == "lock_row":
            raise lock_refusal(id_ or "")
        if fault == "validation_rule":
            message = "A validation rule of this org was not met"
            raise OrgError("FIELD_CUSTOM_VALIDATION_EXCEPTION", message)
        allowed = self.call.headers.get("Sforce-Duplicate-Rule-Header", "") if self.call is not None else ""
        if "allowsave=true" not in allowed.lower().replace(" ", ""):
            refused = OrgError("DUPLICATES_DETECTED", "Use one of these records?")
            refused.extra[self.duplicate_key] = _result(org, name, id_)
            raise refused


def _result(org: Org, name: str, id_: str | None) -> Json:
    other = next((row.id for row in org.rows(name) if row.id != id_), None)
    url = f"/services/data/v66.0/sobjects/{name}/{other}"
    record = {"attributes": {"type": name, "url": url}, "Id": other}
    match = {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record}
    return {
        "allowSave": True,
        "duplicateRule": f"Standard_{name}_Duplicate_Rule",
        "duplicateRuleEntityType": name,
        "errorMessage": "You're creating a duplicate record. We recommend you use an existing record instead.",
        "matchResults": [
            {
                "entityType": name,
                "errors": [],
                "matchEngine": "FuzzyMatchEngine",
                "matchRecords": [match] if other is not None else [],
                "rule": f"Standard_{name}_Match_Rule_v1_0",
                "size": int(other is not None),
                "success": True,
            }
        ],
    }
