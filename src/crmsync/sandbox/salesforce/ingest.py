"""One row of a bulk job as one write to the org (salesforce.md section 2.4).

Prevents a client from clearing a field with an empty cell: an empty cell is left out, `#N/A` is null. A row that fails
says why in its own words and stops nothing.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from crmsync.sandbox.salesforce import ids, rest
from crmsync.sandbox.salesforce.bulk_csv import NULL, CsvError
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.schema import Field, ObjectSpec
from crmsync.sandbox.salesforce.values import OrgError, from_csv

CHUNK: Final = 200
"""Rows of one transaction, as many as one run of a trigger gets."""
IDS_OF_FAILED: Final = 53.0
"""The API version from which failed rows come with their id."""
OPERATIONS: Final = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
_DELETES: Final = frozenset({"delete", "hardDelete"})


def check_header(org: Org, object_name: str, operation: str, header: list[str]) -> None:
    """Raises CsvError for the first name that is no field the user may see, or a delete that names more than ids."""
    spec = org.objects[object_name]
    for name in header:
        if _column(org, spec, name) is None:
            raise CsvError(f"InvalidBatch : Field name not found : {name}")
    if len({name.lower() for name in header}) < len(header):
        raise CsvError("InvalidBatch : Duplicate field name in the header")
    if operation in _DELETES and [name.lower() for name in header] != ["id"]:
        raise CsvError("InvalidBatch : delete batches must contain only ids")


def _column(org: Org, spec: ObjectSpec, name: str) -> tuple[Field, str | None] | None:
    """The field of a column, and for `Parent.Ext__c` the relationship it goes through."""
    relation, dot, key = name.partition(".")
    if not dot:
        own = spec.readable(name)
        return (own, None) if own is not None else None
    step = spec.relationship(relation)
    parent = org.objects.get(step.refers_to[0]) if step is not None else None
    one = parent.readable(key) if parent is not None else None
    return (one, relation) if one is not None else None


def error_text(refusal: OrgError) -> str:
    """`CODE:message:Field1,Field2 --`, and without fields `CODE:message:--`."""
    fields = f"{','.join(refusal.fields)} " if refusal.fields else ""
    return f"{refusal.code}:{refusal.message}:{fields}--"


@dataclass
class Work:
    """Writes the rows of one job. `header` has passed `check_header`."""

    org: Org
    object: str
    operation: str
    external: str | None
    header: list[str]
    user: str
    commit_ms: int = 0
    _columns: list[tuple[str, Field, str | None]] = field(init=False)

    def __post_init__(self) -> None:
        self._spec = self.org.objects[self.object]
        self._columns = []
        for name in self.header:
            found = _column(self.org, self._spec, name)
            if found is not None:
                self._columns.append((name, *found))

    def begin(self) -> None:
        """A transaction for the next rows."""
        self.org.begin(self.commit_ms)

    def save(self, cells: list[str]) -> tuple[str, bool, str | None]:
        """Id (empty where there is none), whether the record was created, and the error of a row that failed."""
        mark = self.org.savepoint()
        own = (text for (_, one, via), text in zip(self._columns, cells, strict=True) if one.type == "id" and not via)
        text = next(own, "") or None
        id_ = ids.canonical(text or "") or ""
        try:
            id_, created = self._write(text, id_, self._values(cells))
        except OrgError as refusal:
            self.org.rollback(mark)
            return id_, False, error_text(refusal)
        return id_, created, None

    def _values(self, cells: list[str]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for (_, one, relation), text in zip(self._columns, cells, strict=True):
            if not text or (one.type == "id" and relation is None):
                continue
            if relation is not None:
                given[relation] = {one.name: text}
            else:
                given[one.name] = None if text == NULL else from_csv(one, text)
        return given

    def _write(self, text: str | None, id_: str, given: dict[str, Any]) -> tuple[str, bool]:
        org, name = self.org, self.object
        if self.operation == "upsert" and self.external != "Id":
            return self._upsert(text, rest.linked(org, self._spec, given))
        if self.operation == "insert" or (self.operation == "upsert" and text is None):
            if text is not None:
                raise OrgError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
            return org.create(name, rest.linked(org, self._spec, given), self.user), True
        if text is None:
            raise OrgError("MISSING_ARGUMENT", f"Id not specified in {self._article()} call")
        if not id_ or id_[:3] != self._spec.prefix:
            raise OrgError("MALFORMED_ID", f"{self._spec.label} ID: id value of incorrect type: {text}", ["Id"])
        if self.operation in _DELETES:
            org.delete(name, id_, self.user)
            if self.operation == "hardDelete" and not self._spec.bypasses_bin:
                org.purge(name, id_)
        else:
            org.update(name, id_, rest.linked(org, self._spec, given), self.user)
        return id_, False

    def _article(self) -> str:
        return "an update" if self.operation in {"update", "upsert"} else "a delete"

    def _upsert(self, text: str | None, given: dict[str, Any]) -> tuple[str, bool]:
        if text is not None:
            raise OrgError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
        name = str(self.external)
        value = given.pop(name, None)
        if value is None:
            raise OrgError("MISSING_ARGUMENT", f"{name} not specified")
        one, found = rest.by_external(self.org, self._spec, name, str(value))
        if len(found) > 1:
            raise OrgError("DUPLICATE_EXTERNAL_ID", f"{name}: more than one record found for external id field", [name])
        return rest.upsert(self.org, self._spec, one, found, str(value), given, self.user)
