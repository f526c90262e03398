"""The few words of JSON Schema that our schemas use, read plainly: enough to show that they accept what we accept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float, Decimal),
    "null": (type(None),),
}
KNOWN = {
    "$schema", "$defs", "$ref", "title", "description", "default", "type", "properties", "required", "anyOf", "items",
    "additionalProperties", "propertyNames", "patternProperties", "enum", "const", "pattern", "minimum", "maximum",
    "exclusiveMinimum", "minItems", "maxItems", "minLength", "minProperties", "uniqueItems",
}  # fmt: skip


def objections(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """Where `value` does not fit, as paths with the reason."""
    assert set(schema) <= KNOWN, f"{at}: a word that this reader does not know: {set(schema) - KNOWN}"
    if "$ref" in schema:
        found = objections(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, at)
        return [*found, *objections(value, {key: part for key, part in schema.items() if key != "$ref"}, root, at)]
    return list(_objections(value, schema, root, at))


def _objections(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fits = [isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds]
    if kinds and not any(fits):
        yield f"{at}: is no {' or '.join(kinds)}"
        return
    if "anyOf" in schema and all(objections(value, option, root, at) for option in schema["anyOf"]):
        yield f"{at}: fits none of the options"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value} is not in {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: is not {schema['const']}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{at}: {value} does not match {schema['pattern']}"
        if len(value) < schema.get("minLength", 0):
            yield f"{at}: too short"
    elif isinstance(value, int | Decimal | float):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            yield f"{at}: {value} is out of bounds"
        if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            yield f"{at}: {value} is out of bounds"
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{at}: {len(value)} items"
        for position, item in enumerate(value):
            yield from objections(item, schema.get("items", {}), root, f"{at}[{position}]")
    elif isinstance(value, dict):
        yield from _object(value, schema, root, at)


def _object(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    yield from (f"{at}: {key} is missing" for key in schema.get("required", []) if key not in value)
    if len(value) < schema.get("minProperties", 0):
        yield f"{at}: is empty"
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for key, item in value.items():
        yield from objections(key, schema.get("propertyNames", {}), root, f"{at}.{key} (key)")
        more = next((part for pattern, part in patterns.items() if re.search(pattern, key)), None)
        rest = schema.get("additionalProperties", True) if more is None else more
        if key in known:
            yield from objections(item, known[key], root, f"{at}.{key}")
        elif rest is False:
            yield f"{at}: {key} is not known"
        elif isinstance(rest, dict):
            yield from objections(item, rest, root, f"{at}.{key}")
