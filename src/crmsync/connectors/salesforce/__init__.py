"""Salesforce as a connector. Nothing outside this folder knows Salesforce's names, limits or client."""

from __future__ import annotations

from crmsync.connectors.salesforce.connector import SalesforceConnector
from crmsync.connectors.salesforce.settings import SalesforceSettings

__all__ = ["SalesforceConnector", "SalesforceSettings", "connect"]


def connect(settings: SalesforceSettings, *, prefix: str) -> SalesforceConnector:
    """Open an org. `prefix` goes before owned names, `abm_tier`; the field is spelled `ABM_Tier__c`.

    Makes no call yet; the secrets are asked for with each login.
    """
    return SalesforceConnector(settings, prefix=prefix)
