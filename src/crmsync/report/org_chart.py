"""The organisation chart of one account (domain.md B3): its people as a frame, as Mermaid text, and as an SVG picture.

Reporting lines are drawn where the CRM has them; whoever has none stands under their department. Nothing here reads a
clock or a store, the same people give the same picture, and nobody is left out silently: whom a box does not show, an
"and 2,950 more" counts. Lines that go in a circle are cut once and said to, never followed for ever.
"""

from __future__ import annotations

from crmsync.report.org_lines import people_of_account
from crmsync.report.org_mermaid import mermaid
from crmsync.report.org_svg import svg

__all__ = ["mermaid", "people_of_account", "svg"]
