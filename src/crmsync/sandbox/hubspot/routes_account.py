"""Owners, pipelines and the account itself."""

from datetime import UTC, datetime

from crmsync.sandbox.hubspot.catalog import NATIVE_STAMP
from crmsync.sandbox.hubspot.kinds import DEALS, kind_of
from crmsync.sandbox.hubspot.limits import Limits
from crmsync.sandbox.hubspot.load import Owner
from crmsync.sandbox.hubspot.options import DEAL_STAGES
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.wire import PORTAL_ID, Call, Json, Reply, invalid, iso, limit_of, not_found

_USER_OFFSET = 40_000_000  # an owner's user id is another number than its id
_DAY_MS = 86_400_000


def _owner(portal: Portal, owner: Owner) -> Json:
    user = _USER_OFFSET + int(owner.id)
    teams = sorted({team for other in portal.owners for team in other.teams})
    body: Json = {
        "id": owner.id, "email": owner.email, "type": "PERSON", "firstName": owner.first, "lastName": owner.last,
        "createdAt": iso(NATIVE_STAMP), "updatedAt": iso(NATIVE_STAMP), "archived": owner.archived,
        "userId": None if owner.archived else user, "userIdIncludingInactive": user,
    }  # fmt: skip
    if owner.teams:
        body["teams"] = [
            {"id": str(100 + teams.index(team)), "name": team, "primary": at == 0}
            for at, team in enumerate(owner.teams)
        ]
    return body


def list_owners(portal: Portal, call: Call) -> Reply:
    """GET /owners: up to 500 a page; `archived=true` gives the deactivated ones."""
    limit, after, email = limit_of(call, 100, 500), call.one("after"), call.one("email")
    found = [o for o in portal.owners if o.archived == call.flag("archived") and email in {None, o.email}]
    found.sort(key=lambda o: int(o.id))
    if after is not None:
        if not after.isdigit():
            raise invalid(f"Invalid paging token: {after}")
        found = [o for o in found if int(o.id) > int(after)]
    page = found[:limit]
    body: Json = {"results": [_owner(portal, o) for o in page]}
    if len(found) > limit:
        body["paging"] = {"next": {"after": page[-1].id, "link": f"{call.path}?after={page[-1].id}"}}
    return Reply(200, body)


def get_owner(portal: Portal, call: Call) -> Reply:
    """GET /owners/{id}, by owner id or, with `idProperty=userId`, by user id."""
    offset = _USER_OFFSET if call.one("idProperty") == "userId" else 0
    for owner in portal.owners:
        if str(int(owner.id) + offset) == call.args[0] and owner.archived == call.flag("archived"):
            return Reply(200, _owner(portal, owner))
    raise not_found("Owner not found")


def _pipeline() -> Json:
    stamp = iso(NATIVE_STAMP)
    stages = [
        {
            "id": value, "label": label, "displayOrder": at, "createdAt": stamp, "updatedAt": stamp, "archived": False,
            "metadata": {"isClosed": "true" if value.startswith("closed") else "false", "probability": str(chance)},
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        }
        for at, (value, label, chance) in enumerate(DEAL_STAGES)
    ]  # fmt: skip
    return {
        "id": "default", "label": "Sales Pipeline", "displayOrder": 0, "createdAt": stamp, "updatedAt": stamp,
        "archived": False, "stages": stages,
    }  # fmt: skip


def list_pipelines(portal: Portal, call: Call) -> Reply:
    """GET /pipelines/{type}."""
    del portal
    return Reply(200, {"results": [_pipeline()] if kind_of(call.args[0]) is DEALS else []})


def get_pipeline(portal: Portal, call: Call) -> Reply:
    """GET /pipelines/{type}/{id}."""
    del portal
    if kind_of(call.args[0]) is not DEALS or call.args[1] != "default":
        raise not_found("Pipeline not found")
    return Reply(200, _pipeline())


def list_stages(portal: Portal, call: Call) -> Reply:
    """GET /pipelines/{type}/{id}/stages."""
    body = get_pipeline(portal, call).body
    return Reply(200, {"results": body["stages"]})


def account_details(portal: Portal, call: Call) -> Reply:
    """GET /account-info/{version}/details."""
    del portal, call
    return Reply(
        200,
        {
            "portalId": PORTAL_ID, "accountType": "STANDARD", "timeZone": "UTC", "companyCurrency": "USD",
            "additionalCurrencies": [], "utcOffset": "+00:00", "utcOffsetMilliseconds": 0,
            "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
        },
    )  # fmt: skip


def api_usage(portal: Portal, limits: Limits) -> Reply:
    """GET /account-info/{version}/api-usage/daily/private-apps."""
    now = portal.clock.now_ms()
    today = datetime.fromtimestamp(now / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    usage = {
        "name": "private-apps-api-calls-daily", "usageLimit": limits.daily, "currentUsage": limits.used_today,
        "collectedAt": iso(now), "fetchStatus": "SUCCESS",
        "resetsAt": iso(round(today.timestamp() * 1000) + _DAY_MS),
    }  # fmt: skip
    return Reply(200, {"results": [usage]})
