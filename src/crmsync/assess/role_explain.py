"""The role of one contact in words, from the columns that decided it."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmsync.assess.base import OUT, ExplainLine, Explanation, World
from crmsync.assess.role_evidence import BUYING_OURS, BUYING_WORDS, ROLE, deal_entries, deal_words
from crmsync.assess.role_section import UNCLASSIFIED, role_label, role_program
from crmsync.assess.role_standing import LAST_CONTACT

_DEALS_SHOWN = 3


def explain(world: World, record: pl.DataFrame) -> Explanation:
    """The roles of one contact and the words that decided; then influence and interest, and on what they rest."""
    row = record.row(0, named=True)
    headline = [_labels(row[OUT + "stakeholder_role"])]
    headline += [f"{name} {row[OUT + name]}" for name in ("influence", "interest") if row[OUT + name]]
    lines = [*_deal_lines(world, record), *_buying_lines(row), *_title_lines(row)]
    if row[OUT + "influence"]:
        lines.append(ExplainLine("", "influence", row[OUT + "influence"], _influence_text(row)))
    if row[OUT + "interest"]:
        lines.append(ExplainLine("", "interest", row[OUT + "interest"], _interest_text(row)))
    return Explanation("roles", "; ".join(headline), tuple(lines), tuple(_remarks(row)))


def _labels(roles: str | None) -> str:
    return ", ".join(role_label(role) for role in (roles or UNCLASSIFIED).split(";"))


def _deal_lines(world: World, record: pl.DataFrame) -> list[ExplainLine]:
    """Each deal with what the contact is there; the deals are in the world only where the portal reads them."""
    if "deal" not in world.frames:
        return []
    said = list(deal_words(deal_entries(world, record, role_program(world.program))))
    if not said:
        return []
    more = [f"and {len(said) - _DEALS_SHOWN} more"] if len(said) > _DEALS_SHOWN else []
    return [ExplainLine("yes", "deals", "", "; ".join(said[:_DEALS_SHOWN] + more))]


def _buying_lines(row: dict[str, Any]) -> list[ExplainLine]:
    if not row[BUYING_WORDS]:
        return []
    words = row[BUYING_WORDS].replace("_", " ")
    if row[BUYING_OURS]:
        return [ExplainLine("", "buying role", "", f"{words}: repeats what was decided here, so it counts for nothing")]
    return [ExplainLine("yes", "buying role", "", f"{words}: entered in the CRM")]


def _title_lines(row: dict[str, Any]) -> list[ExplainLine]:
    if not row["title"]:
        return [ExplainLine("unknown", "title", "", "nobody has filled the job title")]
    level, department = row[OUT + "seniority"], row[OUT + "department"]
    words = row[ROLE + "words"] or "no word that the vocabulary knows"
    answer = "unknown" if "unknown" in (level, department) else "yes"
    return [
        ExplainLine("yes", "title", "", str(row["title"])),
        ExplainLine(answer, "reads as", "", f"level {level}, department {department} ({words})"),
    ]


def _influence_text(row: dict[str, Any]) -> str:
    said = str(row[OUT + "influence_reason"] or "").replace("c_suite", "C-suite").replace("_", " ")
    reports = row.get("direct_reports") or 0
    if not reports:
        return said
    counted = "1 contact reports to them" if reports == 1 else f"{reports:,} contacts report to them"
    return counted if said.endswith("report to them") else f"{said}; {counted}"


def _interest_text(row: dict[str, Any]) -> str:
    last = row[LAST_CONTACT]
    return f"{row[OUT + 'interest_reason']}; last contact {last:%Y-%m-%d}" if last else row[OUT + "interest_reason"]


def _remarks(row: dict[str, Any]) -> list[str]:
    if row[ROLE + "pinned"]:
        return [f"Set by a person in the override; the rules alone say {_labels(row[ROLE + 'by_rule'])}."]
    if row[ROLE + "source"] == "held" and row[OUT + "stakeholder_role"] != "unclassified":
        return ["Kept: the title is missing now, and a missing value costs nobody the role they hold."]
    return []
