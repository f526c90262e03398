"""crmsync's connector to an org of the contract's tests, and what both sides of it hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from contract_org import Org

from crmsync.connectors.base import Connector, Page
from crmsync.connectors.salesforce import connect
from crmsync.connectors.salesforce.settings import SalesforceSettings
from crmsync.model.fields import ObjectName
from crmsync.model.plan import OutcomeStatus, Update, WriteResult

APPLIED, REJECTED, DEFERRED = OutcomeStatus.APPLIED, OutcomeStatus.REJECTED, OutcomeStatus.DEFERRED
UNSETTLED = {OutcomeStatus.DEFERRED, OutcomeStatus.UNANSWERED}
OWNED: dict[str, dict[str, Any]] = {
    "ABM_Tier__c": {
        "type": "Picklist",
        "valueSet": {
            "restricted": False,
            "valueSetDefinition": {
                "sorted": False,
                "value": [{"fullName": one, "label": one, "default": False} for one in ("tier_1", "tier_2", "none")],
            },
        },
    },
    "ABM_Tier_Reason__c": {"type": "LongTextArea", "length": 32_768, "visibleLines": 3},
    "ABM_Names_Known__c": {"type": "Number", "precision": 18, "scale": 0},
}
"""Some of the fields that crmsync owns, as an admin makes them (contract.md, What lands in the CRM)."""

Connected = Callable[..., Connector]


def connector_to(org: Org, **settings: Any) -> Connector:
    """A connector that logs in by JWT and hardly waits."""
    given: dict[str, Any] = {
        "consumer_key": lambda: org.consumer_key,
        "private_key": lambda: Path(org.private_key).read_text(),
        "username": org.username,
        "base_url": org.base_url,
        "ca_file": str(org.ca_file),
        "patience": 0.002,
    }
    return connect(SalesforceSettings(**(given | settings)), prefix="abm_")


def make_owned(org: Org) -> None:
    """What an admin does once."""
    (sets,) = org.rows("SELECT Id FROM PermissionSet WHERE Name = 'Crm_Integration'")
    for name, metadata in OWNED.items():
        whole = {"label": name.removesuffix("__c").replace("_", " "), **metadata}
        org.call("POST", "tooling/sobjects/CustomField", {"FullName": f"Account.{name}", "Metadata": whole}, 201)
        rights = {"ParentId": sets["Id"], "SobjectType": "Account", "Field": f"Account.{name}"}
        org.call("POST", "sobjects/FieldPermissions", rights | {"PermissionsRead": True, "PermissionsEdit": True}, 201)


def tiers(ids: Iterable[str], value: str = "tier_1") -> list[Update]:
    return [Update(id_, {"abm_tier": value}) for id_ in ids]


def held(org: Org, field: str = "ABM_Tier__c") -> dict[str, Any]:
    """The field's value in every account, read over plain HTTP."""
    return {row["Id"]: row[field] for row in org.rows(f"SELECT Id, {field} FROM Account")}


def by_id(pages: Iterable[Page]) -> tuple[list[str], dict[str, dict[str, str | None]]]:
    """Ids in the order they came, and properties by id."""
    records = [record for page in pages for record in page.records]
    return [one.id for one in records], {one.id: json.loads(one.properties) for one in records}


def write_all(connector: Connector, updates: Sequence[Update], object_: ObjectName = "company") -> list[WriteResult]:
    """Everything, in batches as large as the connector takes."""
    size = connector.batch_for(len(updates))
    parts = (updates[first : first + size] for first in range(0, len(updates), size))
    return [result for part in parts for result in connector.write(object_, part)]


def statuses(results: Iterable[WriteResult]) -> list[OutcomeStatus]:
    return [one.status for one in results]
