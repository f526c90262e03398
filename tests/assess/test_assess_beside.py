"""`beside` puts the columns of one frame next to another's rows, as a left join would."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crmsync.assess.base import beside

_IDS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(_IDS, st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 9)), st.booleans())
def test_it_is_a_left_join_in_the_frame_s_order(ids: list[str], figures: dict[str, int], narrow: bool) -> None:
    frame = pl.DataFrame({"id": ids, "row": range(len(ids))}, schema={"id": pl.String, "row": pl.Int64})
    extra = pl.DataFrame(
        {"id": list(figures), "figure": list(figures.values())}, schema={"id": pl.String, "figure": pl.Int64}
    )
    wide = beside(frame.with_columns(pl.col("id").cast(pl.Categorical)) if narrow else frame, extra)
    assert wide.columns == ["id", "row", "figure"]
    assert wide["row"].to_list() == list(range(len(ids)))
    assert wide["figure"].to_list() == [figures.get(id_) for id_ in ids]


def test_the_key_may_have_another_name_and_stays_behind() -> None:
    frame = pl.DataFrame({"id": ["1", "2"], "parent": ["2", None]})
    extra = pl.DataFrame({"account": ["2"], "name": ["above"]})
    assert beside(frame, extra, on="parent", key="account").rows() == [("1", "2", "above"), ("2", None, None)]
