"""Jobs of Bulk API 2.0: what they are, how they move on, and what the API says of them (salesforce.md 1.7 and 2.4).

Prevents a client from taking an accepted job for a finished one: a job waits, then works batch by batch, and where it
fails or is aborted on the way, what the batches before did stays done.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from crmsync.sandbox.salesforce import ids, ingest, queries
from crmsync.sandbox.salesforce.bulk_csv import CsvError, Dialect
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.select import Found
from crmsync.sandbox.salesforce.tree import SoqlError
from crmsync.sandbox.salesforce.values import stamp
from crmsync.sandbox.salesforce.wire import Json

OPEN, UPLOADED, WORKING = "Open", "UploadComplete", "InProgress"
DONE, FAILED, ABORTED = "JobComplete", "Failed", "Aborted"
ENDED: Final = frozenset({DONE, FAILED, ABORTED})
RETRIES: Final = {"V2Ingest": 10, "V2Query": 15}
"""How often the server tries a batch again before the job fails."""
DAY_SECONDS: Final = 86_400
OPEN_MS: Final = 86_400_000
KEPT_MS: Final = 7 * 86_400_000


@dataclass
class Job:
    """One job of either kind. Times in milliseconds since 1970, `since` and `spent` in seconds of the sandbox."""

    id: str
    operation: str
    object: str
    dialect: Dialect
    version: str
    user: str
    created: int
    modified: int
    state: str
    kind: str = "V2Ingest"
    external: str | None = None
    error: str | None = None
    failing: bool = False
    commit_ms: int = 0
    """How long each of its transactions takes to commit."""
    since: float = 0.0
    spent: float = 0.0
    # ingest
    data: bytes | None = None
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    done: int = 0
    saved: list[tuple[int, str, bool]] = field(default_factory=list)
    """Row, id, whether it was created."""
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    """Row, id (empty for a new record), error."""
    # query
    text: str = ""
    chunked: bool = False
    """Whether the server may read it in chunks of the primary key: without LIMIT and ORDER BY."""
    found: Found | None = None

    @property
    def processed(self) -> int:
        """Records that were tried, the failed ones included; for a query, records found."""
        if self.kind == "V2Query":
            return self.found.total if self.found is not None else 0
        return len(self.saved) + len(self.refused)

    def shuffled(self) -> random.Random:
        """Dice of this job: results come in no order, but always in the same one."""
        return random.Random(self.id)  # noqa: S311 a repeatable disorder, no secret

    def move(self, state: str, now_ms: int, error: str | None = None) -> None:
        """Into another state."""
        self.state, self.modified, self.error = state, now_ms, error

    def brief(self) -> Json:
        """What the API says of a job that it was just told about."""
        body: Json = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user,
            "createdDate": stamp(self.created),
            "systemModstamp": stamp(self.modified),
            "state": self.state,
        }
        if self.external is not None:
            body["externalIdFieldName"] = self.external
        body |= {"concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": float(self.version)}
        if self.state == OPEN:
            body["contentUrl"] = f"services/data/v{self.version}/jobs/ingest/{self.id}/batches"
        return body | {"lineEnding": self.dialect.line_ending, "columnDelimiter": self.dialect.column_delimiter}

    def info(self) -> Json:
        """All that the API says of a job."""
        body = self.brief() | {"jobType": self.kind, "numberRecordsProcessed": self.processed}
        spent = round(self.spent * 1000)
        body |= {"retries": RETRIES[self.kind] if self.state == FAILED and self.failing else 0}
        body["totalProcessingTime"] = spent
        if self.kind == "V2Ingest":
            body |= {"numberRecordsFailed": len(self.refused), "apiActiveProcessingTime": spent}
            body["apexProcessingTime"] = 0
        else:
            body["isPkChunkingSupported"] = self.chunked
        if self.error is not None:
            body["errorMessage"] = self.error
        return body


@dataclass
class Jobs:
    """All jobs of an org, and how quickly they go: seconds that a job waits, and that one batch takes."""

    queue_seconds: float = 0.05
    batch_seconds: float = 0.05
    batch_rows: int = 10_000
    most_bytes: int = 112_500_000
    """150 MB once it is in base64."""
    most_batches: int = 15_000
    """Batches a day. Rows of a batch beyond them are neither written nor recorded anywhere."""
    most_queries: int = 10_000
    """Query jobs a day."""
    batches: list[float] = field(default_factory=list)
    queries: list[float] = field(default_factory=list)
    """Seconds at which they began, those of the last day."""
    jobs: dict[str, Job] = field(default_factory=dict)
    made: int = 0

    def add(self, make: Callable[[str], Job]) -> Job:
        """A new job, made with its id."""
        self.made += 1
        job = make(ids.make(ids.JOB_PREFIX, self.made))
        self.jobs[job.id] = job
        return job

    def may_query(self, now: float) -> bool:
        """Counts one more query job, unless the day's are used up."""
        self.queries = [at for at in self.queries if now - at < DAY_SECONDS]
        if len(self.queries) >= self.most_queries:
            return False
        self.queries.append(now)
        return True

    def close(self, job: Job, org: Org) -> None:
        """Everything is there: the job waits for its turn."""
        job.since, job.commit_ms = org.clock.elapsed(), org.commit_ms
        job.move(UPLOADED, org.clock.now_ms())

    def advance(self, org: Org) -> None:
        """Does what the server has done by now. Leaves the org with a fresh transaction."""
        now_ms = org.clock.now_ms()
        for job in list(self.jobs.values()):
            if job.created + KEPT_MS <= now_ms:
                del self.jobs[job.id]
            elif job.state == OPEN and job.created + OPEN_MS <= now_ms:
                job.move(ABORTED, now_ms)
            elif job.state in {UPLOADED, WORKING}:
                waited = org.clock.elapsed() - job.since - self.queue_seconds
                if waited >= 0:
                    job.spent = waited
                    self._work(job, org, int(waited / self.batch_seconds) if self.batch_seconds else 1 << 30)

    def _work(self, job: Job, org: Org, due: int) -> None:
        """As many batches as are due by now, from the first; a query is one batch."""
        now_ms = org.clock.now_ms()
        if job.state == UPLOADED:
            job.move(WORKING, now_ms)
            if job.kind == "V2Ingest" and not self._begin(job, org):
                return
        if job.kind == "V2Query":
            if due:
                self._find(job, org)
            return
        batches = -(-len(job.rows) // self.batch_rows)
        fails_at = batches // 2 if job.failing else batches
        while job.done < min(due, fails_at):
            self._batch(job, org)
        if job.done < min(batches, due) and job.failing:
            times = RETRIES[job.kind]
            job.move(FAILED, now_ms, f"InternalServerError : Failed to process a batch after {times} retries")
        elif job.done == batches and due:
            job.move(DONE, now_ms)
        org.begin()

    def _begin(self, job: Job, org: Org) -> bool:
        try:
            job.header, job.rows = job.dialect.read(job.data or b"")
            ingest.check_header(org, job.object, job.operation, job.header)
        except CsvError as fault:
            job.move(FAILED, org.clock.now_ms(), str(fault))
            return False
        return True

    def _batch(self, job: Job, org: Org) -> None:
        now = org.clock.elapsed()
        self.batches = [at for at in self.batches if now - at < DAY_SECONDS]
        first = job.done * self.batch_rows
        last = min(first + self.batch_rows, len(job.rows))
        job.done += 1
        if len(self.batches) >= self.most_batches:
            return
        self.batches.append(now)
        work = ingest.Work(org, job.object, job.operation, job.external, job.header, job.user, job.commit_ms)
        for row in range(first, last):
            if (row - first) % ingest.CHUNK == 0:
                work.begin()
            id_, created, error = work.save(job.rows[row])
            if error is None:
                job.saved.append((row, id_, created))
            else:
                job.refused.append((row, id_ if float(job.version) >= ingest.IDS_OF_FAILED else "", error))

    def _find(self, job: Job, org: Org) -> None:
        now_ms = org.clock.now_ms()
        if job.failing:
            job.move(FAILED, now_ms, f"InternalServerError : Failed to run the query after {RETRIES[job.kind]} retries")
            return
        try:
            job.found = queries.find(org, job.text, deleted=job.operation == "queryAll")
        except SoqlError as fault:
            job.move(FAILED, now_ms, f"InvalidBatch : Failed to process query: {fault.code}: {fault.message}")
            return
        job.move(DONE, now_ms)
