"""One CRM of a portal: its connector, its mapping and its mirror. A portal has one side, or two that are one truth.

What reads from or writes to a CRM takes a `Side`; what decides takes the `Context`, whose sides it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from crmsync.config.connections import Crm, Portal
from crmsync.config.mappings import Mapping as FieldMapping
from crmsync.connectors.base import Connector
from crmsync.model.fields import OBJECTS, ObjectName
from crmsync.model.outputs import Output
from crmsync.planning.diff import NativeRule
from crmsync.store import Store

if TYPE_CHECKING:
    from crmsync.engine.context import Context

#: Fields that every plan and explanation names accounts and people by.
_NAMING: dict[ObjectName, frozenset[str]] = {
    "company": frozenset({"name", "domain", "owner", "city", "region", "country"}),
    "contact": frozenset({"first_name", "last_name", "title", "account", "owner"}),
    "deal": frozenset({"name"}),
}
#: Fields by which records of two CRMs are found to be the same.
_MATCHING: dict[ObjectName, frozenset[str]] = {
    "company": frozenset({"parent", "counterpart"}),
    "contact": frozenset({"email", "counterpart"}),
    "deal": frozenset({"amount", "closed_at", "accounts", "counterpart"}),
}


class Side:
    """`space` is the key of its mirror in the store."""

    def __init__(self, ctx: Context, crm: Crm, mapping: FieldMapping) -> None:
        self.ctx = ctx
        self.crm = crm
        self.mapping = mapping
        self.space = ctx.portal.name if crm == "hubspot" else f"{ctx.portal.name}/{crm}"
        self._connector: Connector | None = None

    @property
    def store(self) -> Store:
        return self.ctx.store

    @property
    def portal(self) -> Portal:
        return self.ctx.portal

    @property
    def now(self) -> Callable[[], datetime]:
        return self.ctx.now

    @property
    def prefix(self) -> str:
        return self.mapping.prefix

    @property
    def owned(self) -> tuple[Output, ...]:
        return self.ctx.owned

    @property
    def currency(self) -> str:
        """The program's."""
        return self.ctx.program.currency

    @property
    def connector(self) -> Connector:
        """The CRM, opened at the first use: what needs no call needs no token."""
        if self._connector is None:
            self._connector = _connect(self)
        return self._connector

    @property
    def opened(self) -> Connector | None:
        """The connector where it was used."""
        return self._connector

    @property
    def title(self) -> str:
        """What people call the CRM."""
        return {"hubspot": "HubSpot", "salesforce": "Salesforce"}[self.crm]

    def canonical_id(self, id_: str) -> str:
        """An id as this CRM's records carry it, if it is one of this CRM's; asks nobody and needs no secret."""
        if self.crm == "hubspot":
            return id_
        from crmsync.connectors.salesforce.ids import canonical_id, owns

        return canonical_id(id_) if owns(id_) else id_

    def label(self, object_: ObjectName) -> str:
        """An object in figures for people: with the CRM's name where there are two."""
        return object_ if len(self.ctx.sides) == 1 else f"{object_} in {self.title}"

    @cached_property
    def reads(self) -> dict[ObjectName, frozenset[str]]:
        """Canonical fields by object that the program, the scope, the naming and the matching of records need."""
        together = len(self.ctx.sides) > 1
        return {
            object_: fields
            | _NAMING[object_]
            | (_MATCHING[object_] & self.mapping.read.get(object_, {}).keys() if together else frozenset())
            for object_, fields in self.decides_on.items()
        }

    @cached_property
    def decides_on(self) -> dict[ObjectName, frozenset[str]]:
        """Canonical fields by object that the program and the scope need: `reads` without what only names records."""
        needed, wanted = self.ctx.needs, self.ctx.wants
        decided = {
            object_: needed.get(object_, frozenset())
            | (wanted.get(object_, frozenset()) & self.mapping.read.get(object_, {}).keys())
            for object_ in OBJECTS
        }
        return {object_: fields for object_, fields in decided.items() if fields or object_ in needed}

    @property
    def objects(self) -> tuple[ObjectName, ...]:
        """What is pulled: only objects that something reads."""
        return tuple(object_ for object_ in OBJECTS if object_ in self.reads and object_ in self.mapping.read)

    def mapped(self, object_: ObjectName) -> list[str]:
        """CRM properties that the mapping reads; the other CRM's id only where there is another CRM."""
        return [
            read.property
            for name, read in self.mapping.read.get(object_, {}).items()
            if not read.association and (name != "counterpart" or len(self.ctx.sides) > 1)
        ]

    def properties(self, object_: ObjectName) -> tuple[str, ...]:
        """CRM properties to pull: all that the mapping reads, all that we own, all that we may write."""
        owned = [self.prefix + output.name for output in self.owned if output.object == object_]
        native = [rule.property for rule in self.natives if rule.object == object_]
        return tuple(sorted({*self.mapped(object_), *owned, *native, self.connector.modified_property[object_]}))

    @cached_property
    def natives(self) -> tuple[NativeRule, ...]:
        known = {output.name for output in self.ctx.outputs}
        return tuple(
            NativeRule(native.name, object_, native.property, native.source_output, native.policy, dict(native.values))
            for object_, natives in self.mapping.write.items()
            for native in natives
            if native.source_output in known
        )

    @property
    def owners(self) -> Mapping[str, str]:
        """Owner id -> name, as last read."""
        return {owner.id: owner.name for owner in self.store.mirror.owners(self.space)}

    def close(self) -> None:
        if self._connector is not None:
            self._connector.close()


def _connect(side: Side) -> Connector:
    # Imported here: a CRM's client costs a fifth of a second, and most commands never call the CRM.
    portal = side.portal
    if side.crm == "hubspot":
        from crmsync.connectors.hubspot import HubSpotSettings
        from crmsync.connectors.hubspot import connect as hubspot

        given = portal.hubspot
        assert given is not None
        portal.token()  # A missing secret is said before anything is begun.
        settings = HubSpotSettings(
            base_url=given.base_url,
            token=portal.token,
            api_version=given.api_version,
            daily_share=given.daily_share / 100,
            cursors=given.cursors,
            timeout=(5.0, given.timeout_s),
        )
        return hubspot(settings, prefix=side.prefix, group=(side.mapping.group_name, side.mapping.group_label))
    return _connect_salesforce(side)


def _connect_salesforce(side: Side) -> Connector:
    from datetime import timedelta

    from crmsync.connectors.salesforce import connect
    from crmsync.connectors.salesforce.settings import SalesforceSettings

    portal = side.portal
    given = portal.salesforce
    assert given is not None
    portal.check_secrets()
    return connect(
        SalesforceSettings(
            consumer_key=lambda: portal.salesforce_secret("consumer_key"),
            private_key=(lambda: portal.salesforce_secret("private_key")) if given.private_key else None,
            consumer_secret=(lambda: portal.salesforce_secret("consumer_secret")) if given.consumer_secret else None,
            username=given.username,
            domain=given.domain,
            login=given.login,
            base_url=given.base_url,
            ca_file=str(portal.folder / given.ca_file) if given.ca_file else None,
            api_version=given.api_version,
            daily_share=given.daily_share / 100,
            bulk_from=given.bulk_from,
            lookback=timedelta(seconds=given.lookback_s),
            timeout=(5.0, given.timeout_s),
        ),
        prefix=side.prefix,
    )
