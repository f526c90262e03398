"""The object types the sandbox knows, by every name that HubSpot takes for them, and their association types."""

from dataclasses import dataclass

from crmsync.sandbox.hubspot.wire import ApiError


@dataclass(frozen=True)
class Kind:
    """One object type: path name, names it is also known by, its modified property, default properties."""

    name: str
    singular: str
    type_id: str
    modified: str
    file: str
    defaults: tuple[str, ...]

    @property
    def scope(self) -> str:
        """The word scopes use for it."""
        return self.name


COMPANIES = Kind("companies", "company", "0-2", "hs_lastmodifieddate", "companies.csv", ("name", "domain"))
CONTACTS = Kind("contacts", "contact", "0-1", "lastmodifieddate", "contacts.csv", ("firstname", "lastname", "email"))
DEALS = Kind(
    "deals", "deal", "0-3", "hs_lastmodifieddate", "deals.csv",
    ("dealname", "amount", "closedate", "dealstage", "pipeline"),
)  # fmt: skip
KINDS = (COMPANIES, CONTACTS, DEALS)

_BY_NAME = {name: kind for kind in KINDS for name in (kind.name, kind.singular, kind.type_id)}


def kind_of(text: str) -> Kind:
    """The kind of a path segment: `companies`, `company`, `COMPANY` or `0-2`."""
    kind = _BY_NAME.get(text.lower())
    if kind is None:
        raise ApiError(400, "VALIDATION_ERROR", f"Unable to infer object type from: {text}")
    return kind


Pair = tuple[str, str]

DEFAULT_TYPES: dict[Pair, int] = {
    ("contacts", "companies"): 279,
    ("companies", "contacts"): 280,
    ("deals", "companies"): 341,
    ("companies", "deals"): 342,
    ("deals", "contacts"): 3,
    ("contacts", "deals"): 4,
    ("companies", "companies"): 450,
    ("contacts", "contacts"): 449,
    ("deals", "deals"): 451,
}
"""The unlabelled association type of each directed pair (hubspot.md 2.2)."""

PRIMARY_TYPES: dict[Pair, int] = {
    ("contacts", "companies"): 1,
    ("companies", "contacts"): 2,
    ("deals", "companies"): 5,
    ("companies", "deals"): 6,
}
PARENT_TO_CHILD = 13
CHILD_TO_PARENT = 14
INVERSE = {1: 2, 2: 1, 5: 6, 6: 5, 13: 14, 14: 13, 279: 280, 280: 279, 341: 342, 342: 341, 3: 4, 4: 3} | {
    450: 450, 449: 449, 451: 451,
}  # fmt: skip

LABELS = {1: "Primary", 2: "Primary", 5: "Primary", 6: "Primary", 13: "Child Company", 14: "Parent Company"}


def types_of(pair: Pair) -> set[int]:
    """Every type id that may stand on that directed pair."""
    known = {DEFAULT_TYPES[pair]} | ({PRIMARY_TYPES[pair]} if pair in PRIMARY_TYPES else set())
    return known | ({PARENT_TO_CHILD, CHILD_TO_PARENT} if pair == ("companies", "companies") else set())
