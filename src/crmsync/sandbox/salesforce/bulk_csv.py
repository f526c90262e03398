"""CSV as Bulk API 2.0 reads and writes it (salesforce.md section 2.4).

Prevents a client from uploading here what fails there: a byte order mark becomes part of the first name, the line
ending has to be the job's throughout, inside quotes too, and nothing is trimmed.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

DELIMITERS: Final = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS: Final = {"LF": "\n", "CRLF": "\r\n"}
MOST_FIELDS: Final = 5_000
LONGEST_FIELD: Final = 32_000
LONGEST_RECORD: Final = 400_000
NULL: Final = "#N/A"
"""What sets a field to null; an empty cell leaves it as it is."""


class CsvError(Exception):
    """Why a whole job fails, in the words of its errorMessage."""


@dataclass(frozen=True)
class Dialect:
    """A job's column delimiter and line ending, by their names in the API."""

    column_delimiter: str = "COMMA"
    line_ending: str = "LF"

    def read(self, data: bytes) -> tuple[list[str], list[list[str]]]:
        """Header and records. Raises CsvError for data that is not in this dialect."""
        if b"\r" in data if self.line_ending == "LF" else b"\n" in data.replace(b"\r\n", b""):
            message = f"LineEnding is invalid on user data. Current LineEnding setting is {self.line_ending}"
            raise CsvError(f"ClientInputError : {message}")
        csv.field_size_limit(max(csv.field_size_limit(), 2 * len(data) + 1))
        try:
            text = io.StringIO(data.decode("utf-8"), newline="")
            rows = [row for row in csv.reader(text, delimiter=DELIMITERS[self.column_delimiter], strict=True) if row]
        except UnicodeDecodeError as fault:
            raise CsvError("InvalidBatch : The data is not in UTF-8") from fault
        except csv.Error as fault:
            raise CsvError(f"InvalidBatch : Failed to parse CSV : {fault}") from fault
        if not rows:
            raise CsvError("InvalidBatch : Unable to find any data in the request")
        header, *records = rows
        _check(header, records)
        return header, records

    def write(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
        """A file with every cell quoted."""
        out = io.StringIO(newline="")
        writer = csv.writer(
            out,
            delimiter=DELIMITERS[self.column_delimiter],
            lineterminator=LINE_ENDINGS[self.line_ending],
            quoting=csv.QUOTE_ALL,
        )
        writer.writerow(header)
        writer.writerows(rows)
        return out.getvalue().encode()


def _check(header: list[str], records: list[list[str]]) -> None:
    if len(header) > MOST_FIELDS:
        raise CsvError(f"InvalidBatch : More than {MOST_FIELDS} fields in a record")
    for at, record in enumerate(records, start=2):
        if len(record) != len(header):
            message = f"The number of columns in row {at} is {len(record)}, expected {len(header)}"
            raise CsvError(f"InvalidBatch : {message}")
        if sum(map(len, record)) > LONGEST_RECORD:
            raise CsvError(f"InvalidBatch : Row {at} has more than {LONGEST_RECORD} characters")
        if any(len(cell) > LONGEST_FIELD for cell in record):
            raise CsvError(f"InvalidBatch : A field in row {at} has more than {LONGEST_FIELD} characters")


def cell(value: object) -> str:
    """A stored value as query results show it: doubles as Java prints them, date-times in UTC with a Z."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _java_double(value)
    text = str(value)
    return f"{text[:-5]}Z" if len(text) == 28 and text.endswith("+0000") and text[10] == "T" else text


def _java_double(value: float) -> str:
    """Java's Double.toString: `1500000.0`, and from ten million on `1.0E7`."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    written = next(text for places in range(1, 18) if float(text := f"{value:.{places}e}") == value)
    digits, _, exponent = written.partition("e")
    return f"{digits}E{int(exponent)}"
