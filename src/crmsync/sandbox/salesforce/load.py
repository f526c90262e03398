"""An org from CSV files, one an object: `Account.csv`, `Contact.csv`, ... with API field names as headers.

Prevents ids of another shape from crossing the wire: those that are Salesforce's are kept, others get an id of this
org, every reference to them follows, and the count of both is reported.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from crmsync.sandbox.common import tables
from crmsync.sandbox.common.tables import DataError, Layout, Table
from crmsync.sandbox.salesforce import addresses, ids, standard
from crmsync.sandbox.salesforce.addresses import Addresses
from crmsync.sandbox.salesforce.records import Records, dtype_of
from crmsync.sandbox.salesforce.schema import IDS_WITHOUT_ROW, TEXTS, Field, ObjectSpec, words
from crmsync.sandbox.salesforce.values import OrgError, from_csv, stamp

FEATURE_FILES = {
    "Campaign": "campaigns",
    "CampaignMember": "campaigns",
    "AccountContactRelation": "contacts_to_multiple_accounts",
    "AccountTeamMember": "account_teams",
}
_LAYOUT = Layout("Id", "API names of the fields", lambda text: None if text else "is empty. Give it or drop the line.",
                 id_required=False)  # fmt: skip
_STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
_LONG_TEXT = 255


@dataclass
class Loaded:
    """An org's objects and records, and what had to be changed about the files' ids."""

    specs: dict[str, ObjectSpec]
    records: dict[str, Records]
    addresses: Addresses = field(default_factory=Addresses)
    mapped: dict[str, dict[str, str]] = field(default_factory=dict)
    """By object: the file's id to the org's, where they differ in more than their length."""
    dropped: dict[str, int] = field(default_factory=dict)
    """By `Object.Field`: references to records that no file has, which were left empty."""


def load(folder: Path | None, features: Iterable[str], now: int) -> Loaded:
    """The org of a folder; a missing file is an object without records. Raises DataError, with file and line.

    `now` (milliseconds) stamps the records that carry no date. A feature whose file is there is on.
    """
    if folder is not None and not folder.is_dir():
        raise DataError(f"{folder}: no such folder. --data names a folder with Account.csv, Contact.csv, ...")
    there = {name for name in FEATURE_FILES if folder is not None and (folder / f"{name}.csv").exists()}
    specs = standard.objects({*features, *(FEATURE_FILES[name] for name in there)})
    loaded = Loaded(specs, {}, addresses.read(folder))
    loaded.addresses.add_fields(specs)
    files: dict[str, Table] = {}
    for name, spec in specs.items():
        path = folder / f"{name}.csv" if folder is not None else None
        if path is not None and not spec.setup and path.exists():
            files[name] = _named(spec, tables.read_csv(path, _LAYOUT))
    for name, table in files.items():
        loaded.mapped[name] = _map_ids(specs[name], table)
    for name, table in files.items():
        loaded.records[name] = Records(specs[name], _frame(loaded, specs[name], table, now))
    return loaded


def _named(spec: ObjectSpec, table: Table) -> Table:
    """The table with the API's spelling of each field; a field that nobody knows becomes a text field."""
    columns: tables.Columns = {}
    for name, values in table.columns.items():
        known = spec.field(name)
        if known is None:
            longest = max((len(value) for value in values if value), default=0)
            long = longest > _LONG_TEXT
            custom = name.endswith("__c")
            known = Field(name, "textarea" if long else "string", words(name), length=32_768 if long else _LONG_TEXT,
                          custom=custom)  # fmt: skip
            spec.add(known)
        if known.name in columns:
            raise DataError(f"{table.path}:1: {known.name} stands twice in the header. Keep one of the columns.")
        columns[known.name] = values
    return Table(table.path, columns, table.lines)


def _map_ids(spec: ObjectSpec, table: Table) -> dict[str, str]:
    """Sets the org's ids in the table; returns the file's ids that are not Salesforce's, with what stands for them."""
    given = table.columns.get("Id") or [None] * len(table.lines)
    kept = {text: id_ for text in given if text and (id_ := ids.canonical(text)) and id_[:3] == spec.prefix}
    number = max((n for id_ in kept.values() if (n := ids.number_of(id_)) is not None), default=0)
    mapped: dict[str, str] = {}
    found: list[str | None] = []
    for text in given:
        id_ = kept.get(text or "")
        if id_ is None:
            number += 1
            id_ = ids.make(spec.prefix, number)
            if text:
                mapped[text] = id_
        found.append(id_)
    if len(set(found)) != len(found):
        again = next(at for at, id_ in enumerate(found) if found.index(id_) != at)
        raise DataError(f"{table.path}:{table.lines[again]}: Id {given[again]} stands twice. Keep one of the lines.")
    table.columns["Id"] = found
    return mapped


