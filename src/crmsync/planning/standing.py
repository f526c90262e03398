"""What stands in the CRM of the values that crmsync owns: the measure of guards and lists.

It is counted frame by frame, so that a portal whose contacts do not fit into memory at once can be guarded too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from crmsync.model.fields import ObjectName
from crmsync.model.outputs import Output, OutputKind
from crmsync.model.snapshot import HELD

Key = tuple[ObjectName, str]


@dataclass
class Standing:
    """`had`: records with a value, by object and output; `values`: how many hold each, for enumerations."""

    had: Counter[Key] = field(default_factory=Counter)
    values: dict[Key, Counter[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, frames: Mapping[ObjectName, pl.DataFrame], outputs: Sequence[Output]) -> Standing:
        standing = cls()
        for object_, frame in frames.items():
            standing.add(object_, frame, outputs)
        return standing

    def add(self, object_: ObjectName, frame: pl.DataFrame, outputs: Sequence[Output]) -> None:
        """Count these records too. Frames carry `held.*`; an output without such a column stands nowhere."""
        for output in outputs:
            column = HELD + output.name
            if output.object != object_ or column not in frame.columns:
                continue
            key = (object_, output.name)
            series = frame[column]
            self.had[key] += series.len() - series.null_count()
            if output.kind in (OutputKind.ENUM, OutputKind.MULTI):
                counted = self.values.setdefault(key, Counter())
                for text, count in series.drop_nulls().value_counts().rows():
                    for value in dict.fromkeys(str(text).split(";")):
                        counted[value] += count

    def had_value(self, output: Output) -> int:
        return self.had[output.object, output.name]

    def holding(self, output: Output, value: str) -> int:
        """Records that hold this option, among others or alone."""
        return self.values.get((output.object, output.name), Counter())[value]
