"""Queries over what an org is made of, through the Tooling API: its custom fields (salesforce.md 1.8).

Prevents a bootstrap from being tested against an org whose field definitions nobody can look up: describe shows only
what somebody may see, and a field nobody may see yet is found here alone.
"""

from crmsync.sandbox.salesforce import ids, queries
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.schema import ObjectSpec, parse_field
from crmsync.sandbox.salesforce.wire import Call, Reply, Route, Service

CUSTOM_FIELD = (
    "Id id ro", "DeveloperName string(80) ro", "NamespacePrefix string(15) ro", "TableEnumOrId picklist ro",
)  # fmt: skip


def _definitions(service: Service, user: str) -> Org:
    """The org's custom fields as records. Those of the files were there before and have no definition to change."""
    spec = ObjectSpec("CustomField", "Custom Field", "Custom Fields", ids.PREFIXES["CustomField"])
    for line in CUSTOM_FIELD:
        spec.add(parse_field(line, {}))
    org = Org({spec.name: spec}, service.clock, user)
    org.begin()
    for owner in service.org.objects.values():
        for one in owner.fields.values():
            if one.id is not None:
                values = {"DeveloperName": one.name.removesuffix("__c"), "NamespacePrefix": None}
                org.put(spec.name, one.id, {"Id": one.id, "TableEnumOrId": owner.name, **values})
    org.begin()
    return org


def query(service: Service, call: Call) -> Reply:
    """`GET tooling/query?q=SELECT Id, DeveloperName FROM CustomField WHERE ...`."""
    return queries.answer(service, call, _definitions(service, call.user))


ROUTES = (Route("GET", "tooling/query", query),)
