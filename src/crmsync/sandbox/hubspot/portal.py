"""The portal: its records, associations, definitions, owners and lists, and how a record is written on the wire."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.hubspot.catalog import GROUPS, Property, custom_string, native_properties
from crmsync.sandbox.hubspot.kinds import (
    CHILD_TO_PARENT,
    COMPANIES,
    CONTACTS,
    DEALS,
    DEFAULT_TYPES,
    KINDS,
    PARENT_TO_CHILD,
    PRIMARY_TYPES,
    Kind,
    Pair,
)
from crmsync.sandbox.hubspot.links import Web
from crmsync.sandbox.hubspot.load import Data, web_links
from crmsync.sandbox.hubspot.table import API, Row, Source, Table
from crmsync.sandbox.hubspot.wire import Json, iso

if TYPE_CHECKING:
    from crmsync.sandbox.hubspot.segments import Segment


class Portal:
    """One HubSpot account."""

    def __init__(self, data: Data, clock: Clock, index_lag_ms: float = 0) -> None:
        self.clock = clock
        self.index_lag_ms = index_lag_ms
        self.tables = {kind.name: Table(kind, data.frames[kind.name]) for kind in KINDS}
        self.labels = data.labels.copy()
        self.web = Web(web_links(data), self.labels)
        self.owners = list(data.owners)
        self.properties = {kind.name: self._definitions(kind, data) for kind in KINDS}
        self.groups: dict[str, dict[str, tuple[str, int]]] = {
            kind.name: {GROUPS[kind.name][0]: (GROUPS[kind.name][1], 0)} for kind in KINDS
        }
        self.segments: dict[int, Segment] = {}
        self.next_segment = 1
        self._compute()

    def _definitions(self, kind: Kind, data: Data) -> dict[str, Property]:
        known = native_properties(kind.name)
        for name in data.frames[kind.name].columns:
            if not name.startswith("_") and name not in known:
                known[name] = custom_string(kind.name, name, self.clock.now_ms())
        return known

    @property
    def version(self) -> tuple[int, ...]:
        """Moves with every change of any record."""
        return tuple(table.version for table in self.tables.values())

    def table(self, kind: Kind) -> Table:
        """Records of one kind."""
        return self.tables[kind.name]

    def definition(self, kind: Kind, name: str) -> Property | None:
        """A property that is not archived."""
        found = self.properties[kind.name].get(name)
        return found if found is not None and not found.archived else None

    def index_time(self) -> int | None:
        """The moment up to which search has seen edits; None without lag."""
        return self.clock.now_ms() - round(self.index_lag_ms / self.clock.scale) if self.index_lag_ms else None

    # -- properties that HubSpot computes

    def _compute(self) -> None:
        companies, contacts, deals = (self.table(kind).computed for kind in (COMPANIES, CONTACTS, DEALS))
        companies["num_associated_contacts"] = self._count(("companies", "contacts"))
        companies["num_associated_deals"] = self._count(("companies", "deals"))
        companies["hs_num_child_companies"] = self._children
        contacts["num_associated_deals"] = self._count(("contacts", "deals"))
        deals["num_associated_contacts"] = self._count(("deals", "contacts"))
        companies["hs_num_contacts_with_buying_roles"] = self._with_role(None)
        companies["hs_num_decision_makers"] = self._with_role("DECISION_MAKER")
        companies["hs_num_blockers"] = self._with_role("BLOCKER")
        deals["hs_is_closed"] = self._stage(("closedwon", "closedlost"))
        deals["hs_is_closed_won"] = self._stage(("closedwon",))
        deals["hs_is_closed_lost"] = self._stage(("closedlost",))

    def _count(self, pair: Pair) -> Callable[[Sequence[int]], list[str | None]]:
        other = self.tables[pair[1]]

        def count(ids: Sequence[int]) -> list[str | None]:
            found = (sum(1 for to in self.web.of(pair, id_) if other.live(to)) for id_ in ids)
            return [str(n) if n else None for n in found]

        return count

    def _children(self, ids: Sequence[int]) -> list[str | None]:
        pair = ("companies", "companies")
        found = (sum(1 for types in self.web.of(pair, id_).values() if PARENT_TO_CHILD in types) for id_ in ids)
        return [str(n) for n in found]

    def _with_role(self, role: str | None) -> Callable[[Sequence[int]], list[str | None]]:
        contacts = self.tables["contacts"]

        def count(ids: Sequence[int]) -> list[str | None]:
            linked = [[to for to in self.web.of(("companies", "contacts"), id_) if contacts.live(to)] for id_ in ids]
            everyone = sorted({to for group in linked for to in group})
            roles = {row.id: row.values.get("hs_buying_role") for row in contacts.fetch(everyone, ["hs_buying_role"])}
            held = [[set((roles[to] or "").split(";")) - {""} for to in group] for group in linked]
            return [str(sum(1 for has in group if (role in has if role else has))) for group in held]

        return count

    def _stage(self, stages: tuple[str, ...]) -> Callable[[Sequence[int]], list[str | None]]:
        deals = self.tables["deals"]

        def closed(ids: Sequence[int]) -> list[str | None]:
            return [
                "true" if row.values.get("dealstage") in stages else "false" for row in deals.fetch(ids, ["dealstage"])
            ]

        return closed

    # -- associations that are properties too

    def link(self, pair: Pair, id_: int, to: int, types: Iterable[int], source: Source = API) -> None:
        """Adds a link. The first company of a record becomes its primary one, as in HubSpot."""
        kinds = set(types)
        if pair != ("companies", "companies") or not kinds:
            kinds.add(DEFAULT_TYPES[pair])
        owner, company = (pair, (id_, to)) if pair[1] == "companies" else ((pair[1], pair[0]), (to, id_))
        if owner in PRIMARY_TYPES and owner[1] == "companies":
            primary = PRIMARY_TYPES[owner]
            mine = {PRIMARY_TYPES[pair]} & kinds
            standing = [c for c, has in self.web.of(owner, company[0]).items() if primary in has]
            if mine or not standing:
                for old in standing:
                    self.web.drop(owner, company[0], old, {primary})
                kinds.add(PRIMARY_TYPES[pair])
        if pair == ("companies", "companies") and CHILD_TO_PARENT in kinds:
            for old, has in list(self.web.of(pair, id_).items()):
                if CHILD_TO_PARENT in has and old != to:
                    self.web.drop(pair, id_, old, {CHILD_TO_PARENT})
        self.web.add(pair, id_, to, kinds)
        self._linked(pair, id_, to, source)

    def unlink(self, pair: Pair, id_: int, to: int, types: Iterable[int] | None = None, source: Source = API) -> None:
        """Removes a link, or some of its types."""
        self.web.drop(pair, id_, to, types)
        self._linked(pair, id_, to, source)

    def _linked(self, pair: Pair, id_: int, to: int, source: Source) -> None:
        """Carries a changed link into the properties that are derived from it."""
        now = self.clock.now_ms()
        for kind, record in ((pair[0], id_), (pair[1], to)):
            table = self.tables[kind]
            if kind == "contacts" and "companies" in pair:
                primary = self._first(("contacts", "companies"), record, PRIMARY_TYPES["contacts", "companies"])
                table.update(record, {"associatedcompanyid": primary}, now, source)
            elif pair == ("companies", "companies"):
                parent = self._first(pair, record, CHILD_TO_PARENT)
                table.update(record, {"hs_parent_company_id": parent}, now, source)
            if kind == "companies" and pair != ("companies", "companies"):
                table.touch(record, now, source)  # its roll-ups moved

    def _first(self, pair: Pair, id_: int, type_id: int) -> str | None:
        return next((str(to) for to, types in self.web.of(pair, id_).items() if type_id in types), None)

    def set_primary_company(self, contact: int, company: int | None, source: Source) -> None:
        """What a write of `associatedcompanyid` does."""
        pair = ("contacts", "companies")
        if company is not None:
            self.link(pair, contact, company, {PRIMARY_TYPES[pair]}, source)
            return
        for to, types in list(self.web.of(pair, contact).items()):
            if PRIMARY_TYPES[pair] in types:
                self.unlink(pair, contact, to, None, source)

    # -- records on the wire

    def records(
        self,
        kind: Kind,
        ids: Sequence[int],
        names: Sequence[str] = (),
        history: Sequence[str] = (),
        at: int | None = None,
    ) -> list[Json]:
        """Existing records, in the order given, as HubSpot writes them.

        A name that is no property is left out; a property without a value is null. The id and the two stamps always
        come along. `at` leaves out later edits, as an index does that lags.
        """
        table = self.table(kind)
        asked = dict.fromkeys((*names, *history)) or dict.fromkeys(kind.defaults)
        known = [name for name in asked if self.definition(kind, name)]
        bodies = []
        for row in table.fetch(ids, known, at):
            body = self._body(kind, row, [n for n in known if n in names or not names])
            if history:
                body["propertiesWithHistory"] = self._histories(kind, row, [n for n in known if n in history])
            bodies.append(body)
        return bodies

    def _system(self, kind: Kind, row: Row) -> dict[str, str | None]:
        created, modified = iso(row.created), iso(row.modified)
        values: dict[str, str | None] = {"createdate": created, kind.modified: modified, "hs_object_id": str(row.id)}
        values["hs_createdate"] = created
        return values

    def _body(self, kind: Kind, row: Row, known: Sequence[str]) -> Json:
        system = self._system(kind, row)
        shown = {name: system[name] if name in system else row.values.get(name) for name in known}
        for name in ("createdate", kind.modified, "hs_object_id"):
            shown[name] = system[name]
        archived = self.table(kind).archived.get(row.id)
        body: Json = {
            "id": system["hs_object_id"],
            "properties": shown,
            "createdAt": system["createdate"],
            "updatedAt": system[kind.modified],
            "archived": archived is not None,
        }
        if archived is not None:
            body["archivedAt"] = iso(archived)
        return body

    def _histories(self, kind: Kind, row: Row, names: Sequence[str]) -> Json:
        system = self._system(kind, row)
        result: Json = {}
        for name in names:
            today = system.get(name, row.values.get(name))
            versions = []
            for at, value, source in self.table(kind).history(row.id, name, today, row.created):
                version: Json = {"value": value, "timestamp": iso(at), "sourceType": source.type}
                if source.id is not None:
                    version["sourceId"] = source.id
                if source.label is not None:
                    version["sourceLabel"] = source.label
                versions.append(version)
            result[name] = versions
        return result
