"""Writing one batch, every update settled by itself: collections of 200, and Bulk 2.0 jobs for more.

Salesforce answers 200 for a collection in which nothing was written, refuses a whole one for a value that does not fit
its field, loses replies to writes that it did, holds records that another transaction has, and never says what now
stands. Each of these ends here in one outcome a record: applied, rejected in Salesforce's words, unanswered, deferred.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from crmsync.connectors.salesforce.bulk import BulkIngest
from crmsync.connectors.salesforce.fields import Fields
from crmsync.connectors.salesforce.ids import canonical_id
from crmsync.connectors.salesforce.reads import Reads
from crmsync.connectors.salesforce.row_errors import RowError, from_json
from crmsync.connectors.salesforce.settings import BULK_ROWS, COLLECTION, SOBJECTS
from crmsync.connectors.salesforce.transport import Transport
from crmsync.connectors.salesforce.update_rows import (
    Row,
    applied,
    deferred,
    fits_csv,
    gone,
    merged,
    paired,
    refused,
    rejected,
    rows_of,
    unanswered,
)
from crmsync.errors import CrmsyncError, Rejected, Unanswered, Unavailable
from crmsync.model.fields import ObjectName
from crmsync.model.plan import Update, WriteResult

CHECK_EACH = 10
"""Of so many collections, the first is read back: what Salesforce turned into another value is told."""
ROUNDS = 4
"""Times that a collection whose reply was lost is read back and, where the old values still stand, sent again."""
LOCK_ROUNDS = ((2.0, 50), (5.0, 10), (10.0, 1))
"""Seconds to wait, and records of a collection, for what another transaction held: ever fewer, one after the other."""
_LOCKED = "UNABLE_TO_LOCK_ROW"
_DELETED = "ENTITY_IS_DELETED"
#: What passes by itself or, where an org's own code asks too much of one transaction, with fewer records.
_AGAIN = (_LOCKED, "UNKNOWN_EXCEPTION", "SERVER_UNAVAILABLE", "System.LimitException")
#: Whole refusals that one record may be the reason of; of all others every half would be refused as well.
_ONE_RECORD = frozenset({"JSON_PARSER_ERROR", "INVALID_FIELD", "INVALID_TYPE_ON_FIELD_IN_RECORD"})
_NO_COLUMN = re.compile(r"No such column '([^']+)'|Field name not found : (\S+)")
#: How the errorMessage of a job begins that did nothing because of its file.
_BAD_FILE = ("InvalidBatch", "ClientInputError")
#: What hangs on one record is locked with it: those of one parent go one after the other.
_PARENT: dict[ObjectName, str] = {"company": "ParentId", "contact": "AccountId", "deal": "AccountId"}

Again = list[tuple[Row, RowError]]
"""Rows that are to be sent again, and what Salesforce said of them."""


class Writer:
    """Writes of one org. Thread-safe: each call works on its own batch."""

    def __init__(self, transport: Transport, fields: Fields, reads: Reads) -> None:
        self._transport = transport
        self._fields = fields
        self._reads = reads
        self._batches = {object_: count() for object_ in SOBJECTS}

    def write(self, object_: ObjectName, updates: Sequence[Update]) -> list[WriteResult]:
        """One result an update, in the order given: up to 200 in one call, more in a bulk job.

        What the transport raises comes through only where nothing of the batch was settled before; afterwards the rest
        is deferred. ValueError for more than BULK_ROWS records, or one that is there twice.
        """
        if len(updates) > BULK_ROWS:
            raise ValueError(f"a batch holds at most {BULK_ROWS} records, not {len(updates)}")
        known = {canonical_id(one.id): one for one in updates}
        if len(known) != len(updates):
            raise ValueError("a record may stand only once in a batch: Salesforce refuses duplicates")
        # Looking costs as many calls again as writing; what changes values in an org (a flow) shows in a part of them.
        checked = next(self._batches[object_]) % CHECK_EACH == 0
        batch = _Batch(self._transport, self._fields, self._reads, object_, checked=checked)
        batch.run(known)
        return [batch.settled[one.id] for one in updates]


class _Batch:
    """One call of `write`: `settled` is what is known so far, by the id as it was given."""

    def __init__(
        self, transport: Transport, fields: Fields, reads: Reads, object_: ObjectName, *, checked: bool
    ) -> None:
        self._transport = transport
        self._fields = fields
        self._reads = reads
        self._object: ObjectName = object_
        self._checked = checked
        self.settled: dict[str, WriteResult] = {}

    def run(self, updates: Mapping[str, Update]) -> None:
        """Settles every update, by 18-character id. Raises what the transport raises where none was settled before."""
        rows = self._prepared(updates)
        refused_here = len(self.settled)
        try:
            again = self._bulk(rows) if len(rows) > COLLECTION else self._collections(rows, COLLECTION)
            for seconds, size in LOCK_ROUNDS:
                if again:
                    self._transport.wait(seconds)
                    again = self._collections(self._by_parent([row for row, _ in again]), size)
        except CrmsyncError as error:
            if len(self.settled) == refused_here:
                raise
            # Raised again by the next batch where the run has to stop: this one's outcomes must not be lost for it.
            self._settle(deferred(self._open(rows), error.message))
            return
        for row, said in again:
            locked = said.mentions(_LOCKED)
            self._settle(deferred([row], said.text, _LOCKED) if locked else [refused(row.update.id, said)])

    def _prepared(self, updates: Mapping[str, Update]) -> list[Row]:
        """What can be sent. Rights may have changed since the fields were described: a lack is looked up anew."""
        ready, hidden = rows_of(self._object, updates, self._fields)
        if hidden:
            self._fields.forget(self._object)
            ready, hidden = rows_of(self._object, updates, self._fields)
        self._settle(refused(id_, error) for id_, error in hidden.items())
        return ready

    # -- collections

    def _collections(self, rows: Sequence[Row], size: int) -> Again:
        """One after the other, `size` records each."""
        again: Again = []
        for start in range(0, len(rows), size):
            again += self._collection(list(rows[start : start + size]))
        return again

    def _collection(self, rows: list[Row]) -> Again:
        """Send; where Salesforce refuses the whole, halve it until the bad records stand alone."""
        if not rows:
            return []
        try:
            results, rows = self._send(rows)
        except Rejected as error:
            # Some may have been found written before, by reading back after a reply that was lost.
            first, second = self._halves(self._open(rows), error)
            return self._collection(first) + self._collection(second)
        return self._take(rows, results)

    def _halves(self, rows: list[Row], error: Rejected) -> tuple[list[Row], list[Row]]:
        """What to send next. A field that is not there is bad in every record, so nobody need look for it."""
        column = _missing_column(error.message)
        rest = [row for row in rows if column is None or not row.has(column)]
        if len(rest) < len(rows):
            self._fields.forget(self._object)
        elif len(rows) > 1 and error.category in _ONE_RECORD:
            middle = len(rows) // 2
            return rows[:middle], rows[middle:]
        else:
            rest = []
        kept = {row.id for row in rest}
        self._settle(rejected(row.update.id, error.message, error.category) for row in rows if row.id not in kept)
        return rest, []

    def _send(self, rows: list[Row]) -> tuple[list[Any], list[Row]]:
        """Salesforce's results and the rows that they are about; none where reading back settled them all."""
        lost: Unanswered | None = None
        for _ in range(ROUNDS):
            try:
                return self._patch(rows), rows
            except Unanswered as error:
                lost = error
                rows = self._look_back(rows, partial(unanswered, message=error.message))
                if not rows:
                    return [], []
        message = f"Salesforce gave no answer, several times, and the old value stands. {lost.message if lost else ''}"
        self._settle(unanswered(row, message.strip()) for row in rows)
        return [], []

    def _patch(self, rows: Sequence[Row]) -> list[Any]:
        sobject = SOBJECTS[self._object]
        records = [{"attributes": {"type": sobject}, "id": row.id, **row.json(self._fields)} for row in rows]
        body = {"allOrNone": False, "records": records}
        answer = self._transport.send("collections", "PATCH", "composite/sobjects", json=body, repeatable=False)
        try:
            results = answer.json()
        except Unavailable as error:
            raise Unanswered(error.message) from None
        if not isinstance(results, list):
            raise Unanswered("Salesforce's answer to a collection is no list of results.")
        return results

    def _take(self, rows: list[Row], results: list[Any]) -> Again:
        """Settle what the answer itself says first, so that trouble in looking further costs the others nothing."""
        pairs = paired(rows, results)
        landed = [row for row, one in pairs if one is not None and one.get("success") is True]
        self._settle(applied(row) for row in landed)
        again = self._refusals(
            (row, from_json(one.get("errors"))) for row, one in pairs if one is not None and not one.get("success")
        )
        left_out = [row for row, one in pairs if one is None]
        if left_out:
            words = "Salesforce's answer to the batch left this record out."
            self._settle(deferred(self._look_back(left_out, partial(unanswered, message=words)), words))
        if self._checked and landed:
            self._checked = False
            self._check(landed)
        return again

    def _check(self, landed: Sequence[Row]) -> None:
        """Salesforce does not say what now stands; a value that it turned into another was not applied as planned."""
        try:
            now = self._read(landed)
        except CrmsyncError:
            # It said that it wrote them. The next pull sees what stands.
            return
        for row in landed:
            other = row.differences(now[row.id]) if row.id in now else []
            if other:
                message = f"Salesforce did not keep the value: {'; '.join(other)}"
                self._settle([rejected(row.update.id, message, "NOT_KEPT")])

    # -- bulk

    def _bulk(self, rows: list[Row]) -> Again:
        """One job. What a file cannot say goes in collections beside it."""
        cells = {row.id: row.cells(self._fields) for row in rows}
        apart = [row for row in rows if not fits_csv(cells[row.id], row.update)]
        kept = {row.id for row in apart}
        rows = [row for row in rows if row.id not in kept]
        return self._job(rows, cells) + self._collections(apart, COLLECTION)

    def _job(self, rows: list[Row], cells: dict[str, dict[str, str]]) -> Again:
        """Send rows with mixed sets of fields: a cell that a record does not set is empty, which leaves it alone."""
        if len(rows) <= COLLECTION:
            return self._collections(rows, COLLECTION)
        columns = sorted({name for row in rows for name in cells[row.id]})
        table = {row.id: [cells[row.id].get(name, "") for name in columns] for row in rows}
        try:
            done = BulkIngest(self._transport).update(SOBJECTS[self._object], columns, table)
        except Rejected:
            # No bulk jobs for this user, or none left today: the slower way is open still.
            return self._collections(rows, COLLECTION)
        why = "" if done.settled else next(iter(done.unprocessed.values()), "")
        column = _missing_column(why)
        if column is not None and any(row.has(column) for row in rows):
            return self._without(column, rows, cells, why)
        if any(words in why for words in _BAD_FILE):
            # It would be as bad the next time; a collection finds the record that is.
            return self._collections(rows, COLLECTION)
        self._settle(applied(row) for row in rows if row.id in done.landed)
        again = self._refusals((row, done.failed[row.id]) for row in rows if row.id in done.failed)
        doubtful = done.unprocessed | done.unrecorded | done.unknown
        open_ = self._look_back(
            [row for row in rows if row.id in doubtful], lambda row: unanswered(row, doubtful[row.id])
        )
        for row in open_:
            words = doubtful[row.id]
            self._settle([unanswered(row, words)] if row.id in done.unknown else deferred([row], words))
        return again

    def _without(self, column: str, rows: list[Row], cells: dict[str, dict[str, str]], words: str) -> Again:
        """A column that is not there fails the whole job: its records are refused, the others sent again."""
        self._fields.forget(self._object)
        self._settle(rejected(row.update.id, words, "INVALID_FIELD") for row in rows if row.has(column))
        return self._job([row for row in rows if not row.has(column)], cells)

    # -- both

    def _refusals(self, errors: Iterable[tuple[Row, RowError]]) -> Again:
        """Settle what is refused for good; a record that a merge took away is told apart from a deleted one."""
        again: Again = []
        deleted: list[Row] = []
        for row, error in errors:
            if error.mentions(*_AGAIN):
                again.append((row, error))
                continue
            if error.code == _DELETED:
                deleted.append(row)
            self._settle([refused(row.update.id, error)])
        if deleted:
            try:
                survivors = self._reads.survivors(self._object, [row.id for row in deleted])
            except CrmsyncError:
                survivors = {}
            self._settle(merged(row, survivors[row.id]) for row in deleted if row.id in survivors)
        return again

    def _look_back(self, rows: list[Row], unread: Callable[[Row], WriteResult]) -> list[Row]:
        """Settle those whose values stand, and those that are gone; return the others.

        `unread`: the outcome of all where they cannot be read, whatever the reason: nobody may take them for not sent.
        """
        if not rows:
            return []
        names = sorted({name for row in rows for name in row.fields})
        try:
            now = self._reads.read(self._object, [row.id for row in rows], names)
        except CrmsyncError:
            self._settle(unread(row) for row in rows)
            return []
        todo = []
        for row in rows:
            if row.id in now.merged:
                self._settle([merged(row, now.merged[row.id])])
            elif row.id not in now.values:
                self._settle([gone(row)])
            elif not row.differences(now.values[row.id]):
                self._settle([applied(row)])
            else:
                todo.append(row)
        return todo

    def _read(self, rows: Sequence[Row]) -> dict[str, dict[str, str | None]]:
        if not rows:
            return {}
        names = sorted({name for row in rows for name in row.fields})
        return self._reads.read(self._object, [row.id for row in rows], names).values

    def _by_parent(self, rows: list[Row]) -> list[Row]:
        parent = _PARENT[self._object]
        try:
            known = self._reads.read(self._object, [row.id for row in rows], [parent]).values
        except CrmsyncError:
            known = {}
        return sorted(rows, key=lambda row: ((known.get(row.id) or {}).get(parent) or "", row.id))

    def _open(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if row.update.id not in self.settled]

    def _settle(self, results: Iterable[WriteResult]) -> None:
        self.settled.update({one.id: one for one in results})


def _missing_column(message: str) -> str | None:
    match = _NO_COLUMN.search(message)
    return (match[1] or match[2]) if match else None
