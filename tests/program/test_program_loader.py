"""Programs: what a whole file becomes, and every fault of a bad one at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync.errors import ConfigError, Fault
from crmsync.program import Named, Program, Section, leaves, load_program, load_program_text

GOOD = """\
program: example
currency: USD
conditions:                      # named, used by name anywhere below
  competitor: {domain: {in: [rival.example]}}
  big: [icp, {employees: {gte: 1000}}]
exclude: competitor
icp:
  all:
    - industry: {in: [COMPUTER_SOFTWARE, FINANCIAL_SERVICES]}
    - employees: {gte: 25}
tiers:
  layers:
    tier_5: icp
    tier_4: {revenue: {between: [5_000_000, 20_000_000]}}
    tier_3: {country: {in: [US, NO]}}
targets:
  from: [tier_3]
  capacity: {total: 200, per_owner: 20}
lists: [tier, target_status]
"""


def load(text: str, sections: Sequence[Section]) -> Program:
    return load_program_text(text, "config/program.yaml", sections)


def faults(text: str, sections: Sequence[Section]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_program_text(text, "config/program.yaml", sections, outputs={"tier", "target_status"})
    return [str(fault) for fault in caught.value.faults]


def test_a_program_is_read_whole(sections: list[Section]) -> None:
    program = load(GOOD, sections)
    assert (program.name, program.currency, program.lists) == ("example", "USD", ("tier", "target_status"))
    assert program.fields == {"domain", "industry", "employees", "revenue", "country"}
    assert isinstance(program.exclude, Named)
    assert sorted(program.conditions) == ["big", "competitor", "icp"]
    assert program.section("icp_recommended_max") == 500
    tiers = program.section("tiers")
    assert isinstance(tiers, dict)
    assert list(tiers) == ["tier_5", "tier_4", "tier_3"]
    assert leaves(tiers["tier_4"])[0].value == (500_000_000, 2_000_000_000)


def test_the_digest_follows_the_meaning_not_the_spelling(sections: list[Section]) -> None:
    digest = load(GOOD, sections).digest
    assert load("# a note\n" + GOOD.replace("5_000_000", "5000000"), sections).digest == digest
    moved = "lists: [tier, target_status]\n" + GOOD.replace("lists: [tier, target_status]\n", "")
    assert load(moved, sections).digest == digest
    assert load(GOOD.replace("gte: 25", "gte: 26"), sections).digest != digest
    swapped = GOOD.replace("    tier_5: icp\n", "").replace("[US, NO]}}\n", "[US, NO]}}\n    tier_5: icp\n")
    assert load(swapped, sections).digest != digest


def test_every_fault_is_told_at_once_in_the_order_of_the_file(sections: list[Section]) -> None:
    bad = """\
progam: example
conditions:
  a: b
  b: {not: a}
  icp: {employees: {gte: 3}}
icp:
  - industri: {in: [X]}
  - compettitor
icp_recommended_max: many
tiers:
  layer: {}
  layers:
    tier_5: 5
    tier_5: icp
    tier_4: {employes: {gte: 1}}
