"""Record ids: 15 characters that mind case, or 18 that do not. Ours always have 18.

It prevents one record from being two: people type the short form, spreadsheets change the case of the long one.
"""

from __future__ import annotations

import re

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
#: Account, Contact, Opportunity, Lead, Campaign, CampaignMember, User, contact role, account relation, team member.
_PREFIXES = ("001", "003", "006", "00Q", "701", "00v", "005", "00K", "07k", "01M")


def owns(id_: str) -> bool:
    """Whether `id_` has the form of a Salesforce record id. One of digits alone is HubSpot's, whatever its length."""
    text = id_.strip()
    return text.startswith(_PREFIXES) and not text.isdecimal() and _SHAPE.fullmatch(text) is not None


def canonical_id(id_: str) -> str:
    """The 18-character form of an id of either length; what is no id comes back as it is, without blanks around it.

    In an id of 18 characters the last three say which of the others are capitals, so it may come in any case.
    """
    text = id_.strip()
    if not _SHAPE.fullmatch(text):
        return text
    if len(text) == 15:
        return text + _suffix(text)
    bits = [_SUFFIX.find(char) for char in text[15:].upper()]
    if min(bits) < 0:
        return text
    letters = [char.upper() if bits[at // 5] >> at % 5 & 1 else char.lower() for at, char in enumerate(text[:15])]
    restored = "".join(letters)
    suffix = _suffix(restored)
    # The suffix marks a digit as a capital: no id that Salesforce made.
    return restored + suffix if suffix == text[15:].upper() else text


def is_id(id_: str) -> bool:
    """Whether Salesforce would take `id_` for an id at all; one that it would not makes it refuse a whole query."""
    return _SHAPE.fullmatch(id_) is not None and (len(id_) == 15 or _suffix(id_[:15]) == id_[15:])


def _suffix(id15: str) -> str:
    """Three characters, one for each five of the id: which of them are capitals, lowest bit first."""
    return "".join(
        _SUFFIX[sum(1 << at for at, char in enumerate(id15[start : start + 5]) if "A" <= char <= "Z")]
        for start in (0, 5, 10)
    )
