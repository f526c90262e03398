"""Associations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from crmsync.connectors.base import Link, LinkChanges
from crmsync.connectors.salesforce.fields import Fields
from crmsync.connectors.salesforce.reads import Reads
from crmsync.connectors.salesforce.transport import Transport
from crmsync.model.fields import ObjectName


class Links:
    def __init__(self, transport: Transport, fields: Fields, reads: Reads) -> None:
        self._transport = transport

    def associations(self, from_: ObjectName, to: ObjectName, ids: Sequence[str]) -> dict[str, list[Link]]:
        return {id_: [] for id_ in ids}

    def link_changes(self, from_: ObjectName, to: ObjectName, since: datetime) -> LinkChanges:
        return LinkChanges()
