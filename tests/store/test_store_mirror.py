from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync.errors import StoreError
from crmsync.store import Owner, Store
from crmsync.store import links as links_module
from crmsync.store import mirror as mirror_module
from crmsync.store.frames import decode

from .conftest import NOON, Link, Rec, minutes, rec


def test_load_gives_one_column_a_property_and_null_for_missing_null_and_empty(store: Store) -> None:
    store.mirror.put_records("main", "company", [rec("1", name="Ryder", city=""), rec("2", name=None)], "p")
    frame = store.mirror.load("main", "company", ["name", "city", "never_pulled"])
    assert frame.schema == dict.fromkeys(["id", "name", "city", "never_pulled"], pl.String())
    assert frame.rows() == [("1", "Ryder", None, None), ("2", None, None, None)]


def test_loading_an_object_never_pulled_gives_its_columns_and_no_rows(store: Store) -> None:
    frame = store.mirror.load("main", "company", ["name"])
    assert frame.schema == {"id": pl.String(), "name": pl.String()}
    assert frame.is_empty()


def test_an_id_with_a_line_break_is_read_as_any_other(store: Store) -> None:
    store.mirror.put_records("main", "company", [rec(i, n=i) for i in ("1", "2\n3", "4")], "p")
    assert store.mirror.load("main", "company", ["n"]).rows() == [(i, i) for i in ("1", "2\n3", "4")]
    assert store.mirror.ids("main", "company").to_list() == ["1", "2\n3", "4"]


def test_numeric_ids_are_in_order_of_number(store: Store) -> None:
    store.mirror.put_records("main", "company", [rec(i, n=i) for i in ("100", "9", "20", "1000", "10")], "p")
    assert store.mirror.load("main", "company", ["n"]).rows() == [(i, i) for i in ("9", "10", "20", "100", "1000")]


def test_ids_that_are_not_all_numbers_are_in_order_of_text(store: Store) -> None:
    store.mirror.put_records("main", "company", [rec(i) for i in ("100", "9", "20", "0015gA")], "p")
    assert store.mirror.ids("main", "company").to_list() == ["0015gA", "100", "20", "9"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.one_of(
        st.sets(st.integers(0, 30_000).map(str), max_size=40),
        st.sets(st.text("0123456789aZ", min_size=1, max_size=3), max_size=40),
    ),
    chunk=st.integers(1, 12),
)
def test_the_order_does_not_depend_on_where_the_chunks_end(
    ids: set[str], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_module, "_CHUNK_ROWS", chunk)
    numeric = all(i == "0" or (i.isdigit() and i[0] != "0") for i in ids)
    with Store.open("sqlite://") as store:
        store.mirror.put_records("main", "deal", [rec(i, same=f"v{i}") for i in ids], "p")
        expected = sorted(ids, key=int) if numeric else sorted(ids)
        assert store.mirror.load("main", "deal", ["same"]).rows() == [(i, f"v{i}") for i in expected]


def test_records_of_other_portals_and_objects_stay_apart(store: Store) -> None:
    store.mirror.put_records("main", "company", [rec("1", name="a")], "p")
    store.mirror.put_records("other", "company", [rec("1", name="b")], "p")
    store.mirror.put_records("main", "contact", [rec("1", name="c")], "p")
    assert store.mirror.get("main", "company", "1") == {"name": "a"}
    assert store.mirror.sweep("other", "company", "q") == 1
    assert (store.mirror.count("main", "company"), store.mirror.count("other", "company")) == (1, 0)


def test_a_record_put_again_is_replaced_whole(store: Store) -> None:
    store.mirror.put_records("main", "company", [rec("1", name="old", city="Miami")], "p")
    store.mirror.put_records("main", "company", [rec("1", name="new")], "p")
    assert store.mirror.get("main", "company", "1") == {"name": "new"}


