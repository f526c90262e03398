"""Numbers and money: exact, or unreadable."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.normalize.columns import parse_integer, parse_money, unreadable
from crmsync.normalize.money import money
from crmsync.normalize.numbers import integer

MONEY = [
    ("648125000000", 64_812_500_000_000),
    ("6.48125E11", 64_812_500_000_000),
    ("648125000000.01", 64_812_500_000_001),
    ("1234.5", 123_450),
    ("12.5", 1_250),
    (" 7 ", 700),
    ("-3.10", -310),
    ("+5", 500),
    (".5", 50),
    ("5.", 500),
    ("0", 0),
    ("0.00", 0),
    ("000012.30", 1_230),
    ("12.345", 1_235),
    ("12.344", 1_234),
    ("-12.345", -1_235),
    ("0.005", 1),
    ("0.0049", 0),
    ("1e-2", 1),
    ("1e-3", 0),
    ("1E16", 10**18),
    ("92233720368547758.07", 2**63 - 1),
    ("92233720368547758.08", None),
    ("92233720368547758.075", None),
    ("0.00499999999999999999999999999999999999", 0),
    ("\u00a07", None),
    ("1E18", None),
    ("1E9999", None),
    ("0E9999", 0),
    ("99999999999999999999", None),
    ("12,5 M€", None),
    ("1,000", None),
    ("1.000,50", None),
    ("$4.7 B", None),
    ("4.7B", None),
    ("1 000", None),
    ("", None),
    (".", None),
    ("-", None),
    ("E5", None),
    ("1E", None),
    ("NaN", None),
    ("Infinity", None),
    ("0x10", None),
    ("١٢", None),
    ("1_000", None),
]


@pytest.mark.parametrize(("text", "cents"), MONEY)
def test_money_is_read_to_the_cent_or_not_at_all(text: str, cents: int | None) -> None:
    assert money(text) == cents


def test_a_column_of_money_reads_as_each_value_does() -> None:
    frame = pl.DataFrame({"raw": [text for text, _ in MONEY] + [None]}, schema={"raw": pl.String})
    out = frame.select(parse_money(pl.col("raw")).alias("cents"))
    assert out.schema == pl.Schema({"cents": pl.Int64()})
    assert out["cents"].to_list() == [cents for _, cents in MONEY] + [None]


def test_minor_digits_follow_the_currency() -> None:
    frame = pl.DataFrame({"raw": ["12.5", "1.2345"]})
    assert frame.select(parse_money(pl.col("raw"), minor_digits=0)).to_series().to_list() == [13, 1]
    assert frame.select(parse_money(pl.col("raw"), minor_digits=3)).to_series().to_list() == [12_500, 1_235]
    assert money("12.5", 0) == 13


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("12.0", 12), ("1.2E3", 1200), ("-4", -4), ("0", 0), ("10E-1", 1), ("0.0", 0), ("0e-5", 0)]
    + [(text, None) for text in ("12.5", "1,000", "1e-1", "twelve", "9223372036854775808")],
)
def test_integers_are_whole_or_unreadable(text: str, number: int | None) -> None:
    assert integer(text) == number
    assert pl.DataFrame({"raw": [text]}).select(parse_integer(pl.col("raw"))).item() == number


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15))
def test_every_amount_in_cents_survives_any_machine_notation(amount: Decimal) -> None:
    cents = int(amount * 100)
    notations = [f"{amount:f}", f"{amount:E}", f"{amount.normalize():E}"]
    frame = pl.DataFrame({"raw": notations})
    assert frame.select(parse_money(pl.col("raw"))).to_series().to_list() == [cents] * 3
    assert [money(text) for text in notations] == [cents] * 3


@given(st.lists(st.text(alphabet="0123456789.eE+- ,", max_size=14), min_size=1, max_size=8))
def test_columns_and_single_values_agree_on_any_text(texts: list[str]) -> None:
    frame = pl.DataFrame({"raw": texts}, schema={"raw": pl.String})
    out = frame.select(parse_money(pl.col("raw")).alias("money"), parse_integer(pl.col("raw")).alias("integer"))
    assert out["money"].to_list() == [money(text) for text in texts]
    assert out["integer"].to_list() == [integer(text) for text in texts]


def test_unreadable_is_text_without_a_value() -> None:
    frame = pl.DataFrame({"raw": ["12,5 M€", "12", "", "  ", None]})
    flags = frame.select(unreadable(pl.col("raw"), parse_money(pl.col("raw")))).to_series()
    assert flags.to_list() == [True, False, False, False, False]
