"""Who may see and change what in the org: the rights of the runtime user, of readers, and of people who pin values.

Prevents the two ways in which a right goes wrong: the runtime user may do more than it needs, or a field is invisible
for want of field-level security and looks like a value that nobody filled in (salesforce.md 1.8 and 7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crmsync.connectors.salesforce.definitions import full_name
from crmsync.connectors.salesforce.settings import SOBJECTS
from crmsync.model.fields import OBJECTS, ObjectName
from crmsync.model.outputs import Output

RUNTIME, MAPPED, VIEWER, OVERRIDES = "crmsync", "crmsync_mapped", "crmsync_viewer", "crmsync_overrides"


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


#: Standard fields that have field-level security in every org; those of a feature (Data.com, Account Engagement) have
#: it only where the feature is on, and a permission set that names one elsewhere cannot be deployed.
_GUARDED: dict[str, frozenset[str]] = {
    "Account": _words(
        "AccountNumber AccountSource AnnualRevenue BillingAddress Description Fax Industry NumberOfEmployees Ownership",
        "ParentId Phone Rating ShippingAddress Sic SicDesc Site TickerSymbol Type Website",
    ),
    "Contact": _words(
        "AccountId AssistantName AssistantPhone Birthdate Department Description DoNotCall Email Fax HomePhone",
        "HasOptedOutOfEmail LeadSource MailingAddress MobilePhone OtherAddress OtherPhone Phone ReportsToId Title",
    ),
    "Opportunity": _words(
        "AccountId Amount CampaignId Description ExpectedRevenue LeadSource NextStep Probability",
        "TotalOpportunityQuantity Type",
    ),
}
#: Fields that everybody sees who sees the record: the system's, and those that are always required.
_ALWAYS: dict[str, frozenset[str]] = {
    "Account": _words("Name LastActivityDate MasterRecordId"),
    "Contact": _words("Name FirstName LastName Salutation LastActivityDate IsEmailBounced"),
    "Opportunity": _words("Name StageName CloseDate IsClosed IsWon LastActivityDate"),
}
_SYSTEM = _words("Id IsDeleted CreatedDate CreatedById LastModifiedDate LastModifiedById SystemModstamp OwnerId")
_PART = re.compile(r"(Billing|Shipping|Mailing|Other)(Street|City|State|PostalCode|Country)(Code)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Grant:
    """Field-level security of one field, `Account.Industry`, in one permission set."""

    field: str
    edit: bool

    @property
    def sobject(self) -> str:
        return self.field.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Natives:
    """Fields of the org's own, by object: what the mapping reads, and what follows our values."""

    reads: Mapping[ObjectName, frozenset[str]]
    writes: Mapping[ObjectName, frozenset[str]]

    @property
    def objects(self) -> tuple[ObjectName, ...]:
        return tuple(object_ for object_ in OBJECTS if object_ in self.reads)


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """`objects`: object -> whether records of it may be edited; every record of it may be read."""

    name: str
    label: str
    description: str
    grants: tuple[Grant, ...]
    objects: Mapping[str, bool]


def permission_sets(outputs: Sequence[Output], prefix: str, natives: Natives) -> tuple[PermissionSet, ...]:
    """Those of the runtime user, of whoever looks at our values, and of whoever may pin them.

    What the mapping names and not every org has is in a set of its own (MAPPED): a deployment that names a field which
    is not there fails as a whole. It is left out where there is no such field.
    """
    ours = {full_name(output, prefix): output for output in outputs}
    known, mapped = _natives(natives)
    written = {output.object for output in outputs if not output.person} | natives.writes.keys()
    runtime = {name: Grant(name, edit=not output.person) for name, output in ours.items()} | known
    pinned = {name: output for name, output in ours.items() if output.person or output.keep_hand_edits}
    objects = {SOBJECTS[one]: one in written for one in OBJECTS if one in natives.objects or one in written}
    return (
        PermissionSet(
            RUNTIME,
            "crmsync",
            "What crmsync's own user needs: reads what the mapping names, edits nothing but the values it keeps.",
            _sorted(runtime.values()),
            objects,
        ),
        *_mapped_set(mapped.values()),
        PermissionSet(
            VIEWER,
            "crmsync viewer",
            "For people: sees the values that crmsync keeps.",
            _sorted(Grant(name, edit=False) for name in ours),
            {},
        ),
        PermissionSet(
            OVERRIDES,
            "crmsync overrides",
            "For people who may pin a value: what they enter stays, and crmsync leaves it alone.",
            _sorted(Grant(name, edit=True) for name in pinned),
            {},
        ),
    )


def _sorted(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    return tuple(sorted(grants, key=lambda grant: grant.field))


def _mapped_set(grants: Iterable[Grant]) -> tuple[PermissionSet, ...]:
    told = "For crmsync's own user: fields of this org that the mapping names."
    found = _sorted(grants)
    return (PermissionSet(MAPPED, "crmsync mapped fields", told, found, {}),) if found else ()


def _natives(natives: Natives) -> tuple[dict[str, Grant], dict[str, Grant]]:
    """Grants for fields that every org has, and for those of which this org may have some."""
    sure: dict[str, Grant] = {}
    mapped: dict[str, Grant] = {}
    for object_, names in natives.reads.items():
        sobject = SOBJECTS[object_]
        spelled = {name.lower(): name for name in _GUARDED[sobject]}
        always = {name.lower() for name in _ALWAYS[sobject] | _SYSTEM}
        for name in sorted(names | natives.writes.get(object_, frozenset())):
            edit = name in natives.writes.get(object_, frozenset())
            part = _PART.fullmatch(name)
            whole = f"{part[1]}Address" if part else name
            guarded = spelled.get(whole.lower())
            if guarded is None and (name.lower() in always or "." in name):
                continue
            grants = mapped if guarded is None else sure
            field = f"{sobject}.{guarded or name}"
            grants[field] = Grant(field, edit=edit or (field in grants and grants[field].edit))
    return sure, mapped
