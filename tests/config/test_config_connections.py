"""`crmsync.yaml`: what it becomes, every fault at once, and secrets that never show."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmsync.config import Config, Guards, Limit, load_config, resolve_secret
from crmsync.errors import ConfigError
from crmsync.program import Leaf

TOKEN = "pat-na1-do-not-show-me"
MINIMAL = "portals: {main: {hubspot: {token: env:CRMSYNC_TEST_TOKEN}}}\n"


def config(folder: Path, text: str, program: str = "program: x\n") -> Config:
    home = folder / "config"
    home.mkdir(exist_ok=True)
    (home / "crmsync.yaml").write_text(text, encoding="utf-8")
    (home / "program.yaml").write_text(program, encoding="utf-8")
    return load_config(home)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config(folder, text)
    return [str(fault).partition("crmsync.yaml:")[2] for fault in caught.value.faults]


def test_the_example_of_the_contract_is_read(tmp_path: Path) -> None:
    text = """\
store: sqlite:///state/crmsync.db
portals:
  main:
    hubspot: {base_url: https://api.hubapi.com, token: env:HUBSPOT_ACCESS_TOKEN}
    salesforce:
      {domain: acme.my, base_url: null, consumer_key: env:SF_KEY, private_key: file:sf.pem, username: crm@acme.example}
    program: program.yaml
    scope: {lifecycle_stage: {ne: other}}
    schedule: {incremental: "*/10 * * * *", full: "0 3 * * 0", timezone: Europe/Berlin}
guards: {max_tier_moves: 10%, max_demotions: 5%, max_targets_removed: 10, min_snapshot: 98%}
"""
    read = config(tmp_path, text)
    portal = read.portal()
    assert read.store_url() == f"sqlite:///{tmp_path / 'state' / 'crmsync.db'}"
    assert portal.crms == ("hubspot", "salesforce")
    assert (portal.salesforce.domain, portal.salesforce.username) == ("acme.my", "crm@acme.example")
    assert portal.together.primary == "hubspot"
    assert portal.schedule.timezone == "Europe/Berlin"
    assert portal.program_path == tmp_path / "config" / "program.yaml"
    assert isinstance(portal.scope, Leaf)
    assert (portal.scope.field.name, portal.scope.operator, portal.scope.value) == ("lifecycle_stage", "ne", "other")
    assert read.guards == Guards()


def test_what_is_left_out_has_a_safe_default(tmp_path: Path) -> None:
    read = config(tmp_path, MINIMAL)
    hubspot = read.portal().hubspot
    assert (hubspot.base_url, hubspot.api_version, hubspot.daily_share) == ("https://api.hubapi.com", "2026-09", 80.0)
    assert read.guards.max_demotions == Limit(share=5.0)
    assert read.portal().schedule.incremental is None
    assert read.notify is None


def test_guards_are_shares_or_numbers_and_can_be_switched_off(tmp_path: Path) -> None:
    read = config(tmp_path, MINIMAL + "guards: {max_tier_moves: 2.5%, max_demotions: 0, max_blanked: off, floor: 0}\n")
    assert read.guards.max_tier_moves == Limit(share=2.5)
    assert read.guards.max_demotions == Limit(count=0)
    assert read.guards.max_blanked is None
    assert read.guards.floor == 0


ORG = "domain: acme.my, consumer_key: env:A"


def test_salesforce_alone_is_a_portal(tmp_path: Path) -> None:
    text = MINIMAL.replace("hubspot: {token: env:CRMSYNC_TEST_TOKEN}", f"salesforce: {{{ORG}, consumer_secret: env:B}}")
    assert text != MINIMAL
    assert config(tmp_path, text).portal().crms == ("salesforce",)


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        (f"salesforce: {{{ORG}}}", "give either private_key (JWT) or consumer_secret (client credentials)"),
        (f"salesforce: {{{ORG}, private_key: file:k, consumer_secret: env:B, username: u}}", "give either private_key"),
        (f"salesforce: {{{ORG}, private_key: file:k, consumer_secret: env:B, username: u}}", "credentials), not both"),
        (f"salesforce: {{{ORG}, private_key: file:k}}", "salesforce.username: missing; JWT logs in as this user"),
        ("salesforce: {consumer_key: env:A, consumer_secret: env:B}", "salesforce.domain: missing; write the org's"),
        (
            "salesforce: {domain: 'https://acme.my.salesforce.com', consumer_key: env:A, consumer_secret: env:B}",
            "salesforce.domain: expected My Domain without https:// and .salesforce.com, such as acme.my",
        ),
        (
            "salesforce: {domain: acme.my.salesforce.com, consumer_key: env:A, consumer_secret: env:B}",
            "salesforce.domain: leave out what follows My Domain, such as .salesforce.com",
        ),
        (f"salesforce: {{{ORG}, consumer_secret: s3cret}}", "a secret never stands in YAML"),
        (f"salesforce: {{{ORG}, consumer_secret: env:B}}, together: {{}}", "together: is about two CRMs"),
        (
            f"hubspot: {{token: env:X}}, salesforce: {{{ORG}, consumer_secret: env:B}}, "
            "together: {fields: {company: {industri: salesforce}}}",
            "no such field. Did you mean industry?",
        ),
    ],
)
def test_what_a_second_crm_lacks_is_said(tmp_path: Path, stated: str, told: str) -> None:
    text = MINIMAL.replace("hubspot: {token: env:CRMSYNC_TEST_TOKEN}", stated)
    (found,) = faults(tmp_path, text)
    assert told in found


def test_the_crm_whose_ids_results_go_by_stands_first(tmp_path: Path) -> None:
    both = f"hubspot: {{token: env:X}}, salesforce: {{{ORG}, consumer_secret: env:B}}"
    text = MINIMAL.replace("hubspot: {token: env:CRMSYNC_TEST_TOKEN}", both + ", together: {primary: salesforce}")
    assert config(tmp_path, text).portal().crms == ("salesforce", "hubspot")


def test_every_fault_comes_at_once_with_its_line(tmp_path: Path) -> None:
    text = """\
stor: x
store: mysql://x
portals:
  main:
    hubspot:
      token: env:TOKEN
      base_ur: https://x
      api_version: "2026-9"
      daily_share: 80
      cursors: 0
    scope: {employes: {gte: 5}}
    schedule: {incremental: "* * *", timezone: Mars/Olympus}
  other: {}
guards: {max_tier_move: 5%, max_demotions: -1, min_snapshot: 150%}
notify: {webhook: https://hooks.example/secret}
"""
    found = faults(tmp_path, text)
    for expected in [
        "1: stor: no such key. Did you mean store?",
        "2: store: expected sqlite:///state/crmsync.db or postgresql://...",
        "7: portals.main.hubspot.base_ur: no such key. Did you mean base_url?",
        "8: portals.main.hubspot.api_version: expected 2026-09, 2026-03 or v3. Did you mean 2026-09?",
        "9: portals.main.hubspot.daily_share: expected a share from 0% to 100%, such as 98%",
        "10: portals.main.hubspot.cursors: expected 1 or more",
        "11: portals.main.scope.employes: no such field. Did you mean employees?",
        "12: portals.main.schedule.timezone: Mars/Olympus is not a time zone; write a name such as Europe/Berlin "
        "or UTC",
        "14: guards.max_tier_move: no such key. Did you mean max_tier_moves?",
        "14: guards.max_demotions: expected a share such as 10%, a number of records such as 10, or off",
        "14: guards.min_snapshot: expected a share from 0% to 100%, such as 98%",
    ]:
        assert expected in found
    assert any(fault.startswith("12: portals.main.schedule.incremental: expected five fields") for fault in found)
    assert any(fault.startswith("15: notify.webhook: a secret never stands in YAML") for fault in found)
    assert len(found) == 13


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL.replace("env:CRMSYNC_TEST_TOKEN", TOKEN),
        MINIMAL.replace("token: env:CRMSYNC_TEST_TOKEN", f"token: [{TOKEN}]"),
        MINIMAL.replace("token: env:CRMSYNC_TEST_TOKEN", f"token: env:X, tokn: {TOKEN}"),
        MINIMAL.replace("token: env:CRMSYNC_TEST_TOKEN", f"token: env:X, base_url: 'https://me:{TOKEN}@x.example'"),
        MINIMAL.replace("token: env:CRMSYNC_TEST_TOKEN", f"token: env:X, api_version: {TOKEN}"),
        MINIMAL + f"store: postgresql://me:{TOKEN}@db/x\n",
        MINIMAL + f"store: postgresql://db/x?password={TOKEN}\n",
        MINIMAL + f"notify: {{webhook: {TOKEN}}}\n",
        MINIMAL + f"guards: {{floor: {TOKEN}}}\n",
    ],
)
def test_a_secret_that_stands_in_the_file_is_a_fault_and_is_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, text)
    assert TOKEN not in str(caught.value)
    assert "do-not-show" not in str(caught.value)


def test_a_token_is_read_when_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    portal = config(tmp_path, MINIMAL).portal()
    monkeypatch.delenv("CRMSYNC_TEST_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="variable CRMSYNC_TEST_TOKEN is not set"):
        portal.token()
    monkeypatch.setenv("CRMSYNC_TEST_TOKEN", TOKEN + "\n")
    assert portal.token() == TOKEN
    assert TOKEN not in repr(portal)


def test_a_token_in_a_file_is_found_beside_the_configuration(tmp_path: Path) -> None:
    portal = config(tmp_path, MINIMAL.replace("env:CRMSYNC_TEST_TOKEN", "file:token.txt")).portal()
    with pytest.raises(ConfigError, match=r"portals\.main\.hubspot\.token: the file token\.txt does not exist"):
        portal.token()
    (tmp_path / "config" / "token.txt").write_text(f"{TOKEN}\n", encoding="utf-8")
    assert portal.token() == TOKEN
    (tmp_path / "config" / "token.txt").write_text(f"{TOKEN} and\nmore", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        resolve_secret(portal.hubspot.token, "here")
    assert "do-not-show" not in str(caught.value)
    (tmp_path / "config" / "token.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="is empty"):
        portal.token()


def test_the_store_may_be_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = config(tmp_path, MINIMAL + "store: env:CRMSYNC_TEST_STORE\n")
    monkeypatch.setenv("CRMSYNC_TEST_STORE", "postgresql://me:pw@db/x")
    assert read.store_url() == "postgresql://me:pw@db/x"
    assert config(tmp_path, MINIMAL + "store: sqlite:////abs/x.db\n").store_url() == "sqlite:////abs/x.db"


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("http://127.0.0.1:8080/", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://api.hubapi.com", True),
        ("http://api.hubapi.com", False),
        ("ftp://api.hubapi.com", False),
        ("api.hubapi.com", False),
    ],
)
def test_a_token_travels_in_the_clear_on_loopback_only(tmp_path: Path, url: str, fine: bool) -> None:
    text = MINIMAL.replace("token:", f"base_url: '{url}', token:")
    if fine:
        assert config(tmp_path, text).portal().hubspot.base_url == url.rstrip("/")
    else:
        assert len(faults(tmp_path, text)) == 1


def test_the_portal_must_be_clear(tmp_path: Path) -> None:
    two = "portals: {europe: {hubspot: {token: env:A}}, america: {hubspot: {token: env:B}}}\n"
    read = config(tmp_path, two)
    assert read.portal("america").name == "america"
    with pytest.raises(ConfigError, match="say which one with --portal: europe, america"):
        read.portal()
    with pytest.raises(ConfigError, match=r"no portal is named europ\. Did you mean europe\?"):
        read.portal("europ")


def test_money_in_the_scope_is_in_the_program_s_currency(tmp_path: Path) -> None:
    text = MINIMAL.replace("env:CRMSYNC_TEST_TOKEN}", "env:X}, scope: {revenue: {gte: 5}}")
    scope = config(tmp_path, text, "program: x\ncurrency: JPY\n").portal().scope
    assert isinstance(scope, Leaf)
    assert scope.value == 5


def test_a_portal_without_a_connection_says_what_to_write(tmp_path: Path) -> None:
    assert faults(tmp_path, "portals: {main: {program: p.yaml}}\n") == [
        "1: portals.main.hubspot: missing; write hubspot: {token: env:HUBSPOT_ACCESS_TOKEN}, or salesforce: {...}"
    ]
    assert faults(tmp_path, "portals: {}\n") == ["1: portals: expected at least 1"]


@pytest.mark.parametrize("text", ["", "[1]", "a: [", "\ta: 1"])
def test_what_is_no_configuration_is_one_fault(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, text)
    assert len(caught.value.faults) == 1


def test_a_missing_folder_or_file_says_how_to_get_one(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ConfigError, match="crmsync init DIR"):
            load_config(folder)
