"""What an org tells of itself: describe, limits, record counts, API versions (salesforce.md 2.1 and 3).

Prevents a client from assuming a field: what the user may not read is not described, as if it were not there.
"""

from crmsync.sandbox.salesforce import rest
from crmsync.sandbox.salesforce.errors import Json
from crmsync.sandbox.salesforce.schema import NUMBERS, Field, ObjectSpec
from crmsync.sandbox.salesforce.wire import Call, Reply, Route, Service

VERSIONS = {f"{31 + number}.0": number for number in range(38)}
"""Versions that answer, 31.0 to 68.0; the older ones are retired."""

_XSD = {"boolean": "xsd:boolean", "int": "xsd:int", "date": "xsd:date", "datetime": "xsd:dateTime", "id": "tns:ID",
        "reference": "tns:ID"}  # fmt: skip
_DAILY = {
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DataStorageMB": 10_240,
    "FileStorageMB": 10_240,
}


def label_of(version: str) -> str:
    """`66.0` as the release it came with: `Spring '26`."""
    season, year = (int(float(version)) - 31) % 3, 14 + (int(float(version)) - 31 + 2) // 3
    return f"{('Summer', 'Winter', 'Spring')[season]} '{year}"


def field_document(one: Field, spec: ObjectSpec) -> Json:
    """A field as describe gives it."""
    return {
        "aggregatable": one.type not in {"textarea", "multipicklist"},
        "autoNumber": False,
        "byteLength": one.length * 3 if one.type not in {"id", "reference"} else one.length,
        "calculated": False,
        "calculatedFormula": None,
        "caseSensitive": False,
        "createable": one.createable and one.editable,
        "custom": one.custom,
        "defaultValue": False if one.type == "boolean" else None,
        "defaultedOnCreate": one.type == "boolean" or one.name in {"OwnerId", "Id", "CreatedDate", "CreatedById"},
        "deprecatedAndHidden": False,
        "digits": 9 if one.type == "int" else 0,
        "externalId": one.external_id,
        "extraTypeInfo": "plaintextarea" if one.type == "textarea" else None,
        "filterable": not (one.type == "textarea" and one.length > 255),
        "groupable": one.type in {"id", "reference", "string", "picklist", "boolean", "int", "date"},
        "idLookup": one.type == "id" or one.external_id,
        "inlineHelpText": None,
        "label": one.label,
        "length": one.length,
        "mask": None,
        "name": one.name,
        "nameField": one.name == ("MasterLabel" if spec.name == "OpportunityStage" else "Name"),
        "nillable": one.nillable,
        "permissionable": one.custom,
        "picklistValues": [
            {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}
            for value in one.values
        ],
        "precision": one.precision,
        "referenceTo": list(one.refers_to),
        "relationshipName": one.relationship,
        "restrictedPicklist": one.restricted,
        "scale": one.scale,
        "soapType": "xsd:double" if one.type in NUMBERS else _XSD.get(one.type, "xsd:string"),
        "sortable": one.type not in {"textarea", "multipicklist"},
        "type": one.type,
        "unique": one.unique,
        "updateable": one.updateable and one.editable,
    }


def _summary(call: Call, spec: ObjectSpec) -> Json:
    home = f"/services/data/v{call.version}/sobjects/{spec.name}"
    return {
        "activateable": False,
        "createable": spec.creatable,
        "custom": False,
        "deletable": spec.deletable,
        "keyPrefix": spec.prefix,
        "label": spec.label,
        "labelPlural": spec.plural,
        "layoutable": not spec.setup,
        "mergeable": spec.name in {"Account", "Contact"},
        "name": spec.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "undeletable": spec.deletable and not spec.bypasses_bin,
        "updateable": spec.creatable,
        "urls": {
            "sobject": home,
            "describe": f"{home}/describe",
            "rowTemplate": f"{home}/{{ID}}",
        },
    }


def describe_global(service: Service, call: Call) -> Reply:
    """`GET sobjects`."""
    specs = sorted(service.org.objects.values(), key=lambda spec: spec.name)
    return Reply(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [_summary(call, spec) for spec in specs]})


def describe(service: Service, call: Call) -> Reply:
    """`GET sobjects/{object}/describe`."""
    spec = rest.spec_of(service.org, call.args[0])
    children = [
        {
            "cascadeDelete": False,
            "childSObject": other.name,
            "deprecatedAndHidden": False,
            "field": one.name,
            "relationshipName": None,
        }
        for other in service.org.objects.values()
        for one in other.references()
        if spec.name in one.refers_to and one.readable
    ]
    fields = [field_document(one, spec) for one in spec.fields.values() if one.readable]
    return Reply(200, {**_summary(call, spec), "childRelationships": children, "fields": fields, "recordTypeInfos": []})


def basic(service: Service, call: Call) -> Reply:
    """`GET sobjects/{object}`: the object in short."""
    spec = rest.spec_of(service.org, call.args[0])
    return Reply(200, {"objectDescribe": _summary(call, spec), "recentItems": []})


def limits(service: Service, call: Call) -> Reply:
    """`GET limits`: what a day allows and what is left of it."""
    usage = service.usage
    shown = {"DailyApiRequests": {"Max": usage.limit, "Remaining": max(0, usage.limit - usage.used)}}
    return Reply(200, shown | {name: {"Max": most, "Remaining": most} for name, most in _DAILY.items()})


def record_count(service: Service, call: Call) -> Reply:
    """`GET limits/recordCount?sObjects=Account,Contact`; objects that are not there are left out."""
    names = [name.strip() for name in (call.one("sObjects") or "").split(",") if name.strip()]
    specs = [spec for name in names if (spec := service.org.spec(name)) is not None]
    if not names:
        specs = [spec for spec in service.org.objects.values() if service.org.records[spec.name].count()]
    counts = [{"count": service.org.records[spec.name].count(), "name": spec.name} for spec in specs]
    return Reply(200, {"sObjects": counts})


def versions() -> list[Json]:
    """What `GET /services/data` answers, to anyone."""
    return [{"label": label_of(one), "url": f"/services/data/v{one}", "version": one} for one in VERSIONS]


def resources(service: Service, call: Call) -> Reply:
    """`GET /services/data/vNN.0`: where things are."""
    home = f"/services/data/v{call.version}"
    names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs", "tooling")
    return Reply(200, {name: f"{home}/{name}" for name in names})


ROUTES = (
    Route("GET", "", resources),
    Route("GET", "sobjects", describe_global),
    Route("GET", "sobjects/{}", basic),
    Route("GET", "sobjects/{}/describe", describe),
    Route("GET", "limits", limits),
    Route("GET", "limits/recordCount", record_count),
)
