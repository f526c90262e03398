"""Record ids as Salesforce makes them: 15 characters that mind case, or 18 that do not (salesforce.md section 5).

Prevents a client that compares ids as they come from passing here and failing there: both lengths cross the wire.
"""

import re

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
POD = "5g0"
"""The three characters after the prefix, which say where an org was born."""

PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "CampaignMember": "00v",
    "Campaign": "701",
    "OpportunityContactRole": "00K",
    "AccountContactRelation": "07k",
    "AccountTeamMember": "01M",
    "OpportunityStage": "01J",
    "Organization": "00D",
    "Profile": "00e",
    "PermissionSet": "0PS",
    "PermissionSetAssignment": "0Pa",
    "FieldPermissions": "01k",
    "ObjectPermissions": "110",
    "CustomField": "00N",
}
JOB_PREFIX = "750"
LOCATOR_PREFIX = "0r8"


def suffix(id15: str) -> str:
    """The three characters that tell which of the fifteen are capitals: one for each five, lowest bit first."""
    return "".join(
        _SUFFIX[sum(1 << at for at, char in enumerate(id15[start : start + 5]) if "A" <= char <= "Z")]
        for start in (0, 5, 10)
    )


def make(prefix: str, number: int) -> str:
    """The 18-character id of the record of that number (from 1) under a prefix of three."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    id15 = f"{prefix}{POD}{digits:0>9}"
    return id15 + suffix(id15)


def number_of(id18: str) -> int | None:
    """The number an id was made from; None for an id that another org made."""
    if id18[3:6] != POD:
        return None
    number = 0
    for char in id18[6:15]:
        number = number * 62 + DIGITS.index(char)
    return number


def canonical(text: str) -> str | None:
    """The 18-character form of an id of either length, None where it is not one.

    An 18-character id may come in any case: the suffix says which of its letters are capitals.
    """
    if not _SHAPE.fullmatch(text):
        return None
    if len(text) == 15:
        return text + suffix(text)
    if suffix(text[:15]) == text[15:]:
        return text
    bits = [_SUFFIX.find(char) for char in text[15:].upper()]
    if min(bits) < 0:
        return None
    letters = [char.upper() if bits[at // 5] >> at % 5 & 1 else char.lower() for at, char in enumerate(text[:15])]
    id15 = "".join(letters)
    return id15 + suffix(id15) if suffix(id15) == text[15:].upper() else None
