"""Association labels that a portal makes: definitions, both directions, records that carry them, files with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sandbox_client import FILES, Sandbox, write_portal

from crmsync.sandbox.hubspot.labels import FIRST_OWN

Start = Callable[..., Sandbox]
SCHEMA = "/crm/associations/2026-09"
PAIRED = {"label": "Manager", "inverseLabel": "Employee", "name": "manager_employee"}


def labels(box: Sandbox, path: str) -> dict[str, list[str | None]]:
    """Linked id -> labels, in order of type id; None is the unlabelled type."""
    linked = box.get(f"/crm/objects/2026-09/{path}")["results"]
    return {link["toObjectId"]: [kind["label"] for kind in link["associationTypes"]] for link in linked}


def own(type_id: int) -> list[dict[str, Any]]:
    return [{"associationCategory": "USER_DEFINED", "associationTypeId": type_id}]


def made(box: Sandbox, pair: str, body: dict[str, str]) -> dict[str, int]:
    """Label -> type id of a new definition; of two directions with one label, the one that was asked for."""
    answer = box.post(f"{SCHEMA}/{pair}/labels", body)
    assert {one["category"] for one in answer["results"]} == {"USER_DEFINED"}
    return {one["label"]: one["typeId"] for one in reversed(answer["results"])}


@pytest.mark.parametrize("prefix", ["/crm/associations/2026-09", "/crm/associations/2026-03", "/crm/v4/associations"])
def test_a_label_is_a_type_of_its_own_in_each_direction(box: Sandbox, prefix: str) -> None:
    box.post(f"{prefix}/deals/contacts/labels", {"label": "Champion", "name": "champion"})
    assert box.get(f"{prefix}/deals/contacts/labels")["results"] == [
        {"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None},
        {"category": "USER_DEFINED", "typeId": FIRST_OWN, "label": "Champion"},
    ]
    assert box.get(f"{prefix}/contacts/deals/labels")["results"] == [
        {"category": "HUBSPOT_DEFINED", "typeId": 4, "label": None},
        {"category": "USER_DEFINED", "typeId": FIRST_OWN + 1, "label": "Champion"},
    ]


def test_a_paired_label_reads_from_each_record_as_what_the_other_one_is(box: Sandbox) -> None:
    types = made(box, "contacts/contacts", PAIRED)
    assert types == {"Manager": FIRST_OWN, "Employee": FIRST_OWN + 1}
    path = "/crm/objects/2026-09/contacts/202/associations/contacts/201"
    assert box.call("PUT", path, own(types["Manager"]), 201)["labels"] == ["Manager"]
    assert labels(box, "contacts/202/associations/contacts") == {"201": [None, "Manager"]}
    assert labels(box, "contacts/201/associations/contacts") == {"202": [None, "Employee"]}


def test_a_label_without_another_side_is_one_type_both_ways(box: Sandbox) -> None:
    types = made(box, "contacts/contacts", {"label": "Colleague", "name": "colleague"})
    assert types == {"Colleague": FIRST_OWN}
    box.call("PUT", "/crm/objects/2026-09/contacts/202/associations/contacts/201", own(FIRST_OWN), 201)
    assert labels(box, "contacts/201/associations/contacts") == {"202": [None, "Colleague"]}


def test_labels_come_and_go_by_batch_and_the_link_stays(box: Sandbox) -> None:
    types = made(box, "deals/contacts", {"label": "Champion", "name": "champion"})
    item = {"from": {"id": "301"}, "to": {"id": "201"}, "types": own(types["Champion"])}
    created = box.post(f"{SCHEMA}/deals/contacts/batch/create", {"inputs": [item]}, 201)
    assert created["results"][0]["labels"] == ["Champion"]
    read = box.post(f"{SCHEMA}/deals/contacts/batch/read", {"inputs": [{"id": "301"}]})
    assert read["results"][0]["to"] == [
        {
            "toObjectId": "201",
            "associationTypes": [
                {"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None},
                {"category": "USER_DEFINED", "typeId": FIRST_OWN, "label": "Champion"},
            ],
        },
        {"toObjectId": "202", "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}]},
    ]
    box.post(f"{SCHEMA}/deals/contacts/batch/labels/archive", {"inputs": [item]}, 204)
    assert labels(box, "deals/301/associations/contacts") == {"201": [None], "202": [None]}
    assert labels(box, "contacts/201/associations/deals") == {"301": [None]}


def test_a_renamed_label_reads_anew_and_a_deleted_one_is_gone(box: Sandbox) -> None:
    types = made(box, "contacts/contacts", PAIRED)
    box.call("PUT", "/crm/objects/2026-09/contacts/202/associations/contacts/201", own(types["Manager"]), 201)
    renamed = {"associationTypeId": types["Manager"], "label": "Boss"}
    box.call("PUT", f"{SCHEMA}/contacts/contacts/labels", renamed, 204)
    assert labels(box, "contacts/202/associations/contacts") == {"201": [None, "Boss"]}
    assert labels(box, "contacts/201/associations/contacts") == {"202": [None, "Employee"]}
    box.call("DELETE", f"{SCHEMA}/contacts/contacts/labels/{types['Manager']}", status=204)
    assert labels(box, "contacts/202/associations/contacts") == {"201": [None]}
    assert labels(box, "contacts/201/associations/contacts") == {"202": [None]}
    assert len(box.get(f"{SCHEMA}/contacts/contacts/labels")["results"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "deals/contacts/labels", {"name": "x"}, 400),
        ("POST", "deals/contacts/labels", {"label": "Champion", "name": "other"}, 400),
        ("PUT", "deals/contacts/labels", {"associationTypeId": 3, "label": "Mine"}, 404),
        ("DELETE", "deals/contacts/labels/3", None, 404),
        ("DELETE", "deals/companies/labels/1001", None, 404),
    ],
)
def test_what_cannot_be_done_with_a_label_is_refused(
    box: Sandbox, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    made(box, "deals/contacts", {"label": "Champion", "name": "champion"})
    assert box.call(method, f"{SCHEMA}/{path}", body, status)["status"] == "error"


def test_a_type_under_the_wrong_category_is_refused(box: Sandbox) -> None:
    made(box, "deals/contacts", {"label": "Champion", "name": "champion"})
    path = "/crm/objects/2026-09/deals/301/associations/contacts/201"
    box.call("PUT", path, [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": FIRST_OWN}], 400)
    box.call("PUT", path, own(3), 400)
    assert labels(box, "deals/301/associations/contacts") == {"201": [None], "202": [None]}


LABELLED = FILES | {
    "deals.csv": """\
