"""The shapes of HubSpot's answers that we read, decoded by msgspec: only the fields we use, every one optional where
HubSpot's documentation calls it so. `properties` stay raw JSON, so that a page costs no re-encoding on its way to the
mirror.
"""

from __future__ import annotations

import msgspec

Raw = msgspec.Raw


class Next(msgspec.Struct):
    after: str


class Paging(msgspec.Struct):
    next: Next | None = None


class WireRecord(msgspec.Struct, rename="camel"):
    id: str
    properties: Raw = Raw(b"{}")
    updated_at: str = ""


class RecordPage(msgspec.Struct):
    """An answer of the list endpoint, or of search (which says `total`)."""

    results: list[WireRecord] = []
    paging: Paging | None = None
    total: int = 0

    @property
    def after(self) -> str | None:
        return self.paging.next.after if self.paging and self.paging.next else None


class ValuedRecord(msgspec.Struct):
    id: str
    properties: dict[str, str | None] = {}


class ErrorDetail(msgspec.Struct, rename="camel"):
    message: str = ""
    code: str = ""
    context: dict[str, list[str]] = {}


class WireError(msgspec.Struct, rename="camel"):
    """HubSpot's error body, also each entry of `errors` in a 207; every field optional."""

    message: str = ""
    category: str = ""
    policy_name: str = ""
    error_type: str = ""
    errors: list[ErrorDetail] = []
    context: dict[str, list[str]] = {}


class BatchAnswer(msgspec.Struct, rename="camel"):
    """Batch read and update: 200, or 207 with `errors`, each of which groups ids in `context.ids`."""

    results: list[ValuedRecord] = []
    errors: list[WireError] = []


class AssociationKind(msgspec.Struct):
    label: str | None = None


class AssociatedId(msgspec.Struct, rename="camel"):
    to_object_id: int | str
    association_types: list[AssociationKind] = []


class FromId(msgspec.Struct):
    id: str


class Associations(msgspec.Struct, rename={"from_": "from"}):
    from_: FromId
    to: list[AssociatedId] = []
    paging: Paging | None = None


class AssociationAnswer(msgspec.Struct):
    """200, or 207 with `errors`: an id that is unknown, or that has no association at all, may stand there."""

    results: list[Associations] = []
    errors: list[WireError] = []


class WireOwner(msgspec.Struct, rename="camel"):
    id: str
    first_name: str | None = None
    last_name: str | None = None
    archived: bool = False


class OwnerPage(msgspec.Struct):
    results: list[WireOwner] = []
    paging: Paging | None = None


class Membership(msgspec.Struct, rename="camel"):
    record_id: str


class MembershipPage(msgspec.Struct):
    results: list[Membership] = []
    paging: Paging | None = None


class WireOption(msgspec.Struct, rename="camel", omit_defaults=True):
    value: str
    label: str = ""
    display_order: int = -1
    hidden: bool = False
    description: str | None = None


class ModificationMetadata(msgspec.Struct, rename="camel"):
    read_only_value: bool = False
    read_only_definition: bool = False


class WireProperty(msgspec.Struct, rename="camel"):
    name: str
    type: str = ""
    field_type: str = ""
    options: list[WireOption] = []
    calculated: bool = False
    archived: bool = False
    modification_metadata: ModificationMetadata | None = None

    @property
    def read_only(self) -> bool:
        return self.calculated or bool(self.modification_metadata and self.modification_metadata.read_only_value)

    @property
    def fixed(self) -> bool:
        return bool(self.modification_metadata and self.modification_metadata.read_only_definition)


class PropertyList(msgspec.Struct):
    results: list[WireProperty] = []


class WireGroup(msgspec.Struct):
    name: str


class GroupList(msgspec.Struct):
    results: list[WireGroup] = []


class WireList(msgspec.Struct, rename="camel"):
    list_id: str
    name: str = ""
    object_type_id: str = ""
    processing_type: str = ""
    size: int | None = None
    filter_branch: Raw = Raw(b"null")
    additional_properties: dict[str, str | None] = {}


class ListAnswer(msgspec.Struct):
    list: WireList


class ListSearch(msgspec.Struct, rename="camel"):
    lists: list[WireList] = []
    has_more: bool = False
    offset: int = 0


class Account(msgspec.Struct, rename="camel"):
    portal_id: int | str
    time_zone: str = "UTC"
    ui_domain: str = "app.hubspot.com"


class ApiUsage(msgspec.Struct, rename="camel"):
    name: str = ""
    usage_limit: int = 0
    current_usage: int = 0


class ApiUsageList(msgspec.Struct):
    results: list[ApiUsage] = []
