"""Explain: every assessment of one record, from the same frames and expressions as the decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from crmsync.assess import run as assessment
from crmsync.assess.base import OUT, Explanation, World
from crmsync.engine.context import Context
from crmsync.engine.people import display_name
from crmsync.engine.picture import Picture, picture, whole
from crmsync.engine.plan import portal_info
from crmsync.engine.pull import pull
from crmsync.engine.quality import duplicates
from crmsync.engine.reread import reread
from crmsync.errors import RecordNotFound, mask
from crmsync.model.fields import ObjectName
from crmsync.model.snapshot import HELD, UNREADABLE

_CHANGES = 5


@dataclass(frozen=True)
class Explained:
    """What is known and decided of one record. `read_at`: when its object was last read in full or in part."""

    object: ObjectName
    id: str
    name: str
    place: str
    owner: str
    url: str
    as_of: datetime
    read_at: datetime | None
    explanations: tuple[Explanation, ...]
    last_changes: list[dict[str, Any]]
    notes: tuple[str, ...]


def explain(ctx: Context, object_: ObjectName | None, id_: str, *, as_of: datetime | None = None) -> Explained:
    """Explain a company or a contact by id. Without `object_` it is looked for as a company, then as a contact.

    Raises RecordNotFound where no such live record exists.
    """
    notes: list[str] = []
    first = pull_if_never(ctx)
    object_, id_ = find_record(ctx, object_, id_, notes)
    seen = picture(ctx, as_of or ctx.now(), {}, asks=first)
    snapshot = whole(seen)
    # Who reports to somebody counts as it does in a plan, whether or not their own company is in the scope.
    world = assessment.assess(snapshot, ctx.program, classify=ctx.classify, lines=seen.reporting_lines())
    (home,) = seen.at_home(object_, [id_])
    record = world.frames[object_].filter(pl.col("id") == home)
    if record.is_empty():
        raise RecordNotFound(f"{object_} {id_} is outside the portal's scope, so nothing is decided about it.")
    told = [system.explain(world, record) for system in assessment.active(ctx.program) if system.object == object_]
    explanations = tuple(explanation for explanation in told if explanation is not None)
    row = record.row(0, named=True)
    side = ctx.side_of(id_)
    state = ctx.store.mirror.pull_state(side.space, object_)
    return Explained(
        object=object_,
        id=id_,
        name=record.select(display_name(object_).alias("name"))["name"][0] or f"{object_} {id_}",
        place=_place(row, object_),
        owner=snapshot.owners.get(row.get("owner") or "", ""),
        url=portal_info(side, fresh=False).link(object_, id_),
        as_of=snapshot.as_of,
        read_at=state.full_at,
        explanations=explanations,
        last_changes=_last_changes(ctx, object_, id_),
        notes=(
            *notes,
            *seen.remarks(object_, home),
            *_hand_edits(ctx, seen, record, object_),
            *_notes(row, world, object_, home),
        ),
    )


def pull_if_never(ctx: Context) -> bool:
    """What only looks is content with what was read last, and reads by itself only where nothing ever was: of one CRM
    alone, where it was connected since. Returns whether it did."""
    mirror = ctx.store.mirror
    never = any(all(mirror.pull_state(side.space, name).full_at is None for name in side.objects) for side in ctx.sides)
    if never:
        with ctx.exclusive():
            pull(ctx)
    return never


def find_record(ctx: Context, object_: ObjectName | None, id_: str, notes: list[str]) -> tuple[ObjectName, str]:
    """The record in the mirror; else the CRM is asked, a merged record becoming its survivor."""
    id_ = ctx.side_of(id_).connector.canonical_id(id_)
    looked: list[ObjectName] = [object_] if object_ else [name for name in ctx.objects if name != "deal"]
    for name in looked:
        if any(ctx.store.mirror.get(side.space, name, id_) is not None for side in ctx.sides):
            return name, id_
    for name in looked:
        try:
            with ctx.exclusive():
                found = reread(ctx, name, [id_])
        except RecordNotFound:
            continue
        survivor = next(iter(found))
        if survivor != id_:
            notes.append(f"{name} {id_} was merged; this is its survivor {survivor}")
        return name, survivor
    raise RecordNotFound(
        f"no {' or '.join(looked)} has the id {id_}, or it is archived. "
        "The id stands in the record's address in the CRM."
    )


def _place(row: dict[str, Any], object_: ObjectName) -> str:
    parts = [row.get("city"), row.get("region"), row.get("country")] if object_ == "company" else [row.get("title")]
    return ", ".join(str(part) for part in parts if part)


def _last_changes(ctx: Context, object_: ObjectName, id_: str) -> list[dict[str, Any]]:
    entries = ctx.store.ledger.history(ctx.portal.name, object_, id_)[-_CHANGES:]
    return [
        {
            "at": entry.at.isoformat(),
            "run": entry.run_id,
            "property": entry.payload.property,
            "before": entry.payload.before,
            "after": entry.payload.after,
            "outcome": entry.outcome,
        }
        for entry in entries
        if entry.payload is not None
    ]


def _hand_edits(ctx: Context, seen: Picture, record: pl.DataFrame, object_: ObjectName) -> list[str]:
    """Values that a person entered over ours, where such a value stays (domain.md B1)."""
    kept = [o for o in ctx.outputs if o.object == object_ and o.keep_hand_edits]
    views = [(side, view.row(0, named=True)) for side, view in seen.views(object_, record) if not view.is_empty()]
    moved = [
        (o, side, row)
        for o in kept
        for side, row in views
        if row.get(HELD + o.name) not in (None, "", row[OUT + o.name])
    ]
    if not moved:
        return []
    written = ctx.store.ledger.last_written(ctx.portal.name, object_, [row["id"] for _, row in views])
    ours = {(id_, name): after for id_, name, after in written.select("record_id", "property", "after").rows()}
    found: dict[str, list[str]] = {}
    for o, side, row in moved:
        name, held = ctx.prefix + o.name, row[HELD + o.name]
        # Of a record to which nothing was written, what was written to the same one in the other CRM: it was carried.
        told = [ours[key] for id_ in (row["id"], *(r["id"] for _, r in views)) if (key := (id_, name)) in ours]
        if told[:1] != [held]:
            crm = "the CRM" if len(ctx.sides) == 1 else side.title
            found.setdefault(o.name, []).append(f"{crm} holds {held}, which a person entered, so it stays")
    # One person's entry is what the other CRM gets too (`by_hand.passed_on`); of two, each stays where it is.
    beside = ", and the other CRM gets it too" if len(views) > 1 else ""
    return [note + (beside if len(notes) == 1 else "") for notes in found.values() for note in notes]


def _notes(row: dict[str, Any], world: World, object_: ObjectName, id_: str) -> list[str]:
    notes = [
        f"{name.removeprefix(UNREADABLE)} holds {mask(str(value))!r}, which cannot be read, so it counts as unknown"
        for name, value in row.items()
        if name.startswith(UNREADABLE) and value
    ]
    if object_ == "company" and row.get("domain"):
        same = next((pair for pair in duplicates(world.accounts) if pair["domain"] == row["domain"]), None)
        if same:
            others = ", ".join(other for other in same["ids"] if other != id_)
            notes.append(f"probable duplicate: {others} has the same domain {row['domain']}")
    return notes
