"""Where each call goes: one table of paths by API version, and the scope each needs (hubspot.md section 1)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from crmsync.sandbox.hubspot import routes_account as account
from crmsync.sandbox.hubspot import routes_associations as assoc
from crmsync.sandbox.hubspot import routes_lists as lists
from crmsync.sandbox.hubspot import routes_objects as objects
from crmsync.sandbox.hubspot import routes_properties as props
from crmsync.sandbox.hubspot.kinds import kind_of
from crmsync.sandbox.hubspot.limits import Limits
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.search import search_objects
from crmsync.sandbox.hubspot.table import Source
from crmsync.sandbox.hubspot.wire import ApiError, Call, Json, Reply, invalid, not_found, object_id
from crmsync.sandbox.hubspot.writes import commit, prepare

Handler = Callable[[Portal, Call], Reply]


def USAGE(portal: Portal, call: Call) -> Reply:  # noqa: N802 a mark, answered by the app, which knows the limits
    """Stands for the api-usage call in the table."""
    raise AssertionError(portal, call)


def usage(portal: Portal, limits: Limits) -> Reply:
    """Answers the api-usage call."""
    return account.api_usage(portal, limits)


@dataclass(frozen=True)
class Route:
    """One call of the API: method, path below its family, handler, and which scope it needs."""

    family: str
    method: str
    parts: tuple[str, ...]
    handler: Handler
    writes: bool

    def match(self, method: str, parts: Sequence[str]) -> tuple[str, ...] | None:
        """The values of the placeholders, or None."""
        if method != self.method or len(parts) != len(self.parts):
            return None
        pairs = list(zip(self.parts, parts, strict=True))
        if any(not mine.startswith("{") and mine != theirs for mine, theirs in pairs):
            return None
        return tuple(theirs for mine, theirs in pairs if mine.startswith("{"))


def _routes(family: str, *rows: tuple[str, Handler]) -> list[Route]:
    made = []
    for row, handler in rows:
        method, _, path = row.partition(" ")
        writes = method != "GET" and not path.endswith(("/read", "/search", "search"))
        made.append(Route(family, method, tuple(path.split("/")) if path else (), handler, writes))
    return made


OBJECTS = [
    *_routes("search", ("POST {t}/search", search_objects)),
    *_routes(
        "objects",
        ("POST {t}/batch/read", objects.batch_read),
        ("POST {t}/batch/create", objects.batch_create),
        ("POST {t}/batch/update", objects.batch_update),
        ("POST {t}/batch/upsert", objects.batch_upsert),
        ("POST {t}/batch/archive", objects.batch_archive),
        ("POST {t}/merge", objects.merge_objects),
        ("POST {t}/gdpr-delete", objects.gdpr_delete),
        ("GET {t}", objects.list_objects),
        ("POST {t}", objects.create_object),
        ("GET {t}/{id}", objects.get_object),
        ("PATCH {t}/{id}", objects.update_object),
        ("DELETE {t}/{id}", objects.archive_object),
    ),
]
SINGLE_ASSOCIATIONS = _routes(
    "associations",
    ("GET {t}/{id}/associations/{to}", assoc.get_links),
    ("PUT {t}/{id}/associations/default/{to}/{to_id}", assoc.put_default),
    ("PUT {t}/{id}/associations/{to}/{to_id}", assoc.put_link),
    ("DELETE {t}/{id}/associations/{to}/{to_id}", assoc.delete_link),
)
ASSOCIATIONS = _routes(
    "associations",
    ("POST {f}/{t}/batch/read", assoc.batch_read),
    ("POST {f}/{t}/batch/create", assoc.batch_create),
    ("POST {f}/{t}/batch/associate/default", assoc.batch_default),
    ("POST {f}/{t}/batch/archive", assoc.batch_archive),
    ("POST {f}/{t}/batch/labels/archive", assoc.batch_labels_archive),
    ("GET {f}/{t}/labels", assoc.list_labels),
    ("POST {f}/{t}/labels", assoc.create_label),
    ("PUT {f}/{t}/labels", assoc.update_label),
    ("DELETE {f}/{t}/labels/{type_id}", assoc.delete_label),
)
ASSOCIATIONS_V3 = _routes(
    "associations",
    ("POST {f}/{t}/batch/read", assoc.batch_read_v3),
    ("POST {f}/{t}/batch/create", assoc.batch_create_v3),
    ("POST {f}/{t}/batch/archive", assoc.batch_archive_v3),
)
PROPERTIES = _routes(
    "properties",
    ("GET {t}/groups", props.list_groups),
    ("POST {t}/groups", props.create_group),
    ("GET {t}/groups/{name}", props.get_group),
    ("PATCH {t}/groups/{name}", props.update_group),
    ("DELETE {t}/groups/{name}", props.archive_group),
    ("POST {t}/batch/create", props.batch_create),
    ("POST {t}/batch/read", props.batch_read),
    ("POST {t}/batch/archive", props.batch_archive),
    ("GET {t}", props.list_properties),
    ("POST {t}", props.create_property),
    ("GET {t}/{name}", props.get_property),
    ("PATCH {t}/{name}", props.update_property),
    ("DELETE {t}/{name}", props.archive_property),
)
LISTS = _routes(
    "lists",
    ("GET ", lists.get_lists),
    ("POST ", lists.create_list),
    ("POST search", lists.search_lists),
    ("GET object-type-id/{t}/name/{name}", lists.get_list_by_name),
    ("GET records/{t}/{id}/memberships", lists.record_memberships),
    ("GET {id}", lists.get_list),
    ("DELETE {id}", lists.delete_list),
    ("PUT {id}/restore", lists.restore_list),
    ("PUT {id}/update-list-filters", lists.update_filters),
    ("PUT {id}/update-list-name", lists.update_name),
    ("GET {id}/memberships", lists.get_memberships),
    ("GET {id}/memberships/join-order", lists.get_memberships_join_order),
    ("PUT {id}/memberships/add", lists.add_members),
    ("PUT {id}/memberships/remove", lists.remove_members),
    ("PUT {id}/memberships/add-and-remove", lists.add_and_remove_members),
    ("DELETE {id}/memberships", lists.remove_all_members),
)
OWNERS = _routes("owners", ("GET ", account.list_owners), ("GET {id}", account.get_owner))
PIPELINES = _routes(
    "pipelines",
    ("GET {t}", account.list_pipelines),
    ("GET {t}/{id}", account.get_pipeline),
    ("GET {t}/{id}/stages", account.list_stages),
)
ACCOUNT = _routes("account", ("GET details", account.account_details), ("GET api-usage/daily/private-apps", USAGE))

DATED = ("2026-09", "2026-03")
FAMILIES: dict[tuple[str, ...], list[Route]] = {
    ("crm", "v3", "objects"): OBJECTS,
    ("crm", "v4", "objects"): SINGLE_ASSOCIATIONS,
    ("crm", "v3", "associations"): ASSOCIATIONS_V3,
    ("crm", "v4", "associations"): ASSOCIATIONS,
    ("crm", "v3", "properties"): PROPERTIES,
    ("crm", "v3", "lists"): LISTS,
    ("crm", "v3", "owners"): OWNERS,
    ("crm", "v3", "pipelines"): PIPELINES,
    ("account-info", "v3"): ACCOUNT,
}
for _version in DATED:
    FAMILIES |= {
        ("crm", "objects", _version): [*SINGLE_ASSOCIATIONS, *OBJECTS],
        ("crm", "associations", _version): ASSOCIATIONS,
        ("crm", "properties", _version): PROPERTIES,
        ("crm", "lists", _version): LISTS,
        ("crm", "owners", _version): OWNERS,
        ("crm", "pipelines", _version): PIPELINES,
        ("account-info", _version): ACCOUNT,
    }


def find(method: str, path: str, query: Mapping[str, Sequence[str]], body: Any, size: int) -> tuple[Call, Route]:
    """The call and its route. Raises ApiError: 404 for no such path, 405 for no such method there."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    head = tuple(parts[:2]) if parts[0] == "account-info" else tuple(parts[:3])
    routes, rest = FAMILIES.get(head, []), parts[len(head) :]
    for route in routes:
        args = route.match(method, rest or ([""] if route.parts == ("",) else []))
        if args is None and not rest and not route.parts and route.method == method:
            args = ()
        if args is not None:
            version = next(part for part in head if part in DATED or part in {"v3", "v4"})
            call = Call(method, path, route.family, version, "/".join(rest), query, body, size, args)
            return call, route
    if any(route.match(other, rest) is not None for route in routes for other in ("GET", "POST", "PUT", "PATCH")):
        raise ApiError(405, None, "HTTP 405 Method Not Allowed")
    raise not_found(f"No endpoint {method} {path}")


