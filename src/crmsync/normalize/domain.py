"""The domain of a company from a URL, an e-mail address or what somebody pasted into the field.

The failure this prevents: `https://www.Example.com/`, `example.com` and `Jo@mail.example.com` taken for three
companies, and a free mailbox taken for an employer.
"""

from __future__ import annotations

import re

import polars as pl

from crmsync.normalize.columns import normalize_unique
from crmsync.normalize.data import word_list

_HOST = re.compile(r"^(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})$")
_PLAIN = r"^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.[a-z]{2,63}$"
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|https?)?/{1,3}|^mailto:", re.IGNORECASE)
_SPLIT = re.compile(r"[\s,;<>()\[\]\"'|]+")

_SUFFIXES = word_list("public_suffixes.txt")
_FREE_MAIL = word_list("free_mail.txt")


def host(text: str | None) -> str | None:
    """The host name in ASCII (punycode) lower case, without `www.`; None where there is none (or an IP address)."""
    words = [word for word in _SPLIT.split(text.strip()) if word] if text else []
    candidates = [found for word in words if (found := _host_of(word))]
    return candidates[0] if candidates else None


def _host_of(word: str) -> str | None:
    bare = _SCHEME.sub("", word, count=1)
    bare = re.split(r"[/?#\\]", bare, maxsplit=1)[0].rpartition("@")[2]
    bare = re.sub(r":\d+$", "", bare).strip(".").lower()
    if not bare.isascii():
        try:
            bare = bare.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    while bare.startswith("www.") and bare.count(".") > 1:
        bare = bare[4:]
    return bare if _HOST.match(bare) else None


def domain(text: str | None) -> str | None:
    """The registrable domain (`example.co.uk` of `https://shop.example.co.uk/x`), or None.

    Uses a short list of public suffixes: a rare one that is missing keeps only its last two labels.
    """
    name = host(text)
    if name is None:
        return None
    labels = name.split(".")
    last_two = ".".join(labels[-2:])
    if last_two in _SUFFIXES:
        return ".".join(labels[-3:]) if len(labels) > 2 else None
    return last_two


def domains(texts: pl.Series) -> pl.Series:
    """`domain` over a column. What stands there as a plain domain of two labels, almost always, is taken as it is."""
    column = pl.col("text")
    plain = column.str.contains(_PLAIN) & ~column.is_in(sorted(_SUFFIXES))
    frame = texts.cast(pl.String).to_frame("text")
    read = frame.select(pl.when(plain).then(column)).to_series()
    rest = frame.with_row_index("row").filter(read.is_null() & column.is_not_null())
    if not rest.is_empty():
        read = read.scatter(rest["row"], normalize_unique(rest["text"], domain))
    return read.rename(texts.name)


def is_free_mail(text: str | None) -> bool:
    """Whether a domain, or the domain of an e-mail address, hands out mailboxes to anyone."""
    return domain(text) in _FREE_MAIL
