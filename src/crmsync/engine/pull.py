"""Pull: from the CRM into the mirror, in full or by increments, and whether that is all of it.

A full pull compares what it read with what the CRM counts and sweeps only when nothing is missing. An increment asks
for what changed since the watermark; it reads the newest first and stops where the mirror already knows everything, so
that the echo of our own writes is not read again and again while the search index may still lag.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from crmsync.connectors.base import Page, Progress, Record
from crmsync.engine import links
from crmsync.engine.context import Context
from crmsync.engine.ids import new_id
from crmsync.model.fields import ObjectName
from crmsync.model.plan import Plan
from crmsync.model.snapshot import Coverage

#: How late the CRM's search may show a change (platform facts: reports up to 30 s); what is younger is asked for again.
INDEX_LAG = timedelta(seconds=60)
#: A window that was only looked at from its top is read whole once the search index must have caught up.
CERTIFY_AFTER = timedelta(minutes=10)


@dataclass
class Pulled:
    """What a pull brought. `kinds` says full or increment by object; `changed` how many records it stored; `shrunk`
    names the objects of which records went."""

    coverage: dict[ObjectName, Coverage] = field(default_factory=dict)
    kinds: dict[ObjectName, str] = field(default_factory=dict)
    changed: dict[ObjectName, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    shrunk: set[ObjectName] = field(default_factory=set)

    @property
    def full(self) -> bool:
        return "full" in self.kinds.values()


def pull(ctx: Context, *, full: bool = False, progress: Progress | None = None) -> Pulled:
    """Bring the mirror up to date. `full` ignores the watermark."""
    started = time.monotonic()
    before = dict(ctx.connector.usage().calls)
    pulled = Pulled()
    for object_ in ctx.objects:
        layout = links.layout(ctx, object_)
        state = ctx.store.mirror.pull_state(ctx.portal.name, object_)
        if full or state.watermark is None or state.full_at is None or state.layout != layout:
            _full(ctx, object_, pulled, progress)
        else:
            _increment(ctx, object_, state.watermark, pulled, progress)
    for object_ in ctx.objects:
        if pulled.kinds[object_] == "increment":
            links.mend(ctx, object_, pulled.shrunk)
    if pulled.full or not ctx.store.mirror.owners(ctx.portal.name):
        ctx.store.mirror.put_owners(ctx.portal.name, ctx.connector.owners())
    after = ctx.connector.usage().calls
    pulled.calls = {family: n - before.get(family, 0) for family, n in after.items() if n > before.get(family, 0)}
    pulled.seconds = time.monotonic() - started
    return pulled


def _full(ctx: Context, object_: ObjectName, pulled: Pulled, progress: Progress | None) -> None:
    mirror, portal = ctx.store.mirror, ctx.portal.name
    previous = acted_on(ctx).get(object_)
    began, pull_id = ctx.now(), new_id("pull", ctx.now())
    expected = ctx.connector.count(object_)
    seen: set[str] = set()
    newest: datetime | None = None
    waiting: list[Record] = []
    for page in ctx.connector.pull(object_, ctx.properties(object_), expected=expected):
        waiting.extend(page.records)
        seen.update(record.id for record in page.records)
        newest = _newest(newest, page)
        if len(waiting) >= links.BATCH:
            links.store(ctx, object_, waiting, pull_id, only_changed=False)
            waiting.clear()
        if progress:
            progress(object_, len(seen), expected)
    links.store(ctx, object_, waiting, pull_id, only_changed=False)
    if len(seen) < expected:
        # Records may have been archived meanwhile; only what the CRM still counts afterwards is missing.
        expected = min(expected, ctx.connector.count(object_))
    coverage = Coverage(len(seen), expected, previous)
    pulled.coverage[object_], pulled.kinds[object_], pulled.changed[object_] = coverage, "full", len(seen)
    if coverage.complete:
        watermark = min(newest, began) if newest else began
        layout = links.layout(ctx, object_)
        if mirror.finish_full_pull(portal, object_, pull_id, layout=layout, watermark=watermark, at=ctx.now()):
            pulled.shrunk.add(object_)


def acted_on(ctx: Context) -> dict[str, int]:
    """Records by object in the last snapshot that a run acted on: what a shrunken one is told by."""
    return dict(ctx.store.mirror.get_state(ctx.portal.name, "acted_on") or {})


def note_acted_on(ctx: Context, plan: Plan) -> None:
    """From now on this plan's snapshot is what the next one is compared with."""
    read = plan.basis.get("read")
    if read:
        ctx.store.mirror.put_state(ctx.portal.name, "acted_on", {name: seen["read"] for name, seen in read.items()})


