"""From stored JSON to columns, in bounded memory.

Newline-delimited JSON through Polars took 3 CPU-microseconds a record of 16 properties, the database read included;
msgspec structs took 5, `str.json_decode` 6. Parts of 10,000 records cost a quarter less than parts of 20,000, which
fall out of the cache, and peak lower.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import polars as pl

from crmsync.errors import StoreError

_NUMBER = r"^(?:0|[1-9][0-9]*)$"


def decode(text: bytes) -> dict[str, str | None]:
    """A record's properties. Half a surrogate pair, which JSON allows and UTF-8 does not, becomes `?`."""
    try:
        return msgspec.json.decode(text, type=dict[str, str | None])
    except (msgspec.DecodeError, UnicodeDecodeError):
        loose = _loosely(text)
        return {str(k): None if v is None else _plain(v) for k, v in loose.items()}


def read_properties(ids: pl.Series, lines: bytes, properties: Sequence[str]) -> pl.DataFrame:
    """`id` and one String column a property, from a line of JSON a record; an empty text is null."""
    if not properties:
        return ids.to_frame("id")
    schema = dict.fromkeys(properties, pl.String)
    try:
        frame = pl.read_ndjson(lines, schema=schema)
        if frame.height != len(ids):
            raise pl.exceptions.ComputeError("rows were lost")
    except pl.exceptions.PolarsError:
        # One record that Polars cannot read must not cost the chunk; record by record is slower and forgiving.
        rows = [decode(text) for text in lines.split(b"\n")]
        frame = pl.DataFrame({name: [row.get(name) for row in rows] for name in properties}, schema=schema)
    # Most columns hold no empty text, and looking costs less than writing them anew.
    blank = [name for name, found in frame.select((pl.all() == "").any()).row(0, named=True).items() if found]
    frame = frame.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in blank)
    return frame.insert_column(0, ids.alias("id"))


def compact(frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame in a third less memory: the JSON reader keeps more room than its texts need."""
    return pl.DataFrame([pl.Series(c.name, c.to_list(), dtype=c.dtype) for c in frame.get_columns()])


def in_id_order(pages: Iterable[pl.DataFrame], columns: Sequence[str]) -> pl.DataFrame:
    """Pages that come in text order of `id`, joined without copying, in numeric order where all ids are numbers.

    Numbers of one length are in the same order as text, so the pages are only parted by length.
    """
    parts: list[tuple[int, pl.DataFrame]] = []
    numeric = True
    for page in pages:
        numeric = numeric and bool(page.select(pl.col("id").str.contains(_NUMBER).all()).item())
        lengths = page.get_column("id").str.len_bytes()
        if not numeric or lengths.n_unique() == 1:
            parts.append((int(lengths[0]), page))
        else:
            parts.extend((n, page.filter(lengths == n)) for n in sorted(lengths.unique()))
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    if numeric:
        parts.sort(key=lambda part: part[0])
    frame = pl.concat([part for _, part in parts], rechunk=False)
    # Pages parted before a text id turned up are no longer in text order.
    return frame if numeric or frame.get_column("id").is_sorted() else frame.sort("id")


def _loosely(text: bytes) -> dict[str, Any]:
    try:
        loose = json.loads(text.decode(errors="replace"))
    except ValueError as error:
        raise StoreError("the mirror holds a record that is not JSON; run a full pull.") from error
    if not isinstance(loose, dict):
        raise StoreError("the mirror holds a record that is not a JSON object; run a full pull.")
    return loose


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="replace").decode()
