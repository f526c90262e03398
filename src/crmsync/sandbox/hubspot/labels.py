"""Association types of a portal: HubSpot's own, and the labels that its people made (hubspot.md 2.2).

A label has two type ids, one for each direction; read from a record, it says what the other record is to this one, as
"Parent Company" does. A label between records of one object that has no other name backwards is a single type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from crmsync.sandbox.hubspot.kinds import INVERSE, LABELS, Pair, types_of
from crmsync.sandbox.hubspot.wire import Json

#: HubSpot numbers its own types and a portal's apart; here they share one range, so a portal's begin beyond its own.
FIRST_OWN = 1_001
#: What a label between records of one object is backwards, where a file names only one side.
_OTHER_SIDE = {"Manager": "Employee", "Employee": "Manager", "Reports to": "Manager of", "Manager of": "Reports to"}


@dataclass(frozen=True)
class Label:
    """One direction of a label that the portal made: `pair` is (from, to), `inverse` the other direction's type id."""

    type_id: int
    pair: Pair
    name: str
    label: str
    inverse: int


class Labels:
    """The association types that may stand between records."""

    def __init__(self) -> None:
        self._made: dict[int, Label] = {}
        self._next = FIRST_OWN

    def __iter__(self) -> Iterator[Label]:
        return iter(self._made.values())

    def copy(self) -> Labels:
        """The same types, of which one may change without the other."""
        copied = Labels()
        copied.restore(self)
        return copied

    def restore(self, made: Iterable[Label]) -> None:
        """Takes back what a saved state holds."""
        self._made = {one.type_id: one for one in made}
        self._next = max(self._made, default=FIRST_OWN - 1) + 1

    def types(self, pair: Pair) -> set[int]:
        """Every type id that may stand on that directed pair."""
        return types_of(pair) | {one.type_id for one in self if one.pair == pair}

    def known(self, type_id: int) -> bool:
        """Whether the type is HubSpot's or still stands."""
        return type_id in INVERSE or type_id in self._made

    def inverse(self, type_id: int) -> int:
        """The same association seen from the other record."""
        own = self._made.get(type_id)
        return own.inverse if own is not None else INVERSE.get(type_id, type_id)

    def text(self, type_id: int) -> str | None:
        """The label of a type; None for an unlabelled one."""
        own = self._made.get(type_id)
        return own.label if own is not None else LABELS.get(type_id)

    def name(self, type_id: int) -> str | None:
        """The internal name of a label that the portal made."""
        own = self._made.get(type_id)
        return own.name if own is not None else None

    def category(self, type_id: int) -> str:
        """Who made the type."""
        return "USER_DEFINED" if type_id in self._made else "HUBSPOT_DEFINED"

    def specs(self, types: Iterable[int]) -> list[Json]:
        """Types as association reads write them; one whose label was deleted is not shown."""
        return [
            {"category": self.category(one), "typeId": one, "label": self.text(one)}
            for one in sorted(types)
            if self.known(one)
        ]

    def find(self, pair: Pair, label: str) -> Label | None:
        """The label of that text on the pair, seen from its first side."""
        return next((one for one in self if one.pair == pair and one.label == label), None)

    def make(self, pair: Pair, label: str, inverse_label: str | None = None, name: str | None = None) -> Label:
        """A new label, in both directions; between records of one object the same text both ways is one type."""
        here = self._next
        internal = name or snake(label)
        alone = pair[0] == pair[1] and inverse_label in (None, label)
        there = here if alone else here + 1
        self._next = there + 1
        self._made[here] = Label(here, pair, internal, label, there)
        if not alone:
            self._made[there] = Label(there, (pair[1], pair[0]), internal, inverse_label or label, here)
        return self._made[here]

    def rename(self, type_id: int, label: str, inverse_label: str | None) -> None:
        """Another text; the other side keeps its own unless one is given."""
        own = self._made[type_id]
        self._made[type_id] = replace(own, label=label)
        if inverse_label is not None and own.inverse != type_id:
            self._made[own.inverse] = replace(self._made[own.inverse], label=inverse_label)

    def drop(self, type_id: int) -> None:
        """Both directions of a label; records stay associated without it."""
        own = self._made.pop(type_id)
        self._made.pop(own.inverse, None)

    def named_in_file(self, pair: Pair, text: str) -> Label:
        """The label of a loaded file's entry, made at its first mention.

        Between records of one object it may name both sides, `Mentor/Mentee`; the other one gets a name in any case.
        """
        if pair[0] != pair[1]:
            return self.find(pair, text) or self.make(pair, text)
        label, _, backwards = (part.strip() for part in text.partition("/"))
        return self.find(pair, label) or self.make(
            pair, label, backwards or _OTHER_SIDE.get(label, f"{label} (other side)")
        )


def snake(label: str) -> str:
    """An internal name for a label."""
    return re.sub(r"\W+", "_", label.lower()).strip("_")
