"""Records of one object: columns as loaded, with an overlay of the records written since.

Prevents the sandbox from holding a dict per record: an org of millions has to fit beside its client.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from crmsync.sandbox.salesforce.schema import NUMBERS, Field, ObjectSpec
from crmsync.sandbox.salesforce.values import Value, Values

_SLICE = 5_000
_FOLD_AT = 50_000


def dtype_of(one: Field) -> type[pl.DataType]:
    """The column type of a field."""
    if one.type in NUMBERS:
        return pl.Float64
    return {"int": pl.Int64, "boolean": pl.Boolean}.get(one.type, pl.String)


class Records:
    """All records of one object, the deleted ones in the recycle bin included."""

    def __init__(self, spec: ObjectSpec, frame: pl.DataFrame | None = None) -> None:
        """`frame`: one column a field that has any value, `Id` among them; any order."""
        self.spec = spec
        self.overlay: dict[str, Values | None] = {}
        """Records written since loading, whole; None for one that is gone for good."""
        self._index: dict[str, dict[str, set[str]]] = {}
        self._rebase(frame if frame is not None else pl.DataFrame({"Id": pl.Series([], dtype=pl.String)}))

    def _rebase(self, frame: pl.DataFrame) -> None:
        self.base = frame.sort("Id").rechunk()
        self._ids: Sequence[str] = _Strings(self.base["Id"])

    def _at(self, id_: str) -> int:
        at = bisect_left(self._ids, id_)
        return at if at < len(self._ids) and self._ids[at] == id_ else -1

    def get(self, id_: str) -> Values | None:
        """A record whole, every field of its object named; None where there never was one, or none is left."""
        if id_ in self.overlay:
            written = self.overlay[id_]
            return self._whole(written) if written is not None else None
        at = self._at(id_)
        return self._whole(self.base.row(at, named=True)) if at >= 0 else None

    def _whole(self, values: Mapping[str, Value]) -> Values:
        return {name: values.get(name) for name in self.spec.fields}

    def put(self, id_: str, values: Values | None) -> None:
        """Sets a record whole, or, with None, removes it for good."""
        for name, index in self._index.items():
            before = self.get(id_)
            if before is not None and isinstance(old := before.get(name), str):
                index.get(old.lower(), set()).discard(id_)
            if values is not None and isinstance(new := values.get(name), str):
                index.setdefault(new.lower(), set()).add(id_)
        self.overlay[id_] = values
        if values is None and self._at(id_) < 0:
            del self.overlay[id_]

    def scan(self) -> Iterator[Values]:
        """Every record whole; those loaded first, ascending by id."""
        for part in self.base.iter_slices(_SLICE):
            for values in part.iter_rows(named=True):
                if values["Id"] not in self.overlay:
                    yield self._whole(values)
        for written in list(self.overlay.values()):
            if written is not None:
                yield self._whole(written)

    def find(self, name: str, value: str) -> list[str]:
        """Ids of the records, deleted ones included, whose field holds that text exactly, ascending."""
        found = set()
        if name in self.base.columns:
            hits = self.base.filter(pl.col(name) == value)["Id"]
            found = {id_ for id_ in hits if id_ not in self.overlay}
        found |= {id_ for id_, one in self.overlay.items() if one is not None and one.get(name) == value}
        return sorted(found)

    def indexed(self, name: str, value: str) -> list[str]:
        """As `find`, without regard to case and with an index that is kept: for unique fields and external ids."""
        index = self._index.get(name)
        if index is None:
            index = self._index[name] = {}
            for record in self.scan():
                if isinstance(text := record.get(name), str):
                    index.setdefault(text.lower(), set()).add(str(record["Id"]))
        return sorted(index.get(value.lower(), ()))

    def newest(self, start: str) -> str | None:
        """The highest id that begins so, also of a record written since loading."""
        loaded = self.base.select(pl.col("Id").filter(pl.col("Id").str.starts_with(start)).max()).item()
        written = [id_ for id_ in self.overlay if id_.startswith(start)]
        return max([*written, *([loaded] if loaded is not None else [])], default=None)

    def fill(self, names: Sequence[str], value: str) -> None:
        """Sets a text, in the records as loaded, wherever one of these fields has none."""
        blank = [pl.lit(None, dtype=pl.String).alias(n) for n in names if n not in self.base.columns]
        have = [name for name in names if name in self.spec.fields]
        self._rebase(self.base.with_columns(blank).with_columns(pl.col(have).fill_null(value)).select(
            *self.base.columns, *(name for name in have if name not in self.base.columns)
        ))  # fmt: skip

    def take(self, frame: pl.DataFrame) -> None:
        """Takes these records in place of all it has."""
        self.overlay, self._index = {}, {}
        self._rebase(frame)

    def fold(self, *, always: bool = False) -> None:
        """Takes the overlay into the columns, once it has grown large."""
        if not self.overlay or (len(self.overlay) < _FOLD_AT and not always):
            return
        schema = {name: dtype_of(one) for name, one in self.spec.fields.items()}
        old = self.base.filter(~pl.col("Id").is_in(list(self.overlay)))
        new = pl.DataFrame([one for one in self.overlay.values() if one is not None], schema=schema)
        self.overlay = {}
        self._rebase(pl.concat([old, new], how="diagonal"))

    def count(self) -> int:
        """How many there are, the recycle bin not counted."""
        live = self.base.height
        if "IsDeleted" in self.base.columns:
            live -= int(self.base["IsDeleted"].fill_null(False).sum())
        for id_, one in self.overlay.items():
            at = self._at(id_)
            was = at >= 0 and not ("IsDeleted" in self.base.columns and self.base["IsDeleted"][at])
            live += (one is not None and not one.get("IsDeleted")) - was
        return live


@dataclass(frozen=True, slots=True)
class Pending:
    """A record that a transaction has written and not committed: when it will, and what others see until then."""

    until: int
    before: Values | None
    transaction: int


class _Strings(Sequence[str]):
    """A sorted column as a sequence, so that bisect can look into it without a copy."""

    def __init__(self, column: pl.Series) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, at: Any) -> Any:
        return self._column[at]
