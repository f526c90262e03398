"""An org: its records by object, who may see which version of them when, and every write with its rules.

Prevents a write from being half there: whatever a call did can be rolled back, and what a long transaction wrote is
seen by others only once it commits, with the stamp of when it was written (salesforce.md 2.5).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.salesforce import ids, lifecycle, rules
from crmsync.sandbox.salesforce.addresses import Addresses
from crmsync.sandbox.salesforce.records import Pending, Records
from crmsync.sandbox.salesforce.schema import IDS_WITHOUT_ROW, Field, ObjectSpec
from crmsync.sandbox.salesforce.standard import STAGES
from crmsync.sandbox.salesforce.values import OrgError, Value, Values, from_json, lock_refusal, stamp, stamp_ms

Gate = Callable[[str, str | None], None]
"""Called before a record is written, with object and id (None for a new one); raises OrgError to refuse it."""


@dataclass(slots=True)
class Row:
    """A record as a reader sees it: every field of its object, hidden ones included, and its stamp in milliseconds."""

    id: str
    fields: Values

    @property
    def system_modstamp(self) -> int:
        """Milliseconds since 1970."""
        return stamp_ms(str(self.fields["SystemModstamp"]))

    @property
    def is_deleted(self) -> bool:
        """In the recycle bin."""
        return bool(self.fields.get("IsDeleted"))


@dataclass(frozen=True, slots=True)
class Deletion:
    """One line of the delete log, which getDeleted reads."""

    object: str
    id: str
    at: int


class Org:
    """Everything an org holds. One transaction at a time writes; `begin` starts it."""

    def __init__(
        self, objects: dict[str, ObjectSpec], clock: Clock, user: str, records: Mapping[str, Records] | None = None
    ) -> None:
        """`user` is the id of the API's own user; `records` what was loaded."""
        self.objects = objects
        self.clock = clock
        self.user = user
        self.records = {name: (records or {}).get(name) or Records(spec) for name, spec in objects.items()}
        self.deletions: list[Deletion] = []
        self.locked: dict[str, int] = {}
        """Records that somebody else holds, with the millisecond of their release."""
        self.stages = {stage: (chance, closed, won) for stage, chance, closed, won in STAGES}
        """Opportunity stages: probability, closed, won."""
        self.addresses = Addresses()
        self.gate: Gate = lambda _object, _id: None
        self.pending: dict[tuple[str, str], Pending] = {}
        self._transaction = 0
        self._commit_ms = 0
        self._undo: list[Callable[[], None]] = []
        self._numbers: dict[str, int] = {}

    # -- reading

    def spec(self, name: str) -> ObjectSpec | None:
        """An object by its name in any case; None where the org has no such object."""
        if name in self.objects:
            return self.objects[name]
        return next((spec for known, spec in self.objects.items() if known.lower() == name.lower()), None)

    def rows(self, object: str, *, deleted: bool = False, now: int | None = None) -> Iterator[Row]:
        """Records that a reader sees at `now` (milliseconds; default this moment), with `deleted` the bin's too.

        The order is nobody's to rely on. Values are the org's own objects: read them, never write them.
        """
        self._settle(now)
        waiting = {id_: held for (name, id_), held in self.pending.items() if name == object}
        for values in self.records[object].scan():
            id_ = str(values["Id"])
            if id_ in waiting:
                before = waiting[id_].before
                if before is None:
                    continue
                values = before
            if deleted or not values.get("IsDeleted"):
                yield Row(id_, values)
        for id_, held in waiting.items():
            if held.before is not None and self.records[object].get(id_) is None:
                yield Row(id_, held.before)

    def get(self, object: str, id_: str, now: int | None = None) -> Row | None:
        """One record as a reader sees it at `now`, from the recycle bin too."""
        self._settle(now)
        held = self.pending.get((object, id_))
        values = held.before if held is not None else self.records[object].get(id_)
        return Row(id_, values) if values is not None else None

    def object_of(self, id_: str) -> str | None:
        """The object that an id's prefix names."""
        return next((name for name, spec in self.objects.items() if spec.prefix == id_[:3]), None)

    def _settle(self, now: int | None) -> None:
        if self.pending:
            moment = self.clock.now_ms() if now is None else now
            self.pending = {key: held for key, held in self.pending.items() if held.until > moment}

    # -- transactions

    def begin(self, commit_ms: int = 0) -> None:
        """A new transaction: others see what it writes `commit_ms` milliseconds from now."""
        self._transaction += 1
        self._commit_ms = commit_ms
        self._undo = []
        for records in self.records.values():
            records.fold()

    @property
    def commit_ms(self) -> int:
        """How long this transaction takes to commit."""
        return self._commit_ms

    def savepoint(self) -> int:
        """A mark to roll back to, within this transaction."""
        return len(self._undo)

    def rollback(self, mark: int) -> None:
        """Undoes every write of this transaction since the mark."""
        while len(self._undo) > mark:
            self._undo.pop()()

    def put(self, object: str, id_: str, values: Values | None) -> None:
        """Stores a record whole, as part of this transaction, past every rule; None removes it for good."""
        records, key = self.records[object], (object, id_)
        before, held = records.get(id_), self.pending.get(key)

        def undo() -> None:
            records.put(id_, before)
            if held is None:
                self.pending.pop(key, None)

        self._undo.append(undo)
        if self._commit_ms and held is None:
            self.pending[key] = Pending(self.clock.now_ms() + self._commit_ms, before, self._transaction)
        records.put(id_, values)

    def log_deletion(self, object: str, id_: str) -> None:
        """Adds a line to the delete log."""
        entry = Deletion(object, id_, self.clock.now_ms())
        self.deletions.append(entry)
        self._undo.append(lambda: self.deletions.remove(entry))

    def new_id(self, object: str) -> str:
        """An id that no record of the object has had."""
        if object not in self._numbers:
            newest = self.records[object].newest(self.objects[object].prefix + ids.POD)
            self._numbers[object] = (ids.number_of(newest) or 0) if newest is not None else 0
        self._numbers[object] += 1
        return ids.make(self.objects[object].prefix, self._numbers[object])

    # -- writing

    def create(self, object: str, fields: Mapping[str, Any], user: str | None = None) -> str:
        """A new record; returns its id. Raises OrgError."""
        spec = self.objects[object]
        if not spec.creatable:
            raise OrgError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type {object} cannot be inserted")
        self.gate(object, None)
        given = self._checked(spec, fields, lambda one: one.createable)
        who, now = user or self.user, stamp(self.clock.now_ms())
        id_ = self.new_id(object)
        values: Values = {one.name: False if one.type == "boolean" else None for one in spec.fields.values()}
        if "OwnerId" in spec.fields:
            values["OwnerId"] = who
        values |= given
        values |= {"Id": id_, "CreatedDate": now, "CreatedById": who}
        return self._store(spec, id_, None, values, who, now)

    def update(self, object: str, id_: str, fields: Mapping[str, Any], user: str | None = None) -> None:
        """Sets fields of a record. The stamp moves even where nothing changed, as an org's does. Raises OrgError."""
        spec = self.objects[object]
        before = self.writable(object, id_)
        given = self._checked(spec, fields, lambda one: one.updateable)
        self._store(spec, id_, before, before | given, user or self.user, stamp(self.clock.now_ms()))

    def delete(self, object: str, id_: str, user: str | None = None) -> None:
        """Into the recycle bin, with what hangs on it. Raises OrgError."""
        self.writable(object, id_)
        lifecycle.delete(self, object, id_, user or self.user)

    def undelete(self, object: str, id_: str, user: str | None = None) -> None:
        """Out of the recycle bin. Raises OrgError."""
        lifecycle.undelete(self, object, id_, user or self.user)

    def purge(self, object: str, id_: str) -> None:
        """Out of the recycle bin for good."""
        lifecycle.purge(self, object, id_)

    def merge(self, object: str, winner: str, losers: Iterable[str], user: str | None = None) -> None:
        """Losers into the bin with MasterRecordId, what hung on them to the winner (salesforce.md 2.7)."""
        lifecycle.merge(self, object, winner, list(losers), user or self.user)

    def writable(self, object: str, id_: str) -> Values:
        """A record that may be written now. Raises OrgError: unknown, deleted, locked, or refused by the gate."""
        values = self.records[object].get(id_) if object in self.records else None
        if values is None:
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if values.get("IsDeleted"):
            raise OrgError("ENTITY_IS_DELETED", "entity is deleted")
        now = self.clock.now_ms()
        self._settle(now)
        held = self.pending.get((object, id_))
        if self.locked.get(id_, 0) > now or (held is not None and held.transaction != self._transaction):
            raise lock_refusal(id_)
        self.gate(object, id_)
        return values

    def touch(self, object: str, id_: str, changes: Values, user: str) -> None:
        """The org's own write to a record: past rights and rules, and the stamp moves."""
        values = self.records[object].get(id_)
        if values is not None:
            self._store(self.objects[object], id_, values, values | changes, user, stamp(self.clock.now_ms()), False)

    def _checked(self, spec: ObjectSpec, fields: Mapping[str, Any], allowed: Callable[[Field], bool]) -> Values:
        found: Values = {}
        refused: list[str] = []
        for name, value in fields.items():
            one = spec.readable(name)
            if one is None:
                message = f"No such column '{name}' on sobject of type {spec.name}"
                raise OrgError("INVALID_FIELD", message)
            if not one.editable or not allowed(one):
                refused.append(one.name)
                continue
            found[one.name] = self._value(one, value)
        if refused:
            raise OrgError(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {', '.join(refused)}. Please check the security settings of this "
                "field and verify that it is read/write for your profile or permission set.",
                refused,
            )
        return found

    def _value(self, one: Field, value: Any) -> Value:
        made = from_json(one, value)
        if one.type == "boolean" and made is None:
            message = f"{one.label}: value not of required type: "
            raise OrgError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [one.name])
        if one.type == "reference" and isinstance(made, str) and not IDS_WITHOUT_ROW & set(one.refers_to):
            target = self.object_of(made)
            if target not in one.refers_to:
                raise OrgError("MALFORMED_ID", f"{one.label}: id value of incorrect type: {made}", [one.name])
            parent = self.records[target].get(made) if target in self.records else None
            if parent is None:
                message = f"insufficient access rights on cross-reference id: {made[:15]}"
                raise OrgError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message)
            if parent.get("IsDeleted"):
                raise OrgError("ENTITY_IS_DELETED", "entity is deleted")
        return made

    def _store(
        self, spec: ObjectSpec, id_: str, before: Values | None, after: Values, user: str, now: str, check: bool = True
    ) -> str:
        after = rules.derive(self, spec.name, before, after)
        if check:
            missing = [one.name for one in spec.fields.values() if one.required and after.get(one.name) is None]
            if missing:
                message = f"Required fields are missing: [{', '.join(missing)}]"
                raise OrgError("REQUIRED_FIELD_MISSING", message, missing)
            self._check_unique(spec, id_, before, after)
            rules.check(self, spec.name, id_, before, after)
        after |= {"LastModifiedDate": now, "LastModifiedById": user, "SystemModstamp": now}
        self.put(spec.name, id_, after)
        rules.after(self, spec.name, id_, after, user)
        return id_

    def _check_unique(self, spec: ObjectSpec, id_: str, before: Values | None, after: Values) -> None:
        for one in spec.fields.values():
            value = after.get(one.name)
            if not one.unique or value is None or (before is not None and before.get(one.name) == value):
                continue
            for other in self.records[spec.name].indexed(one.name, str(value)):
                if other != id_:
                    message = f"duplicate value found: {one.name} duplicates value on record with id: {other[:15]}"
                    raise OrgError("DUPLICATE_VALUE", message, [one.name])
