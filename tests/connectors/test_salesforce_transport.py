"""Calls to an org: each attempt counted, repeated where that is safe, stopped by the day's budget, told in words."""

from __future__ import annotations

import threading

import pytest
from salesforce_org import ACME, LocalOrg, StartOrg, accounts

from crmsync.connectors.salesforce.budget import RECHECK_SECONDS, Budget
from crmsync.connectors.salesforce.transport import Transport
from crmsync.errors import BudgetSpent, CrmsyncError, Rejected, Unanswered, Unauthorized, Unavailable

NAMES = "SELECT Id, Name FROM Account ORDER BY Id"
PASSING = ["500", "502", "503", "504", "429", "reset", "lost_reply", "truncated_body", "concurrent_limit"]


def _rename(transport: Transport, *, repeatable: bool) -> int:
    path = f"sobjects/Account/{ACME}"
    return transport.send("write", "PATCH", path, json={"Name": "New"}, repeatable=repeatable).status


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_by_itself_is_repeated_and_every_attempt_is_counted(org: LocalOrg, fault: str) -> None:
    org.faults({"match": {"path": "/query"}, "fault": fault, "times": 2})
    transport = org.transport()
    (page,) = transport.soql(NAMES)
    assert page.total == len(page.rows) == 3
    usage = transport.usage()
    assert usage.calls == {"login": 1, "query": 3}
    assert usage.retried == 2
    assert usage.throttled == (2 if fault in {"429", "concurrent_limit"} else 0)
    assert len(org.requests("/query")) == 3


@pytest.mark.parametrize("fault", ["500", "502", "504", "reset", "lost_reply"])
def test_a_write_that_may_have_happened_is_not_sent_twice(org: LocalOrg, fault: str) -> None:
    org.faults({"match": {"path": "/sobjects"}, "fault": fault, "times": 1})
    with pytest.raises(Unanswered, match="may have happened"):
        _rename(org.transport(), repeatable=False)
    assert len(org.requests("/sobjects")) == 1


@pytest.mark.parametrize("fault", ["503", "429", "concurrent_limit", "session_expired"])
def test_a_write_that_cannot_have_happened_is_sent_again(org: LocalOrg, fault: str) -> None:
    org.faults({"match": {"path": "/sobjects"}, "fault": fault, "times": 1})
    assert _rename(org.transport(), repeatable=False) == 204
    assert len(org.requests("/sobjects")) == 2


def test_a_write_that_may_be_repeated_is(org: LocalOrg) -> None:
    org.faults({"match": {"path": "/sobjects"}, "fault": "lost_reply", "times": 1})
    assert _rename(org.transport(), repeatable=True) == 204


def test_an_outage_ends_in_unavailable(org: LocalOrg) -> None:
    org.faults({"match": {"path": "/query"}, "fault": "503"})
    with pytest.raises(Unavailable, match="SERVER_UNAVAILABLE: Server too busy"):
        next(org.transport().soql(NAMES))


def test_the_days_limit_is_no_missing_right(org: LocalOrg) -> None:
    org.faults({"match": {"path": "/query"}, "fault": "daily_limit"})
    with pytest.raises(BudgetSpent, match="TotalRequests"):
        next(org.transport().soql(NAMES))
    assert len(org.requests("/query")) == 1


def test_a_user_who_may_not_call_is_told_so_at_once(org: LocalOrg) -> None:
    org.faults({"match": {"path": "/query"}, "fault": "api_disabled"})
    with pytest.raises(Unauthorized, match=r"API_DISABLED_FOR_ORG.*permission set"):
        next(org.transport().soql(NAMES))
    assert len(org.requests("/query")) == 1


def test_a_refusal_carries_salesforces_code_and_words_and_no_query(org: LocalOrg) -> None:
    with pytest.raises(Rejected) as refused:
        next(org.transport().soql("SELECT Nope__c FROM Contact WHERE LastName = 'Adams'"))
    assert refused.value.category == "INVALID_FIELD"
    assert refused.value.status == 400
    assert refused.value.message.startswith("INVALID_FIELD: No such column 'Nope__c' on entity 'Contact'")
    assert "Adams" not in refused.value.message


def test_a_refusal_names_the_fields_and_no_e_mail(org: LocalOrg) -> None:
    transport = org.transport()
    with pytest.raises(Rejected) as refused:
        transport.send("write", "PATCH", f"sobjects/Account/{ACME}", json={"NumberOfEmployees": "ana@beta.example"})
    assert "ana@beta.example" not in refused.value.message
    with pytest.raises(Rejected, match=r"INVALID_FIELD_FOR_INSERT_UPDATE: .*\(CreatedDate\)"):
        transport.send("write", "PATCH", f"sobjects/Account/{ACME}", json={"CreatedDate": "2026-01-01T00:00:00Z"})


def test_a_retired_version_is_said(org: LocalOrg) -> None:
    with pytest.raises(Rejected, match=r"API version 30\.0 is retired") as refused:
        org.transport(api_version="30.0").get("limits", "limits")
    assert refused.value.status == 410


def test_an_address_on_the_instance_begins_with_a_slash(org: LocalOrg) -> None:
    transport = org.transport()
    versions = transport.get("limits", "/services/data/").json()
    assert "66.0" in {one["version"] for one in versions}
    assert transport.get("query", "query", {"q": "SELECT COUNT() FROM Account"}).json()["totalSize"] == 3


