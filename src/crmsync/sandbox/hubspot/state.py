"""A portal kept across restarts, in one file that is replaced whole.

Prevents a half-written file from being taken for a portal.
"""

import io
import os
import zipfile
from dataclasses import asdict
from pathlib import Path

import msgspec
import polars as pl

from crmsync.sandbox.hubspot.catalog import Option, Property
from crmsync.sandbox.hubspot.kinds import kind_of
from crmsync.sandbox.hubspot.labels import Label
from crmsync.sandbox.hubspot.load import Owner
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.segments import Segment
from crmsync.sandbox.hubspot.table import Edit, Source, Table
from crmsync.sandbox.hubspot.wire import Json

_FORMAT = 1


class StateError(Exception):
    """A state file that cannot be used."""


def save(portal: Portal, path: Path) -> None:
    """Writes the whole portal beside `path`, then puts it in its place."""
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name, table in portal.tables.items():
            buffer = io.BytesIO()
            table.base.write_ipc(buffer)
            archive.writestr(f"{name}.arrow", buffer.getvalue())
            archive.writestr(f"{name}.json", msgspec.json.encode(_table(table)))
        for pair in portal.web.pairs():
            rows = list(portal.web.side(pair).dump())
            edges = portal.web.side(pair).edges()
            buffer = io.BytesIO()
            edges[0].write_ipc(buffer)
            name = "-".join(pair)
            archive.writestr(f"links-{name}.arrow", buffer.getvalue())
            archive.writestr(f"links-{name}.json", msgspec.json.encode([rows, [sorted(t) for t in edges[1]]]))
        archive.writestr("portal.json", msgspec.json.encode(_portal(portal)))
    os.replace(part, path)


def _table(table: Table) -> Json:
    return {
        "overlay": [[i, values] for i, values in table.overlay.items()],
        "moved": list(table.moved.items()),
        "born": list(table.born.items()),
        "fresh": table.fresh,
        "archived": list(table.archived.items()),
        "gone": sorted(table.gone),
        "merged": list(table.merged.items()),
        "log": [[i, [[e.at, e.name, e.new, e.old, asdict(e.source)] for e in log]] for i, log in table.log.items()],
        "next_id": table.next_id,
    }


def _portal(portal: Portal) -> Json:
    return {
        "format": _FORMAT,
        "owners": [asdict(owner) for owner in portal.owners],
        "properties": {
            kind: [asdict(p) for p in properties.values() if not p.native]
            for kind, properties in portal.properties.items()
        },
        "labels": [asdict(label) for label in portal.labels],
        "groups": portal.groups,
        "segments": [
            asdict(s) | {"kind": s.kind.name, "members": list(s.members.items())} for s in portal.segments.values()
        ],
        "next_segment": portal.next_segment,
    }


def restore(portal: Portal, path: Path) -> None:
    """Puts what `save` wrote into a portal, in place of what it holds. Raises StateError."""
    try:
        with zipfile.ZipFile(path) as archive:
            document = msgspec.json.decode(archive.read("portal.json"))
            if document["format"] != _FORMAT:
                raise StateError(f"{path}: written by another version of the sandbox. Delete it and start again.")
            for name, table in portal.tables.items():
                frame = pl.read_ipc(io.BytesIO(archive.read(f"{name}.arrow")))
                _restore_table(table, frame, msgspec.json.decode(archive.read(f"{name}.json")))
            for pair in portal.web.pairs():
                name = "-".join(pair)
                edges = pl.read_ipc(io.BytesIO(archive.read(f"links-{name}.arrow")))
                rows, sets = msgspec.json.decode(archive.read(f"links-{name}.json"))
                portal.web.side(pair).restore(edges, [frozenset(s) for s in sets], rows)
            _restore_portal(portal, document)
    except (zipfile.BadZipFile, KeyError, msgspec.DecodeError, pl.exceptions.ComputeError) as fault:
        raise StateError(f"{path}: not a saved sandbox ({fault}). Delete it and start again.") from fault


def _restore_table(table: Table, frame: pl.DataFrame, saved: Json) -> None:
    table.rebase(frame)
    table.overlay = {i: dict(values) for i, values in saved["overlay"]}
    table.moved = dict(saved["moved"])
    table.born = dict(saved["born"])
    table.fresh = list(saved["fresh"])
    table.archived = dict(saved["archived"])
    table.gone = set(saved["gone"])
    table.merged = dict(saved["merged"])
    table.log = {
        i: [Edit(at, name, new, old, Source(**source)) for at, name, new, old, source in log] for i, log in saved["log"]
    }
    table.next_id = saved["next_id"]
    table.version += 1


def _restore_portal(portal: Portal, document: Json) -> None:
    portal.owners = [Owner(**(o | {"teams": tuple(o["teams"])})) for o in document["owners"]]
    for kind, items in document["properties"].items():
        for item in items:
            options = tuple(Option(**option) for option in item.pop("options"))
            portal.properties[kind][item["name"]] = Property(**item, options=options)
    portal.labels.restore(Label(**(one | {"pair": tuple(one["pair"])})) for one in document.get("labels", ()))
    portal.groups = {
        kind: {name: (group[0], group[1]) for name, group in groups.items()}
        for kind, groups in document["groups"].items()
    }
    for item in document["segments"]:
        item |= {"kind": kind_of(item["kind"]), "members": dict(item["members"]), "seen": None, "shown": None}
        portal.segments[item["id"]] = Segment(**item)
    portal.next_segment = document["next_segment"]
