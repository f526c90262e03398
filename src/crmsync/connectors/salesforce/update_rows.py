"""One record's update in Salesforce's own names and values, and whether what stands there is what was sent.

It prevents a record from being refused, or taken for changed, for the way in which a value is spelt: Salesforce trims
texts, reorders the parts of a multi-select, keeps date-times to the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crmsync.connectors.comparing import equal, number
from crmsync.connectors.salesforce.fields import CLEARED, NUMBERS, FieldInfo, Fields
from crmsync.connectors.salesforce.ids import canonical_id
from crmsync.connectors.salesforce.row_errors import RowError
from crmsync.connectors.salesforce.settings import api_name
from crmsync.errors import mask
from crmsync.model.fields import ObjectName
from crmsync.model.plan import OutcomeStatus, Update, WriteResult

LONGEST_CELL = 32_000
NOT_EDITABLE = "INVALID_FIELD_FOR_INSERT_UPDATE"


@dataclass(frozen=True, slots=True)
class Row:
    """`id` has 18 characters; `fields` is our name -> field, for each of the update's properties."""

    id: str
    update: Update
    fields: dict[str, FieldInfo]

    def json(self, fields: Fields) -> dict[str, Any]:
        """API name -> JSON value, null to clear."""
        return {info.name: fields.to_json(info, self.update.properties[name]) for name, info in self.fields.items()}

    def cells(self, fields: Fields) -> dict[str, str]:
        """API name -> cell of a bulk file."""
        return {info.name: fields.to_csv(info, self.update.properties[name]) for name, info in self.fields.items()}

    def has(self, api: str) -> bool:
        """Whether the update sets that field."""
        return any(info.name.lower() == api.lower() for info in self.fields.values())

    def differences(self, stands: Mapping[str, str | None]) -> list[str]:
        """In words, each value that is not what was sent."""
        return [
            f"{info.name} is {stands.get(name)!r} instead of {self.update.properties[name]!r}"
            for name, info in self.fields.items()
            if not same(info, self.update.properties[name], stands.get(name))
        ]


def rows_of(
    object_: ObjectName, updates: Mapping[str, Update], fields: Fields
) -> tuple[list[Row], dict[str, RowError]]:
    """What can be sent of updates by 18-character id, and by the id as it was given what Salesforce would refuse.

    One field that is not there, or not to be edited, makes it refuse a whole collection, or fail a whole job.
    """
    known = fields.columns(object_, sorted({name for one in updates.values() for name in one.properties}))
    closed = {
        name: info.name if info is not None else _spelt(fields.prefix, name)
        for name, info in known.items()
        if info is None or not info.updateable
    }
    there = {name: info for name, info in known.items() if info is not None}
    ready: list[Row] = []
    hidden: dict[str, RowError] = {}
    for id_, update in updates.items():
        if closed.keys() & update.properties.keys():
            hidden[update.id] = _not_editable([closed[name] for name in update.properties if name in closed])
        else:
            ready.append(Row(id_, update, {name: there[name] for name in update.properties}))
    return ready, hidden


def _not_editable(names: Sequence[str]) -> RowError:
    message = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set."
    )
    return RowError(NOT_EDITABLE, message, tuple(names))


def fits_csv(cells: Mapping[str, str], update: Update) -> bool:
    """Whether a bulk file can say these values: `#N/A` means null there, and a file's line ending is the job's."""
    if any(len(cell) > LONGEST_CELL or "\r" in cell or not cell for cell in cells.values()):
        return False
    return not any(text.strip() == CLEARED for text in update.properties.values())


def same(info: FieldInfo, sent: str | None, stands: str | None) -> bool:
    """Whether `stands`, as a read gives it, is the value that was `sent` ("" and None are both no value)."""
    left, right = _plain(sent), _plain(stands)
    if left == right:
        return True
    if not left or not right:
        return False
    if info.type == "multipicklist":
        return _parts(left) == _parts(right)
    if info.type in NUMBERS:
        return equal(number(left), number(right))
    if info.type == "boolean":
        return left.lower() == right.lower()
    if info.type == "date":
        return left[:10] == right[:10]
    if info.type == "datetime":
        return equal(_moment(left), _moment(right))
    if info.type in ("id", "reference"):
        return canonical_id(left) == canonical_id(right)
    return False


def paired(rows: Sequence[Row], results: Sequence[Any]) -> list[tuple[Row, dict[str, Any] | None]]:
    """Each row and its result: by place, as Salesforce promises, unless the ids that it names say otherwise."""
    found = [one if isinstance(one, dict) else {} for one in results]
    named = [canonical_id(str(one["id"])) if one.get("id") else None for one in found]
    if len(found) == len(rows) and all(id_ in (None, row.id) for row, id_ in zip(rows, named, strict=True)):
        return [(row, one or None) for row, one in zip(rows, found, strict=True)]
    by_id = {id_: one for id_, one in zip(named, found, strict=True) if id_ is not None}
    return [(row, by_id.get(row.id)) for row in rows]


def applied(row: Row) -> WriteResult:
    return WriteResult(row.update.id, OutcomeStatus.APPLIED)


def rejected(id_: str, message: str, category: str) -> WriteResult:
    return WriteResult(id_, OutcomeStatus.REJECTED, mask(message), category)


def refused(id_: str, error: RowError) -> WriteResult:
    return rejected(id_, error.text, error.code)


def merged(row: Row, survivor: str) -> WriteResult:
    message = f"Record {row.update.id} was merged into {survivor}. The next run writes to {survivor}."
    return rejected(row.update.id, message, "MERGED")


def gone(row: Row) -> WriteResult:
    message = f"Record {row.update.id} does not exist any more, or Salesforce does not show it to this user."
    return rejected(row.update.id, message, "NOT_FOUND")


def deferred(rows: Iterable[Row], message: str, category: str = "") -> Iterable[WriteResult]:
    return (WriteResult(row.update.id, OutcomeStatus.DEFERRED, mask(message), category) for row in rows)


def unanswered(row: Row, message: str) -> WriteResult:
    return WriteResult(row.update.id, OutcomeStatus.UNANSWERED, mask(message))


def _spelt(prefix: str, name: str) -> str:
    return api_name(prefix, name) if name.startswith(prefix) else name


def _plain(text: str | None) -> str:
    """Without what Salesforce does to every text: ends trimmed, line ends in a form of its own."""
    return (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()


def _parts(text: str) -> set[str]:
    return {part.strip() for part in text.split(";") if part.strip()}


def _moment(text: str) -> datetime | None:
    """A stamp in UTC, to the second."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(microsecond=0)
