"""The program's lists as list views: a view is a filter on an owned field, so that Salesforce keeps it by itself.

Prevents lists that a tool fills row by row. A field that feeds one is a picklist, which reports filter by as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crmsync.connectors.salesforce.definitions import MOST_NAME
from crmsync.connectors.salesforce.settings import SOBJECTS, api_name
from crmsync.model.fields import ObjectName
from crmsync.model.outputs import ListDefinition

# What list views call an object's own columns; they are no API names. Custom fields stand under their own.
_BEFORE: dict[ObjectName, tuple[str, ...]] = {
    "company": ("ACCOUNT.NAME",),
    "contact": ("FULL_NAME", "ACCOUNT.NAME"),
    "deal": ("OPPORTUNITY.NAME", "ACCOUNT.NAME"),
}
_OWNER = "CORE.USERS.ALIAS"
_DIGEST = 8


@dataclass(frozen=True, slots=True)
class View:
    """`name` is the API name. Everybody sees a view that says nothing of whom it is shared with."""

    sobject: str
    name: str
    metadata: dict[str, Any]


def views(lists: Iterable[ListDefinition], prefix: str) -> tuple[View, ...]:
    """One view a list, by object and name. Two lists of one name, up to what an API name can hold, are kept apart."""
    found: dict[tuple[str, str], View] = {}
    for one in sorted(lists, key=lambda one: (one.object, one.name, one.output, one.value)):
        sobject = SOBJECTS[one.object]
        name = view_name(one.name)
        if (sobject, name.lower()) in found:
            name = _marked(name, one.name)
        found[sobject, name.lower()] = View(sobject, name, _metadata(one, name, prefix))
    return tuple(sorted(found.values(), key=lambda view: (view.sobject, view.name)))


def view_name(label: str) -> str:
    """`ABM: Tier 1` is `ABM_Tier_1`; what is too long is cut and ends with a digest of the whole."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", label).strip("_")
    name = name if name[:1].isalpha() else f"L_{name}".rstrip("_")
    return name if len(name) <= MOST_NAME else _marked(name, label)


def _marked(name: str, label: str) -> str:
    mark = hashlib.sha256(label.encode()).hexdigest()[:_DIGEST]
    return f"{name[: MOST_NAME - _DIGEST - 1].rstrip('_')}_{mark}"


def _metadata(one: ListDefinition, name: str, prefix: str) -> dict[str, Any]:
    field = api_name(prefix, prefix + one.output)
    return {
        "fullName": name,
        "columns": [*_BEFORE[one.object], field, _OWNER],
        "filterScope": "Everything",
        "filters": [{
            "field": field,
            "operation": "includes" if one.multi else "equals",
            # A comma would part two values.
            "value": f'"{one.value}"' if "," in one.value else one.value,
        }],
        "label": one.name if len(one.name) <= MOST_NAME else one.name[: MOST_NAME - 3].rstrip() + "...",
    }  # fmt: skip
