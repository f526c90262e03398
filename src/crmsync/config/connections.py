"""Connections, schedules and limits: `config/crmsync.yaml` (contract.md, "Connections and schedules").

Prevents a run against the wrong portal, with a limit that nobody meant, or with a secret that stands in git. Nothing is
connected here; secrets are read when they are used.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from crmsync.config.mappings import Mapping, load_mapping
from crmsync.config.reading import Strict, raise_faults, read_settings
from crmsync.config.schedules import cron_trigger
from crmsync.config.secrets import LITERAL, PATTERN, Secret, resolve_secret
from crmsync.errors import ConfigError, Fault
from crmsync.model.fields import FIELDS, ObjectName
from crmsync.model.limits import Limit
from crmsync.program.conditions import Condition
from crmsync.program.loader import ConditionSpec, program_currency, shown_path
from crmsync.program.parse import Parser
from crmsync.program.schema import DIALECT, condition_definitions, section_schema
from crmsync.program.yaml import Table, did_you_mean, fault_at

FILE = "crmsync.yaml"
HINT = "Run `crmsync init DIR` to get one, then `crmsync --config DIR/config`."
_PER_CENT = r"^[0-9]+(\.[0-9]+)?\s*%$"
Crm = Literal["hubspot", "salesforce"]
ApiVersion = Literal["2026-09", "2026-03", "v3"]


def _share(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(_PER_CENT, value.strip()):
        share = float(value.strip().removesuffix("%"))
        if share <= 100:
            return share
    if isinstance(value, float):
        return value
    raise ValueError("expected a share from 0% to 100%, such as 98%")


def _limit(value: object) -> Limit | None:
    if value is None or isinstance(value, Limit):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(count=value)
    if isinstance(value, str) and value.strip().lower() == "off":
        return None
    if isinstance(value, str) and re.fullmatch(_PER_CENT, value.strip()):
        return Limit(share=_share(value))
    raise ValueError("expected a share such as 10%, a number of records such as 10, or off")


def _share_or_off(value: object) -> float | None:
    return None if isinstance(value, str) and value.strip().lower() == "off" else _share(value)


_SHARE_SCHEMA = {"type": "string", "pattern": _PER_CENT}
_LIMIT_SCHEMA = {"anyOf": [_SHARE_SCHEMA, {"type": "integer", "minimum": 0}, {"const": "off"}]}
LimitValue = Annotated[Limit | None, BeforeValidator(_limit), WithJsonSchema(_LIMIT_SCHEMA)]
ShareValue = Annotated[float, BeforeValidator(_share), WithJsonSchema(_SHARE_SCHEMA)]
LeastValue = Annotated[
    float | None, BeforeValidator(_share_or_off), WithJsonSchema({"anyOf": [_SHARE_SCHEMA, {"const": "off"}]})
]


class Guards(Strict):
    """What a plan may change before a person has to look; None switches a guard off, `floor` records are free."""

    max_tier_moves: LimitValue = Limit(share=10.0)
    max_demotions: LimitValue = Limit(share=5.0)
    max_targets_removed: LimitValue = Limit(count=10)
    max_list_exits: LimitValue = Limit(share=20.0)
    max_blanked: LimitValue = Limit(share=5.0)
    min_snapshot: LeastValue = 98.0
    floor: Annotated[int, Field(ge=0)] = 3


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.username or parts.password:
        raise ValueError(LITERAL)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address such as https://api.hubapi.com")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("a token must not travel in the clear; write https://")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HubSpot(Strict):
    """One HubSpot portal. `daily_share` is how much of the day's calls crmsync may use, in per cent."""

    base_url: Annotated[str, AfterValidator(_base_url)] = "https://api.hubapi.com"
    token: Secret
    api_version: ApiVersion = "2026-09"
    daily_share: ShareValue = 80.0
    cursors: Annotated[int, Field(ge=1, le=32)] = 8
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0


