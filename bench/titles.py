"""Accuracy and speed of the title vocabulary on the labelled titles.

`python bench/titles.py [--part dev|heldout|fresh1|fresh2] [--errors]`. The O*NET titles are read from
`../shared/data/titles` by line number; without that file only the committed titles count.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from crmsync.normalize.defaults import mappings_dir
from crmsync.normalize.titles import TitleVocabulary

ROOT = Path(__file__).resolve().parent.parent
LABELS = ROOT / "tests" / "normalize" / "labels"
ONET = ROOT.parent / "shared" / "data" / "titles" / "onet_sample_of_reported_titles.txt"
COVERAGE = ROOT.parent / "shared" / "data" / "titles" / "jneidel_job_titles.txt"
GOALS = {"seniority": 0.93, "department": 0.85, "role": 0.85}

TECHNICAL = {"it", "engineering", "data"}
LEVELLED = {"senior", "manager", "director", "vp", "c_suite"}


@dataclass(frozen=True)
class Labelled:
    """One title with the labels a person gave it."""

    language: str
    title: str
    seniority: str
    department: str
    role: str


def role_of(seniority: str, department: str) -> str:
    """The default table of domain.md B1, first match, without users' departments."""
    if department in TECHNICAL and seniority in LEVELLED:
        return "technical_qualifier"
    if seniority == "c_suite" and department in {"general_management", "finance", "operations"}:
        return "commercial_decision_maker"
    if seniority in {"vp", "director"} and department in {"finance", "procurement", "general_management"}:
        return "commercial_decision_maker"
    if seniority in {"c_suite", "vp", "director", "manager"}:
        return "influencer"
    return "unclassified"


def labelled(part: str, languages: tuple[str, ...] = ("onet", "de", "fr", "es")) -> Iterator[Labelled]:
    """The labelled titles of one part; O*NET's only where its file is at hand."""
    for language in languages:
        if language == "onet" and not ONET.exists():
            continue
        lines = ONET.read_text(encoding="utf-8").splitlines() if language == "onet" else []
        with (LABELS / f"{language}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["part"] == part:
                    title = lines[int(row["line"]) - 1].split("\t")[1] if lines else row["title"]
                    yield Labelled(language, title, row["seniority"], row["department"], row["role"])


def fresh(draw: str) -> Iterator[Labelled]:
    """Titles that were drawn or written, and labelled, after the vocabulary stood: the fairer look at what is new."""
    lines = ONET.read_text(encoding="utf-8").splitlines() if ONET.exists() else []
    with (LABELS / "fresh.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            where, title = row["line_or_language"], row["title"]
            if row["draw"] != draw:
                continue
            if where.isdigit():
                if not lines:
                    continue
                where, title = "onet", lines[int(where) - 1].split("\t")[1]
            yield Labelled(where, title, row["seniority"], row["department"], row["role"])


def score(vocabulary: TitleVocabulary, titles: list[Labelled]) -> dict[str, float]:
    """Share of right seniority, department and role, and share without a department or a readable title."""
    right = dict.fromkeys((*GOALS, "unclassified"), 0)
    for item in titles:
        reading = vocabulary.classify(item.title)
        right["seniority"] += reading.seniority == item.seniority
        right["department"] += reading.department == item.department
        right["role"] += role_of(reading.seniority, reading.department) == item.role
        right["unclassified"] += "unknown" in (reading.seniority, reading.department)
    return {name: count / len(titles) for name, count in right.items()}


def print_errors(vocabulary: TitleVocabulary, titles: list[Labelled]) -> None:
    for item in titles:
        reading = vocabulary.classify(item.title)
        if (reading.seniority, reading.department) != (item.seniority, item.department):
            got = f"{reading.seniority}/{reading.department} {reading.evidence}"
            print(f"  {item.title}: {got} not {item.seniority}/{item.department}")


def print_speed(vocabulary: TitleVocabulary) -> None:
    """Distinct titles a second, on the broad unlabelled list where it is at hand."""
    if not COVERAGE.exists():
        return
    column = pl.Series(COVERAGE.read_text(encoding="utf-8").splitlines())
    started = time.perf_counter()
    frame = vocabulary.classify_unique(column)
    seconds = time.perf_counter() - started
    unknown = frame["department"].eq("unknown").mean()
    print(f"{frame.height:,} distinct titles in {seconds:.2f} s, {frame.height / seconds:,.0f}/s (goal 20,000/s)")
    print(f"of these, department unknown {unknown:.1%}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=("dev", "heldout", "fresh1", "fresh2"), default="heldout")
    parser.add_argument("--errors", action="store_true", help="list what was read wrongly")
    options = parser.parse_args()
    vocabulary = TitleVocabulary.load(mappings_dir() / "titles")
    titles = list(fresh(options.part[-1]) if options.part.startswith("fresh") else labelled(options.part))
    print(f"{'':10}{'titles':>8}" + "".join(f"{name:>14}" for name in (*GOALS, "unclassified")))
    for language in ("all", *dict.fromkeys(item.language for item in titles)):
        chosen = [item for item in titles if language in ("all", item.language)]
        figures = score(vocabulary, chosen)
        print(f"{language:10}{len(chosen):8}" + "".join(f"{figure:14.3f}" for figure in figures.values()))
    print(f"{'goal':18}" + "".join(f"{goal:14.3f}" for goal in GOALS.values()))
    if options.errors:
        print_errors(vocabulary, titles)
    print_speed(vocabulary)


if __name__ == "__main__":
    main()
