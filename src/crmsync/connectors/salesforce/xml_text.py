"""Metadata as XML, in the one form that Salesforce's own tools write: four spaces, one element a line, UTF-8.

Prevents a label with `<` or `&` from making a file that cannot be deployed. Same metadata, same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
# What XML 1.0 cannot hold in any form (https://www.w3.org/TR/xml/#charsets).
_IMPOSSIBLE = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(root: str, content: Mapping[str, Any]) -> bytes:
    """`content` below an element `root`: a mapping is an element with children, a list one element per item."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<{root} xmlns="{NAMESPACE}">', *_lines(content, 1)]
    return ("\n".join([*lines, f"</{root}>"]) + "\n").encode()


def _lines(content: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "    " * depth
    for name, value in content.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, Mapping):
                yield f"{indent}<{name}>"
                yield from _lines(one, depth + 1)
                yield f"{indent}</{name}>"
            else:
                yield f"{indent}<{name}>{_text(one)}</{name}>"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(_IMPOSSIBLE.sub(" ", str(value)))
