"""Measurements of crmsync against the bounds of its job; `python -m bench` prints goal, figure and ratio."""

import crmsync  # noqa: F401 - before Polars is loaded: it sets how memory is given back
