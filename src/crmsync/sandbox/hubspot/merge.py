"""Merging and erasing records.

Prevents a client from being tested against the old merge, where the primary kept its id: today a new record is made.
"""

from crmsync.sandbox.hubspot.kinds import COMPANIES, CONTACTS, KINDS, Kind
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.table import API, Source, Values
from crmsync.sandbox.hubspot.wire import ApiError, invalid, not_found

MERGE = Source("MERGE_OBJECTS")
_CEILING = 250
_EXTRA = {COMPANIES.name: ("domain", "hs_additional_domains"), CONTACTS.name: ("email", "hs_additional_emails")}


def merge(portal: Portal, kind: Kind, primary: int, other: int) -> int:
    """Merges `other` into `primary`; returns the id of the new record that stands for both (hubspot.md section 4).

    The primary's values win, the other's fill blanks; both ids are aliases from now on.
    """
    table = portal.table(kind)
    primary, other = table.survivor(primary), table.survivor(other)
    for id_ in (primary, other):
        if not table.live(id_):
            raise not_found(f"{kind.singular.capitalize()} {id_} does not exist")
    if primary == other:
        raise invalid("Cannot merge a record with itself")
    mine, theirs = table.current(primary), table.current(other)
    past = [i for has in (mine, theirs) for i in (has.get("hs_merged_object_ids") or "").split(";") if i]
    ids = list(dict.fromkeys([*past, str(primary), str(other)]))
    if len(ids) > _CEILING:
        raise ApiError(414, "VALIDATION_ERROR", "Cannot have more than 250 identities on a profile")
    values: Values = {**theirs, **mine, "hs_merged_object_ids": ";".join(ids)}
    if kind.name in _EXTRA:
        _keep_extra(values, theirs, *_EXTRA[kind.name])
    now = portal.clock.now_ms()
    created = min(row.created for row in table.fetch([primary, other], ()))
    new = table.create(values, now, MERGE, created)
    _relink(portal, kind, (primary, other), new)
    for id_ in (primary, other):
        table.erase(id_, into=new)
    for segment in portal.segments.values():
        if segment.kind is kind:
            segment.replace((primary, other), new, now)
    return new


def _keep_extra(values: Values, theirs: Values, name: str, extra: str) -> None:
    kept = [v for v in (values.get(extra) or "").split(";") if v]
    if theirs.get(name) and theirs[name] != values.get(name):
        kept.append(str(theirs[name]))
    values[extra] = ";".join(dict.fromkeys(kept)) or None


def _relink(portal: Portal, kind: Kind, old: tuple[int, int], new: int) -> None:
    for far in KINDS:
        pair = (kind.name, far.name)
        for id_ in old:
            for to, types in list(portal.web.of(pair, id_).items()):
                portal.unlink(pair, id_, to)
                if to not in old and to != new:
                    standing = portal.web.of(pair, new)
                    taken = {t for has in standing.values() for t in has if t in {1, 5, 14}}
                    portal.link(pair, new, to, types - taken, API)


def erase_contact(portal: Portal, id_: int) -> None:
    """GDPR deletion: values, links, history and memberships are gone for good."""
    table = portal.table(CONTACTS)
    for far in KINDS:
        for to in list(portal.web.of((CONTACTS.name, far.name), id_)):
            portal.unlink((CONTACTS.name, far.name), id_, to)
    table.erase(id_)
    table.overlay.pop(id_, None)
    table.log.pop(id_, None)
    table.moved.pop(id_, None)
    for segment in portal.segments.values():
        segment.members.pop(id_, None)