def check_scopes(route: Route, call: Call, granted: frozenset[str] | None) -> None:
    """403 MISSING_SCOPES where the token has none of the scopes that would do; `granted` None has all."""
    if granted is None:
        return
    needed = _needed(route, call)
    if needed and not needed & granted:
        raise ApiError(
            403,
            "MISSING_SCOPES",
            "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
            "https://developers.hubspot.com/scopes.",
            errors=[
                {
                    "message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": sorted(needed)},
                }
            ],
            links={"scopes": "https://developers.hubspot.com/scopes"},
        )


def _needed(route: Route, call: Call) -> frozenset[str]:
    verb = "write" if route.writes else "read"
    if route.family == "lists":
        return frozenset({f"crm.lists.{verb}"})
    if route.family == "owners":
        return frozenset({"crm.objects.owners.read"})
    if route.family == "account":
        return frozenset()
    name = kind_of(call.args[0]).scope
    if route.family == "properties" and route.writes:
        return frozenset({f"crm.schemas.{name}.write"})
    if route.family in {"properties", "pipelines"}:
        return frozenset({f"crm.schemas.{name}.read", f"crm.objects.{name}.read"})
    return frozenset({f"crm.objects.{name}.{verb}"})


def edit(portal: Portal, body: Json) -> Reply:
    """Control call: a person edits a record in the CRM. `{"object", "id", "properties", "source", "archived"}`."""
    kind = kind_of(str(body.get("object", "")))
    id_ = object_id(body.get("id"))
    if id_ is None or not portal.table(kind).exists(id_):
        raise invalid(f"no {kind.singular} {body.get('id')}")
    source = Source(str(body.get("source", "CRM_UI")), "userId:40009001")
    if body.get("properties"):
        commit(portal, prepare(portal, kind, body["properties"], id_), source)
    if body.get("archived"):
        portal.table(kind).archive(id_, portal.clock.now_ms())
    elif body.get("archived") is False:
        portal.table(kind).archived.pop(id_, None)
        portal.table(kind).touch(id_, portal.clock.now_ms(), source)
    return Reply(200, portal.records(kind, [id_], list(body.get("properties") or ()))[0])
