"""A job of Bulk API 2.0, step by step: create, close, poll to its end, fetch a file (salesforce.md 1.7 and 2.4).

It prevents a blip from deciding over a job: a poll or a page that fails is asked for again, and a file that is not
whole is no file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from crmsync.connectors.salesforce.transport import Answer, Transport
from crmsync.errors import CrmsyncError, Throttled, Unavailable

FAMILY = "bulk"
FIRST_POLL, LONGEST_POLL = 0.5, 10.0
LONGEST_JOB = 7_200.0
"""Seconds that a job is waited for. Then it is aborted: it should not write tomorrow what was decided today."""
TROUBLES = 6
"""Times in a row that a poll or a page may fail, each after all attempts of the transport."""

OPEN, DONE = "Open", "JobComplete"
ENDED = frozenset({DONE, "Failed", "Aborted"})
PASSING = (Throttled, Unavailable)


class TooLong(Exception):
    """A job that did not end while it was waited for."""


class Jobs:
    """What jobs of both kinds have in common. `kind` is `query` or `ingest`."""

    def __init__(self, transport: Transport, kind: str) -> None:
        self._transport = transport
        self._path = f"jobs/{kind}"

    def create(self, body: Mapping[str, Any]) -> str:
        """The id of a new job. Where the reply is lost another is made: an open job without rows does nothing."""
        return str(_said(self._transport.send(FAMILY, "POST", self._path, json=dict(body)), "id")["id"])

    def follow(self, id_: str, *, until: float | None = None) -> dict[str, Any]:
        """What the API says of the job once it has ended. A poll that fails is polled again.

        Raises TooLong, and what the transport raises where polls fail again and again or the run has to stop.
        """
        waited, wait, troubles = 0.0, FIRST_POLL, 0
        until = LONGEST_JOB if until is None else until
        while waited <= until:
            self._transport.wait(wait)
            waited, wait = waited + wait, min(wait * 1.5, LONGEST_POLL)
            try:
                info = self.info(id_)
            except PASSING:
                troubles += 1
                if troubles >= TROUBLES:
                    raise
                continue
            troubles = 0
            if info["state"] in ENDED:
                return info
        raise TooLong

    def info(self, id_: str) -> dict[str, Any]:
        """What the API says of the job now."""
        return _said(self._transport.get(FAMILY, f"{self._path}/{id_}"), "state")

    def move(self, id_: str, state: str) -> None:
        """Close (`UploadComplete`) or abort (`Aborted`) the job."""
        self._transport.send(FAMILY, "PATCH", f"{self._path}/{id_}", json={"state": state})

    def give_up(self, id_: str) -> None:
        """Abort, as far as that is possible."""
        try:
            self.move(id_, "Aborted")
        except CrmsyncError:
            return

    def fetch(self, id_: str, what: str, query: Mapping[str, str] | None = None) -> tuple[list[dict[str, str]], Answer]:
        """The rows of a result file; where it does not come whole, again, as with polls."""
        troubles = 0
        while True:
            try:
                answer = self._transport.get(FAMILY, f"{self._path}/{id_}/{what}", query)
                rows = table(answer.body)
                told = answer.headers.get("Sforce-NumberOfRecords")
                if told is not None and told != str(len(rows)):
                    raise Unavailable(f"Salesforce gave {len(rows)} rows of job {id_} and says {told}. Run it again.")
                return rows, answer
            except PASSING:
                troubles += 1
                if troubles >= TROUBLES:
                    raise
                self._transport.wait(pause(troubles))


def pause(troubles: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(FIRST_POLL * 2.0 ** min(troubles, TROUBLES), LONGEST_POLL)


def table(body: bytes) -> list[dict[str, str]]:
    """The rows of a result file, column -> text.

    It is UTF-8 whatever the header says, and only a reader of CSV knows which newline ends a row. Raises Unavailable
    for a file that is not whole.
    """
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8"), newline=""), strict=True)
        header = next(reader, [])
        return [dict(zip(header, row, strict=True)) for row in reader if row]
    except (UnicodeDecodeError, csv.Error, ValueError):
        raise Unavailable("A result file of Salesforce's was cut short, or is no CSV. Run it again.") from None


def _said(answer: Answer, name: str) -> dict[str, Any]:
    """The answer, which has to be an object with that name. Raises Unavailable."""
    found = answer.json()
    if not isinstance(found, dict) or name not in found:
        raise Unavailable(f"Salesforce's answer about a bulk job does not say its {name}. Run it again.")
    return found
