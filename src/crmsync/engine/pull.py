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
from crmsync.engine.side import Side
from crmsync.model.fields import ObjectName
from crmsync.model.plan import Plan
from crmsync.model.snapshot import Coverage

#: A window that was only looked at from its top is read whole once the watermark is so far behind what is settled by
#: now: what became visible late, below the top, is not found otherwise where somebody is always at work.
CERTIFY_AFTER = timedelta(minutes=10)


@dataclass
class Pulled:
    """What a pull brought, by the object's label (`Side.label`). `kinds` says full or increment; `changed` how many
    records it stored; `shrunk` names the objects of which records went, by CRM."""

    coverage: dict[str, Coverage] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    shrunk: dict[str, set[ObjectName]] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        return "full" in self.kinds.values()

    def note(self, side: Side, object_: ObjectName, coverage: Coverage, kind: str, changed: int) -> None:
        label = side.label(object_)
        self.coverage[label], self.kinds[label], self.changed[label] = coverage, kind, changed

    def lost_some(self, side: Side, object_: ObjectName) -> None:
        self.shrunk.setdefault(side.crm, set()).add(object_)


def pull(ctx: Context, *, full: bool = False, progress: Progress | None = None) -> Pulled:
    """Bring the mirror of every CRM up to date. `full` ignores the watermark."""
    started, before = time.monotonic(), ctx.calls()
    pulled = Pulled()
    for side in ctx.sides:
        _pull_side(side, pulled, full, progress)
    pulled.calls = {family: n - before.get(family, 0) for family, n in ctx.calls().items() if n > before.get(family, 0)}
    pulled.seconds = time.monotonic() - started
    return pulled


def _pull_side(side: Side, pulled: Pulled, full: bool, progress: Progress | None) -> None:
    for object_ in side.objects:
        layout = links.layout(side, object_)
        state = side.store.mirror.pull_state(side.space, object_)
        if full or state.watermark is None or state.full_at is None or state.layout != layout:
            _full(side, object_, pulled, progress)
        else:
            _increment(side, object_, state.watermark, pulled, progress)
    for object_ in side.objects:
        if pulled.kinds[side.label(object_)] == "increment":
            links.mend(side, object_, pulled.shrunk.get(side.crm, set()))
            links.follow(side, object_)
    fulls = "full" in {pulled.kinds[side.label(object_)] for object_ in side.objects}
    if fulls or not side.store.mirror.owners(side.space):
        side.store.mirror.put_owners(side.space, side.connector.owners())


def _full(side: Side, object_: ObjectName, pulled: Pulled, progress: Progress | None) -> None:
    mirror = side.store.mirror
    previous = acted_on(side.ctx).get(side.label(object_))
    began, pull_id = side.now(), new_id("pull", side.now())
    expected = side.connector.count(object_)
    seen: set[str] = set()
    newest: datetime | None = None
    waiting: list[Record] = []
    batch = links.batch(side, object_)
    for page in side.connector.pull(object_, side.properties(object_), expected=expected):
        waiting.extend(page.records)
        seen.update(record.id for record in page.records)
        newest = _newest(newest, page)
        if len(waiting) >= batch:
            links.store(side, object_, waiting, pull_id, only_changed=False)
            waiting.clear()
        if progress:
            progress(object_, len(seen), expected)
    links.store(side, object_, waiting, pull_id, only_changed=False)
    if len(seen) < expected:
        # Records may have been archived meanwhile; only what the CRM still counts afterwards is missing.
        expected = min(expected, side.connector.count(object_))
    coverage = Coverage(len(seen), expected, previous)
    pulled.note(side, object_, coverage, "full", len(seen))
    if coverage.complete:
        watermark = min(newest, began) if newest else began
        layout = links.layout(side, object_)
        if mirror.finish_full_pull(side.space, object_, pull_id, layout=layout, watermark=watermark, at=side.now()):
            pulled.lost_some(side, object_)
        links.caught_up(side, object_, began)


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
    side: Side,
    object_: ObjectName,
    watermark: datetime,
    pulled: Pulled,
    progress: Progress | None,
) -> None:
    mirror, space = side.store.mirror, side.space
    began = side.now()
    since = watermark - side.connector.lag
    window = _newest_first(side, object_, since)
    masked = not window.whole and window.newest is not None and watermark < window.newest
    if window.unknown or (masked and began - side.connector.lag - watermark > CERTIFY_AFTER):
        window = _whole_window(side, object_, since, window.total, progress)
    expected = side.connector.count(object_)
    if mirror.count(space, object_) > expected:
        known = set(mirror.ids(space, object_).to_list())
        archived = [id_ for id_ in side.connector.archived_ids(object_) if id_ in known]
        if mirror.delete_records(space, object_, archived):
            pulled.lost_some(side, object_)
    held = mirror.count(space, object_)
    if held != expected:
        # Something came or went that neither changes nor the archive show (a restore, a merge): read all of it.
        _full(side, object_, pulled, progress)
        return
    coverage = Coverage(held, expected, acted_on(side.ctx).get(side.label(object_)))
    pulled.note(side, object_, coverage, "increment", window.stored)
    # What is younger than the lag may still appear late: the watermark passes a moment only once that is over, and
    # only when the whole window was read.
    if (
        window.whole
        and window.newest is not None
        and (moved := min(window.newest, began - side.connector.lag)) > watermark
    ):
        mirror.set_watermark(space, object_, moved)


@dataclass(frozen=True, slots=True)
class _Window:
    """What changed since a moment, as far as it was read. `unknown`: the mirror and the CRM still count differently."""

    total: int
    stored: int
    newest: datetime | None
    whole: bool
    unknown: bool = False


def _newest_first(side: Side, object_: ObjectName, since: datetime) -> _Window:
    """One search for the newest changes: where the mirror knows the oldest of them, it knows what lies below."""
    mirror, space = side.store.mirror, side.space
    total, page = side.connector.newest(object_, side.properties(object_), since)
    known = mirror.modified_times(space, object_, [record.id for record in page.records])
    fresh = [record for record in page.records if known.get(record.id) != record.modified_at]
    whole = len(page.records) >= total
    if whole or len(fresh) < len(page.records):
        links.store(side, object_, fresh, new_id("pull", side.now()), only_changed=False)
        unknown = not whole and mirror.count_since(space, object_, since) != total
        return _Window(total, len(fresh), _newest(None, page), whole, unknown)
    return _Window(total, 0, _newest(None, page), whole=False, unknown=True)


def _whole_window(side: Side, object_: ObjectName, since: datetime, total: int, progress: Progress | None) -> _Window:
    pull_id = new_id("pull", side.now())
    stored = 0
    newest: datetime | None = None
    waiting: list[Record] = []
    batch = links.batch(side, object_)
    for page in side.connector.changes(object_, side.properties(object_), since):
        waiting.extend(page.records)
        if len(waiting) >= batch:
            links.store(side, object_, waiting, pull_id, only_changed=True)
            waiting.clear()
        stored += len(page.records)
        newest = _newest(newest, page)
        if progress:
            progress(object_, stored, total)
    links.store(side, object_, waiting, pull_id, only_changed=True)
    return _Window(total, stored, newest, whole=True)
