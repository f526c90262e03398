"""Draws the labelled O*NET rows and splits every label file into development and held out, by one committed seed."""

import random

SEED = 20261122
ONET_LINES = 7542  # data/titles/onet_sample_of_reported_titles.txt, header included; lines count from 1
ONET_DRAWN = 300


def onet_rows() -> list[int]:
    """Line numbers (1 is the header) of the 300 titles, ascending."""
    return sorted(random.Random(SEED).sample(range(2, ONET_LINES + 1), ONET_DRAWN))


def heldout(keys: list[str], file: str) -> set[str]:
    """A third of the keys, set aside until the end; `file` keeps the draws of the files apart."""
    return set(random.Random(f"{SEED}-{file}").sample(sorted(keys), len(keys) // 3))


def fresh_rows(draw: int) -> list[int]:
    """Line numbers of 100 further titles, drawn once the vocabulary stood; none of an earlier draw (1, 2)."""
    drawn = set(onet_rows()).union(*(fresh_rows(earlier) for earlier in range(1, draw)))
    rest = [line for line in range(2, ONET_LINES + 1) if line not in drawn]
    return sorted(random.Random(SEED + draw).sample(rest, 100))
