"""The work between a pull and its first write: from the mirror to a saved plan, every system on, without a call.

Two figures: a day, in which one record in a hundred changed and everything else stands as the program wants it; and a
first fill, in which every record changes. Each is measured in a process of its own: CPU of all threads, and the most
memory that it held (`design.md`, Our figures: 60 CPU-seconds and 1 GB at 1 M companies and 5 M contacts).
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import local_jobs, local_portal
from bench.local_portal import PORTAL, Size
from bench.processes import work
from bench.table import Row, fact_row, limit_row
from crmsync.normalize.defaults import mappings_dir

CPU_S, PEAK_MB = 60.0, 1_000.0
_WHOLE = 6_000_000
#: A first fill is a change of every value: at the full size its plan alone would be some sixty million rows.
_FIRST_FILL = Size(100_000, 500_000, 20_000)
PROGRAM = Path(__file__).with_name("program_all.yaml")

#: Fields that no property of HubSpot feeds by itself, or that the shipped mapping leaves out: property by field.
_MORE = {
    "company": {
        name: name
        for name in (
            "website_clean", "price", "customers", "money_raised", "funding_rounds", "annual_report_match",
            "standardised", "share_of_wallet", "referenceable", "executive_sponsor",
        )
    },
    "contact": {
        "twitter": "twitterhandle",
        "last_engaged_at": "hs_last_sales_activity_timestamp",
        "bounced": "email_bounced",
        "buying_role": "hs_buying_role",
        "left_company": "left_company",
        "reports_to": "{property: associations.contacts, label: Manager}",
    },
    "deal": {name: name for name in ("product", "unit", "country")},
}  # fmt: skip

Say = Callable[[str], None]


def rows(size: Size, say: Say) -> list[Row]:
    """The two figures beside their goals."""
    first = Size(*(min(pair) for pair in zip(asdict(size).values(), asdict(_FIRST_FILL).values(), strict=True)))
    found: list[Row] = []
    for fresh, of in ((False, size), (True, first)):
        folder = prepared(of, say, settled=not fresh)
        job = f"{'first fill' if fresh else 'a day'}, {of.companies:,} + {of.contacts:,} + {of.deals:,} deals"
        say(job)
        found += _figures(job, of, work("local", {}, folder=folder))
    return found


def _figures(job: str, size: Size, done: Mapping[str, Any]) -> list[Row]:
    share = (size.companies + size.contacts) / _WHOLE
    held = [
        limit_row(job, f"CPU, mirror to plan ({share:.1%} of {CPU_S:g} s)", done["cpu"], CPU_S * share, unit="s"),
        limit_row(job, "peak memory", done["peak_mb"], PEAK_MB, unit="MB"),
        fact_row(job, "seconds", done["seconds"], unit="s"),
        fact_row(job, "changes", done["changes"]),
    ]
    return held + [fact_row(job, f"CPU, {phase}", cpu, unit="s") for phase, cpu in done["phases"].items()]


def prepared(size: Size, say: Say, *, settled: bool) -> Path:
    """A folder with config and a filled store, made once for each size and each state of program and generator."""
    made_of = [
        PROGRAM,
        *(Path(str(m.__file__)) for m in (local_portal, local_jobs)),
        *sorted(mappings_dir().rglob("*.*")),
    ]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in made_of if path.is_file())).hexdigest()[:12]
    name = f"{size.companies}-{size.contacts}-{size.deals}-{'settled' if settled else 'fresh'}-{digest}"
    folder = Path(tempfile.gettempdir()) / "crmsync-bench-local" / name
    if (folder / "ready").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    _write_config(folder)
    say(f"making a portal of {size.companies:,} companies and {size.contacts:,} contacts in {folder}")
    work("prepare", asdict(size) | {"settled": settled}, folder=folder)
    (folder / "ready").touch()
    return folder


def _write_config(folder: Path) -> None:
    shutil.copytree(mappings_dir(), folder / "mappings")
    mapping = folder / "mappings" / "hubspot.yaml"
    text = mapping.read_text()
    for object_, wanted in _MORE.items():
        head, start, rest = text.partition(f"\n{object_}:\n  read:\n")
        known = rest.partition("\n\n")[0]
        lines = [f"    {name}: {property_}\n" for name, property_ in wanted.items() if f"    {name}:" not in known]
        text = head + start + "".join(lines) + rest
    mapping.write_text(text)
    (folder / "config").mkdir()
    shutil.copy(PROGRAM, folder / "config" / "program.yaml")
    (folder / "config" / "token").write_text("never-used")
    (folder / "config" / "crmsync.yaml").write_text(
        "store: sqlite:///state/crmsync.db\n"
        f"portals:\n  {PORTAL}:\n    hubspot: {{base_url: 'http://127.0.0.1:9', token: 'file:token'}}\n"
        "guards: {max_tier_moves: off, max_demotions: off, max_targets_removed: off, max_list_exits: off, "
        "max_blanked: off}\n"
    )
