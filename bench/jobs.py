"""The jobs that are measured, each in a worker process: `python -m bench.jobs NAME '{"config": DIR, ...}'`.

A worker runs one job through the engine's own functions and prints one JSON object with what it cost. Only the
connector's clock-dependent settings differ from production: a sandbox whose time runs faster allows more searches.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import polars as pl

from bench.local_jobs import job_local, job_prepare, mirrored
from bench.salesforce_org import write_org
from crmsync.connectors.base import Connector
from crmsync.connectors.hubspot import HubSpotSettings, connect
from crmsync.engine.apply import apply_plan, ensure
from crmsync.engine.context import Context, open_context
from crmsync.engine.plan import Planned, plan_from_mirror
from crmsync.engine.pull import pull
from crmsync.engine.side import Side
from crmsync.engine.sync import sync

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
SEARCHES_A_SECOND = 5.0


@dataclass
class Meter:
    """Seconds by the clock and of CPU (this process, all threads)."""

    seconds: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        clock, used = time.perf_counter(), _cpu()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - clock
            self.cpu += _cpu() - used

    def report(self) -> dict[str, float]:
        return {"seconds": self.seconds, "cpu": self.cpu}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _open(options: dict[str, Any]) -> Context:
    """A context whose connector knows that the sandbox's time runs `scale` times as fast."""
    ctx = open_context(Path(options["config"]))
    connector = _hubspot if ctx.main.crm == "hubspot" else _salesforce
    ctx.main._connector = connector(ctx.main, options)
    return ctx


def _hubspot(side: Side, options: dict[str, Any]) -> Connector:
    given = side.portal.hubspot
    assert given is not None
    settings = HubSpotSettings(
        base_url=given.base_url,
        token=side.portal.token,
        daily_share=1.0,
        cursors=given.cursors,
        search_rate=SEARCHES_A_SECOND * options["scale"],
        search_beside_lists=options.get("beside"),
        patience=1 / options["scale"],
    )
    return connect(settings, prefix=side.prefix, group=(side.mapping.group_name, side.mapping.group_label))


def _salesforce(side: Side, options: dict[str, Any]) -> Connector:
    """`query_bulk_from` and `bulk_from`, where they are given: from how many records on Bulk 2.0 reads and writes."""
    from crmsync.connectors import salesforce

    opened = cast(salesforce.SalesforceConnector, side.connector)
    given = {name: options[name] for name in ("query_bulk_from", "bulk_from") if name in options}
    settings = replace(opened.transport.settings, **given)
    opened.close()
    return salesforce.connect(settings, prefix=side.prefix)


def _calls(ctx: Context) -> dict[str, Any]:
    usage = ctx.connector.usage()
    return {"calls": dict(usage.calls), "throttled": usage.throttled, "retried": usage.retried}


def job_pull(options: dict[str, Any]) -> dict[str, Any]:
    """A full pull into an empty mirror; or, where there is one, an increment."""
    with _open(options) as ctx:
        _ = ctx.store
        meter = Meter()
        with meter.running(), ctx.exclusive():
            pulled = pull(ctx, full=bool(options.get("full")))
        complete = all(seen.complete for seen in pulled.coverage.values())
        return meter.report() | _calls(ctx) | {
            "complete": complete,
            "kinds": dict(pulled.kinds),
            "changed": dict(pulled.changed),
        }  # fmt: skip


def _planned(ctx: Context, meter: Meter, saving: Meter, limit: int | None = None) -> Planned:
    """A plan of the mirror, the time to save it apart."""
    save = ctx.store.plans.save

    def measured(*given: Any, **named: Any) -> None:
        with saving.running():
            save(*given, **named)

    ctx.store.plans.save = measured  # type: ignore[method-assign]  # measured in place
    with meter.running(), ctx.exclusive():
        return plan_from_mirror(ctx, mirrored(ctx), kind="plan", as_of=AS_OF, limit=limit)