class Salesforce(Strict):
    """One Salesforce org. `private_key` and `username`: login by JWT; `consumer_secret`: by client credentials.

    `domain` is a bare label: `acme.my`, `acme--uat.sandbox.my`. `base_url` takes the place of Salesforce's own
    addresses (a local org), with `ca_file` for its certificate. `daily_share`: how much of the day's calls crmsync may
    use, in per cent. `lookback_s`: how far behind the newest change an increment reads again, for late commits.
    """

    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")] | None = None
    base_url: Annotated[str, AfterValidator(_base_url)] | None = None
    ca_file: str | None = None
    consumer_key: Secret
    private_key: Secret | None = None
    consumer_secret: Secret | None = None
    username: str | None = None
    login: Literal["login", "test"] = "login"
    api_version: Annotated[str, Field(pattern=r"^[0-9]{2}\.0$")] = "66.0"
    daily_share: ShareValue = 80.0
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 120.0
    bulk_from: Annotated[int, Field(ge=1)] = 2_000
    lookback_s: Annotated[int, Field(ge=0, le=86_400)] = 600


class Carried(Strict):
    """Values that HubSpot's own Salesforce integration carries over, by our names without the prefix."""

    company: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()


class Together(Strict):
    """How two CRMs are one: whose value counts, which pairs a person has decided, what is carried over anyway.

    `primary`: whose value counts where both have one, unless `fields` says otherwise for a field. `carried`: `detect`
    looks for itself, for `carry_wait_min` minutes; `none`; or the values by object.
    """

    primary: Crm = "hubspot"
    fields: dict[ObjectName, dict[str, Crm]] = Field(default_factory=dict)
    carried: Literal["detect", "none"] | Carried = "detect"
    carry_wait_min: Annotated[int, Field(ge=1)] = 30
    matches: str = "matches.yaml"


def _cron(value: str) -> str:
    try:
        cron_trigger(value)
    except ValueError as error:
        raise ValueError(f'expected five fields such as "*/10 * * * *"; {error}') from None
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value} is not a time zone; write a name such as Europe/Berlin or UTC") from None
    return value


Cron = Annotated[str, AfterValidator(_cron)]


class Schedule(Strict):
    """When the worker runs, as cron lines in `timezone`; None: never by itself."""

    incremental: Cron | None = None
    full: Cron | None = None
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"


class Notify(Strict):
    """Where a person is told; the address is a secret, because who has it can post."""

    webhook: Secret


class _Portal(Strict):
    hubspot: HubSpot | None = None
    salesforce: Salesforce | None = None
    together: Together | None = None
    program: Annotated[str, Field(min_length=1)] = "program.yaml"
    scope: ConditionSpec | None = None
    schedule: Schedule = Schedule()


