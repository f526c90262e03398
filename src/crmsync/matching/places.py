"""How the head offices of two records stand to each other, from city, region and country.

`city` the same city, `region` the same region, `apart` two regions or cities of one country, `abroad` two countries,
`open` where nothing can be said. A country alone says nothing: most of a portal shares it.
"""

from __future__ import annotations

import polars as pl

from crmsync.normalize.cities import city_keys
from crmsync.normalize.columns import normalize_unique
from crmsync.normalize.places import country, regions


def place_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `city`, `region`, `country` read, so that two spellings of one place are equal."""
    countries = normalize_unique(frame["country"], country)
    return frame.with_columns(
        countries.alias("country"),
        regions(frame["region"], countries).str.to_lowercase().alias("region"),
        city_keys(frame["city"]).alias("city"),
    )


def place_relation() -> pl.Expr:
    """Over the columns of `place_columns` and, with `_r` appended, the other side's; never null."""
    region, nation = _same("region"), _same("country")
    # `Bad Homburg vor der Höhe`: one city may be how the other begins, within a country.
    longer = [
        pl.col(one).str.starts_with(pl.col(other) + " ") for one, other in (("city", "city_r"), ("city_r", "city"))
    ]
    city = _same("city") | (nation.fill_null(False) & (longer[0] | longer[1]))
    return (
        pl.when(nation.eq(False).fill_null(False))
        .then(pl.lit("abroad"))
        .when(city.fill_null(False) & region.fill_null(True))
        .then(pl.lit("city"))
        .when(region.fill_null(False))
        .then(pl.lit("region"))
        .when(region.is_null() & city.is_null())
        .then(pl.lit("open"))
        .otherwise(pl.lit("apart"))
    )


def _same(name: str) -> pl.Expr:
    """Null where either is unknown."""
    return pl.col(name) == pl.col(f"{name}_r")
