"""Query, queryAll, and the pages after the first, as REST answers them (salesforce.md sections 1.2 and 2.2)."""

from typing import Final

from crmsync.sandbox.salesforce import select
from crmsync.sandbox.salesforce.cursors import Cursors, page_size
from crmsync.sandbox.salesforce.errors import refuse
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.select import Column, Found
from crmsync.sandbox.salesforce.soql import parse
from crmsync.sandbox.salesforce.tree import SoqlError
from crmsync.sandbox.salesforce.wire import Call, Json, Reply, Route, Service


def find(org: Org, text: str, *, deleted: bool) -> Found:
    """What a query finds now; `deleted` as queryAll. Raises SoqlError."""
    return select.run(parse(text), org, deleted=deleted, now_ms=org.clock.now_ms())


def first_page(
    org: Org, cursors: Cursors, text: str, version: str, *, deleted: bool = False, options: str | None = None
) -> Json:
    """The first page of a query. `options` is the header Sforce-Query-Options."""
    found = find(org, text, deleted=deleted)
    size = page_size(options)
    locator = None if found.counts else cursors.open(found, size, version, org.clock.elapsed())
    return page(found, 0, min(size, found.total), locator, version)


def next_page(org: Org, cursors: Cursors, locator: str, version: str) -> Json:
    """The page that a locator leads to. Raises SoqlError INVALID_QUERY_LOCATOR."""
    found, first, last, after = cursors.read(locator, org.clock.elapsed())
    return page(found, first, last, after, version)


def page(found: Found, first: int, last: int, locator: str | None, version: str) -> Json:
    """One page as JSON. The count of COUNT() stands in totalSize, and there are no records."""
    body: Json = {"totalSize": found.total, "done": locator is None}
    if locator is not None:
        body["nextRecordsUrl"] = f"/services/data/v{version}/query/{locator}"
    rows = found.frame.slice(first, 0 if found.counts else last - first)
    body["records"] = [record(found, row, version) for row in rows.iter_rows(named=True)]
    return body


def record(found: Found, row: Json, version: str) -> Json:
    """One row of a result as JSON, parents nested; a parent that is not there is null."""
    document: Json = {"attributes": attributes(found.object, row["Id"], version)}
    for column in found.columns:
        _place(document, column, row, version)
    return document


def _place(document: Json, column: Column, row: Json, version: str) -> None:
    at = document
    for depth, name in enumerate(column.names[:-1]):
        if name not in at:
            id_ = row[".".join((*column.names[: depth + 1], "Id"))]
            at[name] = {"attributes": attributes(column.objects[depth], id_, version)} if id_ is not None else None
        if at[name] is None:
            return
        at = at[name]
    at[column.names[-1]] = row[column.header]


def attributes(object_name: str, id_: str, version: str) -> Json:
    """What Salesforce says of every record: its type and its address."""
    return {"type": object_name, "url": f"/services/data/v{version}/sobjects/{object_name}/{id_}"}


def answer(service: Service, call: Call, org: Org, *, deleted: bool = False) -> Reply:
    """The first page of the query that a call asks of `org`."""
    text = call.one("q")
    if not text:
        raise refuse(400, "MALFORMED_QUERY", "A query string has to be specified")
    options = call.headers.get("Sforce-Query-Options")
    try:
        cursors = service.part(Cursors)
        return Reply(200, first_page(org, cursors, text, call.version, deleted=deleted, options=options))
    except SoqlError as refusal:
        raise refuse(400, refusal.code, refusal.message) from refusal


def query(service: Service, call: Call) -> Reply:
    """`GET query/?q=...`: what is not in the recycle bin."""
    return answer(service, call, service.org)


def query_all(service: Service, call: Call) -> Reply:
    """`GET queryAll/?q=...`: the recycle bin too."""
    return answer(service, call, service.org, deleted=True)


def more(service: Service, call: Call) -> Reply:
    """`GET query/LOCATOR`: the next page."""
    try:
        return Reply(200, next_page(service.org, service.part(Cursors), call.args[0], call.version))
    except SoqlError as refusal:
        raise refuse(400, refusal.code, refusal.message) from refusal


ROUTES: Final = (
    Route("GET", "query", query),
    Route("GET", "queryAll", query_all),
    Route("GET", "query/{}", more),
    Route("GET", "queryAll/{}", more),
)
