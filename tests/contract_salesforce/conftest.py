"""The org that the contract is checked against (README.md): a local one each, or the one that the environment names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from contract_connector import Connected, connector_to, make_owned
from contract_org import REMOTE, Org, StartOrg, refuse_production, setting

from crmsync.connectors.base import Connector


@pytest.fixture(scope="session", autouse=True)
def _no_production() -> None:
    if REMOTE:
        with Org() as org:
            refuse_production(org)


@pytest.fixture
def start_org() -> Iterator[StartOrg]:
    """Starts local orgs with options of their own."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Org:
            return stack.enter_context(Org(**options))

        yield begin


@pytest.fixture
def org(start_org: StartOrg) -> Org:
    return start_org()


@pytest.fixture
def connected_to() -> Iterator[Callable[..., Connector]]:
    """Connects crmsync to an org, with settings of one's own."""
    with ExitStack() as stack:

        def begin(org: Org, **settings: Any) -> Connector:
            made = connector_to(org, **settings)
            stack.callback(made.close)
            return made

        yield begin


@pytest.fixture
def connected(org: Org, connected_to: Callable[..., Connector]) -> Connected:
    """Connects crmsync to the test's org."""
    org.control("settings", {"bulk_ms": 5})
    return partial(connected_to, org)


@pytest.fixture
def owned(org: Org) -> None:
    """The fields that crmsync owns are there."""
    make_owned(org)


@pytest.fixture
def key_field(org: Org) -> str:
    """A field of Account that is an external id and not unique: the environment's, or one that is made here."""
    if REMOTE:
        name = setting("EXTERNAL_ID")
        if not name:
            pytest.skip("CRMSYNC_SALESFORCE_EXTERNAL_ID names no external id field of Account that is not unique")
        return name
    metadata = {"label": "Contract Key", "type": "Text", "length": 80, "externalId": True, "unique": False}
    org.call("POST", "tooling/sobjects/CustomField", {"FullName": "Account.Key__c", "Metadata": metadata}, 201)
    grant(org, "Account.Key__c")
    return "Key__c"


def grant(org: Org, field: str) -> None:
    """Field-level security for the API's user, without which a field that was just made is not there."""
    (sets,) = org.rows("SELECT Id FROM PermissionSet WHERE Name = 'Crm_Integration'")
    rights = {"ParentId": sets["Id"], "SobjectType": field.partition(".")[0], "Field": field}
    org.call("POST", "sobjects/FieldPermissions", rights | {"PermissionsRead": True, "PermissionsEdit": True}, 201)