def _frame(loaded: Loaded, spec: ObjectSpec, table: Table, now: int) -> pl.DataFrame:
    series = []
    for name, values in table.columns.items():
        one = spec.fields[name]
        if name != "Id" and one.type == "reference":
            values = _references(loaded, spec, one, values)
        column = _column(one, table, values)
        if one.type == "picklist" and not one.restricted:
            _learn(spec, one, column)
        series.append(column)
    frame = _derived(spec.name, _stamped(pl.DataFrame(series), now))
    frame = loaded.addresses.fill(spec.name, frame)
    booleans = [pl.col(n) if n in frame.columns else pl.lit(False).alias(n)
                for n, one in spec.fields.items() if one.type == "boolean"]  # fmt: skip
    return frame.with_columns(expr.fill_null(False) for expr in booleans)


def _learn(spec: ObjectSpec, one: Field, column: pl.Series) -> None:
    """An org whose records hold a value has it in its picklist."""
    more = sorted(set(column.drop_nulls().unique()) - set(one.values))
    if more:
        spec.add(replace(one, values=(*one.values, *more)))


def _references(loaded: Loaded, spec: ObjectSpec, one: Field, values: list[str | None]) -> list[str | None]:
    """References in the org's ids; one that is neither an id nor in any file is left empty and counted."""
    known: dict[str, str | None] = {}
    prefixes = {loaded.specs[target].prefix for target in one.refers_to if target in loaded.specs}
    for text in {value for value in values if value}:
        made = next((m for t in one.refers_to if (m := loaded.mapped.get(t, {}).get(text)) is not None), None)
        shaped = ids.canonical(text)
        if made is None and shaped and (shaped[:3] in prefixes or IDS_WITHOUT_ROW & set(one.refers_to)):
            made = shaped
        known[text] = made
    lost = sum(value is not None and known[value] is None for value in values)
    if lost:
        loaded.dropped[f"{spec.name}.{one.name}"] = lost
    return [known[value] if value else None for value in values]


def _column(one: Field, table: Table, values: list[str | None]) -> pl.Series:
    """A column of the field's type. Raises DataError where a value does not fit."""
    text = pl.Series(one.name, values, dtype=pl.String)
    if one.type in TEXTS and not one.restricted and one.type not in {"email", "multipicklist"}:
        text = text.str.strip_chars().replace("", None)
        if not one.length or (text.str.len_chars().max() or 0) <= one.length:  # type: ignore[operator]
            return text
    if one.type in {"id", "reference"}:
        return text
    made: dict[str, object] = {}
    for at, value in enumerate(values):
        if value is not None and value not in made:
            try:
                made[value] = from_csv(one, value)
            except OrgError as refusal:
                raise DataError(f"{table.path}:{table.lines[at]}: {refusal.message}. Correct the value.") from refusal
    return pl.Series(one.name, [made[value] if value is not None else None for value in values], dtype=dtype_of(one))


def _stamped(frame: pl.DataFrame, now: int) -> pl.DataFrame:
    """Every record with its three dates: what the file says, else the next best, else now."""
    have = [pl.col(name) for name in reversed(_STAMPS) if name in frame.columns]
    this_moment = pl.lit(stamp(now))
    oldest = pl.min_horizontal(*have) if have else this_moment
    created = pl.coalesce(*(pl.col(n) for n in _STAMPS[:1] if n in frame.columns), oldest, this_moment)
    modified = pl.coalesce(*(pl.col(n) for n in _STAMPS[1:2] if n in frame.columns), *have, this_moment)
    moved = pl.coalesce(*(pl.col(n) for n in _STAMPS[2:] if n in frame.columns), *have, this_moment)
    dates = dict(zip(_STAMPS, (created, modified, moved), strict=True))
    return frame.with_columns(**dates)


def _derived(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The fields that an org fills by itself, where the file does not say them."""
    if name in {"Contact", "User"} and "Name" not in frame.columns:
        parts = [pl.col(part) for part in ("FirstName", "LastName") if part in frame.columns]
        if parts:
            whole = pl.concat_str(parts, separator=" ", ignore_nulls=True)
            frame = frame.with_columns(Name=pl.when(whole != "").then(whole))
    if name == "Opportunity" and "StageName" in frame.columns:
        if "Probability" not in frame.columns:
            chances = {stage: float(chance) for stage, chance, *_ in standard.STAGES}
            chance = pl.col("StageName").replace_strict(chances, default=None, return_dtype=pl.Float64)
            frame = frame.with_columns(Probability=chance)
        for column, at in (("IsClosed", 2), ("IsWon", 3)):
            if column not in frame.columns:
                known = [stage[0] for stage in standard.STAGES if stage[at]]
                frame = frame.with_columns(pl.col("StageName").is_in(known).alias(column))
    return frame
