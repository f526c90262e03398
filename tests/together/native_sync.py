"""HubSpot's own Salesforce integration, as far as another system in the same portal and org meets it.

It is written from HubSpot's published rules alone ("Map HubSpot properties to Salesforce fields" in its knowledge base)
and knows nothing of crmsync: linked pairs by the Salesforce id that HubSpot keeps, a rule for each mapped property, a
cycle of fifteen minutes. It talks to both CRMs over HTTP as a user of its own, and lists every value that it wrote.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from crmsync.sandbox.hubspot.server import SandboxServer
from crmsync.sandbox.salesforce.server import SandboxOrg

Crm = Literal["hubspot", "salesforce"]
Kind = Literal["company", "contact", "deal"]
Values = dict[str, str | None]
LAG = timedelta(minutes=15)
LINKS: dict[Kind, str] = {
    "company": "salesforceaccountid",
    "contact": "salesforcecontactid",
    "deal": "hs_salesforceopportunityid",
}
PLURALS: dict[Kind, str] = {"company": "companies", "contact": "contacts", "deal": "deals"}
SOBJECTS: dict[Kind, str] = {"company": "Account", "contact": "Contact", "deal": "Opportunity"}
_STAMPS: dict[Kind, str] = {
    "company": "hs_lastmodifieddate",
    "contact": "lastmodifieddate",
    "deal": "hs_lastmodifieddate",
}


class Rule(Enum):
    """What the integration does with one mapped property."""

    PREFER_SALESFORCE = "prefer Salesforce unless blank"
    ALWAYS_SALESFORCE = "always use Salesforce"
    TWO_WAY = "two-way"
    NEVER = "don't sync"


@dataclass(frozen=True)
class Mapped:
    """One line of the integration's mapping."""

    kind: Kind
    hubspot: str
    salesforce: str
    rule: Rule


@dataclass(frozen=True)
class Write:
    """One value that somebody wrote in one CRM."""

    crm: Crm
    kind: Kind
    id: str
    property: str
    value: str | None
    at: datetime

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What was written to: no two systems should have it in common."""
        return self.crm, self.kind, self.id, self.property.lower()


@dataclass(frozen=True)
class Side:
    """One record: when it was last modified, and its values as texts, blank as None."""

    modified: datetime
    values: Values


@dataclass(frozen=True)
class Pair:
    """Two linked records as they stand."""

    kind: Kind
    hubspot_id: str
    salesforce_id: str
    hubspot: Side
    salesforce: Side


class Crms:
    """Both CRMs over plain HTTP, as an observer sees them: every live record with the values asked for."""

    def __init__(self, hubspot: SandboxServer, org: SandboxOrg) -> None:
        self.hubspot, self.org = hubspot, org
        self._tls = ssl.create_default_context(cafile=org.ca_file)

    def now(self) -> datetime:
        """The time of HubSpot's clock; Salesforce's is advanced with it."""
        return datetime.fromtimestamp(self.hubspot.app.clock.now_ms() / 1000, UTC)

    def pass_time(self, minutes: float) -> None:
        """Both clocks at once."""
        for clock in (self.hubspot.app.clock, self.org.app.clock):
            clock.advance(minutes * 60)

    def hubspot_call(self, method: str, path: str, body: Any = None) -> Any:
        return self._send(self.hubspot.base_url + path, method, body, self.hubspot.access_token)

    def salesforce_call(self, method: str, path: str, body: Any = None) -> Any:
        """`path` below the version, or with a leading slash anywhere."""
        whole = path if path.startswith("/") else f"/services/data/v66.0/{path}"
        return self._send(self.org.base_url + whole, method, body, self.org.access_token)

    def _send(self, url: str, method: str, body: Any, token: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        with urlopen(
            Request(url, data=data, method=method, headers=headers),
            timeout=60,
            context=self._tls if url.startswith("https") else None,
        ) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def hubspot_records(self, kind: Kind, properties: Sequence[str]) -> dict[str, Side]:
        """Every live record by id."""
        found: dict[str, Side] = {}
        stamp, after = _STAMPS[kind], ""
        names = ",".join([stamp, *properties])
        while True:
            page = self.hubspot_call("GET", f"/crm/v3/objects/{PLURALS[kind]}?limit=100&properties={names}{after}")
            for record in page["results"]:
                values = {name: text(record["properties"].get(name)) for name in properties}
                found[record["id"]] = Side(moment(record["properties"][stamp]), values)
            if "paging" not in page:
                return found
            after = f"&after={page['paging']['next']['after']}"

    def salesforce_records(self, kind: Kind, fields: Sequence[str]) -> dict[str, Side]:
        """Every live record by its 18-character id; a field that the org does not have is blank."""
        known = self.fields(kind)
        asked = [known[name.lower()] for name in fields if name.lower() in known]
        query = f"SELECT {', '.join(dict.fromkeys(['Id', 'SystemModstamp', *asked]))} FROM {SOBJECTS[kind]}"
        page = self.salesforce_call("GET", f"query?q={quote(query)}")
        found: dict[str, Side] = {}
        while True:
            for row in page["records"]:
                values = {name: text(row.get(known.get(name.lower(), ""))) for name in fields}
                found[row["Id"]] = Side(moment(row["SystemModstamp"]), values)
            if page["done"]:
                return found
            page = self.salesforce_call("GET", page["nextRecordsUrl"])

    def writable(self, kind: Kind) -> list[str]:
        """The org's fields of an object that may be written, by its own names."""
        described = self.salesforce_call("GET", f"sobjects/{SOBJECTS[kind]}/describe")
        return [one["name"] for one in described["fields"] if one["updateable"]]

    def fields(self, kind: Kind) -> dict[str, str]:
        """The org's field names by their lower-case form."""
        described = self.salesforce_call("GET", f"sobjects/{SOBJECTS[kind]}/describe")
        return {one["name"].lower(): one["name"] for one in described["fields"]}


