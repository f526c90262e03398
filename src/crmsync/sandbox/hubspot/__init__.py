"""HubSpot as a local server, built from HubSpot's published behaviour and not from what any client expects."""
