"""Why Salesforce refused one record, from each of the forms in which it says so (salesforce.md 2.3, 2.4, 2.6).

It prevents one refusal from being told in three ways: a collection says `statusCode`, a single record `errorCode`, a
bulk job `CODE:message:Field1,Field2 --` in a cell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST = 600
#: One refusal in a bulk job's sf__Error, of which a cell may hold several. A message may have colons of its own.
_CELL = re.compile(r"([A-Z][A-Z0-9_]*):(.*?):([\w., ]*)--(?=\s*(?:[A-Z][A-Z0-9_]*:|$))", re.DOTALL)
_CODE = re.compile(r"([A-Z][A-Z0-9_]+):")
#: Real bodies carry the misspelt key, the documentation has the other.
_DUPLICATE_KEYS = ("duplicateResut", "duplicateResult")


@dataclass(frozen=True, slots=True)
class RowError:
    """Salesforce's code, its words, and the API names of the fields that it names, which may be none."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """`CODE: message (Field1, Field2)`, no longer than a person reads."""
        message = self.message.strip()
        message = message if len(message) <= _LONGEST else f"{message[:_LONGEST]} ..."
        named = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.code}: {message}{named}" if self.code else f"{message}{named}"

    def mentions(self, *words: str) -> bool:
        """Whether it is about one of these: the code of a trigger's refusal is in the words of the record's."""
        return any(one in self.code or one in self.message for one in words)


def from_json(errors: Any) -> RowError:
    """The refusal in a SaveResult's `errors`: the first one's code and fields, and the words of all."""
    found = [one for one in errors if isinstance(one, Mapping)] if isinstance(errors, Sequence) else []
    if not found:
        return RowError("", "Salesforce refused the record and did not say why.")
    first = found[0]
    code = str(first.get("statusCode") or first.get("errorCode") or "")
    words = [_words(one) for one in found]
    others = [
        f"{other}: {text}"
        for one, text in zip(found[1:], words[1:], strict=True)
        if (other := str(one.get("statusCode") or one.get("errorCode") or ""))
    ]
    return RowError(code, " ".join(dict.fromkeys([words[0], *others])), _fields(first.get("fields")))


def from_cell(text: str) -> RowError:
    """The refusal in sf__Error; of several the first one's code and fields, and the words of all."""
    found = list(_CELL.finditer(text.strip()))
    if not found:
        code = _CODE.match(text)
        return RowError(code[1] if code else "", text[code.end() if code else 0 :].strip().removesuffix("--").strip())
    first, *others = found
    words = [first[2].strip(), *(f"{one[1]}: {one[2].strip()}" for one in others)]
    return RowError(first[1], " ".join(words), _fields(first[3].split(",")))


def _words(error: Mapping[str, Any]) -> str:
    """The message, and for a duplicate rule which one it was and which record it means."""
    message = str(error.get("message") or "")
    result = next((error[key] for key in _DUPLICATE_KEYS if isinstance(error.get(key), Mapping)), None)
    if result is None:
        return message
    matches = [match for one in _list(result.get("matchResults")) for match in _list(one.get("matchRecords"))]
    records = [match["record"] for match in matches if isinstance(match.get("record"), Mapping)]
    ids = [str(record["Id"]) for record in records if record.get("Id")]
    parts = [message, str(result.get("errorMessage") or "")]
    if result.get("duplicateRule"):
        parts.append(f"Duplicate rule {result['duplicateRule']}.")
    if ids:
        parts.append(f"It takes the record for {', '.join(ids)}.")
    return " ".join(dict.fromkeys(filter(None, parts)))


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, Sequence) else []


def _fields(names: Any) -> tuple[str, ...]:
    if not isinstance(names, Sequence) or isinstance(names, str):
        return ()
    return tuple(name for name in dict.fromkeys(str(one).strip() for one in names) if name)
