"""What an owned value is in Salesforce: the type of its field, its picklist, and how that is written as metadata.

One place says it, for the package that an admin deploys, for the fields that `bootstrap --deploy` creates, and for the
check of what stands there already. It prevents a field that is made one way and looked for another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from crmsync.connectors.salesforce.settings import SOBJECTS, api_name
from crmsync.errors import ConfigError, Fault
from crmsync.model.outputs import Option, Output, OutputKind

MOST_NAME = 40
"""Characters of a field's name before `__c`, of a field's label, of a list view's name and of its label."""
LONG_TEXT = 32_768
_MOST_DESCRIPTION = 1_000
_MOST_HELP = 510
_YES_NO = (Option("true", "Yes"), Option("false", "No"))
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|_(?!_))*(?<!_)__c")

ValueKey = Literal["fullName", "valueName"]
"""What a picklist value's name is called: `fullName` in the Metadata API's files, `valueName` in the Tooling API."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`type` is the Metadata API's, `described` what describe calls it, `more` the attributes that the type needs."""

    type: str
    described: str
    more: tuple[tuple[str, int], ...] = ()


SHAPES: dict[OutputKind, Shape] = {
    OutputKind.ENUM: Shape("Picklist", "picklist"),
    OutputKind.MULTI: Shape("MultiselectPicklist", "multipicklist", (("visibleLines", 6),)),
    OutputKind.TEXT: Shape("LongTextArea", "textarea", (("length", LONG_TEXT), ("visibleLines", 3))),
    # Every number of ours is a count.
    OutputKind.NUMBER: Shape("Number", "double", (("precision", 18), ("scale", 0))),
    OutputKind.DATETIME: Shape("DateTime", "datetime"),
    OutputKind.DATE: Shape("Date", "date"),
    # A checkbox cannot be empty, and an unknown is not a no.
    OutputKind.BOOLEAN: Shape("Picklist", "picklist"),
}


def options_of(output: Output) -> tuple[Option, ...]:
    """The values that its picklist has; none for a field that is no picklist."""
    if output.kind is OutputKind.BOOLEAN:
        return _YES_NO
    return output.options if output.kind in (OutputKind.ENUM, OutputKind.MULTI) else ()


def full_name(output: Output, prefix: str) -> str:
    """`Account.ABM_Tier__c`."""
    return f"{SOBJECTS[output.object]}.{api_name(prefix, prefix + output.name)}"


def field_metadata(output: Output, *, named: ValueKey = "fullName") -> dict[str, Any]:
    """The metadata of its field without the name. Values keep their order; others are taken too (not restricted)."""
    shape = SHAPES[output.kind]
    metadata: dict[str, Any] = {}
    if output.description:
        metadata["description"] = output.description[:_MOST_DESCRIPTION]
    metadata["externalId"] = False
    if output.description:
        metadata["inlineHelpText"] = output.description[:_MOST_HELP]
    metadata["label"] = output.label
    metadata |= dict(shape.more)
    if output.kind is not OutputKind.TEXT:  # a long text can be required nowhere
        metadata["required"] = False
    metadata["type"] = shape.type
    if "icklist" in shape.type:
        metadata["valueSet"] = {
            "restricted": False,
            "valueSetDefinition": {
                "sorted": False,
                "value": [picklist_value(option, named) for option in options_of(output)],
            },
        }
    return metadata


def picklist_value(option: Option, named: ValueKey) -> dict[str, Any]:
    return {named: option.value, "default": False, "label": option.label}


def check_names(outputs: Sequence[Output], prefix: str) -> None:
    """Raises ConfigError with every field that Salesforce would not take by its name, label or values."""
    faults: list[Fault] = []
    taken: dict[str, str] = {}
    way_out = "Choose another prefix in mappings/salesforce.yaml."
    for output in outputs:
        whole = full_name(output, prefix)
        where, name = f"Salesforce field {whole}", whole.partition(".")[2]
        if len(name) - len("__c") > MOST_NAME:
            faults.append(Fault(where, None, f"longer than {MOST_NAME} characters before __c. {way_out}"))
        elif not _NAME.fullmatch(name):
            faults.append(Fault(where, None, f"has two underscores side by side. {way_out}"))
        if len(output.label) > MOST_NAME:
            faults.append(Fault(where, None, f"its label has more than {MOST_NAME} characters: {output.label}"))
        if other := taken.get(whole.lower()):
            faults.append(Fault(where, None, f"is the name of {other} and of {output.name}"))
        if "icklist" in SHAPES[output.kind].type and not options_of(output):
            faults.append(Fault(where, None, f"a picklist without values: the program gives {output.name} none"))
        taken[whole.lower()] = output.name
    if faults:
        raise ConfigError(faults, "nothing was written")