def job_plan(options: dict[str, Any]) -> dict[str, Any]:
    """Mirror to plan, everything that is not a call: snapshot, assess, diff, guards, summary; and saving the plan."""
    with _open(options) as ctx:
        meter, saving = Meter(), Meter()
        planned = _planned(ctx, meter, saving)
        rows = sum(frame.height for frame in planned.world.frames.values()) if planned.world else 0
        return meter.report() | {"saving": saving.report(), "rows": rows, "changes": planned.plan.changes.height}


def job_write(options: dict[str, Any]) -> dict[str, Any]:
    """A plan of `limit` records, applied."""
    with _open(options) as ctx:
        planned = _planned(ctx, Meter(), Meter(), limit=options.get("limit"))
        changes = planned.plan.changes
        ensure(ctx)
        meter, before = Meter(), Counter(ctx.connector.usage().calls)
        with meter.running():
            applied = apply_plan(ctx, planned.plan)
        return meter.report() | {
            "calls": dict(Counter(ctx.connector.usage().calls) - before),
            "throttled": ctx.connector.usage().throttled,
            "outcomes": applied.outcomes,
            "changes": changes.height,
            "records": _records(changes),
            "reread": changes.filter(changes["shared"])["id"].n_unique(),
        }


def _records(changes: pl.DataFrame) -> dict[str, int]:
    """How many records of each object change."""
    return dict(changes.group_by("object", maintain_order=True).agg(pl.col("id").n_unique()).rows())


def job_settle(options: dict[str, Any]) -> dict[str, Any]:
    """Prepare, do not measure: the mirror as if everything that the program wants had been written and read back."""
    with _open(options) as ctx:
        changes = _planned(ctx, Meter(), Meter()).plan.changes
        ctx.store.plans.supersede(ctx.portal.name, ctx.now())
        ensure(ctx)
        records = changes.group_by("object", "id", maintain_order=True).agg("property", "after")
        for (object_,), group in records.group_by("object"):
            for part in group.iter_slices(10_000):
                values = {
                    id_: dict(zip(names, texts, strict=True))
                    for id_, names, texts in part.select("id", "property", "after").iter_rows()
                }
                ctx.store.mirror.update_properties(ctx.main.space, str(object_), values)
        return {"changes": changes.height}


def job_org(options: dict[str, Any]) -> dict[str, Any]:
    """Prepare, do not measure: an org's files."""
    write_org(Path(options["folder"]), options["accounts"], options["contacts"])
    return {}


def job_bootstrap(options: dict[str, Any]) -> dict[str, Any]:
    """Prepare, do not measure: an admin makes the fields that crmsync keeps in Salesforce."""
    from crmsync.connectors.salesforce.admin import Admin
    from crmsync.connectors.salesforce.deploy import deploy
    from crmsync.connectors.salesforce.rights import Natives

    with open_context(Path(options["config"])) as ctx:
        given = ctx.portal.salesforce
        assert given is not None
        assert given.base_url is not None
        admin = Admin(given.base_url, options["token"], api_version=given.api_version, ca_file=given.ca_file)
        reads = {object_: frozenset(ctx.main.properties(object_)) for object_ in ctx.objects}
        steps = deploy(
            admin, ctx.owned, ctx.prefix, Natives(reads, {}), username=given.username, say=lambda _step: None
        )
        return {"steps": len(steps)}


def job_sync(options: dict[str, Any]) -> dict[str, Any]:
    """A whole sync."""
    with _open(options) as ctx:
        meter = Meter()
        with meter.running():
            done = sync(ctx, as_of=AS_OF)
        return meter.report() | _calls(ctx) | {
            "changes": done.planned.plan.changes.height,
            "records": _records(done.planned.plan.changes),
            "outcomes": done.applied.outcomes if done.applied else {},
        }  # fmt: skip


JOBS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "pull": job_pull,
    "plan": job_plan,
    "settle": job_settle,
    "write": job_write,
    "org": job_org,
    "bootstrap": job_bootstrap,
    "sync": job_sync,
    "prepare": job_prepare,
    "local": job_local,
}


def main(arguments: list[str]) -> None:
    name, options = arguments
    report = JOBS[name](json.loads(options))
    print(json.dumps(report | {"peak_mb": _peak_mb()}))


if __name__ == "__main__":
    main(sys.argv[1:])
