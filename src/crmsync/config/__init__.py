"""What a person writes about connections, schedules, limits and field mappings; the rules are `crmsync.program`'s."""

from crmsync.config.connections import (
    Config,
    Guards,
    HubSpot,
    Limit,
    Portal,
    Schedule,
    config_json_schema,
    load_config,
)
from crmsync.config.mappings import Mapping, NativeMap, ReadMap, load_mapping, mapping_json_schema
from crmsync.config.secrets import Secret, resolve_secret

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
    "load_config",
    "load_mapping",
    "mapping_json_schema",
    "resolve_secret",
]
