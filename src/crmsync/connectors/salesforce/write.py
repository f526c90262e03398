"""Writes."""

from __future__ import annotations

from collections.abc import Sequence

from crmsync.connectors.salesforce.fields import Fields
from crmsync.connectors.salesforce.reads import Reads
from crmsync.connectors.salesforce.transport import Transport
from crmsync.model.fields import ObjectName
from crmsync.model.plan import OutcomeStatus, Update, WriteResult


class Writer:
    def __init__(self, transport: Transport, fields: Fields, reads: Reads) -> None:
        self._transport = transport

    def write(self, object_: ObjectName, updates: Sequence[Update]) -> list[WriteResult]:
        return [WriteResult(one.id, OutcomeStatus.DEFERRED) for one in updates]
