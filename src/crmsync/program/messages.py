"""pydantic's faults in plain words, at the line and path where they stand (feel.md).

Never repeats a value that pydantic was given: a secret may stand where it does not belong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from crmsync.errors import Fault
from crmsync.program.yaml import Tree, did_you_mean, fault_at, locate

_EXPECTED = {
    "missing": "missing; it is required",
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "decimal_type": "expected a number",
    "decimal_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "dict_type": "expected a mapping of keys to values",
    "model_type": "expected a mapping of keys to values",
    "model_attributes_type": "expected a mapping of keys to values",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "string_too_short": "expected some text",
}
_LIMITS = {
    "greater_than": ("gt", "expected more than {0}"),
    "greater_than_equal": ("ge", "expected {0} or more"),
    "less_than": ("lt", "expected less than {0}"),
    "less_than_equal": ("le", "expected {0} or less"),
    "string_pattern_mismatch": ("pattern", "does not fit the pattern {0}"),
    "too_short": ("min_length", "expected at least {0}"),
    "too_long": ("max_length", "expected at most {0}"),
    "string_too_long": ("max_length", "expected at most {0} characters"),
}

_PATTERNS = {
    r"^[a-z][a-z0-9_]*$": "expected lower-case letters, digits and _, a letter first",
    r"^[a-z][a-z0-9_]*_$": "expected lower-case letters, digits and _, ending with _, such as abm_",
    r"^[A-Z]{3}$": "expected a currency such as USD",
    r"^[A-Za-z][A-Za-z0-9_.]*$": "expected an internal name: letters, digits and _",
    r"^[A-Za-z0-9][\w.-]*$": "expected a name of letters, digits, -, _ and .",
    r"^[A-Za-z0-9][A-Za-z0-9.-]*$": "expected My Domain without https:// and .salesforce.com, such as acme.my",
}


def faults_of(error: ValidationError, model: type[BaseModel], tree: Tree, where: str) -> list[Fault]:
    """Every fault of `error`, which arose when `plain(tree)` was validated as `model`."""
    found: dict[tuple[int, str], Fault] = {}
    # Of the forms that a value may have, the one that was meant is the one with a fault further in.
    places = [locate(tree, tuple(part for part in one["loc"] if part != "[key]"))[1] for one in error.errors()]
    for detail in error.errors(include_url=False):
        location = tuple(part for part in detail["loc"] if part != "[key]")
        line, path = locate(tree, location)
        deeper = any(len(place) > len(path) and place[: len(path)] == path for place in places)
        if detail["type"] == "literal_error" and deeper:
            continue
        if detail["type"] == "missing":
            path = (*path, str(location[-1]))
        fault = fault_at(where, line, path, _words(detail, model, location))
        found.setdefault((line, str(fault)), fault)
    return list(found.values())


def _words(detail: ErrorDetails, model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = sorted({name for at in _models_at(model, location[:-1]) for name in _keys(at)})
        near = did_you_mean(str(location[-1]), known)
        return f"no such key.{near or ' Known: ' + ', '.join(known) + '.'}"
    if kind in ("literal_error", "enum"):
        # A string that was given is the person's own word and no secret: those fields are never literals.
        options = str(context.get("expected", "")).replace("'", "")
        near = did_you_mean(str(detail["input"]), [word for word in options.replace(" or ", ", ").split(", ") if word])
        return f"expected {options}.{near}" if near else f"expected {options}"
    if kind == "value_error":
        return str(context.get("error", detail["msg"].removeprefix("Value error, ")))
    if kind == "string_pattern_mismatch" and context.get("pattern") in _PATTERNS:
        return _PATTERNS[str(context["pattern"])]
    if kind in _LIMITS:
        name, text = _LIMITS[kind]
        return text.format(context.get(name, ""))
    return _EXPECTED.get(kind, f"{detail['msg'][:1].lower()}{detail['msg'][1:]}")


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield info.alias or name


def _models_at(model: type[BaseModel], location: tuple[int | str, ...]) -> set[type[BaseModel]]:
    """The models that may stand at `location`, so that a near miss can be suggested."""
    here: set[Any] = {model}
    for part in location:
        below: set[Any] = set()
        for annotation in here:
            below |= set(_below(annotation, part))
        # A part that pydantic added (the name of a union's member) leads nowhere: stay.
        here = below or here
    return {found for annotation in here for found in _models_in(annotation)}


def _below(annotation: Any, part: int | str) -> Iterator[Any]:
    for found in _models_in(annotation):
        for name, info in found.model_fields.items():
            if part in (name, info.alias):
                yield info.annotation
    for origin in _containers_in(annotation):
        yield get_args(origin)[-1 if get_args(origin)[-1] is not Ellipsis else 0]


def _containers_in(annotation: Any) -> Iterator[Any]:
    origin = getattr(annotation, "__origin__", None)
    if isinstance(origin, type) and issubclass(origin, list | tuple | dict | Mapping) and get_args(annotation):
        yield annotation
        return
    for argument in get_args(annotation):
        yield from _containers_in(argument)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        if annotation.__pydantic_root_model__:
            yield from _models_in(annotation.model_fields["root"].annotation)
        return
    if any(True for _ in _containers_in(annotation)) and not _is_union(annotation):
        return
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _is_union(annotation: Any) -> bool:
    return type(None) in get_args(annotation) or getattr(annotation, "__origin__", None) is None
