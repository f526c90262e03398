"""Associations: who is linked to whom and as what, in both directions.

Loaded links stand in sorted arrays; an edited record's links are copied into an overlay.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator

import polars as pl

from crmsync.sandbox.hubspot.kinds import Pair
from crmsync.sandbox.hubspot.labels import Labels

Types = frozenset[int]
Edges = pl.DataFrame
"""Loaded links of one directed pair: `from`, `to` (Int64) and `kind` (an index into the pair's type sets)."""


class Links:
    """Links of one directed pair of object types."""

    def __init__(self, load: Callable[[], tuple[Edges, list[Types]]]) -> None:
        """`load` is called at the first question: a portal of millions starts without sorting its links."""
        self._load = load
        self._ready = False
        self._from, self._to, self._kind = array("q"), array("q"), array("h")
        self._sets: list[Types] = []
        self.overlay: dict[int, dict[int, Types]] = {}

    def _build(self) -> None:
        if self._ready:
            return
        edges, self._sets = self._load()
        edges = edges.sort("from", maintain_order=True)
        self._from = array("q", edges["from"].to_list())
        self._to = array("q", edges["to"].to_list())
        self._kind = array("h", edges["kind"].to_list())
        self._ready = True

    def of(self, id_: int) -> dict[int, Types]:
        """Linked ids with their type ids; not to be changed by the caller."""
        edited = self.overlay.get(id_)
        if edited is not None:
            return edited
        self._build()
        lo, hi = bisect_left(self._from, id_), bisect_right(self._from, id_)
        found: dict[int, Types] = {}
        for at in range(lo, hi):
            found[self._to[at]] = found.get(self._to[at], frozenset()) | self._sets[self._kind[at]]
        return found

    def put(self, id_: int, to: int, types: Types) -> None:
        """Sets the type ids of one link; an empty set removes it."""
        mine = dict(self.of(id_))
        if types:
            mine[to] = types
        else:
            mine.pop(to, None)
        self.overlay[id_] = mine

    def counts(self, ids: Iterable[int]) -> list[int]:
        """How many records each id is linked to."""
        return [len(self.of(id_)) for id_ in ids]

    def edges(self) -> tuple[Edges, list[Types]]:
        """The links as loaded, for a saved state."""
        self._build()
        frame = pl.DataFrame(
            {
                "from": pl.Series(self._from, dtype=pl.Int64),
                "to": pl.Series(self._to, dtype=pl.Int64),
                "kind": pl.Series(self._kind, dtype=pl.Int16),
            }
        )
        return frame, self._sets

    def dump(self) -> Iterator[tuple[int, int, list[int]]]:
        """Every edited link, for a saved state; a record without any is written with `to` 0."""
        for id_, linked in self.overlay.items():
            if not linked:
                yield id_, 0, []
            for to, types in linked.items():
                yield id_, to, sorted(types)

    def restore(self, edges: Edges, sets: list[Types], rows: Iterable[tuple[int, int, list[int]]]) -> None:
        """Takes back what `edges` and `dump` gave."""
        self._load, self._ready, self.overlay = lambda: (edges, sets), False, {}
        for id_, to, types in rows:
            mine = self.overlay.setdefault(id_, {})
            if to:
                mine[to] = frozenset(types)


class Web:
    """All associations of a portal, both directions kept in step."""

    def __init__(self, links: dict[Pair, Links], labels: Labels) -> None:
        self._links = links
        self._inverse = labels.inverse

    def pairs(self) -> Iterable[Pair]:
        """Every directed pair."""
        return self._links

    def side(self, pair: Pair) -> Links:
        """Links of one directed pair."""
        return self._links[pair]

    def of(self, pair: Pair, id_: int) -> dict[int, Types]:
        """Linked ids with their type ids."""
        return self._links[pair].of(id_)

    def add(self, pair: Pair, id_: int, to: int, types: Iterable[int]) -> None:
        """Adds type ids to a link, and their inverses to the other side."""
        new = frozenset(types)
        here, there = self._links[pair], self._links[pair[1], pair[0]]
        here.put(id_, to, here.of(id_).get(to, frozenset()) | new)
        there.put(to, id_, there.of(to).get(id_, frozenset()) | frozenset(map(self._inverse, new)))

    def drop(self, pair: Pair, id_: int, to: int, types: Iterable[int] | None = None) -> None:
        """Removes type ids of a link (all of them: the link), on both sides."""
        here, there = self._links[pair], self._links[pair[1], pair[0]]
        have = here.of(id_).get(to, frozenset())
        out = have if types is None else have & frozenset(types)
        here.put(id_, to, have - out)
        back = there.of(to).get(id_, frozenset())
        there.put(to, id_, back - frozenset(map(self._inverse, out)))
