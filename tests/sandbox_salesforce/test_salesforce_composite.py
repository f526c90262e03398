"""Several calls in one: each part has its own status, and the whole is one call (salesforce.md 2.3)."""

from typing import Any

from salesforce_client import ACME, BETA, Box, update_of

HALTED = [
    {
        "errorCode": "PROCESSING_HALTED",
        "message": "The transaction was rolled back since another operation in the same transaction failed.",
    }
]


def part(name: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    found = {"method": method, "url": f"/services/data/v66.0/{path}", "referenceId": name}
    return found if body is None else found | {"body": body}


def run(org: Box, *parts: dict[str, Any], all_or_none: bool = False, status: int = 200) -> Any:
    answer = org.post("composite", {"allOrNone": all_or_none, "compositeRequest": list(parts)}, status)
    return answer["compositeResponse"] if status == 200 else answer


def test_parts_refer_to_earlier_ones_and_count_as_one_call(org: Box) -> None:
    made, child, found, missing = run(
        org,
        part("made", "POST", "sobjects/Account", {"Name": "New"}),
        part("child", "POST", "sobjects/Contact", {"LastName": "C", "AccountId": "@{made.id}"}),
        part("found", "GET", "query?q=SELECT Name FROM Account WHERE Id = '@{made.id}'"),
        part("missing", "GET", "sobjects/Account/0019900000abcdeAAA"),
    )
    assert [one["httpStatusCode"] for one in (made, child, found, missing)] == [201, 201, 200, 404]
    assert org.record("Contact", child["body"]["id"], "AccountId") == {"AccountId": made["body"]["id"]}
    assert found["body"]["records"][0]["Name"] == "New"
    assert missing["body"][0]["errorCode"] == "NOT_FOUND"
    assert org.get("/_sandbox/requests")[0]["path"].endswith("/composite")
    assert org.get("/_sandbox/stats")["api_used"] == 2


def test_a_refused_part_leaves_the_others_alone_unless_all_or_none(org: Box) -> None:
    parts = (
        part("good", "PATCH", f"sobjects/Account/{ACME}", {"Name": "A2"}),
        part("bad", "PATCH", f"sobjects/Account/{BETA}", {"Name": None}),
        part("after", "PATCH", f"sobjects/Account/{BETA}", {"Site": "@{bad.id}"}),
    )
    good, bad, after = run(org, *parts, all_or_none=True)
    assert (good["httpStatusCode"], good["body"]) == (after["httpStatusCode"], after["body"]) == (400, HALTED)
    assert bad["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert org.record("Account", ACME, "Name") == {"Name": "Acme"}
    good, bad, after = run(org, *parts)
    assert (good["httpStatusCode"], good["body"]) == (204, None)
    assert after["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert org.record("Account", ACME, "Name") == {"Name": "A2"}


def test_a_collection_that_rolls_back_takes_no_other_part_along(org: Box) -> None:
    records = [update_of(BETA, Name="B2"), update_of(BETA, Name=None)]
    first, second = run(
        org,
        part("one", "PATCH", f"sobjects/Account/{ACME}", {"Name": "A2"}),
        part("many", "PATCH", "composite/sobjects", {"allOrNone": True, "records": records}),
    )
    assert (first["httpStatusCode"], second["httpStatusCode"]) == (204, 200)
    assert [one["success"] for one in second["body"]] == [False, False]
    assert org.record("Account", ACME, "Name") == {"Name": "A2"}
    assert org.record("Account", BETA, "Name") == {"Name": "Beta"}


def test_twenty_five_parts_go_of_which_five_may_be_queries(org: Box) -> None:
    light = [part(f"r{at}", "GET", f"sobjects/Account/{ACME}?fields=Name") for at in range(26)]
    heavy = [part(f"q{at}", "GET", "query?q=SELECT Id FROM Account") for at in range(6)]
    assert len(run(org, *light[:20], *heavy[:5])) == 25
    run(org, *light, status=400)
    run(org, *heavy, status=400)
