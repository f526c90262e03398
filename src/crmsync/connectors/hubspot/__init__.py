"""HubSpot as a connector. Nothing outside this folder knows HubSpot's names, limits or client."""

from __future__ import annotations

from crmsync.connectors.hubspot.connector import HubSpotConnector
from crmsync.connectors.hubspot.settings import HubSpotSettings

__all__ = ["HubSpotConnector", "HubSpotSettings", "connect"]


def connect(settings: HubSpotSettings, *, prefix: str, group: tuple[str, str]) -> HubSpotConnector:
    """Open a portal. `prefix` goes before owned property names, `group` is their property group: name, label.

    Makes no call yet; the token is asked for with each request.
    """
    return HubSpotConnector(settings, prefix=prefix, group=group)
