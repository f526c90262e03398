"""SOQL as text, read into a tree (salesforce.md sections 2.2 and 2.6).

Prevents a query that Salesforce would refuse from working here: the grammar is Salesforce's, with its refusal of AND
beside OR without brackets, and its words with the row and the column. What is valid there and not built here says so
with a code of its own, so that nobody takes it for Salesforce's answer.
"""

import re
from functools import lru_cache
from typing import Any, Final

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from crmsync.sandbox.salesforce.tree import (
    Both,
    Child,
    Comparison,
    Condition,
    Either,
    Function,
    Key,
    Literal,
    Membership,
    Not,
    Path,
    Query,
    SoqlError,
    located,
)

LONGEST: Final = 100_000
"""Characters of the longest statement."""
MOST_OFFSET: Final = 2_000
_MODIFIERS = frozenset(["group", "having", "using", "with", "for", "typeof", "update", "all"])

_GRAMMAR = r"""
start: "SELECT"i selection "FROM"i NAME [where] [order] [limit] [offset]
selection: "COUNT"i "(" ")"          -> count
         | item ("," item)*          -> items
?item: path | call | child
call: NAME "(" [path] ")"
child: "(" start ")"
path: NAME ("." NAME)*
where: "WHERE"i _logical
_logical: both | either | negated | condition
both: condition ("AND"i condition)+
either: condition ("OR"i condition)+
negated: "NOT"i condition
?condition: "(" _logical ")" | comparison
comparison: path OPERATOR value                          -> compare
          | path LIKE value                              -> compare
          | path IN "(" value ("," value)* ")"           -> among
          | path "NOT"i IN "(" value ("," value)* ")"    -> not_among
          | path IN "(" start ")"                        -> within
          | path "NOT"i IN "(" start ")"                 -> not_within
          | path SETS "(" value ("," value)* ")"         -> among
value: "NULL"i -> null | "TRUE"i -> true | "FALSE"i -> false
     | STRING -> string | NUMBER -> number | DATE -> date | DATETIME -> moment
     | NAME [":" WHOLE] -> relative
order: "ORDER"i "BY"i key ("," key)*
key: path [DIRECTION] ["NULLS"i PLACE]
limit: "LIMIT"i WHOLE
offset: "OFFSET"i WHOLE
LIKE: "LIKE"i
IN: "IN"i
SETS: "INCLUDES"i | "EXCLUDES"i
DIRECTION: "ASC"i | "DESC"i
PLACE: "FIRST"i | "LAST"i
OPERATOR: "=" | "!=" | "<>" | "<=" | ">=" | "<" | ">"
STRING: /'(\\.|[^'\\])*'/s
DATETIME.3: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)/i
DATE.2: /\d{4}-\d\d-\d\d/
NUMBER.1: /[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?/i
WHOLE: /\d+/
NAME: /[a-z][a-z0-9_]*/i
%ignore /\s+/
"""


def parse(text: str) -> Query:
    """The tree of a statement. Raises SoqlError MALFORMED_QUERY, or NUMBER_OUTSIDE_VALID_RANGE for the offset."""
    if len(text) > LONGEST:
        raise SoqlError("MALFORMED_QUERY", f"SOQL statements cannot be longer than {LONGEST} characters.")
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as fault:
        raise _refusal(text, fault) from None
    query: Query = _Builder(text).transform(tree)
    if query.offset > MOST_OFFSET:
        raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MOST_OFFSET}")
    return query


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", propagate_positions=True)


def _refusal(text: str, fault: UnexpectedInput) -> SoqlError:
    if isinstance(fault, UnexpectedToken) and fault.token.type == "$END":
        return SoqlError("MALFORMED_QUERY", located(text, len(text.rstrip()), "unexpected token: '<EOF>'"))
    at = fault.pos_in_stream or 0
    if isinstance(fault, UnexpectedCharacters):
        rest = re.match(r"[A-Za-z0-9_]+|.", text[at:], re.DOTALL)
        word = rest.group() if rest else ""
    else:
        word = str(getattr(fault, "token", ""))
    if word.lower() in _MODIFIERS:
        said = f"this sandbox does not speak {word.upper()}; Salesforce does. Ask without it."
        return SoqlError("SANDBOX_UNSUPPORTED", located(text, at, said))
    return SoqlError("MALFORMED_QUERY", located(text, at, f"unexpected token: '{word}'"))


class _Builder(Transformer[Token, Any]):
    """Turns lark's tree into ours, bottom up."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, parts: list[Any]) -> Query:
        selection, name, where, order, limit, offset = parts
        return Query(
            selection or (), selection is None, str(name), name.start_pos, where, order or (), limit, offset or 0,
            self._text,
        )  # fmt: skip

    def count(self, _: list[Any]) -> None:
        return None

    def items(self, parts: list[Any]) -> tuple[Path | Child | Function, ...]:
        return tuple(parts)

    def call(self, parts: list[Any]) -> Function:
        return Function(str(parts[0]), str(parts[1] or ""), parts[0].start_pos)

    def child(self, parts: list[Any]) -> Child:
        return Child(parts[0])

    def path(self, parts: list[Token]) -> Path:
        return Path(tuple(str(part) for part in parts), parts[0].start_pos or 0)

    def where(self, parts: list[Any]) -> Condition:
        condition: Condition = parts[0]
        return condition

    def both(self, parts: list[Any]) -> Both:
        return Both(tuple(parts))

    def either(self, parts: list[Any]) -> Either:
        return Either(tuple(parts))

    def negated(self, parts: list[Any]) -> Not:
        return Not(parts[0])

    def compare(self, parts: list[Any]) -> Comparison:
        path, operator, value = parts
        return Comparison(path, "!=" if operator == "<>" else operator.upper(), (value,))

    def among(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], parts[1].upper(), tuple(parts[2:]))

    def not_among(self, parts: list[Any]) -> Comparison:
        return Comparison(parts[0], "NOT IN", tuple(parts[2:]))

    def within(self, parts: list[Any]) -> Membership:
        return Membership(parts[0], False, parts[2])

    def not_within(self, parts: list[Any]) -> Membership:
        return Membership(parts[0], True, parts[2])

    def null(self, _: list[Any]) -> Literal:
        return Literal("null", "null", 0)

    def true(self, _: list[Any]) -> Literal:
        return Literal("boolean", "true", 0)

    def false(self, _: list[Any]) -> Literal:
        return Literal("boolean", "false", 0)

    def string(self, parts: list[Token]) -> Literal:
        return _literal("string", parts)

    def number(self, parts: list[Token]) -> Literal:
        return _literal("number", parts)

    def date(self, parts: list[Token]) -> Literal:
        return _literal("date", parts)

    def moment(self, parts: list[Token]) -> Literal:
        return _literal("dateTime", parts)

    def relative(self, parts: list[Any]) -> Literal:
        word, many = parts
        return Literal("relative", f"{word}:{many}" if many else str(word), word.start_pos or 0)

    def order(self, parts: list[Key]) -> tuple[Key, ...]:
        return tuple(parts)

    def key(self, parts: list[Any]) -> Key:
        path, direction, place = parts
        return Key(path, str(direction or "").upper() == "DESC", str(place or "").upper() == "LAST")

    def limit(self, parts: list[Token]) -> int:
        return int(parts[0])

    def offset(self, parts: list[Token]) -> int:
        return int(parts[0])


def _literal(kind: str, parts: list[Token]) -> Literal:
    return Literal(kind, str(parts[0]), parts[0].start_pos or 0)
