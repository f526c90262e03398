"""The file of decided pairs: read with every fault, added to without losing what people wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.config.matches import append_decided, load_decided
from crmsync.errors import ConfigError
from crmsync.model.decided import Decided

ACME, BETA, GAMMA = "001A0000006Vm9uIAC", "001A0000006Vm9rIAC", "003A0000006Vm9tIAC"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "matches.yaml"


def _faults(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_decided(path)
    return [f"{fault.line}: {fault.message}" for fault in caught.value.faults]


@pytest.mark.parametrize("text", [None, "", "# nothing yet\n", "same:\ndifferent: []\n"])
def test_no_file_and_no_pairs_decide_nothing(path: Path, text: str | None) -> None:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert load_decided(path) == Decided()


def test_pairs_are_read_as_text_in_the_order_of_the_file(path: Path) -> None:
    path.write_text(f"same:\n  - [101, {ACME}]\n  - ['0102', {BETA}]\ndifferent: [[{GAMMA}, 7]]\n", encoding="utf-8")
    assert load_decided(path) == Decided(same=(("101", ACME), ("0102", BETA)), different=((GAMMA, "7"),))


def test_every_fault_comes_with_its_line(path: Path) -> None:
    text = f"""same:
  - [101, 102]
  - [{ACME}, {BETA}]
  - [103, {ACME}]
  - [103, {BETA}]
  - 104
  - [105, {BETA}, 1]
  - [true, {BETA}]
diferent: []
different:
  - [{ACME}, 103]
"""
    assert _faults(path, text) == [
        "2: same[1]: 101 and 102 are both ids of HubSpot; a pair has one of each CRM",
        f"3: same[2]: {ACME} and {BETA} are both ids of Salesforce; a pair has one of each CRM",
        f"4: same: [103, {ACME}] is also under different (line 11); leave it in one of the two",
        "5: same: 103 is in two pairs (first on line 4); a record is the same as one other only",
        "6: same[5]: expected two ids: [HUBSPOT_ID, SALESFORCE_ID]",
        "7: same[6]: expected two ids: [HUBSPOT_ID, SALESFORCE_ID]",
        "8: same[7]: expected two ids: [HUBSPOT_ID, SALESFORCE_ID]",
        "9: diferent: no such key; this file has same and different. Did you mean different?",
    ]


def test_what_is_no_mapping_or_no_list_is_a_fault(path: Path) -> None:
    assert _faults(path, "- 1\n") == ["1: expected same: and different:, each a list of pairs of ids"]
    assert _faults(path, "same: 1\n") == ["1: same: expected a list of pairs: - [HUBSPOT_ID, SALESFORCE_ID]"]
    assert _faults(path, "same: [\n")[0].endswith("expected the node content, but found '<stream end>'")


def test_a_company_and_a_contact_may_have_one_number_in_hubspot(path: Path) -> None:
    path.write_text(f"same: [[7, {ACME}], [7, {GAMMA}]]\n", encoding="utf-8")
    assert load_decided(path).same == (("7", ACME), ("7", GAMMA))


def test_comments_and_order_stay(path: Path) -> None:
    path.write_text(
        f"""# Decided with sales
same:
  - [101, {ACME}]  # Ann, in June
# These two share a switchboard.
different:  # ask before adding
  - [102, {BETA}]
""",
        encoding="utf-8",
    )
    assert append_decided(path, same=[("103", GAMMA)], different=[("101", BETA)]) == 2
    assert path.read_text(encoding="utf-8") == (
        f"""# Decided with sales
same:
  - [101, {ACME}]  # Ann, in June
  - [103, {GAMMA}]
# These two share a switchboard.
different:  # ask before adding
  - [102, {BETA}]
  - [101, {BETA}]
"""
    )


def test_a_file_is_made_where_there_is_none(path: Path) -> None:
    assert append_decided(path.parent / "new" / path.name, different=[("101", ACME)]) == 1
    assert load_decided(path.parent / "new" / path.name) == Decided(different=(("101", ACME),))


def test_comments_alone_stay_above_what_is_added(path: Path) -> None:
    path.write_text("# Nothing decided yet.\n", encoding="utf-8")
    append_decided(path, same=[("101", ACME)])
    assert path.read_text(encoding="utf-8") == f"# Nothing decided yet.\nsame:\n  - [101, {ACME}]\n"


def test_what_is_known_is_not_written_twice(path: Path) -> None:
    assert append_decided(path, same=[("101", ACME), (ACME, "101")]) == 1
    before = path.read_text(encoding="utf-8")
    assert append_decided(path, same=[(ACME, "101")]) == 0
    assert path.read_text(encoding="utf-8") == before


def test_a_contradiction_leaves_the_file_as_it_was(path: Path) -> None:
    append_decided(path, same=[("101", ACME)])
    before = path.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="101 is in two pairs"):
        append_decided(path, same=[("101", BETA)])
    with pytest.raises(ConfigError, match="also under different"):
        append_decided(path, different=[(ACME, "101")])
    assert path.read_text(encoding="utf-8") == before
    assert [found.name for found in path.parent.iterdir()] == [path.name]


_HUBSPOT = st.integers(min_value=0, max_value=10**12).map(str) | st.just("007") | st.just("12345678901234567890")
_SALESFORCE = st.from_regex(r"001[0-9A-Za-z]{15}", fullmatch=True).filter(lambda id_: not id_.isdecimal())


@given(st.lists(st.tuples(_HUBSPOT, _SALESFORCE), unique_by=(lambda pair: pair[0], lambda pair: pair[1]), max_size=6))
def test_what_is_added_is_read_again(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("decided") / "matches.yaml"
    half = len(pairs) // 2
    append_decided(path, same=pairs[:half])
    append_decided(path, different=pairs[half:])
    assert load_decided(path) == Decided(tuple(pairs[:half]), tuple(pairs[half:]))
