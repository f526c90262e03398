"""Bulk API 2.0 over HTTP: ingest and query jobs (salesforce.md sections 1.7 and 2.4).

Prevents a client from reading results by position, or a string of a row's failure from the job's state: results come
in no order, JobComplete says nothing of the rows, and the rows of a job that ended early are in a list of their own.
The page has no words for a job in the wrong state (INVALIDJOBSTATE here) or a body that is too large: these are ours.
"""

import base64
from typing import Final

from crmsync.sandbox.salesforce import ingest
from crmsync.sandbox.salesforce.bulk_csv import DELIMITERS, LINE_ENDINGS, Dialect, cell
from crmsync.sandbox.salesforce.bulk_jobs import ABORTED, ENDED, OPEN, UPLOADED, WORKING, Job, Jobs
from crmsync.sandbox.salesforce.errors import not_found, refuse
from crmsync.sandbox.salesforce.schema import ObjectSpec
from crmsync.sandbox.salesforce.select import check, find_object
from crmsync.sandbox.salesforce.soql import parse
from crmsync.sandbox.salesforce.tree import Child, Query, SoqlError
from crmsync.sandbox.salesforce.wire import ApiError, Call, Handler, Json, Reply, Route, Service

PAGE: Final = 50_000
"""Records of a page of query results, unless a client asks for fewer."""
CSV: Final = "text/csv"
"""Without a charset, as Salesforce sends it: a client that guesses one from HTTP reads ISO-8859-1 and is wrong."""


def _jobs(service: Service) -> Jobs:
    jobs = service.part(Jobs)
    jobs.advance(service.org)
    return jobs


def _job(service: Service, call: Call, kind: str) -> Job:
    job = _jobs(service).jobs.get(call.args[0])
    if job is None or job.kind != kind:
        raise not_found()
    return job


def _invalid(message: str, code: str = "INVALIDJOB") -> ApiError:
    return refuse(400, code, message)


def _wrong_state(job: Job) -> ApiError:
    return _invalid(f"The requested operation is not allowed while the job is in state {job.state}", "INVALIDJOBSTATE")


def _dialect(body: Json) -> Dialect:
    delimiter, ending = body.get("columnDelimiter") or "COMMA", body.get("lineEnding") or "LF"
    if delimiter not in DELIMITERS or ending not in LINE_ENDINGS or body.get("contentType", "CSV") != "CSV":
        raise _invalid(f"Unsupported contentType, columnDelimiter or lineEnding: {delimiter}, {ending}")
    return Dialect(delimiter, ending)


# -- ingest


def create(service: Service, call: Call) -> Reply:
    """`POST jobs/ingest`: an open job."""
    jobs, body, org = _jobs(service), call.record(), service.org
    operation, name = str(body.get("operation")), str(body.get("object"))
    if operation not in ingest.OPERATIONS:
        raise _invalid(f"Unsupported operation: {operation}")
    spec = find_object(org.objects, name)
    if spec is None or spec.setup:
        raise _invalid(f"Entity '{name}' is not supported by the Bulk API.", "INVALIDENTITY")
    external = _external(spec, body) if operation == "upsert" else None
    dialect, now = _dialect(body), service.clock.now_ms()
    job = jobs.add(
        lambda id_: Job(
            id_, operation, spec.name, dialect, call.version, call.user, now, now, OPEN, external=external,
            failing=call.fault == "bulk_fail",
        )
    )  # fmt: skip
    return Reply(200, job.brief())


def _external(spec: ObjectSpec, body: Json) -> str:
    name = body.get("externalIdFieldName")
    if not name:
        raise _invalid(f"External ID was blank for {spec.name}. An External ID must be specified for upsert.")
    one = spec.readable(str(name))
    if one is None or not (one.external_id or one.type == "id"):
        raise _invalid(f"Field name provided, {name} does not match an External ID for {spec.name}")
    return one.name


