"""Bulk API 2.0 in our own steps: create a job, upload or ask, poll, fetch (salesforce.md 0.6-0.8, 1.7, 2.4).

It prevents what an SDK's one call for all of it does: a blip while polling aborts a job that is half applied, a page is
decoded with the wrong charset, newlines in a value are lost, and a row that failed raises nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crmsync.connectors.salesforce.bulk_jobs import (
    DONE,
    FAMILY,
    LONGEST_JOB,
    OPEN,
    PASSING,
    TROUBLES,
    Jobs,
    TooLong,
    pause,
)
from crmsync.connectors.salesforce.ids import canonical_id
from crmsync.connectors.salesforce.row_errors import RowError, from_cell
from crmsync.connectors.salesforce.settings import BULK_ROWS
from crmsync.connectors.salesforce.transport import Transport
from crmsync.errors import CrmsyncError, Rejected, Unanswered, Unavailable

PAGE_ROWS = 50_000
"""Rows of one page of a query's results. All of a page are in memory at once, a quarter of a gigabyte or so; pages of a
fifth would be five times the calls."""
MOST_BYTES = 100_000_000
"""Of one upload: the server's 150 MB are after base64."""
UPLOADS = 3
#: Where an errorMessage begins so, the query may well run the next time.
_PASSED_OVER = "InternalServerError"
#: `InvalidBatch : Failed to process query: INVALID_FIELD: ...`
_CODE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of an update, by id as it was given; each is in exactly one of them.

    `landed`: written. `failed`: refused, and why. `unprocessed`: of a job that ended before their turn, or that was
    never sent, and why. `unrecorded`: of a job that has ended, and in none of its results; read them back. `unknown`:
    may have been written or be written yet; read them back.
    """

    landed: set[str] = field(default_factory=set)
    failed: dict[str, RowError] = field(default_factory=dict)
    unprocessed: dict[str, str] = field(default_factory=dict)
    unrecorded: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether anything is known or in doubt, so that the whole cannot simply be sent again."""
        return bool(self.landed or self.failed or self.unrecorded or self.unknown)


@dataclass(frozen=True, slots=True)
class _Part:
    """One job's upload: 18-character id -> id as given, and the file."""

    ids: dict[str, str]
    data: bytes


class BulkQuery:
    """Large reads."""

    def __init__(self, transport: Transport) -> None:
        self._jobs = Jobs(transport, "query")

    def rows(self, soql: str, all_rows: bool = False) -> Iterator[list[dict[str, str | None]]]:
        """Pages of at most PAGE_ROWS rows, column -> text, null for an empty cell; rows come in no order.

        Columns are spelt as the query spells them. `all_rows` finds what is in the recycle bin too. Raises Rejected
        where Salesforce does not take the query or the job fails for what it says, Unavailable where it fails for
        reasons of Salesforce's own, and what the transport raises.
        """
        operation = "queryAll" if all_rows else "query"
        id_ = self._jobs.create({"operation": operation, "query": soql})
        try:
            info = self._jobs.follow(id_)
        except TooLong:
            self._jobs.give_up(id_)
            hours = LONGEST_JOB / 3600
            raise Unavailable(f"Salesforce's bulk query {id_} did not end in {hours:g} hours. Run it again.") from None
        if info["state"] != DONE:
            raise _failure(id_, info)
        locator = ""
        while locator != "null":
            asked = {"maxRecords": str(PAGE_ROWS)} | ({"locator": locator} if locator else {})
            rows, answer = self._jobs.fetch(id_, "results", asked)
            if rows:
                yield [{name: cell or None for name, cell in row.items()} for row in rows]
            # Without the header there is nothing to go on with: half a result must not pass for the whole.
            following = answer.headers.get("Sforce-Locator")
            if following is None or following == locator:
                raise Unavailable(f"Salesforce does not say where bulk query {id_} goes on. Run it again.")
            locator = following


