"""Measurements of crmsync against the bounds of its job; `python -m bench` prints goal, figure and ratio."""
