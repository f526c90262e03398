"""Records of one object type: columns as loaded, with an overlay of edits and a log of every change.

Prevents the sandbox from holding a dict per record: a portal of millions has to fit beside its client.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from crmsync.sandbox.common.clock import parse_ms
from crmsync.sandbox.hubspot.kinds import Kind

ID, CREATED, MODIFIED = "_id", "_created", "_modified"
_BORN, _MOVED = "_born", "_moved"  # log entries that are no property

Values = dict[str, str | None]
Computed = Callable[[Sequence[int]], list[str | None]]
Need = tuple[str, str]
"""A property and a flavour: s as it stands, l lower case, n number, t epoch milliseconds."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who changed a value, in the words of property history."""

    type: str
    id: str | None = None
    label: str | None = None


IMPORT = Source("IMPORT")
API = Source("INTEGRATION", "sandbox-app", "Sandbox service key")


@dataclass(frozen=True, slots=True)
class Edit:
    """One logged change of one property."""

    at: int
    name: str
    new: str | None
    old: str | None
    source: Source


@dataclass(slots=True)
class Row:
    """A record with the properties that were asked for."""

    id: int
    created: int
    modified: int
    values: Values


def column(name: str, flavour: str) -> str:
    """The name of a typed column in a search frame."""
    return f"{name}|{flavour}"