def _newest(newest: datetime | None, page: Page) -> datetime | None:
    moments = [moment for record in page.records if (moment := parse_moment(record.modified_at)) is not None]
    return max([*moments, *([newest] if newest else [])], default=None)


def parse_moment(text: str) -> datetime | None:
    """A CRM's ISO date-time as UTC, None where it is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _increment(
    ctx: Context,
    object_: ObjectName,
    watermark: datetime,
    pulled: Pulled,
    progress: Progress | None,
) -> None:
    mirror, portal = ctx.store.mirror, ctx.portal.name
    began = ctx.now()
    since = watermark - INDEX_LAG
    window = _newest_first(ctx, object_, since)
    masked = not window.whole and window.newest is not None and watermark < window.newest
    if window.unknown or (masked and window.newest and began - window.newest > CERTIFY_AFTER):
        window = _whole_window(ctx, object_, since, window.total, progress)
    expected = ctx.connector.count(object_)
    if mirror.count(portal, object_) > expected:
        known = set(mirror.ids(portal, object_).to_list())
        archived = [id_ for id_ in ctx.connector.archived_ids(object_) if id_ in known]
        if mirror.delete_records(portal, object_, archived):
            pulled.shrunk.add(object_)
    held = mirror.count(portal, object_)
    if held != expected:
        # Something came or went that neither changes nor the archive show (a restore, a merge): read all of it.
        _full(ctx, object_, pulled, progress)
        return
    pulled.coverage[object_] = Coverage(held, expected, acted_on(ctx).get(object_))
    pulled.kinds[object_], pulled.changed[object_] = "increment", window.stored
    # What is younger than the lag may still appear late: the watermark passes a moment only once that is over, and
    # only when the whole window was read.
    if window.whole and window.newest is not None and (moved := min(window.newest, began - INDEX_LAG)) > watermark:
        mirror.set_watermark(portal, object_, moved)


@dataclass(frozen=True, slots=True)
class _Window:
    """What changed since a moment, as far as it was read. `unknown`: the mirror and the CRM still count differently."""

    total: int
    stored: int
    newest: datetime | None
    whole: bool
    unknown: bool = False


def _newest_first(ctx: Context, object_: ObjectName, since: datetime) -> _Window:
    """One search for the newest changes: where the mirror knows the oldest of them, it knows what lies below."""
    mirror, portal = ctx.store.mirror, ctx.portal.name
    total, page = ctx.connector.newest(object_, ctx.properties(object_), since)
    known = mirror.modified_times(portal, object_, [record.id for record in page.records])
    fresh = [record for record in page.records if known.get(record.id) != record.modified_at]
    whole = len(page.records) >= total
    if whole or len(fresh) < len(page.records):
        links.store(ctx, object_, fresh, new_id("pull", ctx.now()), only_changed=False)
        unknown = not whole and mirror.count_since(portal, object_, since) != total
        return _Window(total, len(fresh), _newest(None, page), whole, unknown)
    return _Window(total, 0, _newest(None, page), whole=False, unknown=True)


def _whole_window(ctx: Context, object_: ObjectName, since: datetime, total: int, progress: Progress | None) -> _Window:
    pull_id = new_id("pull", ctx.now())
    stored = 0
    newest: datetime | None = None
    waiting: list[Record] = []
    for page in ctx.connector.changes(object_, ctx.properties(object_), since):
        waiting.extend(page.records)
        if len(waiting) >= links.BATCH:
            links.store(ctx, object_, waiting, pull_id, only_changed=True)
            waiting.clear()
        stored += len(page.records)
        newest = _newest(newest, page)
        if progress:
            progress(object_, stored, total)
    links.store(ctx, object_, waiting, pull_id, only_changed=True)
    return _Window(total, stored, newest, whole=True)