targets: {from: [tier_4, tier_9], capacity: {totl: 5}}
lists: [teir]
"""
    assert faults(bad, sections) == [
        "config/program.yaml:1: program: missing; expected a name for the program",
        "config/program.yaml:1: progam: no such key. Did you mean program?",
        "config/program.yaml:4: conditions.b.not: a condition cannot stand on itself: a -> b -> a",
        "config/program.yaml:5: conditions.icp: the section icp gives this name already; choose another",
        "config/program.yaml:7: icp[1].industri: no such field. Did you mean industry?",
        "config/program.yaml:8: icp[2]: no condition is named compettitor. Named: a, b, icp.",
        "config/program.yaml:9: icp_recommended_max: expected a whole number",
        "config/program.yaml:11: tiers.layer: no such key. Did you mean layers?",
        "config/program.yaml:13: tiers.layers.tier_5: expected a condition {field: {operator: value}} "
        "or a condition's name",
        "config/program.yaml:14: tiers.layers.tier_5: given twice (first on line 13)",
        "config/program.yaml:15: tiers.layers.tier_4.employes: no such field. Did you mean employees?",
        "config/program.yaml:16: targets.capacity.total: missing; it is required",
        "config/program.yaml:16: targets.capacity.totl: no such key. Did you mean total?",
        "config/program.yaml:17: lists[1]: no list can be made of teir. Did you mean tier?",
    ]


def test_a_section_reports_its_own_faults_with_their_line(sections: list[Section]) -> None:
    bad = GOOD.replace("from: [tier_3]", "from:\n    - tier_3\n    - tier_9")
    assert faults(bad, sections) == ["config/program.yaml:19: targets.from[2]: tier_9 is not one of the tiers"]


def test_the_message_of_the_exception_counts_the_faults(sections: list[Section]) -> None:
    with pytest.raises(ConfigError, match=r"1 fault; nothing was read or written\."):
        load("program: x\nicp: {employes: {gte: 1}}\n", sections)


def test_a_fault_in_a_named_condition_is_told_once(sections: list[Section]) -> None:
    text = "program: x\nconditions: {c: {employes: {gte: 1}}}\nexclude: c\nicp: c\n"
    assert faults(text, sections) == [
        "config/program.yaml:2: conditions.c.employes: no such field. Did you mean employees?"
    ]


def test_conditions_that_go_in_circles_through_a_section_are_told(sections: list[Section]) -> None:
    assert faults("program: x\nicp: icp\n", sections) == [
        "config/program.yaml:2: icp: a condition cannot stand on itself: icp"
    ]
    through = faults("program: x\nconditions: {c: {not: icp}}\nicp: [c]\n", sections)
    assert len(through) == 1
    assert "a condition cannot stand on itself" in through[0]


def test_a_name_of_a_section_that_is_not_there_is_told(sections: list[Section]) -> None:
    found = faults("program: x\ntiers: {layers: {tier_5: icp}}\n", sections)
    assert found == [
        "config/program.yaml:1: icp: missing; a program needs it",
        "config/program.yaml:2: tiers.layers.tier_5: icp is given by the section icp, which this program does not have",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "config/program.yaml: the file is empty"),
        ("# only a comment\n", "config/program.yaml: the file is empty"),
        ("- a\n", "config/program.yaml:1: expected keys such as program: and icp:"),
        ("program: [", "this is not YAML"),
    ],
)
def test_what_is_no_program_at_all_is_one_fault(text: str, message: str, sections: list[Section]) -> None:
    found = faults(text, sections)
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize("currency", ["usd", "Dollar", "12", "[USD]"])
def test_a_currency_is_its_code(currency: str, sections: list[Section]) -> None:
    found = faults(f"program: x\ncurrency: {currency}\nicp: {{employees: {{gte: 1}}}}\n", sections)
    assert len(found) == 1
    assert "config/program.yaml:2: currency: " in found[0]


def test_keys_whose_lines_are_all_commented_out_count_as_not_given(sections: list[Section]) -> None:
    program = load("program: x\nconditions:\n  # a: {}\nexclude:\nlists:\nicp: {employees: {gte: 1}}\n", sections)
    assert (program.exclude, program.lists, sorted(program.conditions)) == (None, (), ["icp"])


def test_a_missing_file_says_how_to_start(tmp_path: Path, sections: list[Section]) -> None:
    with pytest.raises(ConfigError, match="crmsync init DIR"):
        load_program(tmp_path / "program.yaml", sections)


def test_a_file_that_is_not_text_is_a_fault(tmp_path: Path, sections: list[Section]) -> None:
    path = tmp_path / "program.yaml"
    path.write_bytes(b"program: \xff\xfe\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_program(path, sections)


def test_a_file_saved_with_a_byte_order_mark_and_windows_lines_is_read(tmp_path: Path, sections: list[Section]) -> None:
    path = tmp_path / "program.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_program(path, sections).digest == load(GOOD, sections).digest


WORDS = st.sampled_from(
    (
        *("program", "icp", "tiers", "layers", "all", "not", "employees", "gte", "in", "revenue", "between", "x", "NO"),
        *(": ", ":", "- ", "[", "]", "{", "}", ", ", "\n", "\n  ", "\n    ", "5", "1.5", "*a", "&a ", "'", '"', "!t "),
    )
)


def told(text: str, sections: list[Section]) -> Sequence[Fault]:
    """The faults of a text, none if it is a program; any other exception is a failure."""
    try:
        load_program_text(text, "f.yaml", sections)
    except ConfigError as error:
        return error.faults or [Fault("no fault at all", None, "")]
    return []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=30).map("".join)))
def test_any_text_is_a_program_or_a_list_of_faults(sections: list[Section], text: str) -> None:
    assert all(fault.where == "f.yaml" for fault in told(text, sections))


LINES = GOOD.splitlines()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, len(LINES) - 1), min_size=1, max_size=5))
def test_a_program_with_lines_missing_is_read_or_refused_with_lines(sections: list[Section], gone: list[int]) -> None:
    text = "\n".join(line for number, line in enumerate(LINES) if number not in gone)
    assert all(fault.line is not None for fault in told(text, sections))
