"""State and country picklists: an org that has them keeps a code beside each text (salesforce.md section 3).

Prevents a client from writing, or relying on, a country that the org does not have. The countries and states are those
of `AddressSettings.csv` (Country, CountryCode, State, StateCode); an org without that file has no such fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from crmsync.sandbox.common import tables
from crmsync.sandbox.common.tables import DataError, Layout
from crmsync.sandbox.salesforce.schema import ObjectSpec, parse_field
from crmsync.sandbox.salesforce.values import OrgError, Values

FILE = "AddressSettings.csv"
PREFIXES = {"Account": ("Billing", "Shipping"), "Contact": ("Mailing",)}
_COLUMNS = ("Country", "CountryCode", "State", "StateCode")
_LAYOUT = Layout("", "names Country, CountryCode, State and StateCode", lambda _: None, id_required=False)


@dataclass(frozen=True)
class Addresses:
    """What an org has configured: country by code, and by country code its states by code."""

    countries: dict[str, str] = field(default_factory=dict)
    states: dict[str, dict[str, str]] = field(default_factory=dict)

    def add_fields(self, specs: Mapping[str, ObjectSpec]) -> None:
        """Puts the code fields into the objects, where the org has countries at all."""
        states = tuple(dict.fromkeys(code for known in self.states.values() for code in known))
        for name, prefixes in PREFIXES.items():
            for prefix in prefixes if self.countries else ():
                country = parse_field(f"{prefix}CountryCode picklist(C) restricted", {"C": tuple(self.countries)})
                state = parse_field(f"{prefix}StateCode picklist(S)", {"S": states})
                for one in (country, state):
                    specs[name].add(replace(one, length=10))

    def sync(self, name: str, before: Values | None, after: Values) -> Values:
        """The record with each text and its code saying the same: the one that was written leads. Raises OrgError."""
        if not self.countries:
            return after
        made, old = dict(after), before or {}
        for prefix in PREFIXES.get(name, ()):
            country = _settle(made, old, f"{prefix}Country", self.countries)
            _settle(made, old, f"{prefix}State", self.states.get(country or "", {}))
        return made

    def fill(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Loaded records with the codes of their texts and the texts of their codes; what fits neither stays."""
        states = {code: text for known in self.states.values() for code, text in known.items()}
        for prefix in PREFIXES.get(name, ()) if self.countries else ():
            for part, known in (("Country", self.countries), ("State", states)):
                text, code = f"{prefix}{part}", f"{prefix}{part}Code"
                by_text = {word.lower(): key for key, word in known.items()} | {key.lower(): key for key in known}
                if text in frame.columns and code not in frame.columns:
                    low = pl.col(text).str.to_lowercase()
                    made = low.replace_strict(by_text, default=None, return_dtype=pl.String)
                    frame = frame.with_columns(made.alias(code))
                if code in frame.columns:
                    words = pl.col(code).replace_strict(known, default=None, return_dtype=pl.String)
                    kept = pl.col(text) if text in frame.columns else pl.lit(None, dtype=pl.String)
                    frame = frame.with_columns(pl.coalesce(words, kept).alias(text))
        return frame


def _settle(made: Values, old: Mapping[str, object], name: str, known: Mapping[str, str]) -> str | None:
    """Sets text and code of one part of an address; returns the code."""
    text, code, key = made.get(name), made.get(f"{name}Code"), f"{name}Code"
    if code == old.get(key) and text != old.get(name):
        wanted = str(text).lower()
        code = next((one for one, word in known.items() if wanted in {one.lower(), word.lower()}), None)
        if text is not None and code is None:
            part = "state" if name.endswith("State") else "country"
            message = f"There's a problem with this {part}, even though it may appear correct. Please select a "
            message += f"{part}{'/territory' if part == 'country' else ''} from the list of valid "
            message += "states." if part == "state" else "countries."
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", message, [name])
    elif code is None and text == old.get(name) and old.get(key) is None:
        return None
    if code is not None and code not in known:
        part = "state" if name.endswith("State") else "country"
        message = f"The {key} field contains {code}, which isn't an available {part}."
        raise OrgError("FIELD_INTEGRITY_EXCEPTION", message, [key])
    made[key], made[name] = code, known[str(code)] if code is not None else None
    return str(code) if code is not None else None


def read(folder: Path | None) -> Addresses:
    """The configuration of a folder. Raises DataError."""
    path = folder / FILE if folder is not None else None
    if path is None or not path.exists():
        return Addresses()
    table = tables.read_csv(path, _LAYOUT)
    missing = [name for name in _COLUMNS[:2] if name not in table.columns]
    if missing:
        raise DataError(f"{path}:1: the header has no {missing[0]}. The first line must be the {_LAYOUT.headers}.")
    blank: list[str | None] = [None] * len(table.lines)
    found = Addresses()
    rows = zip(*(table.columns.get(name, blank) for name in _COLUMNS), table.lines, strict=True)
    for country, code, state, state_code, line in rows:
        if not country or not code or bool(state) != bool(state_code):
            raise DataError(f"{path}:{line}: a country or state without its code, or a code without it. Give both.")
        found.countries[code] = country
        if state and state_code:
            found.states.setdefault(code, {})[state_code] = state
    return found
