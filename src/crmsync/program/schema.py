"""JSON Schema of a program, for editors that complete and check while a person writes.

Generated from the same tables that the loader reads, so it cannot promise what the loader refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmsync.model.fields import FIELDS, Field, Kind
from crmsync.program.loader import CONDITION_SCHEMA, Section
from crmsync.program.parse import LIST_OPERATORS, operators_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CONDITION = {"$ref": "#/$defs/Condition"}


def json_schema(sections: Sequence[Section]) -> dict[str, Any]:
    """The schema of a whole program with these sections."""
    definitions = condition_definitions()
    properties: dict[str, Any] = {
        "program": {"type": "string", "description": "A name for the program."},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "default": "USD"},
        "conditions": {
            "type": ["object", "null"],
            "additionalProperties": CONDITION,
            "description": "Conditions with a name, for use anywhere below.",
        },
        "exclude": {**CONDITION, "description": "Accounts that get no tier and no designation."},
        "lists": {
            "type": ["array", "null"],
            "items": {"type": "string"},
            "uniqueItems": True,
            "description": "Values to keep lists of in the CRM, one list for each of its options.",
        },
    }
    for section in sections:
        schema = section_schema(section.model.model_json_schema(by_alias=True))
        definitions.update(schema.pop("$defs", {}))
        properties[section.key] = schema
    return {
        "$schema": DIALECT,
        "title": "crmsync program",
        "type": "object",
        "properties": properties,
        "required": ["program", *(section.key for section in sections if section.required)],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def section_schema(schema: Any) -> Any:
    """A model's schema with the place-holders for conditions replaced by a reference."""
    if isinstance(schema, dict):
        if CONDITION_SCHEMA.items() <= schema.items():
            return {**{key: value for key, value in schema.items() if key not in CONDITION_SCHEMA}, **CONDITION}
        return {key: section_schema(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [section_schema(item) for item in schema]
    return schema


def condition_definitions() -> dict[str, Any]:
    """`$defs` of a condition over the fields of every object, and of the operators of each kind of field."""
    fields: dict[str, Field] = {}
    for known in FIELDS.values():
        for name, field in known.items():
            fields.setdefault(name, field)
    table = {
        "all": {"type": "array", "items": CONDITION, "minItems": 1},
        "any": {"type": "array", "items": CONDITION, "minItems": 1},
        "not": CONDITION,
        **{
            name: {"$ref": f"#/$defs/{_title(field.kind)}", "description": _words(field)}
            for name, field in fields.items()
        },
    }
    condition = {
        "description": "{field: {operator: value}}; a list means all; a word is the name of a condition.",
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": CONDITION, "minItems": 1},
            {"type": "object", "properties": table, "additionalProperties": False, "minProperties": 1},
        ],
    }
    return {"Condition": condition, **{_title(kind): _operators(kind) for kind in Kind}}


def _title(kind: Kind) -> str:
    return f"{kind.value.capitalize()}Operators"


def _words(field: Field) -> str:
    return f"{field.label}, in {field.unit}" if field.unit and field.kind is not Kind.MONEY else field.label


def _operators(kind: Kind) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {operator: _operand(kind, operator) for operator in operators_of(kind)},
        "additionalProperties": False,
        "minProperties": 1,
    }


def _operand(kind: Kind, operator: str) -> dict[str, Any]:
    if operator in ("known", "unknown"):
        return {"type": "boolean"}
    if operator in ("within_days", "older_than_days"):
        return {"type": "integer", "minimum": 0}
    if operator in ("contains", "matches"):
        return {"type": "string", "minLength": 1}
    scalar = _SCALARS.get(kind, {"type": "string", "minLength": 1})
    if operator in LIST_OPERATORS:
        return {"type": "array", "items": scalar, "minItems": 1}
    if operator == "between":
        return {"type": "array", "items": scalar, "minItems": 2, "maxItems": 2}
    return scalar


# `5_000_000` is text to editors that read YAML 1.2 by the letter.
_DIGITS = {"type": "string", "pattern": r"^-?[0-9][0-9_]*(\.[0-9]+)?$"}
_SCALARS: dict[Kind, dict[str, Any]] = {
    Kind.INTEGER: {"anyOf": [{"type": "integer"}, _DIGITS]},
    Kind.MONEY: {"anyOf": [{"type": "number"}, _DIGITS]},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.ID: {"type": ["string", "integer"]},
}