@dataclass
class NativeSync:
    """The integration. `note` what stands at the end of a cycle; `step` copies what stood `lag` ago.

    `errors` are records that it could not write, which it lists and leaves ("Sync errors" in HubSpot).
    """

    crms: Crms
    mapped: Sequence[Mapped]
    user: str
    lag: timedelta = LAG
    log: list[Write] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _noted: list[tuple[datetime, dict[tuple[Kind, str, str], Pair]]] = field(default_factory=list)
    _agreed: dict[tuple[Kind, str, str, str], tuple[str | None, str | None]] = field(default_factory=dict)

    def note(self) -> None:
        """Remember what stands now, for the cycle that will copy it."""
        self._noted.append((self.crms.now(), self._pairs()))

    def step(self) -> list[Write]:
        """One cycle; what it wrote. Nothing where nothing was noted `lag` ago."""
        now = self.crms.now()
        due = [pairs for at, pairs in self._noted if at <= now - self.lag]
        if not due:
            return []
        self._noted = [noted for noted in self._noted if noted[0] > now - self.lag]
        self._follow_merges()
        live = self._pairs()
        done: list[Write] = []
        for key, stood in due[-1].items():
            if key in live:
                done += self._settle(stood, live[key])
        self.log += done
        return done

    def _follow_merges(self) -> None:
        """A record that lost a merge in Salesforce is linked to the one that stands for it, unless another one is."""
        for kind in LINKS:
            if not self._lines(kind) or kind == "deal":
                continue
            query = f"SELECT Id, MasterRecordId FROM {SOBJECTS[kind]} WHERE IsDeleted = true AND MasterRecordId != null"
            rows = self.crms.salesforce_call("GET", f"queryAll?q={quote(query)}")["records"]
            masters = {row["Id"]: row["MasterRecordId"] for row in rows}
            ours = self.crms.hubspot_records(kind, [LINKS[kind]])
            linked = {side.values[LINKS[kind]] for side in ours.values()}
            for id_, side in ours.items():
                master = masters.get(side.values[LINKS[kind]] or "")
                if master is not None and master not in linked:
                    self.log += self._write("hubspot", kind, id_, {LINKS[kind]: master})

    def _settle(self, stood: Pair, live: Pair) -> list[Write]:
        """One pair, each of its records written at once."""
        wanted: dict[Crm, Values] = {}
        for crm, name, value in self._copies(stood, live):
            wanted.setdefault(crm, {})[name] = value
        done: list[Write] = []
        for crm, values in wanted.items():
            written = self._write(crm, live.kind, live.hubspot_id if crm == "hubspot" else live.salesforce_id, values)
            done += written
            if not written:  # Refused: what stands there is left until somebody changes it.
                for line in self._lines(stood.kind):
                    if (line.hubspot if crm == "hubspot" else line.salesforce) in values:
                        self._agreed[_key(stood, line)] = (
                            stood.hubspot.values[line.hubspot],
                            stood.salesforce.values[line.salesforce],
                        )
        return done

    def _copies(self, stood: Pair, live: Pair) -> Iterator[tuple[Crm, str, str | None]]:
        """What has to be written for one pair: crm, property, value."""
        for line in self._lines(stood.kind):
            key = _key(stood, line)
            mine, theirs = stood.hubspot.values[line.hubspot], stood.salesforce.values[line.salesforce]
            target = _target(line.rule, mine, theirs, self._agreed.get(key), stood)
            if target is None:
                continue
            crm, value = target
            record, name = (live.hubspot, line.hubspot) if crm == "hubspot" else (live.salesforce, line.salesforce)
            before = mine if crm == "hubspot" else theirs
            if not same(record.values[name], before):
                continue  # Somebody changed it since: the next cycle sees both changes.
            self._agreed[key] = (value, theirs) if crm == "hubspot" else (mine, value)
            if not same(before, value):
                yield crm, name, value

    def _lines(self, kind: Kind) -> list[Mapped]:
        return [line for line in self.mapped if line.kind == kind and line.rule is not Rule.NEVER]

    def _pairs(self) -> dict[tuple[Kind, str, str], Pair]:
        found: dict[tuple[Kind, str, str], Pair] = {}
        for kind in LINKS:
            lines = self._lines(kind)
            if not lines:
                continue
            ours = self.crms.hubspot_records(kind, [LINKS[kind], *(line.hubspot for line in lines)])
            theirs = self.crms.salesforce_records(kind, [line.salesforce for line in lines])
            for id_, side in ours.items():
                other = side.values[LINKS[kind]]
                if other is not None and other in theirs:
                    found[kind, id_, other] = Pair(kind, id_, other, side, theirs[other])
        return found

    def _write(self, crm: Crm, kind: Kind, id_: str, values: Values) -> list[Write]:
        now = self.crms.now()
        try:
            if crm == "hubspot":
                body = {"properties": {name: value or "" for name, value in values.items()}}
                self.crms.hubspot_call("PATCH", f"/crm/v3/objects/{PLURALS[kind]}/{id_}", body)
            else:
                known = self.crms.fields(kind)
                fields = {known[name.lower()]: value for name, value in values.items() if name.lower() in known}
                edit = {"object": SOBJECTS[kind], "id": id_, "fields": fields, "user": self.user}
                self.crms.salesforce_call("POST", "/_sandbox/edit", edit)
        except HTTPError as refused:
            with refused:
                self.errors.append(f"{crm} {kind} {id_}: {refused.code} {refused.read().decode()[:200]}")
            return []
        return [Write(crm, kind, id_, name, value, now) for name, value in values.items()]