class Table:
    """All records of one kind. Ids ascend in order of creation, as HubSpot's do."""

    def __init__(self, kind: Kind, frame: pl.DataFrame) -> None:
        """`frame`: `_id`, `_created`, `_modified` (Int64), then one String column a property; ascending by id."""
        self.kind = kind
        self.overlay: dict[int, Values] = {}
        self.moved: dict[int, int] = {}
        self.born: dict[int, int] = {}
        self.fresh: list[int] = []
        self.archived: dict[int, int] = {}
        self.gone: set[int] = set()
        self.merged: dict[int, int] = {}
        self.log: dict[int, list[Edit]] = {}
        self.computed: dict[str, Computed] = {}
        self.version = 0
        self.next_id = 1
        self._typed: dict[Need, pl.Series] = {}
        self.rebase(frame)

    def rebase(self, frame: pl.DataFrame) -> None:
        """Takes these columns as what was loaded."""
        # One chunk a column: Polars miscounts a constant filter (a search without one) over several.
        self.base = frame.rechunk()
        self.ids = array("q", frame[ID].to_list())
        self.columns = frozenset(frame.columns)
        self._typed = {}
        if self.ids:
            self.next_id = max(self.next_id, self.ids[-1] + 1)

    # -- which records there are

    def __len__(self) -> int:
        return len(self.ids) + len(self.fresh) - len(self.archived) - len(self.gone)

    def _row(self, id_: int) -> int:
        at = bisect_left(self.ids, id_)
        return at if at < len(self.ids) and self.ids[at] == id_ else -1

    def exists(self, id_: int) -> bool:
        """Live or archived; not merged away, not erased."""
        return id_ not in self.gone and (id_ in self.born or self._row(id_) >= 0)

    def live(self, id_: int) -> bool:
        """Exists and is not archived."""
        return id_ not in self.archived and self.exists(id_)

    def survivor(self, id_: int) -> int:
        """The record that a merged-away id stands for today."""
        while id_ in self.merged:
            id_ = self.merged[id_]
        return id_

    def page(self, start: int, limit: int, archived: bool = False) -> tuple[list[int], int | None]:
        """Up to `limit` ids from `start` on, ascending, and the id of the next record, if any."""
        wanted = limit + 1
        found: list[int] = []
        if archived:
            found = [i for i in sorted(self.archived) if i >= start and i not in self.gone][:wanted]
        else:
            hidden = self.archived.keys() | self.gone if self.gone else self.archived.keys()
            at = bisect_left(self.ids, start)
            while at < len(self.ids) and len(found) < wanted:
                block = self.ids[at : at + wanted - len(found)]
                at += len(block)
                found.extend(i for i in block if i not in hidden)
            if len(found) < wanted:
                late = self.fresh[bisect_left(self.fresh, start) :]
                for id_ in late:
                    if id_ not in hidden:
                        found.append(id_)
                    if len(found) == wanted:
                        break
        return (found[:limit], found[limit]) if len(found) > limit else (found, None)

    def all_ids(self) -> list[int]:
        """Every live id, ascending."""
        return [i for i in (*self.ids, *self.fresh) if i not in self.archived and i not in self.gone]

    # -- reading

    def fetch(self, ids: Sequence[int], names: Iterable[str], at: int | None = None) -> list[Row]:
        """Rows of existing ids, in the order given, with the named stored and computed properties.

        `at` (milliseconds) leaves out every later edit: what an index that lags has seen.
        """
        names = list(names)
        stored = [name for name in names if name in self.columns]
        base = self._gather(ids, stored)
        rows = []
        for id_ in ids:
            created, modified, values = base.get(id_) or (self.born[id_], self.born[id_], {})
            edited = self.overlay.get(id_)
            if edited:
                values.update((name, edited[name]) for name in names if name in edited)
            rows.append(Row(id_, created, self.moved.get(id_, modified), values))
        for name in names:
            if name in self.computed:
                for row, value in zip(rows, self.computed[name](ids), strict=True):
                    row.values[name] = value
        if at is not None:
            for row in rows:
                self._rewind(row, at)
        return rows

    def _gather(self, ids: Sequence[int], stored: list[str]) -> dict[int, tuple[int, int, Values]]:
        positions = [(i, self._row(i)) for i in ids]
        rows = [row for _, row in positions if row >= 0]
        if not rows:
            return {}
        frame = self.base.select([ID, CREATED, MODIFIED, *stored])
        first, last = rows[0], rows[-1]
        picked = (
            frame.slice(first, len(rows)) if last - first + 1 == len(rows) and rows == sorted(rows) else frame[rows]
        )
        return {
            id_: (created, modified, dict(zip(stored, values, strict=True)))
            for id_, created, modified, *values in picked.iter_rows()
        }

    def value(self, id_: int, name: str) -> str | None:
        """One property of one existing record."""
        return self.fetch([id_], [name])[0].values.get(name)

    def current(self, id_: int) -> Values:
        """Every stored property of one existing record that has a value."""
        row = self.fetch([id_], self.stored_names())[0]
        return {name: value for name, value in row.values.items() if value is not None}

    def stored_names(self) -> list[str]:
        """Names of the properties that any record holds."""
        names = {name for name in self.columns if not name.startswith("_")}
        for edited in self.overlay.values():
            names.update(edited)
        return sorted(names)

    def history(self, id_: int, name: str, initial: str | None, created: int) -> list[tuple[int, str, Source]]:
        """Versions of one property, newest first: milliseconds, value, source. `initial` is today's value."""
        edits = [edit for edit in self.log.get(id_, ()) if edit.name == name]
        versions = [(edit.at, edit.new or "", edit.source) for edit in edits]
        first = edits[0].old if edits else initial
        if first is not None:
            versions.insert(0, (created, first, IMPORT))
        return versions[::-1]

    def lookup(self, name: str, values: Iterable[str]) -> dict[str, int]:
        """Live records by a value of a stored property, compared without regard to case."""
        wanted = {value.lower() for value in values}
        found: dict[str, int] = {}
        if name in self.columns and wanted:
            low = self._flavoured(name, "l")
            hits = self.base.select(ID, low.alias("value")).filter(pl.col("value").is_in(list(wanted)))
            found = {v: i for i, v in hits.iter_rows() if i not in self.overlay or name not in self.overlay[i]}
        for id_, edited in self.overlay.items():
            value = edited.get(name)
            if value is not None and value.lower() in wanted:
                found[value.lower()] = id_
        return {value: id_ for value, id_ in found.items() if self.live(id_)}

    # -- writing

    def create(self, values: Values, now: int, source: Source, created: int | None = None) -> int:
        """A new record; returns its id, which is higher than every other."""
        id_ = self.next_id
        self.next_id += 1
        self.born[id_] = created if created is not None else now
        self.fresh.append(id_)
        self.overlay[id_] = {}
        self.log[id_] = [Edit(now, _BORN, None, None, source)]
        self.moved[id_] = now
        self._assign(id_, values, {}, now, source)
        self.version += 1
        return id_

    def update(self, id_: int, values: Values, now: int, source: Source, before: Row | None = None) -> bool:
        """Sets properties of an existing record; True, and the modified stamp moves, where any value changed.

        `before` saves a look-up: the record as it stands, with at least these properties.
        """
        if before is None:
            before = self.fetch([id_], values)[0]
        changed = {name: value for name, value in values.items() if before.values.get(name) != value}
        if not changed:
            return False
        self._assign(id_, changed, before.values, now, source)
        self.touch(id_, now, source, before.modified)
        return True

    def touch(self, id_: int, now: int, source: Source, was: int | None = None) -> None:
        """Moves the modified stamp of a record."""
        if was is None:
            was = self.fetch([id_], ())[0].modified
        self.overlay.setdefault(id_, {})
        self.log.setdefault(id_, []).append(Edit(now, _MOVED, str(now), str(was), source))
        self.moved[id_] = now
        self.version += 1

    def _assign(self, id_: int, values: Values, before: Values, now: int, source: Source) -> None:
        edited = self.overlay.setdefault(id_, {})
        log = self.log.setdefault(id_, [])
        for name, value in values.items():
            edited[name] = value
            log.append(Edit(now, name, value, before.get(name), source))

    def archive(self, id_: int, now: int) -> None:
        """Into the recycle bin."""
        self.archived[id_] = now
        self.version += 1

    def erase(self, id_: int, into: int | None = None) -> None:
        """Gone for good, or merged into another record."""
        self.gone.add(id_)
        self.archived.pop(id_, None)
        if into is not None:
            self.merged[id_] = into
        self.version += 1

    # -- searching

    def matching(self, where: pl.Expr, needs: Iterable[Need], at: int | None = None) -> pl.DataFrame:
        """Live records for which `where` is true, as `_id`, `_created`, `_modified` and the needed columns.

        `at` (milliseconds) is the moment up to which edits are seen: the index lag. Rows ascend by id.
        """
        needs = sorted(set(needs))
        if len(self.overlay) > max(2_000, len(self.ids) // 100):
            self.compact(at)
        system = {ID: self.base[ID], CREATED: self.base[CREATED], MODIFIED: self.base[MODIFIED]}
        typed = {column(*need): self._flavoured(*need) for need in needs}
        found = pl.DataFrame(system | typed).filter(where)
        hidden = [*self.overlay, *self.archived, *self.gone]
        if hidden and found.height:
            found = found.filter(~pl.col(ID).is_in(pl.Series(hidden, dtype=pl.Int64).implode()))
        late = self._edited_frame(needs, at).filter(where)
        return pl.concat([found, late]).sort(ID) if late.height else found

    def _flavoured(self, name: str, flavour: str) -> pl.Series:
        need = (name, flavour)
        if name in self.computed:
            values = self.computed[name](self.ids)
            return _typed(pl.Series(name, values, dtype=pl.String), flavour)
        if need not in self._typed:
            raw = self._system(name)
            if raw is None:
                raw = (
                    self.base[name]
                    if name in self.columns
                    else pl.repeat(None, self.base.height, dtype=pl.String, eager=True)
                )
            self._typed[need] = _typed(raw, flavour)
        return self._typed[need]

    def _system(self, name: str) -> pl.Series | None:
        stamps = {"hs_object_id": ID, "createdate": CREATED, "hs_createdate": CREATED, self.kind.modified: MODIFIED}
        return self.base[stamps[name]] if name in stamps else None

    def _edited_frame(self, needs: Sequence[Need], at: int | None) -> pl.DataFrame:
        names = list(dict.fromkeys(name for name, _ in needs))
        ids = [i for i in self.overlay if i not in self.archived and i not in self.gone and self._seen(i, at)]
        rows = self.fetch(ids, names, at)
        data: dict[str, pl.Series] = {
            ID: pl.Series([row.id for row in rows], dtype=pl.Int64),
            CREATED: pl.Series([row.created for row in rows], dtype=pl.Int64),
            MODIFIED: pl.Series([row.modified for row in rows], dtype=pl.Int64),
        }
        stamps = {"hs_object_id": ID, "createdate": CREATED, "hs_createdate": CREATED, self.kind.modified: MODIFIED}
        for name, flavour in needs:
            raw = (
                data[stamps[name]] if name in stamps else pl.Series([r.values.get(name) for r in rows], dtype=pl.String)
            )
            data[column(name, flavour)] = _typed(raw, flavour)
        return pl.DataFrame(data)

    def _seen(self, id_: int, at: int | None) -> bool:
        log = self.log[id_]
        return at is None or not (log[0].name == _BORN and log[0].at > at)

    def _rewind(self, row: Row, at: int) -> None:
        for edit in reversed(self.log.get(row.id, [])):
            if edit.at <= at:
                break
            if edit.name == _MOVED:
                row.modified = int(edit.old or 0)
            elif edit.name in row.values:
                row.values[edit.name] = edit.old

    def compact(self, at: int | None) -> None:
        """Folds edits into the columns, so that searches stay quick after many writes; keeps what lags."""
        settled = [i for i in self.overlay if i not in self.gone and (at is None or self.log[i][-1].at <= at)]
        if not settled:
            return
        names = sorted({name for i in settled for name in self.overlay[i]})
        patch = self._patch([i for i in settled if i not in self.born], names)
        frame = self.base.with_columns(pl.lit(None, dtype=pl.String).alias(n) for n in names if n not in self.columns)
        frame = frame.join(patch, on=ID, how="left", maintain_order="left").with_columns(
            pl.coalesce("_moved_to", MODIFIED).alias(MODIFIED),
            *(pl.when(pl.col(f"{n}|set")).then(pl.col(f"{n}|new")).otherwise(pl.col(n)).alias(n) for n in names),
        )
        frame = frame.drop("_moved_to", *(f"{n}|{s}" for n in names for s in ("set", "new")))
        new = sorted(i for i in settled if i in self.born)
        if new:
            frame = pl.concat([frame, self._grown(new, frame)]).sort(ID)
        for id_ in settled:
            del self.overlay[id_]
            self.moved.pop(id_, None)
            self.born.pop(id_, None)
        self.fresh = sorted(i for i in self.fresh if i in self.born)
        self.rebase(frame)

    def _patch(self, ids: list[int], names: list[str]) -> pl.DataFrame:
        data: dict[str, pl.Series] = {
            ID: pl.Series(ids, dtype=pl.Int64),
            "_moved_to": pl.Series([self.moved.get(i) for i in ids], dtype=pl.Int64),
        }
        for name in names:
            data[f"{name}|set"] = pl.Series([name in self.overlay[i] for i in ids], dtype=pl.Boolean)
            data[f"{name}|new"] = pl.Series([self.overlay[i].get(name) for i in ids], dtype=pl.String)
        return pl.DataFrame(data)

    def _grown(self, ids: list[int], like: pl.DataFrame) -> pl.DataFrame:
        data: dict[str, pl.Series] = {
            ID: pl.Series(ids, dtype=pl.Int64),
            CREATED: pl.Series([self.born[i] for i in ids], dtype=pl.Int64),
            MODIFIED: pl.Series([self.moved[i] for i in ids], dtype=pl.Int64),
        }
        for name in like.columns:
            if name not in data:
                data[name] = pl.Series([self.overlay[i].get(name) for i in ids], dtype=pl.String)
        return pl.DataFrame(data).select(like.columns)


def _typed(raw: pl.Series, flavour: str) -> pl.Series:
    """A raw column in one flavour; what cannot be read is null."""
    if flavour in "nt" and raw.dtype == pl.Int64:
        return raw.cast(pl.Float64) if flavour == "n" else raw
    if raw.dtype == pl.Int64:
        return raw.cast(pl.String)
    if flavour == "l":
        return raw.str.to_lowercase()
    if flavour == "n":
        return raw.cast(pl.Float64, strict=False)
    if flavour == "t":
        return _milliseconds(raw)
    return raw


def _milliseconds(raw: pl.Series) -> pl.Series:
    """Epoch milliseconds of a text column; parsed once a distinct value, since stamps repeat."""
    distinct = raw.drop_nulls().unique()
    table = pl.DataFrame({"raw": distinct, "ms": pl.Series([parse_ms(v) for v in distinct], dtype=pl.Int64)})
    joined = pl.DataFrame({"raw": raw}).join(table, on="raw", how="left", maintain_order="left")
    return joined["ms"]
