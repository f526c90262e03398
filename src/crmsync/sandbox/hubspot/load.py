"""Portal data from CSV files, as HubSpot exports them.

Prevents a half-written or mislabelled file from becoming a portal that looks whole: one fault, file and line, stops it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from crmsync.sandbox.common import tables
from crmsync.sandbox.common.clock import parse_ms
from crmsync.sandbox.common.tables import Columns, DataError, Layout
from crmsync.sandbox.hubspot.kinds import CHILD_TO_PARENT, KINDS, PARENT_TO_CHILD, Kind, Pair
from crmsync.sandbox.hubspot.labels import Labels
from crmsync.sandbox.hubspot.links import Edges, Links, Types
from crmsync.sandbox.hubspot.table import CREATED, ID, MODIFIED

COMPANY_LINKS, CONTACT_LINKS = "associations.companies", "associations.contacts"


@dataclass(frozen=True)
class Owner:
    """One owner of the portal."""

    id: str
    email: str
    first: str
    last: str
    teams: tuple[str, ...] = ()
    archived: bool = False


@dataclass
class Data:
    """A portal as loaded: one frame a kind, the links between them, the owners."""

    frames: dict[str, pl.DataFrame]
    links: dict[Pair, Callable[[], tuple[Edges, list[Types]]]]
    owners: list[Owner] = field(default_factory=list)
    labels: Labels = field(default_factory=Labels)


def read_csv(path: Path, id_column: str) -> Columns:
    """Columns of a CSV file, values as text, empty as None. Raises DataError, with file and line."""
    return tables.read_csv(path, Layout(id_column, "HubSpot property names", _id_fault)).columns


def _id_fault(text: str) -> str | None:
    digits = text.isascii() and text.isdigit() and len(text) <= 18
    return None if digits else "is not a record id. Use digits only."


def load(folder: Path | None, now: int) -> Data:
    """The portal of a folder; a missing file is an empty object type, a missing folder an error."""
    if folder is not None and not folder.is_dir():
        raise DataError(f"{folder}: no such folder. --data names a folder with companies.csv, contacts.csv, deals.csv.")
    raw: dict[str, dict[str, list[str | None]]] = {}
    frames: dict[str, pl.DataFrame] = {}
    for kind in KINDS:
        path = folder / kind.file if folder else None
        raw[kind.name] = read_csv(path, "hs_object_id") if path and path.exists() else {"hs_object_id": []}
        frames[kind.name] = frame_of(kind, raw[kind.name], now)
    owners_file = folder / "owners.csv" if folder else None
    owners = _owners(read_csv(owners_file, "id")) if owners_file and owners_file.exists() else []
    labels = _labels_in(raw)
    return Data(frames, links_of(frames, raw, labels), owners, labels)


def _owners(columns: dict[str, list[str | None]]) -> list[Owner]:
    def of(name: str, at: int) -> str:
        values = columns.get(name)
        return (values[at] if values else None) or ""

    return [
        Owner(
            of("id", at), of("email", at), of("firstName", at), of("lastName", at),
            tuple(team for team in of("teams", at).split(";") if team), of("archived", at) == "true",
        )
        for at in range(len(columns["id"]))
    ]  # fmt: skip


def frame_of(kind: Kind, columns: dict[str, list[str | None]], now: int) -> pl.DataFrame:
    """The columns of a table: ids and stamps as integers, the rest as text, ascending by id."""
    ids = [int(value or 0) for value in columns["hs_object_id"]]
    blank: list[str | None] = [None] * len(ids)
    modified = [parse_ms(v) if v else None for v in columns.get(kind.modified, blank)]
    created = [parse_ms(v) if v else None for v in columns.get("createdate", blank)]
    data: dict[str, pl.Series] = {
        ID: pl.Series(ids, dtype=pl.Int64),
        CREATED: pl.Series(
            [c if c is not None else m if m is not None else now for c, m in zip(created, modified, strict=True)],
            dtype=pl.Int64,
        ),
        MODIFIED: pl.Series(
            [m if m is not None else c if c is not None else now for c, m in zip(created, modified, strict=True)],
            dtype=pl.Int64,
        ),
    }
    apart = {"hs_object_id", "createdate", kind.modified, COMPANY_LINKS, CONTACT_LINKS}
    data |= {name: pl.Series(values, dtype=pl.String) for name, values in columns.items() if name not in apart}
    return pl.DataFrame(data).sort(ID)


def _labels_in(raw: dict[str, Columns]) -> Labels:
    """Every label that a loaded link names, in the order of the files."""
    labels = Labels()
    for name, column, other in (
        ("deals", COMPANY_LINKS, "companies"),
        ("deals", CONTACT_LINKS, "contacts"),
        ("contacts", CONTACT_LINKS, "contacts"),
    ):
        named = (part for text in raw[name].get(column, ()) if text and ":" in text for part in text.split(";"))
        for label in dict.fromkeys(part.partition(":")[2].strip() for part in named):
            if label:
                labels.named_in_file((name, other), label)
    return labels


def links_of(
    frames: dict[str, pl.DataFrame], raw: dict[str, Columns], labels: Labels
) -> dict[Pair, Callable[[], tuple[Edges, list[Types]]]]:
    """Loaders of every directed pair. A link to a record that does not exist is no link."""
    ids = {name: frame[ID] for name, frame in frames.items()}

    def listed(pair: Pair, column: str, *plain: int, first: int | None = None) -> tuple[Edges, list[Types]]:
        """Links that a column lists, each entry an id or `id:Label`; the first of a record may be its primary one."""
        return _by_list(raw.get(pair[0], {}), column, ids[pair[1]], labels, pair, frozenset(plain), first)

    def flipped(found: tuple[Edges, list[Types]]) -> tuple[Edges, list[Types]]:
        edges, sets = found
        return _flip(edges), [frozenset(map(labels.inverse, types)) for types in sets]

    def deal_company() -> tuple[Edges, list[Types]]:
        return listed(("deals", "companies"), COMPANY_LINKS, 341, first=5)

    def deal_contact() -> tuple[Edges, list[Types]]:
        return listed(("deals", "contacts"), CONTACT_LINKS, 3)

    def colleagues() -> tuple[Edges, list[Types]]:
        there, sets = listed(("contacts", "contacts"), CONTACT_LINKS, 449)
        back, back_sets = flipped((there, sets))
        back = back.with_columns((pl.col("kind") + len(sets)).cast(pl.Int16))
        return pl.concat([there, back]), [*sets, *back_sets]

    def contact_company() -> Edges:
        return _by_column(frames["contacts"], "associatedcompanyid", ids["companies"])

    def parent() -> Edges:
        return _by_column(frames["companies"], "hs_parent_company_id", ids["companies"])

    def family() -> tuple[Edges, list[Types]]:
        up = parent()
        down = _flip(up).with_columns(kind=pl.lit(1, dtype=pl.Int16))
        return pl.concat([up, down]), [frozenset({CHILD_TO_PARENT}), frozenset({PARENT_TO_CHILD})]

    return {
        ("contacts", "companies"): lambda: (contact_company(), [frozenset({1, 279})]),
        ("companies", "contacts"): lambda: (_flip(contact_company()), [frozenset({2, 280})]),
        ("deals", "companies"): deal_company,
        ("companies", "deals"): lambda: flipped(deal_company()),
        ("deals", "contacts"): deal_contact,
        ("contacts", "deals"): lambda: flipped(deal_contact()),
        ("companies", "companies"): family,
        ("contacts", "contacts"): colleagues,
        ("deals", "deals"): lambda: (_edges([], [], []), []),
    }


def _edges(source: list[int], target: list[int], kinds: list[int]) -> Edges:
    return pl.DataFrame(
        {
            "from": pl.Series(source, dtype=pl.Int64),
            "to": pl.Series(target, dtype=pl.Int64),
            "kind": pl.Series(kinds, dtype=pl.Int16),
        }
    )


def _flip(edges: Edges) -> Edges:
    return edges.select(pl.col("to").alias("from"), pl.col("from").alias("to"), "kind")


def _by_column(frame: pl.DataFrame, name: str, known: pl.Series) -> Edges:
    if name not in frame.columns:
        return _edges([], [], [])
    edges = frame.select(pl.col(ID).alias("from"), pl.col(name).cast(pl.Int64, strict=False).alias("to"))
    edges = edges.drop_nulls().with_columns(kind=pl.lit(0, dtype=pl.Int16))
    return edges.join(known.to_frame("to"), on="to", how="semi", maintain_order="left")


def _by_list(
    columns: Columns, name: str, known: pl.Series, labels: Labels, pair: Pair, plain: Types, first: int | None
) -> tuple[Edges, list[Types]]:
    """Links as `id` or `id:Label`, separated by semicolons; an id may stand several times, each with another label."""
    there = set(known.to_list())
    source: list[int] = []
    target: list[int] = []
    kinds: list[int] = []
    sets: dict[Types, int] = {}
    for id_, text in zip(columns.get("hs_object_id", []), columns.get(name, []), strict=False):
        primary: int | None = None
        for part in dict.fromkeys((text or "").split(";")):
            digits, _, label = part.partition(":")
            if not digits.strip().isdigit() or int(digits) not in there:
                continue
            to = int(digits)
            primary = to if primary is None else primary
            types = plain | ({labels.named_in_file(pair, label.strip()).type_id} if label.strip() else frozenset())
            if first is not None and to == primary:
                types |= {first}
            source.append(int(id_ or 0))
            target.append(to)
            kinds.append(sets.setdefault(types, len(sets)))
    return _edges(source, target, kinds), list(sets)


def web_links(data: Data) -> dict[Pair, Links]:
    """Lazy links of a portal."""
    return {pair: Links(loader) for pair, loader in data.links.items()}
