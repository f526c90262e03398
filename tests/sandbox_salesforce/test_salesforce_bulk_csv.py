"""The CSV rules of Bulk API 2.0, byte by byte (salesforce.md section 2.4)."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.sandbox.salesforce.bulk_csv import DELIMITERS, LINE_ENDINGS, CsvError, Dialect, cell

LF, CRLF = Dialect(), Dialect(line_ending="CRLF")


def error(dialect: Dialect, data: bytes) -> str:
    with pytest.raises(CsvError) as caught:
        dialect.read(data)
    return str(caught.value)


def test_nothing_is_trimmed_and_a_quoted_newline_stays_within_its_field() -> None:
    header, rows = LF.read(b'Name,Site\n" a ", b\n"x\ny",\n')
    assert header == ["Name", "Site"]
    assert rows == [[" a ", " b"], ["x\ny", ""]]


@pytest.mark.parametrize(
    ("dialect", "data", "setting"),
    [
        (LF, b"Name\r\na\r\n", "LF"),
        (LF, b'Name\n"a\r\nb"\n', "LF"),
        (LF, b"Name\ra\r", "LF"),
        (CRLF, b"Name\na\n", "CRLF"),
        (CRLF, b'Name\r\n"a\nb"\r\n', "CRLF"),
    ],
)
def test_every_line_ending_has_to_be_the_jobs(dialect: Dialect, data: bytes, setting: str) -> None:
    said = f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {setting}"
    assert error(dialect, data) == said


def test_a_byte_order_mark_becomes_part_of_the_first_name() -> None:
    header, _ = LF.read("\ufeffName,Site\na,b\n".encode())
    assert header == ["\ufeffName", "Site"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Unable to find any data"),
        (b"Name,Site\na\n", "columns in row 2 is 1, expected 2"),
        (b"Name\n\xff\n", "not in UTF-8"),
        (b'Name\n"a\n', "Failed to parse CSV"),
        (b"Name\n" + b"x" * 32_001 + b"\n", "row 2 has more than 32000 characters"),
        (b",".join([b"x"] * 5_001) + b"\n", "More than 5000 fields"),
        (b",".join([b"x"] * 20) + b"\n" + b",".join([b"y" * 20_001] * 20) + b"\n", "more than 400000 characters"),
    ],
)
def test_what_no_job_can_read_fails_it(data: bytes, said: str) -> None:
    assert error(LF, data).startswith("InvalidBatch : ")
    assert said in error(LF, data)


@given(
    st.sampled_from(sorted(DELIMITERS)),
    st.sampled_from(sorted(LINE_ENDINGS)),
    st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])), min_size=2, max_size=2)),
)
def test_what_is_written_is_read_back_in_every_dialect(delimiter: str, ending: str, rows: list[list[str]]) -> None:
    dialect = Dialect(delimiter, ending)
    data = dialect.write(["A", "B"], rows)
    assert dialect.read(data) == (["A", "B"], rows)
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=DELIMITERS[delimiter])
    assert list(reader) == [["A", "B"], *rows]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (1_500_000.0, "1500000.0"),
        (10_000_000.0, "1.0E7"),
        (5.6e9, "5.6E9"),
        (12_345_678.9, "1.23456789E7"),
        (0.0001, "1.0E-4"),
        (0.0, "0.0"),
        ("2026-03-04T05:06:07.000+0000", "2026-03-04T05:06:07.000Z"),
        ("2026-03-04", "2026-03-04"),
        ("Name +0000", "Name +0000"),
    ],
)
def test_query_results_show_doubles_as_java_does_and_moments_with_a_z(value: object, shown: str) -> None:
    assert cell(value) == shown


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_shown_is_the_same_double(value: float) -> None:
    assert float(cell(value)) == value
