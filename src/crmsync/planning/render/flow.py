"""Tier movement as a picture: two stacked columns, now and after, joined by bands as wide as the accounts that move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import polars as pl

from crmsync.model.plan import Plan
from crmsync.planning.render import view

_HEIGHT = 320.0
_GAP = 10.0
_WIDTH = 640.0
_BAR = 14.0
_LEFT, _RIGHT = 130.0, 510.0
_UNSET = "no value"
#: Hue by rank; the last is for accounts with no value. Fit for light and dark pages alike.
_COLOURS = ("#0f766e", "#2563eb", "#7c3aed", "#c026d3", "#d97706", "#dc2626", "#64748b", "#94a3b8")


@dataclass(frozen=True, slots=True)
class Band:
    """`count` accounts that stand in `before` and would stand in `after`."""

    before: str
    after: str
    count: int


def bands(plan: Plan) -> list[Band]:
    """Every pair of tiers with accounts in it, those that stay included, in the order of the tier table."""
    rows = view.tier_rows(plan)
    order = {tier: position for position, (tier, _, _) in enumerate(rows)}
    moved: dict[tuple[str, str], int] = {}
    for before, after in _tier_changes(plan, set(order)).select("before", "after").iter_rows():
        pair = (before or _UNSET, after or _UNSET)
        moved[pair] = moved.get(pair, 0) + 1
    found = [Band(before, after, count) for (before, after), count in moved.items()]
    for tier, now, _after in rows:
        stays = now - sum(count for (before, _), count in moved.items() if before == tier)
        if stays > 0:
            found.append(Band(tier, tier, stays))
    return sorted(found, key=lambda band: (order.get(band.before, 99), order.get(band.after, 99)))


def _tier_changes(plan: Plan, tiers: set[str]) -> pl.DataFrame:
    """Changes of the property that the tier table is about: the one whose name ends in `tier` and is shortest."""
    mine = plan.changes.filter((pl.col("object") == "company") & pl.col("property").str.ends_with("tier"))
    mine = mine.filter(pl.col("after").is_in(list(tiers)) | pl.col("after").is_null())
    others = ("potential_tier", "checklist_tier", "layer_tier")
    names = [name for name in mine["property"].unique().to_list() if not name.endswith(others)]
    return mine.filter(pl.col("property") == min(names, key=len)) if names else mine.clear()


def flow_svg(plan: Plan) -> str:
    """An SVG element with titles for screen readers and the pointer; "" where nothing would move."""
    rows = view.tier_rows(plan)
    found = bands(plan)
    if not any(band.before != band.after for band in found):
        return ""
    total = sum(band.count for band in found)
    colours = {tier: _COLOURS[min(i, len(_COLOURS) - 1)] for i, (tier, _, _) in enumerate(rows)}
    sizes_now = {tier: sum(b.count for b in found if b.before == tier) for tier, _, _ in rows}
    sizes_after = {tier: sum(b.count for b in found if b.after == tier) for tier, _, _ in rows}
    scale = (_HEIGHT - _GAP * (len(rows) - 1)) / total
    left, right = _tops(sizes_now, scale), _tops(sizes_after, scale)
    parts = [_band(band, left, right, scale, colours) for band in found]
    parts += _column(left, sizes_now, scale, colours, _LEFT - _BAR, "end")
    parts += _column(_tops(sizes_after, scale), sizes_after, scale, colours, _RIGHT, "start")
    label = escape(f"Accounts by tier now and after: {view.moves_line(plan)}")
    return (
        f'<svg class="flow" viewBox="0 -18 {_WIDTH:g} {_HEIGHT + 26:g}" role="img" aria-label="{label}">'
        f'<text x="{_LEFT - _BAR:g}" y="-6" text-anchor="end" class="dim">now</text>'
        f'<text x="{_RIGHT + _BAR:g}" y="-6" class="dim">after</text>{"".join(parts)}</svg>'
    )


def _tops(sizes: dict[str, int], scale: float) -> dict[str, float]:
    tops, y = {}, 0.0
    for tier, size in sizes.items():
        tops[tier] = y
        y += size * scale + _GAP
    return tops


def _band(band: Band, left: dict[str, float], right: dict[str, float], scale: float, colours: dict[str, str]) -> str:
    """One band; `left` and `right` are advanced past it. Accounts that stay are drawn faintly."""
    high = band.count * scale
    y0, y1 = left[band.before], right[band.after]
    left[band.before] += high
    right[band.after] += high
    middle = (_LEFT + _RIGHT) / 2
    path = (
        f"M{_LEFT:g} {y0:.1f}C{middle:g} {y0:.1f} {middle:g} {y1:.1f} {_RIGHT:g} {y1:.1f}"
        f"V{y1 + high:.1f}C{middle:g} {y1 + high:.1f} {middle:g} {y0 + high:.1f} {_LEFT:g} {y0 + high:.1f}Z"
    )
    stays = band.before == band.after
    said = f"{band.before} stays: {band.count:,}" if stays else f"{band.before} to {band.after}: {band.count:,}"
    opacity = "0.14" if stays else "0.55"
    return (
        f'<path d="{path}" fill="{colours[band.before]}" fill-opacity="{opacity}"><title>{escape(said)}</title></path>'
    )


def _column(
    tops: dict[str, float], sizes: dict[str, int], scale: float, colours: dict[str, str], x: float, anchor: str
) -> Sequence[str]:
    starts = _tops(sizes, scale) if anchor == "end" else tops
    text_x = x - 8 if anchor == "end" else x + _BAR + 8
    parts = []
    for tier, size in sizes.items():
        if not size:
            continue
        y, high = starts[tier], size * scale
        parts.append(
            f'<rect x="{x:g}" y="{y:.1f}" width="{_BAR:g}" height="{max(high, 1):.1f}" fill="{colours[tier]}"/>'
        )
        middle = y + high / 2 + 4
        parts.append(
            f'<text x="{text_x:g}" y="{middle:.1f}" text-anchor="{anchor}">{escape(tier)} '
            f'<tspan class="dim">{size:,}</tspan></text>'
        )
    return parts
