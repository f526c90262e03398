"""Text to tree: YAML 1.2 values, exact decimals, lines, and the faults of form."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crmsync.errors import ConfigError
from crmsync.program.yaml import Items, Scalar, Table, canonical, did_you_mean, dotted, parse


def value_of(text: str) -> object:
    tree, faults = parse(f"key: {text}\n", "f.yaml")
    assert not faults
    assert isinstance(tree, Table)
    node = tree.get("key")
    assert isinstance(node, Scalar)
    return node.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("5_000_000", 5_000_000),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("0.1", Decimal("0.1")),
        ("1e3", Decimal(1000)),
        ("10%", "10%"),
        ("2026-01-31", "2026-01-31"),
        ("~", None),
        ("", None),
        ('"12"', "12"),
        ("1:30", "1:30"),
    ],
)
def test_scalars_are_read_as_yaml_1_2(text: str, value: object) -> None:
    read = value_of(text)
    assert read == value
    assert type(read) is type(value)


def test_every_key_knows_its_line_and_path() -> None:
    tree, _ = parse("a: 1\nb:\n  - c: 2\n  - d: 3\n", "f.yaml")
    assert isinstance(tree, Table)
    items = tree.get("b")
    assert isinstance(items, Items)
    second = items.items[1]
    assert isinstance(second, Table)
    assert (second.entries[0].line, dotted(second.entries[0].value.path)) == (4, "b[2].d")


def test_broken_yaml_is_one_fault_with_file_and_line() -> None:
    tree, faults = parse("a: 1\nb: [1, 2\nc: 3\n", "f.yaml")
    assert tree is None
    assert len(faults) == 1
    assert str(faults[0]).startswith("f.yaml:3: this is not YAML: ")


def test_all_repeated_keys_are_told_with_the_line_of_the_first() -> None:
    _, faults = parse("a: 1\nb: {c: 1, c: 2}\na: 3\n", "f.yaml")
    assert [str(fault) for fault in faults] == [
        "f.yaml:2: b.c: given twice (first on line 2)",
        "f.yaml:3: a: given twice (first on line 1)",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: !!python/object:os.system x", "the tag"),
        ("a: !mine x", "the tag !mine"),
        ("a: &x {b: 1}\nc: {<<: *x}", "merge keys"),
        ("a: .nan", "cannot be used as a number"),
        ("a: .inf", "cannot be used as a number"),
        ("a: 1e999999", "cannot be used as a number"),
        ("? [a, b]\n: 1", "a key must be a word"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("a: &x [*x]", ""),
        ("a: *nowhere", "not YAML"),
        ("%YAML 1.1\n---\na: NO", "only 1.2 is read here"),
        ("a: \x00", "not YAML"),
        ('a: "\\U99999999"', "not YAML"),
    ],
)
def test_what_would_be_ambiguous_or_unsafe_is_a_fault(text: str, part: str) -> None:
    _, faults = parse(text, "f.yaml")
    assert faults
    assert part in str(faults[0])


def test_anchors_are_read_and_may_be_named_again() -> None:
    tree, faults = parse("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "f.yaml")
    assert not faults
    assert isinstance(tree, Table)
    assert [getattr(entry.value, "value", None) for entry in tree.entries] == [1, 1, 2, 2]


def test_anchors_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(ConfigError, match="anchors that multiply"):
        parse("\n".join(lines), "f.yaml")


def test_nesting_without_end_is_a_fault_not_a_crash() -> None:
    tree, faults = parse("a: " + "[" * 50_000, "f.yaml")
    assert tree is None
    assert len(faults) == 1


def test_comments_spelling_and_key_order_do_not_change_the_meaning_but_layer_order_does() -> None:
    def meaning(text: str) -> object:
        return canonical(parse(text, "f.yaml")[0])

    assert meaning("a: 5_000 # five\nb: 1.50\n") == meaning("b: 1.5\n\n'a': 5000\n")
    assert meaning("layers: {x: 1, y: 2}") != meaning("layers: {y: 2, x: 1}")
    assert meaning("a: '5'") != meaning("a: 5")


def test_near_misses_are_suggested_and_far_ones_are_not() -> None:
    assert did_you_mean("employes", ["employees", "revenue"]) == " Did you mean employees?"
    assert did_you_mean("xyz", ["employees", "revenue"]) == ""
