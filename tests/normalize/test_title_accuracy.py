"""Accuracy of the title vocabulary on the labelled titles that were set aside, against the goals."""

import importlib.util
import sys
from pathlib import Path

import pytest

from crmsync.normalize.defaults import mappings_dir
from crmsync.normalize.titles import TitleVocabulary

BENCH = Path(__file__).resolve().parents[2] / "bench" / "titles.py"
SPEC = importlib.util.spec_from_file_location("bench_titles", BENCH)
assert SPEC
assert SPEC.loader
bench = importlib.util.module_from_spec(SPEC)
sys.modules["bench_titles"] = bench  # dataclasses look their module up
SPEC.loader.exec_module(bench)


@pytest.fixture(scope="module")
def vocabulary() -> TitleVocabulary:
    return TitleVocabulary.load(mappings_dir() / "titles")


def reaches_the_goals(figures: dict[str, float]) -> bool:
    return all(figures[name] >= goal for name, goal in bench.GOALS.items())


def test_titles_of_our_own_writing_reach_the_goals(vocabulary: TitleVocabulary) -> None:
    titles = list(bench.labelled("heldout", ("de", "fr", "es")))
    assert len(titles) == 30
    figures = bench.score(vocabulary, titles)
    assert reaches_the_goals(figures), figures


@pytest.mark.skipif(not bench.ONET.exists(), reason="the O*NET titles are not at ../shared/data/titles")
def test_held_out_titles_reach_the_goals(vocabulary: TitleVocabulary) -> None:
    titles = list(bench.labelled("heldout"))
    assert len(titles) == 130
    figures = bench.score(vocabulary, titles)
    assert reaches_the_goals(figures), figures


@pytest.mark.skipif(not bench.ONET.exists(), reason="the O*NET titles are not at ../shared/data/titles")
@pytest.mark.parametrize("draw", ["1", "2"])
def test_titles_drawn_after_the_vocabulary_reach_the_goals(vocabulary: TitleVocabulary, draw: str) -> None:
    figures = bench.score(vocabulary, list(bench.fresh(draw)))
    assert reaches_the_goals(figures), figures


def test_roles_of_the_labels_follow_the_default_table() -> None:
    parts = [*bench.labelled("dev"), *bench.labelled("heldout"), *bench.fresh("1"), *bench.fresh("2")]
    assert all(item.role == bench.role_of(item.seniority, item.department) for item in parts)
