"""Associations: contact roles, relations of contacts to accounts, and the lookups that records carry themselves.

Salesforce has no associations: each kind is rows of an object of its own, or a field. A contact role that is deleted
leaves no trace in any query, not even in the recycle bin (salesforce.md 2.5): only the log of deletions tells, and
where that does not reach back far enough, all are to be read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from crmsync.connectors.base import Link, LinkChanges
from crmsync.connectors.salesforce import soql
from crmsync.connectors.salesforce.fields import Fields
from crmsync.connectors.salesforce.ids import canonical_id, is_id
from crmsync.connectors.salesforce.reads import Reads
from crmsync.connectors.salesforce.selection import STAMP, Selection, row_id
from crmsync.connectors.salesforce.settings import PAGE, SOBJECTS
from crmsync.connectors.salesforce.transport import Transport
from crmsync.errors import Rejected, Unauthorized, Unavailable
from crmsync.model.fields import ObjectName

MINUTE = timedelta(minutes=1)
FEW_CHUNKS = 2
"""Up to so many calls for given ids, nobody counts what the whole object would cost."""
#: The log of deletions does not reach back so far, or holds too much.
_LOST = frozenset({"INVALID_REPLICATION_DATE", "EXCEEDED_ID_LIMIT"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where one kind of association is: rows of `sobject` lead from the record in `from_` to that in `to`.

    `labels`: what the other record is called there, several separated by `;`. `active`: false where it is over.
    `moves`: a row may lead from another record one day; elsewhere that end is given once and for all.
    """

    sobject: str
    from_: str
    to: str
    labels: str = ""
    active: str = ""
    moves: bool = False

    @property
    def names(self) -> list[str]:
        return [name for name in (self.from_, self.to, self.labels, self.active) if name]

    @property
    def is_lookup(self) -> bool:
        """Whether the record itself carries it: changing it changes the record."""
        return self.from_ == "Id"


_ROLE, _RELATION = "OpportunityContactRole", "AccountContactRelation"
_KINDS: dict[tuple[ObjectName, ObjectName], _Kind] = {
    ("deal", "contact"): _Kind(_ROLE, "OpportunityId", "ContactId", "Role"),
    ("contact", "deal"): _Kind(_ROLE, "ContactId", "OpportunityId", "Role", moves=True),
    ("contact", "company"): _Kind(_RELATION, "ContactId", "AccountId", "Roles", "IsActive"),
    ("company", "contact"): _Kind(_RELATION, "AccountId", "ContactId", "Roles", "IsActive"),
    ("deal", "company"): _Kind(SOBJECTS["deal"], "Id", "AccountId"),
    ("company", "company"): _Kind(SOBJECTS["company"], "Id", "ParentId"),
    ("contact", "contact"): _Kind(SOBJECTS["contact"], "Id", "ReportsToId"),
}


