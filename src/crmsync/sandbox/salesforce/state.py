"""An org kept across restarts, in one file that is replaced whole.

Prevents a half-written file from being taken for an org. Sessions, cursors and jobs are not kept.
"""

import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import msgspec
import polars as pl

from crmsync.sandbox.salesforce.org import Deletion, Org
from crmsync.sandbox.salesforce.schema import Field
from crmsync.sandbox.salesforce.wire import Service

_FORMAT = 1


class StateError(Exception):
    """A state file that cannot be used."""


def saver(path: Path) -> Callable[[Service], None]:
    """What keeps an org in that file."""
    return lambda service: save(service.org, path)


def save(org: Org, path: Path) -> None:
    """Writes the whole org beside `path`, then puts it in its place."""
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name, records in org.records.items():
            records.fold(always=True)
            buffer = io.BytesIO()
            records.base.write_ipc(buffer)
            archive.writestr(f"{name}.arrow", buffer.getvalue())
        document = {
            "format": _FORMAT,
            "user": org.user,
            "fields": {name: [asdict(one) for one in spec.fields.values()] for name, spec in org.objects.items()},
            "deletions": [asdict(one) for one in org.deletions],
            "stages": org.stages,
        }
        archive.writestr("org.json", msgspec.json.encode(document))
    os.replace(part, path)


def restore(org: Org, path: Path) -> None:
    """Puts what `save` wrote into an org, in place of what it holds. Raises StateError."""
    try:
        with zipfile.ZipFile(path) as archive:
            document = msgspec.json.decode(archive.read("org.json"))
            if document["format"] != _FORMAT:
                raise StateError(f"{path}: written by another version of the sandbox. Delete it and start again.")
            for name, fields in document["fields"].items():
                spec = org.objects[name]
                spec.fields.clear()
                for one in fields:
                    spec.add(Field(**{**one, "values": tuple(one["values"]), "refers_to": tuple(one["refers_to"])}))
                org.records[name].take(pl.read_ipc(io.BytesIO(archive.read(f"{name}.arrow"))))
    except (zipfile.BadZipFile, KeyError, TypeError, msgspec.DecodeError, pl.exceptions.ComputeError) as fault:
        raise StateError(f"{path}: not a saved sandbox ({fault}). Delete it and start again.") from fault
    org.user = document["user"]
    org.deletions = [Deletion(**one) for one in document["deletions"]]
    org.stages = {name: (chance, closed, won) for name, (chance, closed, won) in document["stages"].items()}