def upload(service: Service, call: Call) -> Reply:
    """`PUT jobs/ingest/{id}/batches`: 201, once."""
    job = _job(service, call, "V2Ingest")
    if job.state != OPEN:
        raise _wrong_state(job)
    if call.headers.get("Content-Type", CSV).partition(";")[0].strip().lower() != CSV:
        raise refuse(415, "UNSUPPORTED_MEDIA_TYPE", "The Content-Type of job data is text/csv")
    if job.data is not None:
        message = (
            f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the current Job then "
            "create a new Job and make sure you only do 'PUT' once on a given Job."
        )
        raise _invalid(message)
    if len(call.raw) > service.part(Jobs).most_bytes:
        raise refuse(413, "REQUEST_ENTITY_TOO_LARGE", "Content is larger than 150 MB once it is in base64")
    job.data = call.raw
    return Reply(201)


def change(kind: str) -> Handler:
    """`PATCH jobs/ingest/{id}` or `jobs/query/{id}`: closes or aborts a job."""

    def changed(service: Service, call: Call) -> Reply:
        job = _job(service, call, kind)
        state = call.record().get("state")
        job.failing |= call.fault == "bulk_fail"
        if state == UPLOADED and job.state == OPEN:
            service.part(Jobs).close(job, service.org)
        elif state == ABORTED and job.state in {OPEN, UPLOADED, WORKING}:
            job.move(ABORTED, service.clock.now_ms())
        elif state in {UPLOADED, ABORTED}:
            raise _wrong_state(job)
        else:
            raise _invalid(f"Unsupported state: {state}", "INVALIDJOBSTATE")
        return Reply(200, job.brief())

    return changed


def info(kind: str) -> Handler:
    """`GET jobs/ingest/{id}` or `jobs/query/{id}`."""
    return lambda service, call: Reply(200, _job(service, call, kind).info())


def every(kind: str) -> Handler:
    """`GET jobs/ingest` or `jobs/query`: all jobs of that kind, newest first."""

    def listed(service: Service, _: Call) -> Reply:
        jobs = [job for job in _jobs(service).jobs.values() if job.kind == kind]
        records = [job.brief() | {"jobType": kind} for job in reversed(jobs)]
        return Reply(200, {"done": True, "nextRecordsUrl": None, "records": records})

    return listed


def delete(kind: str) -> Handler:
    """`DELETE jobs/ingest/{id}` or `jobs/query/{id}`: 204, unless the job is open or at work."""

    def deleted(service: Service, call: Call) -> Reply:
        job = _job(service, call, kind)
        if job.state not in ENDED and (job.state != UPLOADED or kind == "V2Query"):
            raise _wrong_state(job)
        del service.part(Jobs).jobs[job.id]
        return Reply(204)

    return deleted


def _ended(service: Service, call: Call) -> Job:
    job = _job(service, call, "V2Ingest")
    if job.state not in ENDED:
        raise _wrong_state(job)
    return job


def _csv(job: Job, header: list[str], rows: list[list[str]]) -> Reply:
    job.shuffled().shuffle(rows)
    return Reply(200, job.dialect.write(header, rows), content_type=CSV)


def succeeded(service: Service, call: Call) -> Reply:
    """`GET jobs/ingest/{id}/successfulResults`."""
    job = _ended(service, call)
    rows = [[id_, str(created).lower(), *job.rows[at]] for at, id_, created in job.saved]
    return _csv(job, ["sf__Id", "sf__Created", *job.header], rows)


def failed(service: Service, call: Call) -> Reply:
    """`GET jobs/ingest/{id}/failedResults`."""
    job = _ended(service, call)
    rows = [[id_, error, *job.rows[at]] for at, id_, error in job.refused]
    return _csv(job, ["sf__Id", "sf__Error", *job.header], rows)


def unprocessed(service: Service, call: Call) -> Reply:
    """`GET jobs/ingest/{id}/unprocessedrecords`: rows that a failed or aborted job never came to."""
    job = _ended(service, call)
    if not job.header:
        return Reply(200, job.data or b"", content_type=CSV)
    return _csv(job, job.header, job.rows[job.done * service.part(Jobs).batch_rows :])