class Links:
    """Associations of one org. `now` is a parameter for tests."""

    def __init__(
        self,
        transport: Transport,
        fields: Fields,
        reads: Reads,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = transport
        self._fields = fields
        self._reads = reads
        self._now = now

    def associations(self, from_: ObjectName, to: ObjectName, ids: Sequence[str]) -> dict[str, list[Link]]:
        """Every asked id -> its associations, each record once, with its labels and the ids of the rows that say so.

        None where the org has no such kind, as without Contacts to Multiple Accounts. Raises Unauthorized where this
        user may not see one of the ends, and what the transport raises.
        """
        kind = self._kind(from_, to)
        known = {id_: canonical for id_ in ids if is_id(canonical := canonical_id(id_))}
        if kind is None or not known:
            return {id_: [] for id_ in ids}
        found: dict[str, dict[str, tuple[set[str], set[str]]]] = {id_: {} for id_ in known.values()}
        for row in self._rows(kind, list(found)):
            one, other = row[kind.from_], row[kind.to]
            if one not in found or not other or (kind.active and row[kind.active] == "false"):
                continue
            labels, made_by = found[one].setdefault(other, (set(), set()))
            labels.update(part for text in (row.get(kind.labels) or "").split(";") if (part := text.strip()))
            made_by.update(() if kind.is_lookup else (str(row["Id"]),))
        return {id_: _links(found.get(known.get(id_, ""), {})) for id_ in ids}

    def link_changes(self, from_: ObjectName, to: ObjectName, since: datetime) -> LinkChanges:
        """Records whose associations changed since, and association records that are gone.

        A row that may lead from another record now counts as gone too: whoever had it is to be read again. A lookup
        tells nothing here: it changes its record.
        """
        kind = self._kind(from_, to)
        if kind is None or kind.is_lookup:
            return LinkChanges()
        gone = self._deleted(kind.sobject, since)
        if gone is None:
            return LinkChanges(lost=True)

        def query(asked: Selection, last: dict[str, Any] | None) -> str:
            where = soql.since(STAMP, since)
            if last is not None:
                where = soql.after_stamp(STAMP, str(asked.values(last)[STAMP]), row_id(last))
            return soql.select(asked.sobject, asked.columns, where, order=f"{STAMP}, Id")

        of: set[str] = set()
        for asked, rows in self._reads.rows(kind.sobject, [kind.from_, STAMP], query, all_rows=True):
            of.update(one for row in rows.rows if (one := asked.values(row)[kind.from_]))
            if kind.moves:
                gone.update(map(row_id, rows.rows))
        return LinkChanges(tuple(sorted(of)), tuple(sorted(gone)))

    def _kind(self, from_: ObjectName, to: ObjectName) -> _Kind | None:
        """Raises Unauthorized where the user sees the object and not its ends: not seen is not none there."""
        kind = _KINDS.get((from_, to))
        if kind is None or not self._fields.exists(kind.sobject):
            return None
        hidden = [name for name in (kind.from_, kind.to) if self._fields.info(kind.sobject, name) is None]
        if hidden:
            self._fields.forget(kind.sobject)
            named = ", ".join(f"{kind.sobject}.{name}" for name in hidden)
            raise Unauthorized(
                f"Salesforce does not show {named} to this user. Give the user's permission set Read on it, then run "
                "again."
            )
        return kind

    def _rows(self, kind: _Kind, ids: list[str]) -> list[dict[str, str | None]]:
        """Rows that lead from these records, maybe others too: by id, or all of them where that takes fewer calls."""
        asked = self._reads.selection(kind.sobject, [*kind.names, "Id"])
        calls = sum(1 for _ in soql.chunks(soql.select(asked.sobject, asked.columns), ids))
        if calls <= FEW_CHUNKS or 1 + -(-self._count(kind.sobject) // PAGE) >= calls:
            return self._reads.among(kind.sobject, kind.from_, ids, [*kind.names, "Id"])

        def query(asked: Selection, last: dict[str, Any] | None) -> str:
            behind = soql.after_id(row_id(last)) if last is not None else ""
            return soql.select(asked.sobject, asked.columns, behind, order="Id")

        pages = self._reads.rows(kind.sobject, [*kind.names, "Id"], query)
        return [asked.values(row) for asked, rows in pages for row in rows.rows]

    def _count(self, sobject: str) -> int:
        return next(self._transport.soql(soql.select(sobject, ["COUNT()"]))).total

    def _deleted(self, sobject: str, since: datetime) -> set[str] | None:
        """Ids of rows deleted since, None where Salesforce does not know all of them."""
        now = self._now()
        # Their seconds do not count, and there has to be a minute between them.
        end = max(now, since + MINUTE)
        asked = {"start": since.astimezone(UTC).isoformat(), "end": end.astimezone(UTC).isoformat()}
        try:
            body = self._transport.get("replication", f"sobjects/{sobject}/deleted/", asked).json()
        except Rejected as error:
            if error.category in _LOST:
                return None
            raise
        if not isinstance(body, dict) or not isinstance(body.get("deletedRecords"), list):
            raise Unavailable(f"Salesforce's answer about deleted rows of {sobject} is none. Run it again.")
        first, last = _moment(body.get("earliestDateAvailable")), _moment(body.get("latestDateCovered"))
        # The next look begins one lookback before this one's moment: what is not covered by then would be lost.
        covered_to = (now - self._transport.settings.lookback).replace(second=0, microsecond=0)
        if (first is not None and first > since) or (last is not None and last < min(covered_to, end)):
            return None
        return {canonical_id(str(one["id"])) for one in body["deletedRecords"]}


def _links(found: dict[str, tuple[set[str], set[str]]]) -> list[Link]:
    return [Link(to, tuple(sorted(labels)), tuple(sorted(ids))) for to, (labels, ids) in sorted(found.items())]


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
