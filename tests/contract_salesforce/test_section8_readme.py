"""README.md says which test stands for which item of section 8: each item has one, and each name is a test."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ITEMS = 25
_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_NAME = re.compile(r"`(test_\w+)`")
_TEST = re.compile(r"^def (test_(\d\d)\w+)\(", re.MULTILINE)


def numbered() -> set[str]:
    """Names of the numbered tests of this folder."""
    return {match[1] for path in HERE.glob("test_section8_*.py") for match in _TEST.finditer(path.read_text())}


def of_faults() -> set[str]:
    """The tests that put Salesforce's faults through whole syncs."""
    path = HERE.parent / "faults" / "test_faults_salesforce.py"
    return set(re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE))


def test_every_item_has_a_test_and_every_test_stands_in_the_table() -> None:
    rows = _ROW.findall((HERE / "README.md").read_text())
    assert [int(row[0]) for row in rows] == list(range(1, ITEMS + 1))
    known = numbered()
    named: set[str] = set()
    for number, item, *columns in rows:
        assert _NAME.findall(columns[0]), f"{item} has no test over plain HTTP"
        here = {name for column in columns for name in _NAME.findall(column)} - of_faults()
        assert here <= known, f"{item}: no such test {sorted(here - known)}"
        assert all(f"{int(number):02}" in name for name in here), f"{item}: {sorted(here)}"
        named |= here
    assert known == named, f"not in the table: {sorted(known - named)}"
