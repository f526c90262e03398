"""Writing one batch, every update settled by itself.

HubSpot refuses a whole batch for one bad record, groups many ids in one error of a 207, leaves a merged-away id out of
its answer without a word, and sometimes does the work and loses the reply. Each of these ends here in one outcome a
record: applied, rejected in HubSpot's words, unanswered, or deferred.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crmsync.connectors.hubspot.records import Records
from crmsync.connectors.hubspot.settings import BATCH
from crmsync.connectors.hubspot.transport import Transport, words
from crmsync.connectors.hubspot.values import same
from crmsync.connectors.hubspot.wire import BatchAnswer, ValuedRecord, WireError
from crmsync.errors import Rejected, Throttled, Unanswered, Unavailable, mask
from crmsync.model.fields import ObjectName
from crmsync.model.plan import OutcomeStatus, Update, WriteResult

#: Times that a batch whose reply was lost is read back and, where the old values still stand, sent again.
ROUNDS = 4
#: HubSpot's words, plain or inside the JSON text of a message.
_UNKNOWN_PROPERTY = re.compile(r'Property \\?"([^"\\]+)\\?" does not exist')


class Writer:
    """Writes of one portal. Thread-safe: each call works on its own batch."""

    def __init__(self, transport: Transport, reads: Records) -> None:
        self._transport = transport
        self._reads = reads

    def write(self, object_: ObjectName, updates: Sequence[Update]) -> list[WriteResult]:
        """One result an update, in the order given.

        Raises Throttled, Unavailable, Unauthorized or BudgetSpent only where nothing of the batch was settled before
        (the first two) or the run has to stop (the others).
        """
        if len(updates) > BATCH:
            raise ValueError(f"a batch holds at most {BATCH} records, not {len(updates)}")
        if len({one.id for one in updates}) != len(updates):
            raise ValueError("a record may stand only once in a batch: HubSpot refuses duplicates")
        settled: dict[str, WriteResult] = {}
        try:
            self._settle(object_, list(updates), settled)
        except (Throttled, Unavailable) as error:
            if not settled:
                raise
            for one in updates:
                settled.setdefault(one.id, WriteResult(one.id, OutcomeStatus.DEFERRED, error.message))
        return [settled[one.id] for one in updates]

    def _settle(self, object_: ObjectName, updates: list[Update], settled: dict[str, WriteResult]) -> None:
        """Send; where HubSpot refuses the batch, halve it until the bad records stand alone."""
        if not updates:
            return
        try:
            answer = self._send(object_, updates, settled)
        except Rejected as error:
            if len(updates) == 1:
                settled[updates[0].id] = _rejected(updates[0].id, error.message, error.category)
                return
            for half in self._halves(updates, error, settled):
                self._settle(object_, half, settled)
            return
        if answer is not None:
            self._take(object_, [one for one in updates if one.id not in settled], answer, settled)

    def _halves(
        self, updates: list[Update], error: Rejected, settled: dict[str, WriteResult]
    ) -> tuple[list[Update], ...]:
        """What to send next. A property that does not exist is bad in every record, so nobody need look for it."""
        unknown = set(_UNKNOWN_PROPERTY.findall(error.message))
        rest = [one for one in updates if not unknown & one.properties.keys()]
        if len(rest) < len(updates):
            for one in updates:
                if unknown & one.properties.keys():
                    settled[one.id] = _rejected(one.id, error.message, error.category)
            return (rest,)
        middle = len(updates) // 2
        return updates[:middle], updates[middle:]

    def _send(self, object_: ObjectName, updates: list[Update], settled: dict[str, WriteResult]) -> BatchAnswer | None:
        """HubSpot's answer, or None where all were settled by reading back because no answer came."""
        todo = updates
        for _ in range(ROUNDS):
            try:
                return self._batch_update(object_, todo)
            except Unanswered as error:
                todo = self._read_back(object_, todo, settled, error)
                if not todo:
                    return None
        for one in todo:
            message = "HubSpot gave no answer, several times, and the old value stands."
            settled[one.id] = WriteResult(one.id, OutcomeStatus.UNANSWERED, message)
        return None

    def _batch_update(self, object_: ObjectName, updates: Sequence[Update]) -> BatchAnswer:
        body = {"inputs": [{"id": one.id, "properties": dict(one.properties)} for one in updates]}
        path = self._transport.paths.objects(object_, "batch", "update")
        return self._transport.post("write", path, BatchAnswer, body, repeatable=False)

    def _read_back(
        self, object_: ObjectName, updates: list[Update], settled: dict[str, WriteResult], unanswered: Unanswered
    ) -> list[Update]:
        """Settle those that landed although the reply was lost; return those that still show another value."""
        names = sorted({name for one in updates for name in one.properties})
        try:
            now = self._reads.read(object_, [one.id for one in updates], names)
        except (Throttled, Unavailable):
            for one in updates:
                settled[one.id] = WriteResult(one.id, OutcomeStatus.UNANSWERED, unanswered.message)
            return []
        todo = []
        for one in updates:
            values = now.values.get(one.id)
            if one.id in now.merged:
                settled[one.id] = _merged(one.id, now.merged[one.id])
            elif values is None:
                settled[one.id] = _gone(one.id)
            elif _stands(one, values):
                settled[one.id] = WriteResult(one.id, OutcomeStatus.APPLIED)
            else:
                todo.append(one)
        return todo

    def _take(
        self, object_: ObjectName, updates: Sequence[Update], answer: BatchAnswer, settled: dict[str, WriteResult]
    ) -> None:
        echoed = {one.id: one for one in answer.results}
        refused = {id_: error for error in answer.errors for id_ in error.context.get("ids", [])}
        # First what the answer itself settles, so that trouble in looking further costs the others nothing.
        for one in updates:
            if one.id in echoed and one.id not in refused:
                settled[one.id] = _echo(one, echoed[one.id])
        for one in updates:
            if one.id in settled:
                continue
            try:
                error = refused.get(one.id)
                settled[one.id] = (
                    self._refused(object_, one, error) if error else self._vanished(object_, one, answer.errors)
                )
            except (Throttled, Unavailable) as trouble:
                settled[one.id] = WriteResult(one.id, OutcomeStatus.UNANSWERED, trouble.message)

    def _refused(self, object_: ObjectName, update: Update, error: WireError) -> WriteResult:
        if error.category == "OBJECT_NOT_FOUND":
            survivor = self._reads.find(object_, update.id, [])
            if survivor is not None and survivor.id != update.id:
                return _merged(update.id, survivor.id)
        return _rejected(update.id, words(error), error.category)

    def _vanished(self, object_: ObjectName, update: Update, errors: Sequence[WireError]) -> WriteResult:
        """Neither in the results nor in an error: HubSpot does so with ids that a merge took away."""
        survivor = self._reads.find(object_, update.id, sorted(update.properties))
        if survivor is None:
            return _gone(update.id)
        if survivor.id != update.id:
            return _merged(update.id, survivor.id)
        if _stands(update, survivor.properties):
            return WriteResult(update.id, OutcomeStatus.APPLIED)
        said = " ".join(words(error) for error in errors if not error.context.get("ids"))
        message = f"HubSpot's answer to the batch left this record out and did not write it. {said}"
        return _rejected(update.id, message.strip(), "VANISHED")


