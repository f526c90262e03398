"""Reading records: counts, all, those that changed, given ones, survivors of merges, deleted ids, owners, members.

It prevents the silent gap: a chain of pages that breaks goes on behind the last row that was handed over, every asked
id ends up with values, as merged into a named survivor or as missing, and a field that is gone costs no record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from crmsync.connectors.base import OwnerRecord, Page, ReadBack
from crmsync.connectors.salesforce import soql
from crmsync.connectors.salesforce.answers import Rows
from crmsync.connectors.salesforce.bulk import BulkQuery
from crmsync.connectors.salesforce.fields import Fields
from crmsync.connectors.salesforce.ids import canonical_id, is_id
from crmsync.connectors.salesforce.selection import STAMP, Selection, row_id, select_of, stamp_of
from crmsync.connectors.salesforce.settings import SOBJECTS
from crmsync.connectors.salesforce.transport import Transport
from crmsync.errors import RecordNotFound, Rejected, Unauthorized, Unavailable
from crmsync.model.fields import ObjectName

A = TypeVar("A")
B = TypeVar("B")
Values: TypeAlias = dict[str, str | None]
Query: TypeAlias = Callable[[Selection, dict[str, Any] | None], str]
"""Makes a query of what is asked and of the last row that was handed over, None at first."""

MASTER = "MasterRecordId"
LOST_LOCATOR = "INVALID_QUERY_LOCATOR"
LOST_FIELD = "INVALID_FIELD"
_CHAINS = 5


class Reads:
    """Reads of one org, several calls side by side where there are several."""

    def __init__(self, transport: Transport, fields: Fields) -> None:
        self._transport = transport
        self._fields = fields
        self._threads = transport.settings.cursors

    def selection(self, object_: str, names: Iterable[str]) -> Selection:
        """Raises Unauthorized where this user may not see the object at all."""
        sobject = SOBJECTS.get(object_, object_)  # type: ignore[call-overload]
        if not self._fields.exists(object_):
            self._fields.forget(object_)
            self._transport.check_version()
            raise no_right(sobject)
        found = self._fields.columns(object_, list(names))
        return select_of(sobject, found)

    def count(self, object_: ObjectName) -> int:
        """Live records that this user may see."""
        asked = self.selection(object_, ())
        return next(self._transport.soql(soql.select(asked.sobject, ["COUNT()"]))).total

    def pull(self, object_: ObjectName, properties: Sequence[str], expected: int | None) -> Iterator[Page]:
        """Every live record: page by page, or in one bulk job where there are many."""
        total = self.count(object_) if expected is None else expected
        bulk_from = self._transport.settings.query_bulk_from
        if bulk_from is not None and total >= bulk_from:
            return self._pull_bulk(object_, properties)
        return self._pull_pages(object_, properties)

    def _pull_pages(self, object_: ObjectName, properties: Sequence[str]) -> Iterator[Page]:
        def query(asked: Selection, last: dict[str, Any] | None) -> str:
            return soql.select(asked.sobject, asked.columns, _behind(last), order="Id")

        for asked, rows in self.rows(object_, properties, query):
            yield Page(object_, [asked.record(row) for row in rows.rows])

    def _pull_bulk(self, object_: ObjectName, properties: Sequence[str], where: str = "") -> Iterator[Page]:
        handed_over = False
        for again in (False, True):
            # No ORDER BY: it would keep Salesforce from cutting the job into parts.
            asked = self.selection(object_, properties)
            try:
                for rows in BulkQuery(self._transport).rows(soql.select(asked.sobject, asked.columns, where)):
                    handed_over = True
                    yield Page(object_, [asked.record(row) for row in rows])
                return
            except Rejected as error:
                if error.category != LOST_FIELD or handed_over or again:
                    raise
                self._fields.forget(object_)

    def changes(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> Iterator[Page]:
        """Live records modified at or after `since`: page by page, oldest first, or in one bulk job where there are
        many, as after a first fill of our own."""
        bulk_from = self._transport.settings.query_bulk_from
        if bulk_from is not None and self._changed(object_, since) >= bulk_from:
            return self._pull_bulk(object_, properties, soql.since(STAMP, since))
        return self._changed_pages(object_, properties, since)

    def _changed(self, object_: ObjectName, since: datetime) -> int:
        asked = self.selection(object_, ())
        return next(self._transport.soql(soql.select(asked.sobject, ["COUNT()"], soql.since(STAMP, since)))).total

    def _changed_pages(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> Iterator[Page]:
        def query(asked: Selection, last: dict[str, Any] | None) -> str:
            where = soql.since(STAMP, since)
            if last is not None:
                where = soql.after_stamp(STAMP, stamp_of(last), row_id(last))
            return soql.select(asked.sobject, asked.columns, where, order=f"{STAMP}, Id")

        for asked, rows in self.rows(object_, properties, query):
            yield Page(object_, [asked.record(row) for row in rows.rows])

    def newest(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> tuple[int, Page]:
        """How many changed since, and a page of those changed last: one call."""

        def first() -> tuple[int, Page]:
            asked = self.selection(object_, properties)
            query = soql.select(asked.sobject, asked.columns, soql.since(STAMP, since), order=f"{STAMP} DESC, Id DESC")
            rows = next(self._transport.soql(query))
            return rows.total, Page(object_, [asked.record(row) for row in rows.rows])

        return self.with_fields(object_, first)

    def read(self, object_: ObjectName, ids: Sequence[str], properties: Sequence[str]) -> ReadBack:
        """Current values by id. Merged-away ids come back in `merged`, with the survivor's values under its own id; an
        id of 15 characters is merged into that of 18."""
        # One id that is no id would make Salesforce refuse the whole query.
        asked = {id_: known for id_ in dict.fromkeys(ids) if is_id(known := canonical_id(id_))}
        values = self._live(object_, list(dict.fromkeys(asked.values())), properties)
        survivors = self.survivors(object_, [id_ for id_ in asked.values() if id_ not in values])
        values |= self._live(object_, [id_ for id_ in survivors.values() if id_ not in values], properties)
        merged: dict[str, str] = {}
        for id_, known in asked.items():
            survivor = survivors.get(known, known)
            if survivor != id_ and survivor in values:
                merged[id_] = survivor
        missing = tuple(id_ for id_ in dict.fromkeys(ids) if id_ not in merged and id_ not in values)
        return ReadBack(values, missing, merged)

    def survivors(self, object_: ObjectName, ids: Sequence[str]) -> dict[str, str]:
        """Merged-away id -> the record that it ended up in, however many merges there were between.

        Others are left out. The survivor itself may have been deleted since.
        """
        if not ids or self._fields.api(object_, MASTER) is None:
            return {}
        masters: dict[str, str] = {}
        todo = list(dict.fromkeys(ids))
        while todo:
            looked_up = {id_: master for id_, master in self._masters(object_, todo) if master}
            masters |= looked_up
            # Each id is looked up once, so that a ring of merges ends too.
            todo = [id_ for id_ in dict.fromkeys(looked_up.values()) if id_ not in masters]
        found: dict[str, str] = {}
        for id_ in ids:
            seen, at = {id_}, id_
            while at in masters and masters[at] not in seen:
                at = masters[at]
                seen.add(at)
            if at != id_:
                found[id_] = at
        return found

    def archived_ids(self, object_: ObjectName) -> Iterator[str]:
        """What is in the recycle bin, merged-away records too; for about 15 days."""

        def query(asked: Selection, last: dict[str, Any] | None) -> str:
            return soql.select(asked.sobject, ["Id"], "IsDeleted = true", _behind(last), order="Id")

        for _, rows in self.rows(object_, (), query, all_rows=True):
            yield from map(row_id, rows.rows)

    def owners(self) -> list[OwnerRecord]:
        """Every user, active or not, by id. The name is never the e-mail address."""
        found: dict[str, OwnerRecord] = {}
        for asked, rows in self.rows("User", ("Name", "IsActive"), _by_id):
            for row in rows.rows:
                id_, values = row_id(row), asked.values(row)
                name = values["Name"] or ""
                shown = name if name and "@" not in name else f"Owner {id_}"
                found[id_] = OwnerRecord(id_, shown, values["IsActive"] != "false")
        return list(found.values())

    def list_members(self, list_id: str) -> Iterator[str]:
        """Contacts and accounts in a campaign. Raises RecordNotFound where there is no such campaign."""
        id_ = canonical_id(list_id)
        if not is_id(id_) or not self._fields.exists("CampaignMember") or not self._campaign(id_):
            raise RecordNotFound(
                f"There is no campaign {list_id} in this Salesforce org, or this user may not see it. A list in "
                "Salesforce is a campaign, whose id begins with 701."
            )
        names = ("ContactId", "AccountId")

        def query(asked: Selection, last: dict[str, Any] | None) -> str:
            behind = _behind(last)
            return soql.select(asked.sobject, asked.columns, soql.equals("CampaignId", id_), behind, order="Id")

        seen: set[str] = set()
        for asked, rows in self.rows("CampaignMember", names, query):
            for row in rows.rows:
                values = asked.values(row)
                member = values["ContactId"] or values["AccountId"]
                if member and member not in seen:
                    seen.add(member)
                    yield member

    def rows(
        self,
        object_: str,
        names: Sequence[str],
        query: Query,
        *,
        all_rows: bool = False,
    ) -> Iterator[tuple[Selection, Rows]]:
        """Pages of the query that `query` makes of a selection and the last row that was handed over (None at first).

        Raises Unavailable where a chain of pages ended with fewer rows than Salesforce counted.
        """
        last: dict[str, Any] | None = None
        described_again = False
        while True:
            asked, before, got, total = self.selection(object_, names), last, 0, 0
            try:
                for rows in self._transport.soql(query(asked, last), all_rows=all_rows):
                    got, total = got + len(rows.rows), rows.total
                    last = rows.rows[-1] if rows.rows else last
                    yield asked, rows
            except Rejected as error:
                if error.category == LOST_FIELD and not described_again:
                    described_again = True
                    self._fields.forget(object_)
                    continue
                if error.category == LOST_LOCATOR and last is not before:
                    continue
                raise
            if got < total:
                raise Unavailable(f"Salesforce counted {total} rows of {asked.sobject} and gave {got}. Run it again.")
            return

    def with_fields(self, object_: str, work: Callable[[], A]) -> A:
        """`work`, and once more with the fields described anew where one of them is gone."""
        try:
            return work()
        except Rejected as error:
            if error.category != LOST_FIELD:
                raise
            self._fields.forget(object_)
            return work()

    def among(
        self, object_: str, column: str, ids: Sequence[str], names: Sequence[str], *, all_rows: bool = False
    ) -> list[Values]:
        """Values of every row whose `column` is one of `ids`, `Id` among them; in no order."""

        def each() -> list[Values]:
            asked = self.selection(object_, [*names, "Id"])
            base = soql.select(asked.sobject, asked.columns)

            def one(chunk: Sequence[str]) -> list[Values]:
                query = soql.select(asked.sobject, asked.columns, soql.among(column, chunk))
                return [asked.values(row) for row in self._whole(query, all_rows)]

            return [row for rows in self.each(one, list(soql.chunks(base, ids))) for row in rows]

        return self.with_fields(object_, each) if ids else []

    def each(self, work: Callable[[A], B], items: Sequence[A]) -> list[B]:
        """`work` over all items in order, side by side where there are several."""
        if len(items) < 2:
            return [work(item) for item in items]
        with ThreadPoolExecutor(min(self._threads, len(items)), "salesforce-read") as pool:
            return list(pool.map(work, items))

    def _live(self, object_: ObjectName, ids: Sequence[str], properties: Sequence[str]) -> dict[str, Values]:
        found: dict[str, Values] = {}
        for values in self.among(object_, "Id", ids, properties):
            id_ = str(values["Id"])
            found[id_] = values if "Id" in properties else {name: text for name, text in values.items() if name != "Id"}
        return found

    def _masters(self, object_: ObjectName, ids: Sequence[str]) -> Iterator[tuple[str, str | None]]:
        for values in self.among(object_, "Id", ids, [MASTER], all_rows=True):
            yield str(values["Id"]), values[MASTER]

    def _whole(self, query: str, all_rows: bool) -> list[dict[str, Any]]:
        """Every row of a query that rarely has a second page."""
        for _ in range(_CHAINS):
            try:
                return [row for rows in self._transport.soql(query, all_rows=all_rows) for row in rows.rows]
            except Rejected as error:
                if error.category != LOST_LOCATOR:
                    raise
        raise Unavailable("Salesforce lost a query's next page several times. Run it again.")

    def _campaign(self, id_: str) -> bool:
        return next(self._transport.soql(soql.select("Campaign", ["COUNT()"], soql.equals("Id", id_)))).total > 0


def no_right(sobject: str) -> Unauthorized:
    """An object that describe does not know, for want of a right: every org has those that we read."""
    return Unauthorized(
        f"Salesforce shows this user no object {sobject}. Give the user's permission set Read on {sobject}, then run "
        "again."
    )


def _by_id(asked: Selection, last: dict[str, Any] | None) -> str:
    return soql.select(asked.sobject, asked.columns, _behind(last), order="Id")


def _behind(last: dict[str, Any] | None) -> str:
    return soql.after_id(row_id(last)) if last is not None else ""
