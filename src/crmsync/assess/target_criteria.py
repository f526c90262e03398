"""The stated criteria by which a target account loses its designation, each with a clock of its own (domain.md C1).

A criterion speaks against an account, does not, or is unknown, and what is unknown costs nobody the seat. Since when it
speaks is kept in the CRM beside every other one that speaks, so that no grace period is shortened, lengthened or begun
anew by what another criterion does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, World, held, out
from crmsync.assess.explain import account_decisions, answer
from crmsync.assess.target_section import Criterion, TargetProgram
from crmsync.model.fields import ACCOUNT
from crmsync.model.moments import parse_datetime
from crmsync.program.evaluate import compile_expr

_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_SINCE = ", since "


@dataclass(frozen=True)
class Verdict:
    """Of one criterion, over the accounts: it speaks against one (null for unknown), since when, its grace is over.

    `since` is null where it does not speak; `over` never is null.
    """

    speaks: pl.Expr
    since: pl.Expr
    over: pl.Expr


def speaks_column(position: int) -> str:
    return f"{WHY}targets.speaks.{position}"


def since_column(position: int) -> str:
    return f"{WHY}targets.since.{position}"


def verdicts(targets: TargetProgram, ranks: dict[str, int], world: World) -> list[Verdict]:
    """One for each of `leaves_when`; needs `why.since`, `why.never`, `why.tier_rank` and what CRM and rules say."""
    return [_verdict(criterion, ranks, world) for criterion in targets.leaves_when]


def warnings(targets: TargetProgram) -> pl.Expr:
    """Every criterion that speaks, with the moment since when, as text for people and for the next run; else null."""
    said = [
        pl.when(pl.col(speaks_column(i)).fill_null(value=False)).then(
            pl.concat_str(pl.lit(criterion.text + _SINCE), pl.col(since_column(i)).dt.strftime(_STAMP))
        )
        for i, criterion in enumerate(targets.leaves_when)
    ]
    joined = pl.concat_str(said, separator="; ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def days_since(expr: pl.Expr, world: World) -> pl.Expr:
    """Whole days from a moment to as-of, null where the moment is unknown."""
    return (pl.lit(world.as_of) - expr).dt.total_days()


def _verdict(criterion: Criterion, ranks: dict[str, int], world: World) -> Verdict:
    since = pl.coalesce(_known_since(criterion), pl.lit(world.as_of))
    if criterion.no_engagement_days is not None:
        # The dates are the clock: at risk after so many days, over when the grace has gone by too.
        quiet, over = (_quiet(days, world) for days in _quiet_days(criterion))
        return Verdict(quiet, pl.when(quiet).then(since), over.fill_null(value=False))
    if criterion.below_tier is not None:
        speaks = pl.col(WHY + "tier_rank") < ranks[criterion.below_tier]
    elif criterion.disqualified is not None:
        speaks = compile_expr(criterion.disqualified, as_of=world.as_of)
    else:
        speaks = pl.col(WHY + "never")
    certain = speaks.fill_null(value=False)
    late = pl.lit(value=True) if criterion.for_days == 0 else days_since(since, world) > criterion.for_days
    return Verdict(speaks, pl.when(certain).then(since), certain & late)


def _known_since(criterion: Criterion) -> pl.Expr:
    """Since when it speaks, as the CRM holds it: in the warnings, or as the reason's date; else when the tier fell."""
    in_warnings = rf"(?:^|; ){re.escape(criterion.text)}{_SINCE}([0-9TZ:-]+)"
    clocks = [
        parse_datetime(held("target_warnings").str.extract(in_warnings, 1)),
        pl.when(held("target_reason") == criterion.text).then(parse_datetime(held("target_at_risk_since"))),
    ]
    if criterion.below_tier is not None:
        clocks.append(pl.when(held("tier") == out("tier")).then(parse_datetime(held("tier_changed_at"))))
    return pl.coalesce(clocks)


def _quiet_days(criterion: Criterion) -> tuple[int, int]:
    assert criterion.no_engagement_days is not None
    return criterion.no_engagement_days, criterion.no_engagement_days + criterion.for_days


def _quiet(days: int, world: World) -> pl.Expr:
    """Nothing for more than `days` since the later of target-since and last engagement (domain.md C1).

    With one of the two unknown the later is that or something later still: within the days it certainly is not quiet,
    beyond them nobody knows.
    """
    since, last = pl.col(WHY + "since"), pl.col("last_engaged_at")
    beyond = days_since(pl.max_horizontal(since, last), world) > days
    return pl.when(since.is_not_null() & last.is_not_null()).then(beyond).when(~beyond).then(pl.lit(value=False))


def criterion_lines(targets: TargetProgram, record: pl.DataFrame, world: World) -> list[ExplainLine]:
    """What each criterion says of one account that holds a seat, and when the seat ends because of it."""
    row = record.row(0, named=True)
    lines = []
    for i, criterion in enumerate(targets.leaves_when):
        truth = row[speaks_column(i)]
        if criterion.said_never and not truth:
            continue
        text = _evidence(criterion, truth, record, world)
        if truth:
            began = "" if criterion.no_engagement_days is not None else f" since {_day(row[since_column(i)])},"
            text += f";{began} the seat ends on {_ends(criterion, row, i)}"
        lines.append(ExplainLine(answer(truth), criterion.text, "", text))
    return lines


def _evidence(criterion: Criterion, truth: bool | None, record: pl.DataFrame, world: World) -> str:
    row = record.row(0, named=True)
    if criterion.below_tier is not None:
        return f"the tier is {row[OUT + 'tier']}"
    if criterion.disqualified is not None:
        return account_decisions(criterion.disqualified, record, world)
    if criterion.no_engagement_days is None:
        return "the target override says never"
    since, last = row[WHY + "since"], row["last_engaged_at"]
    if truth is None:
        missing = "target-since" if since is None else f'"{ACCOUNT["last_engaged_at"].label}"'
        return f"nobody knows; filling {missing} decides it, and until then it costs no seat"
    latest = max(moment for moment in (since, last) if moment is not None)
    what = "last engagement" if latest == last else "a target since"
    return f"{what} {_day(latest)}, {(world.as_of - latest).days:,} days ago"


def _ends(criterion: Criterion, row: dict[str, Any], position: int) -> str:
    """The first day on which the grace is over."""
    if criterion.no_engagement_days is not None:
        start = max(row[WHY + "since"], row["last_engaged_at"])
        return _day(start + timedelta(days=_quiet_days(criterion)[1] + 1))
    return _day(row[since_column(position)] + timedelta(days=criterion.for_days + 1))


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