# -- query


def create_query(service: Service, call: Call) -> Reply:
    """`POST jobs/query`: a query that is already waiting."""
    jobs, body, org = _jobs(service), call.record(), service.org
    operation, text = str(body.get("operation")), str(body.get("query") or "")
    if operation not in {"query", "queryAll"}:
        raise _invalid(f"Unsupported operation: {operation}")
    try:
        query = parse(text)
        _bulk_only(query)
        name = check(query, org.objects)
    except SoqlError as refusal:
        raise refuse(400, refusal.code, refusal.message) from refusal
    dialect, now = _dialect(body), service.clock.now_ms()
    if not jobs.may_query(service.clock.elapsed()):
        most = jobs.most_queries
        raise _invalid(f"Max bulk v2 query jobs ({most}) per 24 hrs has been exceeded ({most})", "LIMIT_EXCEEDED")
    job = jobs.add(
        lambda id_: Job(
            id_, operation, name, dialect, call.version, call.user, now, now, UPLOADED, "V2Query", text=text,
            failing=call.fault == "bulk_fail", since=service.clock.elapsed(),
            chunked=query.limit is None and not query.order,
        )
    )  # fmt: skip
    return Reply(200, job.brief())


def _bulk_only(query: Query) -> None:
    """Raises SoqlError for what REST answers and Bulk does not."""
    if any(isinstance(item, Child) for item in query.items):
        raise SoqlError("API_ERROR", "Aggregate Relationships not supported in Bulk Query")
    if query.counts:
        raise SoqlError("API_ERROR", "Aggregate functions not supported in Bulk Query")
    if query.offset:
        raise SoqlError("API_ERROR", "OFFSET not supported in Bulk Query")


def results(service: Service, call: Call) -> Reply:
    """`GET jobs/query/{id}/results?maxRecords=&locator=`: a page; Sforce-Locator is the text `null` on the last."""
    job = _job(service, call, "V2Query")
    if job.found is None:
        raise _wrong_state(job)
    most, locator = call.one("maxRecords"), call.one("locator")
    try:
        first = int(base64.b64decode(f"{locator}==", altchars=b"-_")) if locator else 0
    except ValueError as fault:
        raise refuse(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from fault
    if first and not 0 < first < job.found.total:
        raise refuse(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    size = min(int(most), PAGE) if most and most.isdigit() and int(most) else PAGE
    header = [column.header for column in job.found.columns]
    page = job.found.frame.select(header).slice(first, size)
    last = first + page.height
    rows = ([cell(value) for value in row] for row in page.iter_rows())
    after = "null" if last >= job.found.total else base64.b64encode(str(last).encode()).decode().rstrip("=")
    headers = {"Sforce-NumberOfRecords": str(page.height), "Sforce-Locator": after}
    return Reply(200, job.dialect.write(header, rows), headers, CSV)


ROUTES: Final = (
    Route("POST", "jobs/ingest", create),
    Route("GET", "jobs/ingest", every("V2Ingest")),
    Route("GET", "jobs/ingest/{}", info("V2Ingest")),
    Route("PATCH", "jobs/ingest/{}", change("V2Ingest")),
    Route("DELETE", "jobs/ingest/{}", delete("V2Ingest")),
    Route("PUT", "jobs/ingest/{}/batches", upload),
    Route("GET", "jobs/ingest/{}/successfulResults", succeeded),
    Route("GET", "jobs/ingest/{}/failedResults", failed),
    Route("GET", "jobs/ingest/{}/unprocessedrecords", unprocessed),
    Route("POST", "jobs/query", create_query),
    Route("GET", "jobs/query", every("V2Query")),
    Route("GET", "jobs/query/{}", info("V2Query")),
    Route("PATCH", "jobs/query/{}", change("V2Query")),
    Route("DELETE", "jobs/query/{}", delete("V2Query")),
    Route("GET", "jobs/query/{}/results", results),
)