def _stands(update: Update, values: dict[str, str | None]) -> bool:
    return all(same(value, values.get(name)) for name, value in update.properties.items())


def _echo(update: Update, answer: ValuedRecord) -> WriteResult:
    """HubSpot echoes what now stands; a value that it turned into another one was not applied as planned."""
    other = [
        f"{name} is {answer.properties[name]!r} instead of {value!r}"
        for name, value in update.properties.items()
        if name in answer.properties and not _appends(value) and not same(value, answer.properties[name])
    ]
    if other:
        return _rejected(update.id, f"HubSpot did not keep the value: {'; '.join(other)}", "NOT_KEPT")
    return WriteResult(update.id, OutcomeStatus.APPLIED)


def _appends(value: str) -> bool:
    return value.startswith(";")


def _rejected(id_: str, message: str, category: str) -> WriteResult:
    return WriteResult(id_, OutcomeStatus.REJECTED, mask(message), category)


def _merged(id_: str, survivor: str) -> WriteResult:
    message = f"Record {id_} was merged into {survivor}. The next run writes to {survivor}."
    return _rejected(id_, message, "MERGED")


def _gone(id_: str) -> WriteResult:
    return _rejected(id_, f"Record {id_} does not exist any more, or is archived.", "OBJECT_NOT_FOUND")
