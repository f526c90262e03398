"""What an admin's preparation of a Salesforce org needs to know of a portal."""

from __future__ import annotations

from crmsync.connectors.salesforce.rights import Natives
from crmsync.engine.side import Side
from crmsync.model.fields import FIELDS
from crmsync.model.outputs import NativePolicy


def natives_of(side: Side) -> Natives:
    """The org's own fields by object: those that the mapping reads, and those that follow our values."""
    mapping = side.mapping
    reads = {object_: frozenset(side.mapped(object_)) for object_ in FIELDS if object_ in mapping.read}
    writes = {
        object_: frozenset(one.property for one in natives if one.policy is not NativePolicy.NEVER)
        for object_, natives in mapping.write.items()
    }
    return Natives(reads, {object_: names for object_, names in writes.items() if names})
