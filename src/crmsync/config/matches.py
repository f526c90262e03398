"""What a person has decided about pairs of records: `matches.yaml`, read with every fault, added to without loss.

```yaml
same:
  - [HUBSPOT_ID, SALESFORCE_ID]
different:
  - [HUBSPOT_ID, SALESFORCE_ID]
```

A missing file decides nothing. Ids are taken as text, in either order; comments that people wrote stay.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.tokens import CommentToken

from crmsync.config.reading import raise_faults
from crmsync.errors import ConfigError, Fault
from crmsync.model.decided import Decided, IdPair
from crmsync.program.loader import shown_path
from crmsync.program.yaml import Items, Scalar, Table, Tree, did_you_mean, fault_at, parse, read_text

_KEYS = ("same", "different")
_HEADER = "# Pairs of records in two CRMs that a person has decided: the same, or not. Added to by `crmsync matches`.\n"


def load_decided(path: Path) -> Decided:
    """The decisions of `path`; none where there is no such file.

    Raises ConfigError with every fault: an unknown key, what is no pair, both ids of one CRM, a pair in both lists,
    an id that is the same as two others.
    """
    if not path.exists():
        return Decided()
    where = shown_path(path)
    tree, faults = parse(read_text(path, where), where)
    if tree is None and not faults:
        return Decided()
    if tree is not None and not isinstance(tree, Table):
        faults.append(Fault(where, tree.line, "expected same: and different:, each a list of pairs of ids"))
    found: dict[str, dict[IdPair, int]] = {key: {} for key in _KEYS}
    for entry in tree.entries if isinstance(tree, Table) else ():
        if entry.key in found:
            found[entry.key] = dict(_pairs(entry.value, where, faults))
        else:
            message = f"no such key; this file has same and different.{did_you_mean(entry.key, _KEYS)}"
            faults.append(fault_at(where, entry.line, (entry.key,), message))
    faults += _contradictions(found["same"], found["different"], where)
    raise_faults(faults)
    return Decided(same=tuple(found["same"]), different=tuple(found["different"]))


def _pairs(tree: Tree, where: str, faults: list[Fault]) -> Iterator[tuple[IdPair, int]]:
    """(pair, line) of one list; what is no pair becomes a fault."""
    if isinstance(tree, Scalar) and tree.value is None:
        return
    if not isinstance(tree, Items):
        faults.append(fault_at(where, tree.line, tree.path, "expected a list of pairs: - [HUBSPOT_ID, SALESFORCE_ID]"))
        return
    for item in tree.items:
        ids = [_id(part) for part in item.items] if isinstance(item, Items) else []
        known = [id_ for id_ in ids if id_]
        if len(ids) != 2 or len(known) != 2:
            faults.append(fault_at(where, item.line, item.path, "expected two ids: [HUBSPOT_ID, SALESFORCE_ID]"))
        elif known[0].isdecimal() == known[1].isdecimal():
            crm = "HubSpot" if known[0].isdecimal() else "Salesforce"
            message = f"{known[0]} and {known[1]} are both ids of {crm}; a pair has one of each CRM"
            faults.append(fault_at(where, item.line, item.path, message))
        else:
            yield (known[0], known[1]), item.line


def _id(tree: Tree) -> str | None:
    """The id as it stands in the file: an id of digits is not a number, so a leading zero or `1_000` stays."""
    if not isinstance(tree, Scalar) or tree.value is None or isinstance(tree.value, bool):
        return None
    return tree.text.strip() or None


def _contradictions(same: dict[IdPair, int], different: dict[IdPair, int], where: str) -> Iterator[Fault]:
    apart = {frozenset(pair): line for pair, line in different.items()}
    # HubSpot numbers companies, contacts and deals each on its own; the other id's first letters tell which it is.
    partner: dict[tuple[str, str], tuple[frozenset[str], int]] = {}
    for pair, line in same.items():
        both = frozenset(pair)
        if both in apart:
            message = f"[{pair[0]}, {pair[1]}] is also under different (line {apart[both]}); leave it in one of the two"
            yield fault_at(where, line, ("same",), message)
        kind = next((id_[:3] for id_ in pair if not id_.isdecimal()), "")
        for id_ in pair:
            other, first = partner.setdefault((id_, kind), (both, line))
            if other != both:
                message = f"{id_} is in two pairs (first on line {first}); a record is the same as one other only"
                yield fault_at(where, line, ("same",), message)


def append_decided(path: Path, same: Iterable[IdPair] = (), different: Iterable[IdPair] = ()) -> int:
    """Add decisions to `path`, which is made where it is missing; comments stay. Returns how many were new.

    Raises ConfigError, with the file as it was, where it cannot be read or written or the decisions contradict what
    stands in it.
    """
    known = load_decided(path)
    where = shown_path(path)
    text = read_text(path, where) if path.exists() else _HEADER
    yaml = YAML(typ="rt")
    yaml.version = (1, 2)
    yaml.preserve_quotes = True
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text) or None
    # What is comments alone has no root to hang them on; they are put before what is written.
    opening = text if document is None else ""
    document = CommentedMap() if document is None else document
    added = 0
    for key, given, standing in (("same", same, known.same), ("different", different, known.different)):
        seen = {frozenset(pair) for pair in standing}
        # Each once: `(a, b)` and `(b, a)` are one pair.
        new = {frozenset(pair): pair for pair in reversed([*given]) if frozenset(pair) not in seen}
        if new:
            _add(_rows(document, key), [*reversed(new.values())])
        added += len(new)
    if added:
        _write(path, opening, document, yaml, where)
    return added


def _rows(document: CommentedMap, key: str) -> CommentedSeq:
    if document.get(key) is None:
        document[key] = CommentedSeq()
    rows: CommentedSeq = document[key]
    return rows


def _add(rows: CommentedSeq, pairs: Sequence[IdPair]) -> None:
    """Add rows. What stands below the last row's own comment stays below the new ones."""
    last = rows.ca.items.get(len(rows) - 1) if rows else None
    token = last[0] if last else None
    rows.extend(_row(pair) for pair in pairs)
    if token is None:
        return
    beside, _, below = token.value.partition("\n")
    if below:
        token.value = beside + "\n"
        rows.ca.items[len(rows) - 1] = [CommentToken("\n" + below, token.start_mark, None), None, None, None]


def _row(pair: IdPair) -> CommentedSeq:
    row = CommentedSeq(int(id_) if id_.isdecimal() and str(int(id_)) == id_ else id_ for id_ in pair)
    row.fa.set_flow_style()
    return row


def _write(path: Path, opening: str, document: CommentedMap, yaml: YAML, where: str) -> None:
    out = io.StringIO()
    yaml.version = None  # no `%YAML` line: the file has none
    yaml.dump(document, out)
    text = (opening.rstrip("\n") + "\n" if opening.strip() else "") + out.getvalue()
    beside = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        # Read as it will be read, before it takes the place of what stood there.
        load_decided(beside)
        beside.replace(path)
    except ConfigError as error:
        raise ConfigError(
            [Fault(where, None, fault.message) for fault in error.faults], "the file is as it was"
        ) from None
    except OSError as error:
        raise ConfigError([Fault(where, None, f"cannot be written: {error.strerror}")]) from None
    finally:
        beside.unlink(missing_ok=True)
