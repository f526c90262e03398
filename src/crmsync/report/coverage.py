"""The coverage report: how many of the names, roles and owners that the programme wants the portal has.

Figures over the portal, the accounts most short of names, and for one company its people with their organisation chart.
A system that the program does not use leaves its part out, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from crmsync.engine.report import COUNTED, CoverageData
from crmsync.model.text import id_order
from crmsync.planning.render.view import plural
from crmsync.report.document import Bar, Bars, Block, Document, Facts, Link, Part, Prose, Sheet, table_csv
from crmsync.report.people import people_csv, people_parts, people_rows
from crmsync.report.words import head_line, percent, share

_SEATED = ("approved", "active", "at_risk")
_TOP = 25
_MANAGERS = 10
#: A part of the report: the column that it needs, what it is called, and the section of the program that gives it.
_PARTS = (
    ("names_known", "names and their state", "names"),
    ("category", "ABC categories and owners", "category"),
    ("relationship", "relationship categories", "relationship"),
    ("coverage_model", "coverage models", "strategic_accounts"),
)
_CSV_FIRST = ("id", "name", "owner")


def coverage_csv(data: CoverageData) -> str:
    """One row an account, in the order of the report: every figure that it has, and the address at the end.

    Of one company, one row a person.
    """
    if data.people is not None:
        return people_csv(data.people)
    accounts = in_order(data)
    columns = [*_CSV_FIRST, *(name for name in accounts.columns if name not in (*_CSV_FIRST, "url")), "url"]
    shown = accounts.select(columns).with_columns(
        pl.when("excluded").then(pl.lit("yes")).otherwise(pl.lit("no")).alias("excluded")
    )
    return table_csv(columns, shown.iter_rows())


def in_order(data: CoverageData) -> pl.DataFrame:
    """Accounts by what a missing name costs: target accounts first, then the best tier, then most names needed."""
    frame, keys, down = data.accounts, [], []
    if "target_status" in frame.columns:
        keys.append(pl.col("target_status").is_in(_SEATED).fill_null(value=False))
        down.append(True)
    if "tier" in frame.columns:
        best_first = {value: place for place, value in enumerate(data.labels["tier"].values)}
        keys.append(pl.col("tier").replace_strict(best_first, default=len(best_first), return_dtype=pl.Int32))
        down.append(False)
    if "names_needed" in frame.columns:
        keys.append(pl.col("names_needed").fill_null(0))
        down.append(True)
    ids = id_order()
    return frame.sort([*keys, *ids], descending=[*down, *(False for _ in ids)], nulls_last=True)


def coverage_figures(data: CoverageData) -> dict[str, Any]:
    """The report as plain values, for a JSON document."""
    figures: dict[str, Any] = {
        "portal": data.head.portal,
        "program": data.head.program,
        "as_of": data.head.as_of.isoformat(),
        "read_at": data.head.read_at.isoformat() if data.head.read_at else None,
        "company": data.company,
        "excluded": int(data.accounts["excluded"].sum()),
        "not_in_this_report": [title for title, _ in _left_out(data)],
    }
    if "names_known" in data.accounts.columns:
        figures["names"] = dict(data.goals) | _names(data)
    for name in ("category", "management_mismatch", "relationship", "coverage_model"):
        if name in data.accounts.columns:
            figures[name] = counts(data, name)
    if data.managers is not None:
        figures["managers"] = data.managers.to_dicts()
    figures["accounts"] = in_order(data).to_dicts()
    if data.people is not None:
        figures["people"] = people_rows(data.people)
    return figures


def counts(data: CoverageData, name: str) -> dict[str, int]:
    """Accounts by a decision's value, in its declared order; "" for those without a value. Excluded ones are not in."""
    column = _wanted(data)[name]
    found = {value: int((column == value).sum()) for value in data.labels[name].values}
    return found | {"": column.null_count()}


def _wanted(data: CoverageData) -> pl.DataFrame:
    """The accounts that the program does not exclude."""
    return data.accounts.filter(~pl.col("excluded"))


def _names(data: CoverageData) -> dict[str, Any]:
    frame = _wanted(data)
    known, needed = frame["names_known"].fill_null(0), frame["names_needed"].fill_null(0)
    figures: dict[str, Any] = {
        "accounts": frame.height,
        "enough": int((needed == 0).sum()),
        "short": int((needed > 0).sum()),
        "without_any": int((known == 0).sum()),
        "known_total": int(known.sum()),
        "needed_total": int(needed.sum()),
    }
    for name in ("contacts", *COUNTED):
        if name in frame.columns:
            figures[name] = int(frame[name].sum())
    if "departments_covered" in frame.columns:
        covered = frame["departments_covered"].fill_null(0)
        figures["enough_departments"] = int((covered >= data.goals.get("departments", 0)).sum())
    if "missing_roles" in frame.columns:
        figures["missing_roles"] = missing_roles(data)
    return figures


