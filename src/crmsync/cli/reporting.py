"""The reports: what is assessed, as a document to read, to send on, or to open in a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmsync.cli.commands import AsOf
from crmsync.cli.face import Face, parse_id, parse_moment
from crmsync.cli.formats import chosen_format, write_document
from crmsync.engine import report as figures
from crmsync.errors import CrmsyncError, ExitCode
from crmsync.report.coverage import coverage_csv, coverage_document, coverage_figures
from crmsync.report.document import FORMATS, Document, ReportFormat
from crmsync.report.gaps import gaps_csv, gaps_document, gaps_figures
from crmsync.report.markdown import markdown
from crmsync.report.page import html

_SUFFIXES: dict[str, ReportFormat] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
}
Company = Annotated[str | None, typer.Option("--company", metavar="ID", help="Of this company alone.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it here; the suffix says how.")]
Form = Annotated[
    str | None, typer.Option("--format", help="|".join(FORMATS) + "; without it the file's suffix, else markdown.")
]


def coverage(face: Face, company: Company = None, format_: Form = None, out: Out = None, as_of: AsOf = None) -> int:
    """How many of the names, roles and owners that the program wants the portal has; with --company its people too."""
    chosen, id_, moment = chosen_format(format_, out, _SUFFIXES, "markdown"), _company(company), parse_moment(as_of)
    with face.open() as context:
        data = figures.coverage(context, as_of=moment, company=id_)
    text = coverage_csv(data) if chosen == "csv" else _rendered(chosen, coverage_document(data))
    _hand_over(face, text, out)
    face.document(coverage_figures(data))
    return ExitCode.DONE


def gaps(face: Face, company: Company = None, format_: Form = None, out: Out = None, as_of: AsOf = None) -> int:
    """Which missing fields hold back the tiers of which accounts, ranked by what filling them is worth."""
    chosen, id_, moment = chosen_format(format_, out, _SUFFIXES, "markdown"), _company(company), parse_moment(as_of)
    with face.open() as context:
        data = figures.gaps(context, as_of=moment, company=id_)
    text = gaps_csv(data) if chosen == "csv" else _rendered(chosen, gaps_document(data))
    _hand_over(face, text, out)
    face.document(gaps_figures(data))
    return ExitCode.DONE


def _company(given: str | None) -> str | None:
    if given is None:
        return None
    object_, id_ = parse_id(given)
    if object_ not in (None, "company"):
        raise CrmsyncError(f"--company {given}: that is a {object_}; a report is of a company or of the whole portal.")
    return id_


def _rendered(chosen: ReportFormat, document: Document) -> str:
    return html(document) if chosen == "html" else markdown(document)


def _hand_over(face: Face, text: str, out: Path | None) -> None:
    """To the file that was named, else to stdout, where it is the answer."""
    if out is None:
        face.write(text)
        return
    write_document(out, text)
    face.tell(f"Written to {out}.")
