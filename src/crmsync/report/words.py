"""What every report says in the same words."""

from __future__ import annotations

from collections.abc import Iterator

from crmsync.engine.report import Head


def head_line(head: Head) -> Iterator[str]:
    """Portal, program, and as of when from what."""
    yield f"portal {head.portal}"
    yield f"program {head.program} ({head.digest})"
    yield f"as of {head.as_of:%Y-%m-%d}"
    if head.read_at:
        yield f"read {head.read_at:%Y-%m-%d %H:%M}"


def share(part: int, whole: int) -> str:
    """`412 of 1,000 (41 %)`."""
    said = percent(part, whole)
    return f"{part:,} of {whole:,}" + (f" ({said})" if said else "")


def percent(part: int, whole: int) -> str:
    """`41 %`; what is there at all and rounds to none is `under 1 %`, and of nothing there is no share."""
    if not whole or not part:
        return ""
    return f"{(200 * part + whole) // (2 * whole) or 'under 1'} %"