def test_a_sweep_deletes_what_the_full_pull_did_not_see_and_its_associations(store: Store) -> None:
    store.mirror.put_records("main", "deal", [rec("1"), rec("2"), rec("3")], "first")
    store.mirror.put_associations("main", "deal", "company", {"1": [Link("7")], "2": [Link("7"), Link("8")]})
    store.mirror.put_records("main", "deal", [rec("1"), rec("4")], "second")
    assert store.mirror.sweep("main", "deal", "second") == 2
    assert store.mirror.ids("main", "deal").to_list() == ["1", "4"]
    assert store.mirror.load_associations("main", "deal", "company").rows() == [("1", "7", None)]


def test_a_finished_full_pull_sets_layout_watermark_count_and_time_together(store: Store) -> None:
    store.mirror.put_records("main", "company", [rec("1"), rec("2")], "first")
    store.mirror.put_records("main", "company", [rec("2"), rec("3")], "second")
    swept = store.mirror.finish_full_pull(
        "main", "company", "second", layout=["name", "city"], watermark=NOON, at=minutes(3)
    )
    assert swept == 1
    state = store.mirror.pull_state("main", "company")
    assert (state.layout, state.watermark) == (("name", "city"), NOON)
    assert (state.full_count, state.full_at) == (2, minutes(3))


def test_a_watermark_moves_without_the_rest(store: Store) -> None:
    store.mirror.finish_full_pull("main", "company", "p", layout=["name"], watermark=NOON, at=NOON)
    store.mirror.set_watermark("main", "company", minutes(10))
    state = store.mirror.pull_state("main", "company")
    assert (state.layout, state.watermark, state.full_at) == (("name",), minutes(10), NOON)


def test_an_instant_without_a_time_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        store.mirror.set_watermark("main", "company", NOON.replace(tzinfo=None))


def test_updated_properties_are_merged_and_unknown_ids_left_out(store: Store) -> None:
    store.mirror.put_records("main", "company", [rec("1", name="Ryder", tier="tier_2", city="Miami")], "p")
    changed = store.mirror.update_properties(
        "main", "company", {"1": {"tier": "tier_1", "city": None}, "9": {"tier": "x"}}
    )
    assert changed == 1
    assert store.mirror.get("main", "company", "1") == {"name": "Ryder", "tier": "tier_1", "city": None}
    assert store.mirror.get("main", "company", "9") is None


def test_deleted_records_are_gone_and_counted(store: Store) -> None:
    store.mirror.put_records("main", "company", [rec(str(n)) for n in range(1_200)], "p")
    assert store.mirror.delete_records("main", "company", [str(n) for n in range(100, 1_300)]) == 1_100
    assert store.mirror.count("main", "company") == 100


def test_associations_put_again_replace_those_of_the_same_record(store: Store) -> None:
    first = {"1": [Link("7"), Link("8"), Link("7")], "2": [Link("9")]}
    store.mirror.put_associations("main", "deal", "company", first)
    store.mirror.put_associations("main", "deal", "company", {"1": [Link("8")], "3": []})
    assert store.mirror.load_associations("main", "deal", "company").rows() == [("1", "8", None), ("2", "9", None)]
    assert store.mirror.load_associations("main", "deal", "contact").is_empty()


def test_labels_of_an_association_are_kept_as_one_text_and_replaced_with_it(store: Store) -> None:
    twice = [Link("7", ("Decision maker",)), Link("8"), Link("7", ("Budget; legal", "Champion"))]
    store.mirror.put_associations("main", "deal", "contact", {"1": twice})
    kept = store.mirror.load_associations("main", "deal", "contact")
    assert kept.columns == ["from_id", "to_id", "labels"]
    assert kept.rows() == [("1", "7", "Budget, legal;Champion;Decision maker"), ("1", "8", None)]
    store.mirror.put_associations("main", "deal", "contact", {"1": [Link("7", ("Champion",))]})
    assert store.mirror.load_associations("main", "deal", "contact").rows() == [("1", "7", "Champion")]


