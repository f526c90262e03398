"""getUpdated and getDeleted over REST (salesforce.md section 2.5).

Prevents a client from losing what a long transaction wrote: `latestDateCovered` stops before the first write that
nobody can see yet, and only a client that goes on from there finds it.
"""

from typing import Final

import polars as pl

from crmsync.sandbox.common.clock import parse_ms
from crmsync.sandbox.salesforce.errors import refuse
from crmsync.sandbox.salesforce.frames import visible
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.rest import spec_of
from crmsync.sandbox.salesforce.values import stamp, stamp_ms
from crmsync.sandbox.salesforce.wire import ApiError, Call, Json, Reply, Route, Service

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
UPDATED_DAYS: Final = 30
DELETED_DAYS: Final = 15
MOST_IDS: Final = 600_000


def _refused(message: str) -> ApiError:
    return refuse(400, "INVALID_REPLICATION_DATE", message)


def _window(call: Call, now_ms: int, days: int) -> tuple[int, int]:
    """Start and end in milliseconds. Their seconds do not count: 12:30:15 means 12:30:00."""
    found = []
    for name in ("start", "end"):
        text = call.one(name)
        ms = parse_ms(text) if text and "T" in text else None
        if ms is None:
            raise refuse(400, "INVALID_QUERY_FILTER_OPERATOR", f"{name}: an ISO 8601 date-time is required")
        found.append(ms // MINUTE_MS * MINUTE_MS)
    start, end = found
    if start >= end:
        raise _refused("endDate must be at least one minute greater than startDate")
    if start < now_ms - days * DAY_MS:
        raise _refused(f"startDate cannot be more than {days} days ago")
    return start, end


def _covered(org: Org, object_name: str, end: int, now_ms: int) -> int:
    """Up to when nothing is missing: before the first write that is not committed."""
    covered = min(end, now_ms // MINUTE_MS * MINUTE_MS)
    for (name, id_), held in org.pending.items():
        record = org.records[name].get(id_)
        if name == object_name and held.until > now_ms and record is not None:
            covered = min(covered, stamp_ms(str(record["SystemModstamp"])) // MINUTE_MS * MINUTE_MS)
    return covered


def updated(service: Service, call: Call) -> Reply:
    """`GET sobjects/{object}/updated/?start=&end=`: ids of what was made or changed and is not deleted."""
    org, now_ms = service.org, service.clock.now_ms()
    spec = spec_of(org, call.args[0])
    start, end = _window(call, now_ms, UPDATED_DAYS)
    rows = visible(org, spec.name, ["SystemModstamp"], deleted=False, now_ms=now_ms)
    ids = rows.filter(pl.col("SystemModstamp").is_between(pl.lit(stamp(start)), pl.lit(stamp(end)), "left"))["Id"]
    if len(ids) > MOST_IDS:
        raise refuse(400, "EXCEEDED_ID_LIMIT", f"more than {MOST_IDS} ids; narrow the range of dates")
    return Reply(200, {"ids": ids.to_list(), "latestDateCovered": stamp(_covered(org, spec.name, end, now_ms))})


def deleted(service: Service, call: Call) -> Reply:
    """`GET sobjects/{object}/deleted/?start=&end=`: the delete log, records that bypassed the recycle bin included."""
    org, now_ms = service.org, service.clock.now_ms()
    spec = spec_of(org, call.args[0])
    start, end = _window(call, now_ms, DELETED_DAYS)
    found: list[Json] = [
        {"deletedDate": stamp(one.at), "id": one.id}
        for one in org.deletions
        if one.object == spec.name and start <= one.at < end
    ]
    body = {
        "deletedRecords": found,
        "earliestDateAvailable": stamp(now_ms - DELETED_DAYS * DAY_MS),
        "latestDateCovered": stamp(_covered(org, spec.name, end, now_ms)),
    }
    return Reply(200, body)


ROUTES: Final = (
    Route("GET", "sobjects/{}/updated", updated),
    Route("GET", "sobjects/{}/deleted", deleted),
)