hs_object_id,dealname,associations.companies,associations.contacts
301,Big,101:Reseller;102,201:Champion;202;201:Decision maker;999:Champion
302,Small,102,202:Champion
""",
    "contacts.csv": """\
hs_object_id,firstname,associations.contacts
201,Ana,
202,Ben,201:Manager
203,Cleo,201:Mentor/Mentee;202
""",
}


def test_files_name_labels_beside_the_ids(start: Start, tmp_path: Path) -> None:
    box = start(write_portal(tmp_path / "labelled", LABELLED))
    assert labels(box, "deals/301/associations/contacts") == {
        "201": [None, "Champion", "Decision maker"], "202": [None],
    }  # fmt: skip
    assert labels(box, "contacts/202/associations/deals") == {"301": [None], "302": [None, "Champion"]}
    assert labels(box, "deals/301/associations/companies") == {"101": ["Primary", None, "Reseller"], "102": [None]}
    assert labels(box, "contacts/202/associations/contacts") == {"201": [None, "Manager"], "203": [None]}
    assert labels(box, "contacts/201/associations/contacts") == {
        "202": [None, "Employee"], "203": [None, "Mentee"],
    }  # fmt: skip
    assert labels(box, "contacts/203/associations/contacts") == {"201": [None, "Mentor"], "202": [None]}


def test_a_reset_and_a_restart_keep_what_they_should(start: Start, tmp_path: Path) -> None:
    folder, state = write_portal(tmp_path / "labelled", LABELLED), tmp_path / "portal.state"
    with Sandbox(folder, state=state) as box:
        made(box, "deals/contacts", {"label": "Blocker", "name": "blocker"})
    with Sandbox(folder, state=state) as box:
        assert labels(box, "deals/302/associations/contacts") == {"202": [None, "Champion"]}
        known = [one["label"] for one in box.get(f"{SCHEMA}/deals/contacts/labels")["results"]]
        assert known == [None, "Champion", "Decision maker", "Blocker"]
        box.post("/_sandbox/reset")
        known = [one["label"] for one in box.get(f"{SCHEMA}/deals/contacts/labels")["results"]]
        assert known == [None, "Champion", "Decision maker"]