def test_associations_between_two_ids_are_those_of_the_records_from_one_to_the_other(store: Store) -> None:
    links = {id_: [Link("7")] for id_ in ("1", "10", "100", "2", "30", "9")}
    store.mirror.put_associations("main", "deal", "company", links)
    found = store.mirror.load_associations("main", "deal", "company", between=("10", "30"))
    assert found["from_id"].to_list() == ["10", "100", "2", "30"]


def test_associations_of_several_pages_come_whole_and_in_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links_module, "_PAGE_ROWS", 7)
    linked = {str(n): [Link(str(to), ("Champion",) if to % 2 else ()) for to in range(5)] for n in range(10, 20)}
    store.mirror.put_associations("main", "deal", "contact", linked)
    expected = [(str(n), str(to), "Champion" if to % 2 else None) for n in range(10, 20) for to in range(5)]
    assert store.mirror.load_associations("main", "deal", "contact").rows() == expected
    assert store.mirror.load_associations("main", "deal", "contact", between=("12", "13")).rows() == expected[10:20]


def test_ids_and_labels_with_line_breaks_are_read_as_they_are(store: Store) -> None:
    links = {"1": [Link("7\n8", ("Decision\nmaker",))], "2": [Link("9")]}
    store.mirror.put_associations("main", "deal", "contact", links)
    found = store.mirror.load_associations("main", "deal", "contact").rows()
    assert found == [("1", "7\n8", "Decision maker"), ("2", "9", None)]


@pytest.mark.parametrize("place", ["file", "memory"])
def test_associations_can_be_read_while_records_are(place: str, store: Store) -> None:
    with store if place == "file" else Store.open("sqlite://") as used:
        used.mirror.put_records("main", "deal", [rec("1", name="a"), rec("2", name="b")], "p")
        used.mirror.put_associations("main", "deal", "company", {"1": [Link("7")]})
        for page in used.mirror.scan("main", "deal", ["name"]):
            assert page.height == 2
            assert used.mirror.load_associations("main", "deal", "company").height == 1
        assert used.mirror.count("main", "deal") == 2


def test_owners_are_replaced_whole(store: Store) -> None:
    store.mirror.put_owners("main", [Owner("1", "Anna Snelling", True), Owner("2", "Ben Ode", True)])
    store.mirror.put_owners("main", [Owner("2", "Ben Ode", False)])
    assert store.mirror.owners("main") == [Owner("2", "Ben Ode", False)]


def test_clearing_a_portal_asks_for_a_full_pull_and_leaves_the_others(store: Store) -> None:
    for portal in ("main", "other"):
        store.mirror.put_records(portal, "company", [rec("1")], "p")
        store.mirror.finish_full_pull(portal, "company", "p", layout=["name"], watermark=NOON, at=NOON)
    store.mirror.clear("main")
    assert store.mirror.pull_state("main", "company").layout is None
    assert (store.mirror.count("main", "company"), store.mirror.count("other", "company")) == (0, 1)


def test_json_over_several_lines_reads_as_one_record(store: Store) -> None:
    text = json.dumps({"name": "two\nlines", "city": "x"}, indent=2).encode()
    store.mirror.put_records("main", "company", [Rec("1", "t", text), rec("2", name="b")], "p")
    assert store.mirror.load("main", "company", ["name"]).rows() == [("1", "two\nlines"), ("2", "b")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'{"v": "half \ud800 pair"}', "half ? pair"),
        (rb'{"v": "\ud83d\ude00"}', "\U0001f600"),
        ('{"v": "Zürich 東京"}'.encode(), "Zürich 東京"),
        (b'{"v": true}', "true"),
        (b'{"v": 5}', "5"),
        (b'{"v": "latin \xfc"}', "latin \ufffd"),
    ],
)
def test_an_odd_value_reads_the_same_by_column_and_by_record_and_costs_no_other_record(
    store: Store, text: bytes, value: str
) -> None:
    store.mirror.put_records("main", "company", [Rec("1", "t", text), rec("2", v="plain")], "p")
    assert store.mirror.load("main", "company", ["v"]).rows() == [("1", value), ("2", "plain")]
    assert store.mirror.get("main", "company", "1") == {"v": value}


