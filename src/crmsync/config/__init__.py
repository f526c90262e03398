"""What a person writes about connections, schedules, limits and field mappings; the rules are `crmsync.program`'s."""

from crmsync.config.connections import (
    Config,
    Guards,
    HubSpot,
    Portal,
    Schedule,
    config_json_schema,
    load_config,
)
from crmsync.config.mappings import Mapping, NativeMap, ReadMap, load_mapping, mapping_json_schema
from crmsync.config.reading import together
from crmsync.config.schedules import cron_trigger
from crmsync.config.secrets import Secret, resolve_secret
from crmsync.model.limits import Limit

__all__ = [
    "Config",
    "Guards",
    "HubSpot",
    "Limit",
    "Mapping",
    "NativeMap",
    "Portal",
    "ReadMap",
    "Schedule",
    "Secret",
    "config_json_schema",
    "cron_trigger",
    "load_config",
    "load_mapping",
    "mapping_json_schema",
    "resolve_secret",
    "together",
]