def missing_roles(data: CoverageData) -> dict[str, int]:
    """Role -> accounts without a known name in it, in the declared order."""
    missing = _wanted(data)["missing_roles"].fill_null("").str.split(";")
    return {role: int(missing.list.contains(role).sum()) for role in data.roles}


def coverage_document(data: CoverageData) -> Document:
    """The report as a document: of the portal, or of the one company that was asked for."""
    if data.company is not None:
        return _company_document(data)
    read = [plural(data.accounts.height, "account")]
    if "contacts" in data.accounts.columns:
        read.append(plural(int(data.accounts["contacts"].sum()), "contact"))
    excluded = int(data.accounts["excluded"].sum())
    out = f"{excluded:,} excluded by the program and in no figure" if excluded else ""
    return Document("Coverage", (*head_line(data.head), ", ".join(read), out), tuple(_portal_parts(data)))


def _portal_parts(data: CoverageData) -> Iterator[Part]:
    columns = data.accounts.columns
    if "names_known" in columns:
        yield _names_part(data)
        yield _contacts_part(data)
    if "departments_covered" in columns:
        yield _departments_part(data)
        if data.roles:
            yield _roles_part(data)
    if "category" in columns:
        yield _category_part(data)
    for name, what in (("relationship", "Relationship"), ("coverage_model", "Coverage model")):
        if name in columns:
            yield _bars_part(data, name, what)
    if data.managers is not None:
        yield _managers_part(data.managers)
    if "names_known" in columns:
        yield _most_short(data)
    if left_out := _left_out(data):
        said = "; ".join(f"{title} (no section {section})" for title, section in left_out)
        yield Part("Not in this report", (Prose(f"The program does not decide {said}."),))


def _left_out(data: CoverageData) -> list[tuple[str, str]]:
    return [(title, section) for column, title, section in _PARTS if column not in data.accounts.columns]


def _names_part(data: CoverageData) -> Part:
    names = _names(data)
    least, most = data.goals["minimum"], data.goals["maximum"]
    known = _wanted(data)["names_known"].fill_null(0)
    bars = [
        _bar(plural(number, "name"), int((known == number).sum()), warns=True) for number in range(min(least, most))
    ]
    bars.append(_bar(f"{least} to {most} names", int(known.is_between(least, most).sum())))
    bars.append(_bar(f"more than {most}", int((known > most).sum())))
    facts = Facts(
        (
            ("Enough", f"{share(names['enough'], names['accounts'])} accounts have at least {plural(least, 'name')}"),
            ("Short", f"{names['short']:,} accounts need {plural(names['needed_total'], 'name')} more"),
            ("None", f"{plural(names['without_any'], 'account')} without any known name"),
        )
    )
    return Part("Names", (facts, Bars("Accounts by how many names are known", tuple(bars))), narrow=True)


def _bar(label: str, value: int, *, warns: bool = False) -> Bar:
    return Bar(label, value, warns=warns)


def _contacts_part(data: CoverageData) -> Part:
    names = _names(data)
    total = names.get("contacts", 0)
    said = {"stale": "Stale", "without_profile": "Without LinkedIn or X", "without_title": "Without a job title"}
    bars = tuple(
        Bar(label, names[name], total=total, note=percent(names[name], total), warns=True)
        for name, label in said.items()
        if name in names
    )
    blocks: tuple[Block, ...] = (Prose(f"{plural(total, 'contact')} of these accounts."),)
    drawn = Bars("Contacts that want care, of all contacts", bars)
    return Part("State of the contacts", (*blocks, drawn) if total else blocks, narrow=True)


def _departments_part(data: CoverageData) -> Part:
    names, wanted = _names(data), data.goals["departments"]
    covered = _wanted(data)["departments_covered"].fill_null(0)
    bars = [_bar(plural(number, "department"), int((covered == number).sum()), warns=True) for number in range(wanted)]
    bars.append(_bar(f"{wanted} or more", int((covered >= wanted).sum())))
    fact = Facts((("Enough", f"{share(names['enough_departments'], names['accounts'])} accounts reach {wanted}"),))
    return Part("Departments", (fact, Bars("Accounts by departments covered", tuple(bars))), narrow=True)


def _roles_part(data: CoverageData) -> Part:
    labels = data.labels["missing_roles"].values
    bars = tuple(Bar(labels[role], count, warns=True) for role, count in missing_roles(data).items())
    return Part("Roles missing", (Bars("Accounts that lack a role", bars),), narrow=True)


