"""Query cursors: pages of a result and the locators that lead on (salesforce.md section 2.2).

Prevents a client from paging here in ways that end in INVALID_QUERY_LOCATOR there: a locator is good once, for two
days; for callers of API versions up to 54 for fifteen idle minutes, and only ten of them at a time.
"""

from dataclasses import dataclass, field
from typing import Final

from crmsync.sandbox.salesforce import ids
from crmsync.sandbox.salesforce.select import Found
from crmsync.sandbox.salesforce.tree import SoqlError

PAGE: Final = 2_000
"""Rows of a page, unless a client asks for fewer."""
SMALLEST_PAGE: Final = 200
_DAY: Final = 86_400.0


@dataclass(frozen=True)
class Policy:
    """When a cursor ends: seconds since it was made, seconds since it was last read, and how many there may be."""

    life: float | None = None
    idle: float | None = None
    most: int | None = None


MODERN: Final = Policy(life=2 * _DAY)
CLASSIC: Final = Policy(idle=900, most=10)
LAST_CLASSIC_VERSION: Final = 54.0


def policy_of(version: str) -> Policy:
    """The policy that callers of an API version get."""
    return CLASSIC if float(version) <= LAST_CLASSIC_VERSION else MODERN


@dataclass
class _Cursor:
    found: Found
    policy: Policy
    made: float
    read: float
    size: int
    next: int


@dataclass
class Cursors:
    """Open cursors of one user. `policy`, where given, holds for every version; `now` is in seconds throughout."""

    policy: Policy | None = None
    _open: dict[str, _Cursor] = field(default_factory=dict)
    _made: int = 0

    def open(self, found: Found, size: int, version: str, now: float) -> str | None:
        """Keeps what lies beyond the first page; returns its locator, None where nothing does."""
        if found.total <= size:
            return None
        self._made += 1
        id_ = ids.make(ids.LOCATOR_PREFIX, self._made)
        policy = self.policy or policy_of(version)
        if policy.most is not None:
            alike = [one for one, cursor in self._open.items() if cursor.policy == policy]
            oldest_first = sorted(alike, key=lambda one: self._open[one].read)
            for oldest in oldest_first[: max(0, len(alike) - policy.most + 1)]:
                del self._open[oldest]
        self._open[id_] = _Cursor(found, policy, now, now, size, size)
        return f"{id_}-{size}"

    def read(self, locator: str, now: float) -> tuple[Found, int, int, str | None]:
        """Result, first and last row (exclusive) of the page, and the next locator. Raises INVALID_QUERY_LOCATOR."""
        id_, _, at = locator.partition("-")
        cursor = self._open.get(id_)
        if cursor is None or not at.isdigit() or int(at) != cursor.next or self._over(cursor, now):
            raise SoqlError("INVALID_QUERY_LOCATOR", "invalid query locator")
        first, last = cursor.next, min(cursor.next + cursor.size, cursor.found.total)
        cursor.next, cursor.read = last, now
        if last == cursor.found.total:
            del self._open[id_]
            return cursor.found, first, last, None
        return cursor.found, first, last, f"{id_}-{last}"

    def _over(self, cursor: _Cursor, now: float) -> bool:
        policy = cursor.policy
        if policy.life is not None and now - cursor.made >= policy.life:
            return True
        return policy.idle is not None and now - cursor.read >= policy.idle


def page_size(option: str | None) -> int:
    """Rows of a page, by the header Sforce-Query-Options: `batchSize=500`, a hint between 200 and 2,000."""
    for part in (option or "").split(","):
        name, _, size = part.partition("=")
        if name.strip().lower() == "batchsize" and size.strip().isdigit():
            return min(max(int(size), SMALLEST_PAGE), PAGE)
    return PAGE
