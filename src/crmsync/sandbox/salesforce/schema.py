"""Objects and fields of an org: types, picklists, references, and who may read or edit a field (salesforce.md 1.8, 3).

Prevents the sandbox from accepting what an org refuses: a field is known with its type, its length and its rights, and
a field without field-level security is as good as absent, for readers and writers alike.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

TEXTS = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox"})
NUMBERS = frozenset({"double", "currency", "percent"})


@dataclass(frozen=True)
class Field:
    """One field, in the words of describe. `type` is describe's: id, string, reference, picklist, double, ...

    `readable` and `editable` are its field-level security for the user of the API.
    """

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    custom: bool = False
    external_id: bool = False
    unique: bool = False
    restricted: bool = False
    required: bool = False
    values: tuple[str, ...] = ()
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    readable: bool = True
    editable: bool = True
    id: str | None = None
    """The id of a custom field's definition, for the Tooling API."""


@dataclass
class ObjectSpec:
    """One object: its fields by API name, in describe's order, and how its records behave.

    `bypasses_bin`: a record deleted directly never shows IsDeleted (salesforce.md 2.5). `setup`: belongs to the org's
    own administration.
    """

    name: str
    label: str
    plural: str
    prefix: str
    fields: dict[str, Field] = field(default_factory=dict)
    bypasses_bin: bool = False
    setup: bool = False
    creatable: bool = True
    deletable: bool = True
    _names: dict[str, str] = field(default_factory=dict, repr=False)

    def field(self, name: str) -> Field | None:
        """A field by its name in any case, whatever its rights."""
        if len(self._names) != len(self.fields):
            self._names = {known.lower(): known for known in self.fields}
        known = self._names.get(name.lower())
        return self.fields[known] if known is not None else None

    def readable(self, name: str) -> Field | None:
        """A field the user may read; None where it is missing or hidden, which nobody can tell apart."""
        found = self.field(name)
        return found if found is not None and found.readable else None

    def relationship(self, name: str) -> Field | None:
        """The readable reference field whose parent is reached by that name: `Account`, `Parent`, `Owner`, `X__r`."""
        low = name.lower()
        for one in self.fields.values():
            if one.relationship is not None and one.relationship.lower() == low and one.readable:
                return one
        return None

    def add(self, one: Field) -> None:
        """Puts a field in, or in place of the one of that name."""
        self.fields[one.name] = one
        self._names = {}

    def grant(self, name: str, *, read: bool, edit: bool) -> None:
        """Sets the field-level security of a field."""
        self.add(replace(self.fields[name], readable=read, editable=edit))

    def references(self) -> Iterator[Field]:
        """Every reference field."""
        return (one for one in self.fields.values() if one.type == "reference")


SYSTEM = (
    "Id id ro", "IsDeleted boolean ro", "CreatedDate datetime ro", "CreatedById reference(User) ro",
    "LastModifiedDate datetime ro", "LastModifiedById reference(User) ro", "SystemModstamp datetime ro",
)  # fmt: skip
_TYPE = re.compile(r"(\w+)(?:\(([^)]*)\))?")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_DEFAULT_LENGTH = {"email": 80, "phone": 40, "url": 255, "picklist": 255, "multipicklist": 4099, "textarea": 32_000}
IDS_WITHOUT_ROW = frozenset({"Group", "Profile"})


def words(name: str) -> str:
    """`BillingCity` as people read it: `Billing City`; `OwnerId` as `Owner ID`, as Salesforce labels it."""
    text = " ".join(_WORDS.split(name.removesuffix("__c").replace("_", " ")))
    return re.sub(r"\bId\b", "ID", text)


def parse_field(line: str, picklists: dict[str, tuple[str, ...]]) -> Field:
    """A field from one line: `NAME TYPE[(length | precision,scale | objects | picklist)] [MARKS]`.

    Marks: `ro` read-only, `create` create-only, `required` (implies not nillable), `restricted`, `ext`, `unique`.
    """
    name, kind, *marks = line.split()
    match = _TYPE.fullmatch(kind)
    assert match is not None, line
    type_, inside = match[1], match[2] or ""
    text = {"length": int(inside)} if inside.isdigit() else {}
    number = dict(zip(("precision", "scale"), map(int, inside.split(",")), strict=True)) if type_ in NUMBERS else {}
    length = text.get("length") or _DEFAULT_LENGTH.get(type_) or (18 if type_ in {"id", "reference"} else 0)
    never_null = "required" in marks or type_ in {"boolean", "id"} or ("ro" in marks and type_ == "datetime")
    reference = type_ == "reference"
    return Field(
        name, type_, words(name),
        length=length if type_ not in NUMBERS else 0,
        precision=number.get("precision", 0),
        scale=number.get("scale", 0),
        nillable=not never_null,
        createable="ro" not in marks,
        updateable="ro" not in marks and "create" not in marks,
        external_id="ext" in marks,
        unique="unique" in marks,
        restricted="restricted" in marks,
        required="required" in marks,
        values=picklists.get(inside, ()) if "picklist" in type_ else (),
        refers_to=tuple(inside.split("|")) if reference else (),
        relationship=name.removesuffix("Id") if reference and name.endswith("Id") else None,
    )  # fmt: skip
