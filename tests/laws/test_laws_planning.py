"""Laws of the plan: applying it to what stands gives what is wanted, its reverse restores, more never breaches less."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.model.limits import Limit
from crmsync.model.outputs import NativePolicy, Option, Output, OutputKind
from crmsync.model.snapshot import Coverage
from crmsync.planning.diff import NativeRule, canonical, diff
from crmsync.planning.guard import GuardLimits, read_guards
from crmsync.planning.lists import list_moves
from crmsync.planning.standing import Standing
from crmsync.planning.withhold import from_partial

PREFIX = "abm_"
TIERS = ("none", "tier_3", "tier_2", "tier_1")
STATUSES = ("candidate", "active", "at_risk", "removed")
TIER = Output(
    "tier", "company", OutputKind.ENUM, "Tier", options=tuple(Option(t, t) for t in TIERS), ranked=TIERS,
    system="tiers", list_name="ABM: {label}", list_skips=("none",),
)  # fmt: skip
STATUS = Output("target_status", "company", OutputKind.ENUM, "Status", system="targets")
GAPS = Output("data_gaps", "company", OutputKind.MULTI, "Gaps", system="tiers")
NAMES = Output("names_known", "company", OutputKind.NUMBER, "Names", system="stakeholders")
REASON = Output("tier_reason", "company", OutputKind.TEXT, "Reason", follows=True, system="tiers")
OUTPUTS = (TIER, STATUS, GAPS, NAMES, REASON)
DECISIONS = (TIER, STATUS, GAPS, NAMES)

_maybe = st.none
VALUES = {
    "tier": _maybe() | st.sampled_from(TIERS),
    "target_status": _maybe() | st.sampled_from(STATUSES),
    "data_gaps": _maybe() | st.sampled_from(["", "revenue", "revenue;country", "country;revenue", "country"]),
    "names_known": _maybe() | st.sampled_from(["1", "1.0", "7", "12"]),
    "tier_reason": _maybe() | st.sampled_from(["", "meets ICP", "held while unknown: revenue"]),
}
RECORD = st.fixed_dictionaries(
    {f"{side}.{name}": values for name, values in VALUES.items() for side in ("held", "out")}
    | {"native.profile": _maybe() | st.sampled_from(["tier_1", "tier_2", "tier_3"])}
)
RECORDS = st.lists(RECORD, min_size=1, max_size=12)
PROFILE = NativeRule("profile", "company", "hs_profile", "tier", NativePolicy.OWN, {t: t for t in TIERS if t != "none"})


def frame_of(records: list[dict[str, str | None]]) -> pl.DataFrame:
    rows = [{"id": str(n + 1), **record} for n, record in enumerate(records)]
    return pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String()))


def changes_of(frame: pl.DataFrame) -> pl.DataFrame:
    return diff({"company": frame}, OUTPUTS, [PROFILE], prefix=PREFIX, run_id="r-1")


def written(frame: pl.DataFrame, changes: pl.DataFrame, side: str = "after") -> pl.DataFrame:
    """The frame whose held and native columns take what the changes say; the test's own CRM."""
    rows = frame.to_dicts()
    columns = {PREFIX + name: "held." + name for name in [*VALUES, "last_run"]} | {"hs_profile": "native.profile"}
    for change in changes.iter_rows(named=True):
        rows[int(change["id"]) - 1][columns[change["property"]]] = change[side]
    return pl.DataFrame(rows, schema=frame.schema)


def texts(frame: pl.DataFrame, output: Output, side: str) -> list[str | None]:
    return frame.select(canonical(pl.col(f"{side}.{output.name}"), output.kind)).to_series().to_list()


@given(RECORDS)
def test_applying_the_plan_gives_what_is_wanted(records: list[dict[str, str | None]]) -> None:
    frame = frame_of(records).with_columns(pl.lit(None, dtype=pl.String).alias("held.last_run"))
    changes = changes_of(frame)
    after = written(frame, changes)
    for output in DECISIONS:
        assert texts(after, output, "held") == texts(frame, output, "out")
    touched = set(changes["id"])
    for row in after.iter_rows(named=True):
        if row["id"] in touched:
            assert (row["held.tier_reason"] or None) == (row["out.tier_reason"] or None)


@given(RECORDS)
def test_a_plan_on_what_the_plan_has_written_is_empty(records: list[dict[str, str | None]]) -> None:
    frame = frame_of(records).with_columns(pl.lit(None, dtype=pl.String).alias("held.last_run"))
    assert changes_of(written(frame, changes_of(frame))).is_empty()


@given(RECORDS)
def test_the_reverse_of_a_plan_restores_what_stood(records: list[dict[str, str | None]]) -> None:
    frame = frame_of(records).with_columns(pl.lit(None, dtype=pl.String).alias("held.last_run"))
    changes = changes_of(frame)
    blank_is_none = pl.all().replace({"": None})
    restored = written(written(frame, changes), changes, "before")
    assert restored.with_columns(blank_is_none).equals(frame.with_columns(blank_is_none))


@given(RECORDS)
def test_a_plan_names_each_value_once_and_never_one_that_stands(records: list[dict[str, str | None]]) -> None:
    changes = changes_of(frame_of(records))
    assert changes.select("id", "property").is_unique().all()
    assert changes.filter(pl.col("before").eq_missing(pl.col("after"))).is_empty()
    assert changes["seq"].to_list() == list(range(1, changes.height + 1))


@given(RECORDS)
def test_from_a_partial_read_nothing_that_stands_is_demoted_cleared_or_replaced(
    records: list[dict[str, str | None]],
) -> None:
    changes = changes_of(frame_of(records))
    kept, held_back = from_partial(changes, OUTPUTS, prefix=PREFIX)
    decided = kept.filter(~pl.col("property").is_in(["abm_tier_reason", "abm_last_run"]))
    for change in decided.iter_rows(named=True):
        rises = change["property"] == "abm_tier" and change["before"] in TIERS and change["after"] in TIERS
        if change["before"] is not None:
            assert rises
            assert TIERS.index(change["after"]) > TIERS.index(change["before"])
    assert kept.select("seq").join(held_back.select("seq"), on="seq", how="semi").is_empty()


@settings(max_examples=200)
@given(RECORDS, st.data())
def test_a_plan_with_more_of_the_changes_never_breaches_less(
    records: list[dict[str, str | None]], data: st.DataObject
) -> None:
    frame = frame_of(records)
    changes = changes_of(frame)
    chosen = data.draw(st.lists(st.booleans(), min_size=changes.height, max_size=changes.height))
    fewer = changes.filter(pl.Series(chosen, dtype=pl.Boolean))
    limit = st.builds(lambda n: Limit(count=n), st.integers(0, 6)) | st.builds(
        lambda n: Limit(share=float(n)), st.integers(0, 100)
    )
    limits = GuardLimits(
        data.draw(limit), data.draw(limit), data.draw(limit), data.draw(limit), data.draw(limit),
        min_snapshot=98, floor=data.draw(st.integers(0, 3)),
    )  # fmt: skip
    assert breaches(frame, fewer, limits) <= breaches(frame, changes, limits)


def breaches(frame: pl.DataFrame, changes: pl.DataFrame, limits: GuardLimits) -> set[str]:
    seen = {"company": Coverage(frame.height, frame.height, frame.height)}
    moves = list_moves(changes, Standing.of({"company": frame}, OUTPUTS), OUTPUTS, prefix=PREFIX)
    readings = read_guards(
        changes, Standing.of({"company": frame}, OUTPUTS), OUTPUTS, seen, limits, prefix=PREFIX, moves=moves
    )
    return {reading.name for reading in readings if reading.breached}
