"""Check: config, program, mappings, credentials, scopes, property drift and quota; every fault at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crmsync.config.connections import load_config
from crmsync.config.matches import load_decided
from crmsync.engine.context import Context
from crmsync.engine.plan import portal_info
from crmsync.engine.side import Side
from crmsync.errors import ConfigError, CrmsyncError
from crmsync.model.fields import ObjectName

_LOW_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: fine, worth knowing, or a fault with what to do."""

    severity: Literal["fault", "warning", "ok"]
    where: str
    message: str


def check(config_dir: Path, portal: str | None = None) -> list[Finding]:
    """Everything that can be told without writing. Never raises for what it checks."""
    try:
        config = load_config(config_dir)
        names = [config.portal(portal).name] if portal or len(config.portals) == 1 else list(config.portals)
    except ConfigError as error:
        return _faults(error)
    findings = [Finding("ok", config.where, f"{len(config.portals)} portal{'s' * (len(config.portals) != 1)}")]
    for name in names:
        try:
            context = Context(config, config.portal(name))
        except ConfigError as error:
            findings += _faults(error)
            findings += _connection_only(config_dir, name)
            continue
        with context:
            findings.append(Finding("ok", f"portals.{name}", f"program {context.program.name} and mapping are sound"))
            findings += _together(context)
            findings += _online(context)
    return findings


def _faults(error: ConfigError) -> list[Finding]:
    return [
        Finding("fault", f"{fault.where}:{fault.line}" if fault.line else fault.where, fault.message)
        for fault in error.faults
    ]


def _connection_only(config_dir: Path, name: str) -> list[Finding]:
    """A faulty program does not hide a missing token."""
    try:
        load_config(config_dir).portal(name).check_secrets()
    except ConfigError as error:
        return _faults(error)
    return []


def _together(ctx: Context) -> list[Finding]:
    """Where two CRMs are one: what a person has decided, and a precedence of a CRM that does not read the field."""
    if len(ctx.sides) == 1:
        return []
    stated = ctx.portal.together
    reads = {side.crm: side.mapping.read for side in ctx.sides}
    findings = [
        Finding(
            "warning",
            f"portals.{ctx.portal.name}.together.fields.{object_}.{field}",
            f"mappings/{crm}.yaml does not read this field, so the other CRM's value counts",
        )
        for object_, fields in stated.fields.items()
        for field, crm in fields.items()
        if field not in reads[crm].get(object_, {})
    ]
    try:
        load_decided(ctx.portal.folder / stated.matches)
    except ConfigError as error:
        findings += _faults(error)
    return findings


def _online(ctx: Context) -> list[Finding]:
    return [finding for side in ctx.sides for finding in _side(side)]


def _side(side: Side) -> list[Finding]:
    where = f"portals.{side.portal.name}" if len(side.ctx.sides) == 1 else f"portals.{side.portal.name}.{side.crm}"
    try:
        info = side.connector.info()
        findings = [Finding("ok", where, f"connected to {info.name}")]
        findings += _quota(where, info.daily_left, info.daily_limit)
    except CrmsyncError as error:
        return _faults(error) if isinstance(error, ConfigError) else [Finding("fault", where, error.message)]
    for object_ in side.objects:
        findings += _properties(side, object_)
    try:
        missing = side.connector.missing_schema(side.owned, side.ctx.lists)
        if any(one.by_admin for one in missing):
            # It creates nothing there: it raises, and says what an admin has to do.
            side.connector.ensure_schema(side.owned)
        said = f"{len(missing)} properties, options or lists are created by the first apply" if missing else "all there"
        findings.append(Finding("ok", f"{where}: owned properties and lists", said))
    except ConfigError as error:
        findings += _faults(error)
    except CrmsyncError as error:
        findings.append(Finding("fault", where, error.message))
    portal_info(side, fresh=True)
    return findings


def _quota(where: str, left: int | None, limit: int | None) -> list[Finding]:
    if left is None or limit is None:
        return [Finding("warning", where, "the CRM does not say how many calls are left today")]
    severity: Literal["warning", "ok"] = "warning" if left < _LOW_SHARE * limit else "ok"
    return [Finding(severity, where, f"{left:,} of {limit:,} API calls left today")]


def _properties(side: Side, object_: ObjectName) -> list[Finding]:
    """Drift: a mapped property that the portal does not have, or one to be written that is read-only."""
    where = f"mappings/{side.crm}.yaml: {object_}"
    try:
        known = side.connector.property_names(object_)
    except CrmsyncError as error:
        return [Finding("fault", where, error.message)]
    asked = side.properties(object_)
    findings = [
        Finding("warning", where, f"{field}: the portal has no property {read.property}, so it is always unknown")
        for field, read in side.mapping.read[object_].items()
        if read.property in asked and read.property not in known
    ]
    findings += [
        Finding("fault", where, f"{rule.property} is read-only in the portal; set policy: never")
        for rule in side.natives
        if rule.object == object_ and known.get(rule.property) is True
    ]
    return findings or [Finding("ok", where, f"{len(side.mapping.read[object_])} mapped properties exist")]