def _store(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(PATTERN, value):
        return value
    if isinstance(value, str) and "://" in value:
        parts = urlsplit(value)
        if parts.password or "password" in parse_qs(parts.query):
            raise ValueError(f"the address holds a password; {LITERAL} for the whole address")
        if not value.startswith(("sqlite://", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("expected sqlite:///state/crmsync.db or postgresql://...")
        return value
    raise ValueError("expected sqlite:///state/crmsync.db, postgresql://..., env:NAME or file:PATH")


class _File(Strict):
    store: Annotated[str, BeforeValidator(_store)] = "sqlite:///state/crmsync.db"
    portals: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")], _Portal], Field(min_length=1)]
    guards: Guards = Guards()
    notify: Notify | None = None


@dataclass(frozen=True)
class Portal:
    """One or two CRMs with their program, scope and schedule. At least one of `hubspot` and `salesforce` is there."""

    name: str
    hubspot: HubSpot | None
    program_path: Path
    mappings_dir: Path
    scope: Condition | None
    schedule: Schedule
    where: str
    salesforce: Salesforce | None = None
    together: Together = field(default_factory=Together)
    folder: Path = Path()

    @property
    def crms(self) -> tuple[Crm, ...]:
        """The CRMs that are connected, the one whose ids results go by first."""
        there: list[Crm] = []
        if self.hubspot is not None:
            there.append("hubspot")
        if self.salesforce is not None:
            there.append("salesforce")
        return tuple(sorted(there, key=lambda crm: crm != self.together.primary))

    @cached_property
    def currency(self) -> str:
        """The program's currency."""
        return program_currency(self.program_path)

    def token(self) -> str:
        """HubSpot's access token, read now, so that a rotated one is picked up. Raises ConfigError, never with it."""
        assert self.hubspot is not None
        return resolve_secret(self.hubspot.token, f"{self.where}: portals.{self.name}.hubspot.token")

    def salesforce_secret(self, name: Literal["consumer_key", "private_key", "consumer_secret"]) -> str:
        """One of the org's secrets, read now. Raises ConfigError, never with the value."""
        assert self.salesforce is not None
        secret = getattr(self.salesforce, name)
        assert secret is not None
        where = f"{self.where}: portals.{self.name}.salesforce.{name}"
        return resolve_secret(secret, where, lines=name == "private_key")

    def check_secrets(self) -> None:
        """Read every secret once, so that a missing one is said before anything is begun. Raises ConfigError."""
        if self.hubspot is not None:
            self.token()
        if self.salesforce is not None:
            self.salesforce_secret("consumer_key")
            self.salesforce_secret("private_key" if self.salesforce.private_key is not None else "consumer_secret")
            self._check_ca_file()

    def _check_ca_file(self) -> None:
        """Raises ConfigError for certificates that cannot be read: the first call would end in a strange place."""
        given = self.salesforce.ca_file if self.salesforce is not None else None
        if given is None:
            return
        try:
            ssl.create_default_context(cafile=str(self.folder / given))
        except OSError as error:  # what is no certificate is a kind of it
            why = "there is no such file" if isinstance(error, FileNotFoundError) else "it holds no certificate in PEM"
            where = f"{self.where}: portals.{self.name}.salesforce.ca_file"
            raise ConfigError([Fault(where, None, f"{given}: {why}")]) from None

    def mapping(self, crm: str = "hubspot", outputs: Collection[str] | None = None) -> Mapping:
        """The field mapping for `crm` from the `mappings` folder beside the configuration. Raises ConfigError."""
        return load_mapping(self.mappings_dir / f"{crm}.yaml", currency=self.currency, outputs=outputs)


@dataclass(frozen=True)
class Config:
    """`config/crmsync.yaml`, checked. `root` is the folder that holds `config/`; `where` names the file in messages."""

    path: Path
    root: Path
    where: str
    store: str | Secret
    portals: dict[str, Portal]
    guards: Guards
    notify: Notify | None

    def store_url(self) -> str:
        """The store's address; a relative SQLite file is below `root`. Raises ConfigError where a secret is missing."""
        url = self.store if isinstance(self.store, str) else resolve_secret(self.store, f"{self.where}: store")
        file = url.removeprefix("sqlite:///")
        if file == url or not file or file.startswith("/") or file == ":memory:":
            return url
        return f"sqlite:///{(self.root / file).resolve()}"

    def portal(self, name: str | None = None) -> Portal:
        """The portal called `name`, or the only one. Raises ConfigError that names them where that is not clear."""
        if name is None and len(self.portals) == 1:
            return next(iter(self.portals.values()))
        if name is not None and name in self.portals:
            return self.portals[name]
        known = ", ".join(self.portals)
        if name is None:
            reason = f"there are several portals; say which one with --portal: {known}"
        else:
            reason = f"no portal is named {name}.{did_you_mean(name, self.portals) or f' Portals: {known}.'}"
        raise ConfigError([Fault(f"{self.where}: portals", None, reason)])


def load_config(config_dir: Path) -> Config:
    """`crmsync.yaml` in `config_dir`. Raises ConfigError with every fault; a missing one says how to get one."""
    if not config_dir.is_dir():
        missing = "this is a file, not a folder" if config_dir.exists() else "there is no such folder"
        raise ConfigError([Fault(shown_path(config_dir), None, f"{missing}. {HINT}")])
    path = config_dir / FILE
    model, tree, faults, where = read_settings(path, _File, HINT)
    # The scope can be checked although something else is wrong, so that all faults come at once.
    scopes = {name: _scope(name, tree, config_dir, where, faults) for name in _portal_names(tree)}
    if model is None:
        raise_faults(faults)
        raise AssertionError("no model without a fault")
    root = config_dir.resolve().parent
    portals = {
        name: _portal(name, stated, scopes.get(name), config_dir, where, tree, faults)
        for name, stated in model.portals.items()
    }
    raise_faults(faults)
    is_secret = re.fullmatch(PATTERN, model.store) is not None
    notify = model.notify
    return Config(
        path=path,
        root=root,
        where=where,
        store=Secret(model.store, config_dir) if is_secret else model.store,
        portals={name: portal for name, portal in portals.items() if portal is not None},
        guards=model.guards,
        notify=Notify(webhook=replace(notify.webhook, folder=config_dir)) if notify else None,
    )


def _portal(
    name: str, stated: _Portal, scope: Condition | None, folder: Path, where: str, tree: Table, faults: list[Fault]
) -> Portal | None:
    path = ("portals", name)
    line = _line(tree, name)
    if stated.hubspot is None and stated.salesforce is None:
        message = "missing; write hubspot: {token: env:HUBSPOT_ACCESS_TOKEN}, or salesforce: {...}"
        faults.append(fault_at(where, line, (*path, "hubspot"), message))
        return None
    told = [*_salesforce_faults(stated.salesforce), *_together_faults(stated)]
    if told:
        faults += [fault_at(where, line, (*path, *at), message) for at, message in told]
        return None
    return Portal(
        name=name,
        hubspot=_in_folder(stated.hubspot, folder),
        salesforce=_in_folder(stated.salesforce, folder),
        together=stated.together or Together(),
        program_path=folder / stated.program,
        mappings_dir=folder.resolve().parent / "mappings",
        scope=scope,
        schedule=stated.schedule,
        where=where,
        folder=folder,
    )


M = TypeVar("M", HubSpot, Salesforce)


def _in_folder(stated: M | None, folder: Path) -> M | None:
    """The connection with its secrets looked for beside the configuration."""
    if stated is None:
        return None
    secrets = {name: replace(value, folder=folder) for name, value in stated if isinstance(value, Secret)}
    return stated.model_copy(update=secrets)


_SALESFORCE_HOSTS = (".salesforce.com", ".force.com", ".salesforce-setup.com")


def _salesforce_faults(stated: Salesforce | None) -> list[tuple[tuple[str, ...], str]]:
    if stated is None:
        return []
    faults: list[tuple[tuple[str, ...], str]] = []
    if (stated.private_key is None) == (stated.consumer_secret is None):
        both = "" if stated.private_key is None else ", not both"
        faults.append((("salesforce",), f"give either private_key (JWT) or consumer_secret (client credentials){both}"))
    if stated.private_key is not None and not stated.username:
        faults.append((("salesforce", "username"), "missing; JWT logs in as this user"))
    if stated.domain is None and stated.base_url is None:
        faults.append((("salesforce", "domain"), "missing; write the org's My Domain, such as acme.my"))
    if stated.domain is not None and stated.domain.lower().endswith(_SALESFORCE_HOSTS):
        told = "leave out what follows My Domain, such as .salesforce.com; what is left looks like acme.my"
        faults.append((("salesforce", "domain"), told))
    return faults


def _together_faults(stated: _Portal) -> list[tuple[tuple[str, ...], str]]:
    if stated.together is None:
        return []
    if stated.hubspot is None or stated.salesforce is None:
        return [(("together",), "is about two CRMs, and there is one; leave it out")]
    return [
        (("together", "fields", object_, name), f"no such field.{did_you_mean(name, FIELDS[object_])}")
        for object_, fields in stated.together.fields.items()
        for name in fields
        if name not in FIELDS[object_] or FIELDS[object_][name].derived or name == "id"
    ]


def _portal_names(tree: Table) -> tuple[str, ...]:
    portals = tree.get("portals")
    return portals.keys() if isinstance(portals, Table) else ()


def _line(tree: Table, name: str) -> int:
    portals = tree.get("portals")
    entry = portals.entry(name) if isinstance(portals, Table) else None
    return entry.line if entry is not None else tree.line


def _scope(name: str, tree: Table, folder: Path, where: str, faults: list[Fault]) -> Condition | None:
    portals = tree.get("portals")
    portal = portals.get(name) if isinstance(portals, Table) else None
    node = portal.get("scope") if isinstance(portal, Table) else None
    if not isinstance(portal, Table) or node is None:
        return None
    program = portal.get("program")
    named = getattr(program, "value", None) or "program.yaml"
    parser = Parser(where, program_currency(folder / str(named)), faults=faults)
    return parser.parse(node)


def config_json_schema() -> dict[str, Any]:
    """The schema of `crmsync.yaml`, for editors."""
    schema = section_schema(_File.model_json_schema(by_alias=True))
    definitions = {name.lstrip("_"): value for name, value in schema["$defs"].items()}
    definitions.update(condition_definitions())
    titled = {"$schema": DIALECT, **schema, "title": "crmsync connections"}
    return {key: _renamed(value) for key, value in {**titled, "$defs": dict(sorted(definitions.items()))}.items()}


def _renamed(schema: Any) -> Any:
    """References without the underscore of private models."""
    if isinstance(schema, dict):
        return {key: _renamed(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_renamed(value) for value in schema]
    if isinstance(schema, str):
        return schema.replace("#/$defs/_", "#/$defs/")
    return schema
