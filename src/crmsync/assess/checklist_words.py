"""The checklist of one account in words (domain.md A3): box by box, from the same columns that decided the tier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from crmsync.assess.base import OUT, ExplainLine, Explanation, World
from crmsync.assess.checklist_boxes import CHECKLIST_WHY, NAMES, box_column, box_label, box_text, named_global
from crmsync.assess.checklist_section import CHECKLIST_TIERS, GLOBAL, Checklist, checklist
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.explain import account_decisions, answer
from crmsync.assess.tier_property import tier_label, tier_remarks
from crmsync.assess.tier_section import NO_TIER
from crmsync.model.fields import ACCOUNT
from crmsync.program.units import money_text


def explain(world: World, record: pl.DataFrame) -> Explanation:
    """The boxes of one account, each with its answer and why, from the same columns that decided the tier."""
    rules = checklist(world.program)
    output = rules.output
    row = record.row(0, named=True)
    tier = row[OUT + output]
    possible = NO_TIER if row[EXCLUDED] else NAMES[row[CHECKLIST_WHY + "potential"]]
    potential = row[OUT + "potential_tier"] if output == "tier" else possible
    headline = "No tier" if tier == NO_TIER else tier_label(tier)
    if output != "tier":
        headline = f"Checklist: {headline}"
    headline += f", {row[OUT + 'checklist_score']} of {len(rules.counting)} boxes"
    if potential != tier:
        headline += f", could be {potential.removeprefix('tier_')}"
    lines = _global_lines(rules, record, world)
    for i, box in enumerate(rules.boxes):
        truth = row[box_column(i)]
        counts = "" if box.weight == 1 else f" (weight {box.weight})"
        lines.append(ExplainLine(answer(truth), box_label(box) + counts, "", box_text(box, truth, record, world)))
    if row[CHECKLIST_WHY + "box_potential"] == NAMES.index("tier_1") or _all_ticked(rules, row):
        text = account_decisions(rules.alignment, record, world)
        if text:
            lines.append(ExplainLine(answer(row[CHECKLIST_WHY + "aligned"]), "alignment", "", text))
    remarks = _global_remarks(rules, row, tier) + _focus_remarks(rules, tier)
    remarks += tier_remarks(row, "checklist", output, CHECKLIST_TIERS, row[CHECKLIST_WHY + "gaps"] or "")
    return Explanation("checklist", headline, tuple(lines), tuple(remarks))


def _all_ticked(rules: Checklist, row: Mapping[str, Any]) -> bool:
    return all(row[box_column(i)] for i, _ in rules.counting)


def _global_lines(rules: Checklist, record: pl.DataFrame, world: World) -> list[ExplainLine]:
    """Whether it is a global account, unless it is certainly none; what is excluded is in no ranking."""
    row = record.row(0, named=True)
    truth = row[CHECKLIST_WHY + "global"]
    if truth is False or row[EXCLUDED]:
        return []
    texts = []
    if rules.largest is not None and row[CHECKLIST_WHY + "largest"] is truth:
        texts.append(_size_text(rules.largest, row, world))
    if rules.global_when is not None:
        named = record.select(named_global(world, rules).alias("named"))["named"][0]
        if named is truth:
            texts.append(account_decisions(rules.global_when, record, world))
    return [ExplainLine(answer(truth), GLOBAL, "", "; ".join(texts))]


def _size_text(most: int, row: Mapping[str, Any], world: World) -> str:
    revenue, larger = row["revenue"], row[CHECKLIST_WHY + "larger"]
    if revenue is None:
        label = ACCOUNT["revenue"].label
        return f'nobody knows; filling "{label}" decides whether it is one of the {most:,} largest'
    amount = money_text(revenue, world.program.currency)
    if row[CHECKLIST_WHY + "largest"]:
        return f"revenue {amount} is one of the {most:,} largest, {larger:,} are larger"
    unread = "" if world.whole else ", and not every account was read"
    unknown = world.accounts.filter(~pl.col(EXCLUDED))["revenue"].null_count()
    return (
        f"revenue {amount} may be one of the {most:,} largest: {larger:,} are larger, "
        f"{unknown:,} have no known revenue{unread}"
    )


def _global_remarks(rules: Checklist, row: Mapping[str, Any], tier: str) -> list[str]:
    if tier != GLOBAL:
        return []
    without = [box_label(box) for i, box in rules.counting if row[box_column(i)] is False]
    open_ = [box_label(box) for i, box in rules.counting if row[box_column(i)] is None]
    said = []
    if without:
        said.append(f"Boxes missing, not held against a global account: {', '.join(without)}.")
    if open_:
        said.append(f"Boxes that nobody knows: {', '.join(open_)}.")
    return said


def _focus_remarks(rules: Checklist, tier: str) -> list[str]:
    if tier not in rules.focus:
        return []
    low, high = rules.focus[tier]
    share = f"{low}-{high} %" if low != high else f"{low} %"
    nurture = "; a nurture campaign does the work" if high == 0 else ""
    return [f"{tier_label(tier)}: {share} of all activity{nurture}."]