class BulkIngest:
    """Large writes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._jobs = Jobs(transport, "ingest")

    def update(self, sobject: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Ingested:
        """Set fields of existing records, by Id: `rows` is id -> cells in the order of `columns`.

        An empty cell leaves a field as it is, `#N/A` clears it. Rows go in jobs of at most BULK_ROWS rows and
        MOST_BYTES, one after the other. What the transport raises comes through only where nothing was written before;
        afterwards it is told row by row. ValueError for a record that is there twice.
        """
        done = Ingested()
        known = {canonical_id(given): given for given in rows}
        if len(known) != len(rows):
            raise ValueError("a record may stand only once in a bulk update: rows of one job run in no order")
        stopped = ""
        for part in _parts(columns, known, rows):
            if stopped:
                done.unprocessed.update(dict.fromkeys(part.ids.values(), stopped))
                continue
            try:
                id_ = self._upload(sobject, part.data)
            except CrmsyncError as error:
                if not done.settled and not done.unprocessed:
                    raise
                stopped = error.message
                done.unprocessed.update(dict.fromkeys(part.ids.values(), stopped))
                continue
            stopped = self._run(id_, part, done)
        return done

    def _upload(self, sobject: str, data: bytes) -> str:
        """The id of an open job that has the file. Nothing is written before it is closed."""
        body = {"operation": "update", "object": sobject, "contentType": "CSV", "lineEnding": "LF"}
        for _ in range(UPLOADS):
            id_ = self._jobs.create(body)
            try:
                self._transport.send(
                    FAMILY,
                    "PUT",
                    f"jobs/ingest/{id_}/batches",
                    data=data,
                    headers={"Content-Type": "text/csv"},
                    repeatable=False,
                )
            except Unanswered:
                # A job takes one upload only, and whether it has this one nobody knows: another job.
                self._jobs.give_up(id_)
                continue
            return id_
        raise Unavailable("Salesforce gave no answer to a bulk upload, several times. Nothing of it was written.")

    def _run(self, id_: str, part: _Part, done: Ingested) -> str:
        """Let the job work, and take its results over. Returns why no further job is to be sent, empty to go on."""
        doubtful = dict(part.ids)
        try:
            self._close(id_)
        except Rejected as error:
            done.unprocessed.update(dict.fromkeys(doubtful.values(), error.message))
            return error.message
        except CrmsyncError as error:
            return _unread(id_, doubtful, done, error)
        try:
            info = self._ended(id_)
            why = str(info.get("errorMessage") or "")
            named = f"Salesforce's bulk job {id_} ended as {info['state']}{f': {why}' if why else ''}"
            self._results(id_, info, doubtful, done, named)
        except CrmsyncError as error:
            return _unread(id_, doubtful, done, error)
        done.unrecorded.update(dict.fromkeys(doubtful.values(), f"{named}; its results do not have this record."))
        return "" if info["state"] == DONE else named

    def _close(self, id_: str) -> None:
        """Say that the upload is all. Raises Rejected where Salesforce refuses that and the job is still open.

        A close whose reply was lost is refused when it is said again: what state the job is in tells.
        """
        troubles = 0
        while True:
            try:
                return self._jobs.move(id_, "UploadComplete")
            except Rejected:
                if self._jobs.info(id_)["state"] == OPEN:
                    self._jobs.give_up(id_)
                    raise
                return None
            except PASSING:
                troubles += 1
                if troubles >= TROUBLES:
                    self._jobs.give_up(id_)
                    raise
                self._transport.wait(pause(troubles))

    def _ended(self, id_: str) -> dict[str, Any]:
        """What the API says of the job at its end, which we make where it does not come."""
        try:
            return self._jobs.follow(id_)
        except TooLong:
            self._jobs.give_up(id_)
        try:
            return self._jobs.follow(id_, until=60.0)
        except TooLong:
            raise Unavailable(f"It did not end in {LONGEST_JOB / 3600:g} hours, and could not be aborted.") from None

    def _results(self, id_: str, info: Mapping[str, Any], doubtful: dict[str, str], done: Ingested, named: str) -> None:
        """Take rows out of `doubtful` as the job's results name them, by their own Id: they come in no order."""
        for row in self._jobs.fetch(id_, "successfulResults")[0]:
            if given := _taken(row, doubtful):
                done.landed.add(given)
        if info.get("numberRecordsFailed") != 0:
            for row in self._jobs.fetch(id_, "failedResults")[0]:
                if given := _taken(row, doubtful):
                    done.failed[given] = from_cell(row.get("sf__Error", ""))
        if info["state"] != DONE or doubtful:
            for row in self._jobs.fetch(id_, "unprocessedrecords")[0]:
                if given := _taken(row, doubtful):
                    done.unprocessed[given] = named


def _unread(id_: str, doubtful: dict[str, str], done: Ingested, error: CrmsyncError) -> str:
    words = f"Salesforce's bulk job {id_} was sent, and what became of it could not be read. {error.message}"
    done.unknown.update(dict.fromkeys(doubtful.values(), words))
    return error.message


def _taken(row: Mapping[str, str], doubtful: dict[str, str]) -> str | None:
    id_ = row.get("Id") or row.get("sf__Id") or ""
    return doubtful.pop(id_ if id_ in doubtful else canonical_id(id_), None)


def _parts(columns: Sequence[str], known: Mapping[str, str], rows: Mapping[str, Sequence[str]]) -> Iterator[_Part]:
    """Files of at most BULK_ROWS rows and MOST_BYTES, each with the header. `known`: 18-character id -> id as given."""
    header = _line(["Id", *columns])
    ids: dict[str, str] = {}
    lines, size = [header], len(header)
    for id_, given in known.items():
        line = _line([id_, *rows[given]])
        if ids and (len(ids) >= BULK_ROWS or size + len(line) > MOST_BYTES):
            yield _Part(ids, b"".join(lines))
            ids, lines, size = {}, [header], len(header)
        ids[id_] = given
        lines.append(line)
        size += len(line)
    if ids:
        yield _Part(ids, b"".join(lines))


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()


def _failure(id_: str, info: Mapping[str, Any]) -> CrmsyncError:
    why = str(info.get("errorMessage") or "it does not say why")
    named = f"Salesforce's bulk query {id_} ended as {info['state']}: {why}"
    if info["state"] == "Aborted" or why.startswith(_PASSED_OVER):
        return Unavailable(f"{named}. Run it again.")
    code = _CODE.search(why)
    return Rejected(named, category=code[0] if code else why.partition(":")[0].strip())
