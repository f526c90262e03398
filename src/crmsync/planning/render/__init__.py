"""A plan as text, Markdown, HTML, CSV or JSON. Pure: a plan and names in, a string out."""

from __future__ import annotations

from typing import Literal, get_args

import polars as pl

from crmsync.model.plan import Plan
from crmsync.planning.render.document import plan_document, plan_from_json, render_json
from crmsync.planning.render.markdown import render_markdown
from crmsync.planning.render.page import render_html
from crmsync.planning.render.table import render_csv
from crmsync.planning.render.text import render_text
from crmsync.planning.render.view import PEOPLE_SCHEMA

Format = Literal["text", "markdown", "html", "csv", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".json": "json",
}


def render(format_: Format, plan: Plan, people: pl.DataFrame | None = None) -> str:
    """The plan in one of `FORMATS`, as a file would hold it."""
    match format_:
        case "text":
            return render_text(plan, people)
        case "markdown":
            return render_markdown(plan, people)
        case "html":
            return render_html(plan, people)
        case "csv":
            return render_csv(plan, people)
        case "json":
            return render_json(plan, people)


__all__ = [
    "FORMATS",
    "PEOPLE_SCHEMA",
    "SUFFIXES",
    "Format",
    "plan_document",
    "plan_from_json",
    "render",
    "render_csv",
    "render_html",
    "render_json",
    "render_markdown",
    "render_text",
]
