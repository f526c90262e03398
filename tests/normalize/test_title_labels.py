"""The labels are what their README says: drawn and split by the committed seed, each title labelled once."""

import csv
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from crmsync.normalize.titles import SENIORITIES

LABELS = Path(__file__).parent / "labels"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(name: str) -> list[dict[str, str]]:
    with (LABELS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


draw = load(LABELS / "draw.py")


def test_onet_lines_are_the_seeded_draw() -> None:
    assert [int(row["line"]) for row in rows("onet.csv")] == draw.onet_rows()


@pytest.mark.parametrize("number", [1, 2])
def test_fresh_lines_are_the_seeded_draws(number: int) -> None:
    lines = [row["line_or_language"] for row in rows("fresh.csv") if row["draw"] == str(number)]
    assert [int(line) for line in lines if line.isdigit()] == draw.fresh_rows(number)
    assert not set(draw.fresh_rows(number)) & set(draw.onet_rows())


@pytest.mark.parametrize(
    ("name", "key", "size"), [("onet", "line", 300), ("de", "title", 30), ("fr", "title", 30), ("es", "title", 30)]
)
def test_a_third_is_held_out_by_the_seed(name: str, key: str, size: int) -> None:
    found = rows(f"{name}.csv")
    keys = [row[key] for row in found]
    assert len(keys) == len(set(keys)) == size
    assert {row[key] for row in found if row["part"] == "heldout"} == draw.heldout(keys, name)


@pytest.mark.parametrize("name", ["onet.csv", "de.csv", "fr.csv", "es.csv", "fresh.csv"])
def test_labels_use_the_contract_s_seniorities(name: str) -> None:
    assert {row["seniority"] for row in rows(name)} <= set(SENIORITIES)


def test_no_onet_title_is_committed() -> None:
    assert "title" not in rows("onet.csv")[0]
    assert all(not row["title"] for row in rows("fresh.csv") if row["line_or_language"].isdigit())