def _category_part(data: CoverageData) -> Part:
    frame = _wanted(data)
    labels = data.labels["category"].values
    rows: list[tuple[str | int, ...]] = []
    for value, label in (*labels.items(), (None, "no category")):
        mine = frame.filter(pl.col("category").eq_missing(pl.lit(value)))
        if value is None and mine.is_empty():
            continue
        managed = int((mine["management"] == "managed").sum())
        unmanaged = int((mine["management"] == "unmanaged").sum())
        rows.append((label, mine.height, managed, unmanaged))
    sheet = Sheet(("Category", "accounts", "managed", "unmanaged"), tuple(rows))
    mismatches = counts(data, "management_mismatch")
    titles = data.labels["management_mismatch"].values
    facts = Facts(tuple((titles[value], plural(count, "account")) for value, count in mismatches.items() if value))
    return Part("Category and owners", (sheet, facts), narrow=True)


def _bars_part(data: CoverageData, name: str, title: str) -> Part:
    labels = data.labels[name].values
    found = counts(data, name)
    bars = tuple(_bar(labels[value], count) for value, count in found.items() if value)
    blocks: list[Block] = [Bars(f"Accounts by {title.lower()}", bars)]
    if found[""]:
        blocks.append(Prose(f"{plural(found[''], 'account')} without a {title.lower()}."))
    return Part(title, tuple(blocks), narrow=True)


def _managers_part(managers: pl.DataFrame) -> Part:
    load = managers.sort(["strategic_accounts", "owner"], descending=[True, False], nulls_last=True)
    rows = tuple(
        (row["owner"] or "no owner", row["strategic_accounts"], row["limit"], "too many" if row["over"] else "")
        for row in load.head(_MANAGERS).iter_rows(named=True)
    )
    blocks: list[Block] = [Sheet(("Manager", "strategic accounts", "at most", ""), rows)]
    if load.height > _MANAGERS:
        blocks.append(Prose(f"and {load.height - _MANAGERS:,} more with fewer; the JSON document lists them all."))
    return Part("Strategic managers", tuple(blocks), narrow=True)


def _most_short(data: CoverageData) -> Part:
    frame = in_order(data).filter(~pl.col("excluded") & (pl.col("names_needed").fill_null(0) > 0))
    shown = [name for name in ("tier", "target_status") if name in frame.columns]
    roles = "departments_covered" in frame.columns
    columns = ("Account", "owner", *(_title(data, name) for name in shown), "known", "needed")
    rows = tuple(
        (
            Link(row["name"] or f"company {row['id']}", row["url"] or ""),
            row["owner"],
            *(_label(data, name, row[name]) for name in shown),
            row["names_known"],
            row["names_needed"],
            *((row["departments_covered"], _label(data, "missing_roles", row["missing_roles"])) if roles else ()),
        )
        for row in frame.head(_TOP).iter_rows(named=True)
    )
    blocks: list[Block] = [Sheet((*columns, *(("departments", "roles missing") if roles else ())), rows)]
    if frame.height > _TOP:
        blocks.append(Prose(f"and {frame.height - _TOP:,} more; the CSV lists them all."))
    return Part("Accounts most short of names", tuple(blocks))


def _title(data: CoverageData, name: str) -> str:
    return data.labels[name].title


def _label(data: CoverageData, name: str, value: str | None) -> str:
    """A value, or several, for people."""
    labels: Mapping[str, str] = data.labels[name].values
    return ", ".join(labels.get(part, part) for part in (value or "").split(";") if part)


def _company_document(data: CoverageData) -> Document:
    row = data.accounts.row(0, named=True)
    name = row["name"] or f"company {row['id']}"
    owner = f"owner {row['owner']}" if row["owner"] else "no owner"
    said = (*head_line(data.head), f"company {row['id']}", owner)
    parts = [Part("Account", (Facts(tuple(_account_facts(data, row))),))]
    if row["excluded"]:
        parts[0] = Part("Account", (Prose("The program excludes this account."), *parts[0].blocks))
    if data.people is not None:
        parts += people_parts(data.people, data.company or "", name)
    return Document(f"Coverage of {name}", said, tuple(parts))


def _account_facts(data: CoverageData, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "names_known" in row:
        least, most = data.goals["minimum"], data.goals["maximum"]
        needed = f"; {plural(row['names_needed'], 'name')} needed" if row["names_needed"] else ""
        yield "Names", f"{row['names_known'] or 0} of {least} to {most}{needed}"
        care = {"stale": "stale", "without_profile": "without LinkedIn or X", "without_title": "without a job title"}
        said = ", ".join(f"{row[key]:,} {what}" for key, what in care.items() if key in row)
        yield "Contacts", f"{row['contacts']:,}: {said}"
    if "departments_covered" in row:
        yield "Departments", f"{row['departments_covered'] or 0} of {data.goals['departments']}"
        yield "Roles missing", _label(data, "missing_roles", row["missing_roles"]) or "none"
    for name in ("tier", "checklist_tier", "target_status", "category", "management_mismatch", "relationship"):
        if row.get(name):
            yield _title(data, name).capitalize(), _label(data, name, row[name])
    if "coverage_model" in row:
        yield "Coverage model", _label(data, "coverage_model", row["coverage_model"]) or "none"