def test_a_query_is_handed_over_page_by_page(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(4_500)})
    transport = org.transport()
    pages = transport.soql(NAMES)
    first = next(pages)
    assert (first.total, len(first.rows)) == (4_500, 2_000)
    assert transport.usage().calls["query"] == 1
    ids = [row["Id"] for page in (first, *pages) for row in page.rows]
    assert ids == [one["Id"] for one in accounts(4_500)]
    assert transport.usage().calls["query"] == 3


def test_a_locator_whose_answer_was_lost_is_refused_by_its_name(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(2_500)})
    org.faults({"match": {"path": "/query/0r8"}, "fault": "lost_reply", "times": 1})
    with pytest.raises(Rejected) as refused:
        list(org.transport().soql(NAMES))
    assert refused.value.category == "INVALID_QUERY_LOCATOR"


def test_the_recycle_bin_is_asked_for_by_name(org: LocalOrg) -> None:
    org.edit("Account", ACME, delete=True)
    transport = org.transport()
    assert next(transport.soql("SELECT COUNT() FROM Account")).total == 2
    assert next(transport.soql("SELECT COUNT() FROM Account", all_rows=True)).total == 3


def test_eight_threads_are_counted_each(org: LocalOrg) -> None:
    transport = org.transport()
    threads = [threading.Thread(target=lambda: [transport.get("limits", "limits") for _ in range(5)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert transport.usage().calls == {"login": 1, "limits": 40}
    assert len(org.requests("/limits")) == 40


@pytest.mark.parametrize("family", ["query", "write", "collections", "bulk", "describe", "replication"])
def test_the_share_of_the_day_stops_reads_and_writes_alike(start_org: StartOrg, family: str) -> None:
    org = start_org(api_limit=10)
    transport = org.transport(daily_share=0.5)
    for _ in range(5):
        transport.get(family, "sobjects")
    with pytest.raises(BudgetSpent, match=r"5 of the day's 10 API calls.*50% \(salesforce\.daily_share\)"):
        transport.get(family, "sobjects")
    with pytest.raises(BudgetSpent):
        transport.send(family, "PATCH", f"sobjects/Account/{ACME}", json={"Name": "New"})
    assert len(org.requests("/sobjects")) == 5
    assert transport.usage().daily_left == 5


def test_a_refusal_says_what_the_day_has_left_too(start_org: StartOrg) -> None:
    org = start_org(api_limit=4)
    transport = org.transport(daily_share=0.5)
    for _ in range(2):
        with pytest.raises(Rejected):
            transport.get("query", "query", {"q": "SELECT"})
    with pytest.raises(BudgetSpent):
        transport.get("query", "query", {"q": "SELECT"})


def test_calls_of_other_apps_count(org: LocalOrg) -> None:
    transport = org.transport()
    next(transport.soql(NAMES))
    org.control("settings", {"api_used": 80_000})
    next(transport.soql(NAMES))  # nobody knows of them before this answer
    with pytest.raises(BudgetSpent, match="80,001 of the day's 100,000"):
        next(transport.soql(NAMES))


def test_a_spent_share_can_be_looked_at_and_comes_back(start_org: StartOrg) -> None:
    now = [0.0]
    org = start_org(api_limit=10)
    transport = org.transport(daily_share=0.2, clock=lambda: now[0])
    for _ in range(2):
        next(transport.soql(NAMES))
    with pytest.raises(BudgetSpent):
        next(transport.soql(NAMES))
    assert transport.get("limits", "limits").json()["DailyApiRequests"] == {"Max": 10, "Remaining": 7}
    org.control("settings", {"api_used": 0})
    with pytest.raises(BudgetSpent):
        next(transport.soql(NAMES))
    now[0] = RECHECK_SECONDS
    next(transport.soql(NAMES))
    next(transport.soql(NAMES))


def test_while_it_is_spent_one_thread_in_a_while_looks_again() -> None:
    now = [0.0]
    budget = Budget(0.8, clock=lambda: now[0])
    budget.observe("api-usage=90/100")
    allowed = []
    for now[0] in (1.0, RECHECK_SECONDS, RECHECK_SECONDS + 1, 2 * RECHECK_SECONDS - 1, 2 * RECHECK_SECONDS):
        try:
            budget.check("query")
            allowed.append(now[0])
        except CrmsyncError:
            pass
    assert allowed == [RECHECK_SECONDS, 2 * RECHECK_SECONDS]


@pytest.mark.parametrize(
    ("header", "spent"),
    [
        ("api-usage=79/100", ""),
        ("api-usage=80/100", "80 of the day's 100"),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=crmsync)", ""),
        ("api-usage=25/5000; per-app-api-usage=250/250(appName=crmsync)", "crmsync has used the 250 API calls"),
        ("per-app-api-usage=90/100(appName=x)", ""),  # says nothing of the org
        ("nonsense", ""),
        (None, ""),
    ],
)
def test_the_header_of_an_answer_is_the_count(header: str | None, spent: str) -> None:
    """The two forms of the header are those of salesforce.md 1.5."""
    budget = Budget(0.8)
    budget.observe(header)
    if not spent:
        budget.check("query")
        return
    with pytest.raises(BudgetSpent, match=spent):
        budget.check("query")
    budget.check("limits")
    budget.check("login")