def _key(pair: Pair, line: Mapped) -> tuple[Kind, str, str, str]:
    return pair.kind, pair.hubspot_id, pair.salesforce_id, line.hubspot


def _target(
    rule: Rule, mine: str | None, theirs: str | None, agreed: tuple[str | None, str | None] | None, pair: Pair
) -> tuple[Crm, str | None] | None:
    """Which CRM is to get which value; None where there is nothing to do. `agreed`: what both had after the last cycle
    that looked at the pair."""
    moved_here = agreed is None or not same(mine, agreed[0])
    moved_there = agreed is None or not same(theirs, agreed[1])
    if rule is Rule.ALWAYS_SALESFORCE:
        return ("hubspot", theirs)
    if rule is Rule.PREFER_SALESFORCE:
        if theirs is not None or (moved_there and agreed is not None and agreed[1] is not None):
            return ("hubspot", theirs)  # A value deleted in Salesforce is deleted in HubSpot too.
        return ("salesforce", mine)
    if not moved_here and not moved_there:
        return None
    if agreed is None and (mine is None or theirs is None):
        return ("hubspot", theirs) if mine is None else ("salesforce", mine)
    if moved_here and moved_there:
        newer_there = pair.salesforce.modified > pair.hubspot.modified
        return ("hubspot", theirs) if newer_there else ("salesforce", mine)
    return ("salesforce", mine) if moved_here else ("hubspot", theirs)


def text(value: object) -> str | None:
    """A CRM's value as text, blank as None."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)


def moment(stated: str) -> datetime:
    """A CRM's date-time, in UTC."""
    found = datetime.fromisoformat(stated)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def same(one: str | None, other: str | None) -> bool:
    """Whether two CRMs' texts say the same value: a date-time to the second, a number whatever its zeros, several
    choices in any order."""
    if one == other:
        return True
    if one is None or other is None:
        return False
    return _plain(one) == _plain(other)


def _plain(value: str) -> object:
    if len(value) >= 19 and value[4:5] == "-" and "T" in value:
        try:
            return moment(value).replace(microsecond=0)
        except ValueError:
            return value
    try:
        return Decimal(value)
    except InvalidOperation:
        return frozenset(value.split(";")) if ";" in value else value


def mapping(lines: Mapping[tuple[Kind, str, str], Rule]) -> list[Mapped]:
    """A mapping from `(kind, HubSpot's property, Salesforce's field) -> rule`."""
    return [Mapped(kind, ours, theirs, rule) for (kind, ours, theirs), rule in lines.items()]