@pytest.mark.parametrize("text", [b"", b"nonsense", b"[1]"])
def test_a_damaged_record_is_a_store_error(text: bytes) -> None:
    with pytest.raises(StoreError, match="run a full pull"):
        decode(text)


_IDS = st.integers(1, 9).map(str)
_VALUES = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.one_of(st.none(), st.text(max_size=4)))
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.dictionaries(_IDS, _VALUES, max_size=4)),
        st.tuples(st.just("merge"), st.dictionaries(_IDS, _VALUES, max_size=4)),
        st.tuples(st.just("delete"), st.sets(_IDS, max_size=3)),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps=_STEPS)
def test_the_mirror_is_a_dictionary(steps: list[tuple[str, dict[str, dict[str, str | None]]]]) -> None:
    model: dict[str, dict[str, str | None]] = {}
    with Store.open("sqlite://") as store:
        for step, what in steps:
            if step == "put":
                store.mirror.put_records("main", "company", [rec(i, **values) for i, values in what.items()], "p")
                model |= what
            elif step == "merge":
                store.mirror.update_properties("main", "company", what)
                model |= {i: model[i] | values for i, values in what.items() if i in model}
            else:
                store.mirror.delete_records("main", "company", what)
                model = {i: values for i, values in model.items() if i not in what}
        rows = store.mirror.load("main", "company", ["a", "b", "c"]).rows()
        assert rows == [(i, *(model[i].get(c) or None for c in "abc")) for i in sorted(model)]
        assert store.mirror.get_many("main", "company", "123456789") == model


def test_threads_may_write_at_once_and_nothing_is_lost(store: Store) -> None:
    failures: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for n in range(first, first + 40):
                store.mirror.put_records("main", "company", [rec(str(n), n=str(n))], "p")
                store.mirror.get("main", "company", str(n))
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(start * 1_000,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.mirror.count("main", "company") == 160


def test_a_load_sees_one_state_while_others_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setattr(mirror_module, "_CHUNK_ROWS", 2)
    store.mirror.put_records("main", "company", [rec(str(n), v="old") for n in range(10, 16)], "p")
    original = mirror_module.Mirror._pages

    def interrupted(self: mirror_module.Mirror, *args: object) -> Iterator[tuple[list[str], list[bytes]]]:
        for page in original(self, *args):  # type: ignore[arg-type]  # the same arguments, handed on
            yield page
            store.mirror.update_properties("main", "company", {str(n): {"v": "new"} for n in range(10, 16)})

    monkeypatch.setattr(mirror_module.Mirror, "_pages", interrupted)
    assert set(store.mirror.load("main", "company", ["v"])["v"]) == {"old"}


def test_association_records_are_found_by_their_own_ids_and_go_with_their_record(store: Store) -> None:
    links = {"1": [Link("7", ("Evaluator",), ("a", "b"))], "2": [Link("7", (), ("c",)), Link("8", (), ("d",))]}
    store.mirror.put_records("main", "deal", [rec("1"), rec("2")], "p1")
    store.mirror.put_associations("main", "deal", "contact", links)
    assert store.mirror.linked_by("main", "deal", "contact", ["b", "d", "x"]) == ["1", "2"]
    store.mirror.put_associations("main", "deal", "contact", {"2": [Link("7", (), ("c",))]})
    assert store.mirror.linked_by("main", "deal", "contact", ["a", "d"]) == ["1"]
    store.mirror.delete_records("main", "deal", ["1"])
    assert store.mirror.linked_by("main", "deal", "contact", ["a", "b", "c"]) == ["2"]
    assert store.mirror.linked_by("elsewhere", "deal", "contact", ["c"]) == []
