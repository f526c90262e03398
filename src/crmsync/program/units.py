"""Values of a rule in the unit of their column, and back into words: currencies, countries, regions, domains.

Exists so that a rule's `Germany` meets a record's `DE`, and five million dollars meet 500,000,000 cents.
"""

from __future__ import annotations

from decimal import Decimal

from crmsync.normalize.domain import domain
from crmsync.normalize.places import country, region

_DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
MOST_DAYS = 100_000
"""The longest time that a rule may state: beyond it a moment would lie before all calendars."""
_SHORT = ((10**12, "T"), (10**9, "B"), (10**6, "M"))


def currency_digits(currency: str) -> int:
    """Decimals of an amount in this currency (ISO 4217): cents for most."""
    return _DECIMALS.get(currency, 2)


def money_text(minor: int, currency: str, *, exact: bool = False) -> str:
    """Minor units for people: `$4.73 B`, `$25,000`. `exact` writes all digits where three would round."""
    major = Decimal(minor).scaleb(-currency_digits(currency))
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    sign, size = ("-" if major < 0 else ""), abs(major)
    for unit, letter in _SHORT:
        if size < unit:
            continue
        shortened = size / unit
        places = max(0, 2 - shortened.adjusted())
        rounded = round(shortened, places)
        if exact and rounded != shortened:
            break
        return f"{sign}{symbol}{_trimmed(rounded)} {letter}"
    return f"{sign}{symbol}{_trimmed(size):,}" if size == size.to_integral_value() else f"{sign}{symbol}{size:,}"


def _trimmed(number: Decimal) -> Decimal:
    whole = number.to_integral_value()
    return Decimal(int(whole)) if number == whole else number.normalize()


def country_code(text: str) -> str | None:
    """ISO 3166-1 alpha-2 of a country's name or code, or None where nothing is known by that name."""
    return country(text)


def region_name(text: str) -> str:
    """A region by its English name; a code that is known means the same, anything else stays as it is."""
    return region(text) or text.strip()


def domain_name(text: str) -> str:
    """A domain as records carry it: registrable, lower case, without scheme, path or `www.`."""
    return domain(text) or text.strip().lower()
