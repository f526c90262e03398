"""Dates, booleans and sets from CRM text."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.model.moments import date_time
from crmsync.normalize.booleans import boolean
from crmsync.normalize.columns import normalize_unique, parse_boolean, parse_datetime, parse_set

MOMENTS = [
    ("2026-08-02T23:00:00.000Z", datetime(2026, 8, 2, 23, tzinfo=UTC)),
    ("2026-08-02T23:00:00Z", datetime(2026, 8, 2, 23, tzinfo=UTC)),
    ("2026-08-02T23:00:00.123456Z", datetime(2026, 8, 2, 23, 0, 0, 123456, tzinfo=UTC)),
    ("2026-08-02T23:00:00.1Z", datetime(2026, 8, 2, 23, 0, 0, 100000, tzinfo=UTC)),
    ("2026-08-02T23:00:00+02:00", datetime(2026, 8, 2, 21, tzinfo=UTC)),
    ("2026-08-02T23:00:00.000-0530", datetime(2026, 8, 3, 4, 30, tzinfo=UTC)),
    ("2026-08-02 23:15", datetime(2026, 8, 2, 23, 15, tzinfo=UTC)),
    ("2026-08-02", datetime(2026, 8, 2, tzinfo=UTC)),
    (" 2026-08-02 ", datetime(2026, 8, 2, tzinfo=UTC)),
    ("1785711600000", datetime(2026, 8, 2, 23, tzinfo=UTC)),
    ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
    ("2026-02-29", None),
    ("2026-13-01", None),
    ("2026-08-02T25:00:00Z", None),
    ("31.12.2026", None),
    ("12/31/26", None),
    ("20260802", None),
    ("1785711600", None),
    ("yesterday", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "moment"), MOMENTS)
def test_points_in_time_are_read_in_utc(text: str, moment: datetime | None) -> None:
    assert date_time(text) == moment


def test_a_column_of_dates_reads_as_each_value_does() -> None:
    frame = pl.DataFrame({"raw": [text for text, _ in MOMENTS] + [None]}, schema={"raw": pl.String})
    out = frame.select(parse_datetime(pl.col("raw")).alias("at"))
    assert out.schema == pl.Schema({"at": pl.Datetime("us", "UTC")})
    assert out["at"].to_list() == [moment for _, moment in MOMENTS] + [None]


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1)))
def test_every_moment_survives_iso_text(moment: datetime) -> None:
    at = moment.replace(tzinfo=UTC)
    texts = [at.isoformat(), at.isoformat().replace("+00:00", "Z")]
    frame = pl.DataFrame({"raw": texts})
    assert frame.select(parse_datetime(pl.col("raw"))).to_series().to_list() == [at, at]


_FORMS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.123Z", "%Y-%m-%dT%H:%M:%S.5Z", "%Y-%m-%d %H:%M:%S+02:00", "%Y-%m-%d")


@given(st.lists(st.tuples(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)), st.sampled_from(_FORMS))))
def test_a_column_of_mixed_forms_reads_as_each_text_alone(rows: list[tuple[datetime, str]]) -> None:
    texts = [*(moment.strftime(form) for moment, form in rows), "2026-02-30T10:00:00Z", None]
    column = pl.DataFrame({"raw": texts}).select(parse_datetime(pl.col("raw"))).to_series()
    assert column.to_list() == [date_time(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("TRUE", True), (" yes", True), ("1", True), ("false", False), ("No", False), ("0", False)]
    + [(text, None) for text in ("", "maybe", "2", None)],
)
def test_booleans_say_yes_no_or_nothing(text: str | None, value: bool | None) -> None:
    assert boolean(text) is value
    assert pl.DataFrame({"raw": [text]}, schema={"raw": pl.String}).select(parse_boolean(pl.col("raw"))).item() is value


def test_sets_hold_each_value_once_and_an_empty_set_is_unknown() -> None:
    frame = pl.DataFrame({"raw": ["hubspot;salesforce", " a ; b;;a", ";x", ";", "", None]})
    out = frame.select(parse_set(pl.col("raw")).alias("set"))
    assert out.schema == pl.Schema({"set": pl.List(pl.String())})
    assert out["set"].to_list() == [["hubspot", "salesforce"], ["a", "b"], ["x"], None, None, None]


def test_a_text_function_is_called_once_for_each_distinct_value() -> None:
    calls: list[str] = []

    def upper(text: str) -> str | None:
        calls.append(text)
        return text.upper() if text else None

    out = normalize_unique(pl.Series("country", ["de", None, "de", "", "fr"]), upper)
    assert out.to_list() == ["DE", None, "DE", None, "FR"]
    assert out.name == "country"
    assert sorted(calls) == ["", "de", "fr"]


def test_a_column_without_text_stays_as_it_is() -> None:
    assert normalize_unique(pl.Series([None, None], dtype=pl.String), str.upper).to_list() == [None, None]
