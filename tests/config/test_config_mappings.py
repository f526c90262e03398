"""Field mappings: what they become, and every fault at once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from crmsync.config import Mapping, NativeMap, ReadMap, load_mapping, together
from crmsync.errors import ConfigError
from crmsync.model.outputs import NativePolicy

GOOD = """\
crm: hubspot
prefix: acme_
group: {name: programme, label: Programme}
company:
  read:
    name: name
    revenue: {property: annualrevenue, currency: EUR, rate: 1.08}
  write:
    target: {property: hs_is_target_account, from: target_status, policy: own, values: {active: true, removed: "false"}}
deal:
  read: {accounts: associations.companies}
"""


def mapping(folder: Path, text: str, name: str = "hubspot.yaml", outputs: set[str] | None = None) -> Mapping:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_mapping(path, outputs=outputs)


def faults(folder: Path, text: str, name: str = "hubspot.yaml") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        mapping(folder, text, name, {"tier", "target_status"})
    return [str(fault).partition(f"{name}:")[2] for fault in caught.value.faults]


def test_a_mapping_is_read_whole(tmp_path: Path) -> None:
    read = mapping(tmp_path, GOOD)
    assert (read.crm, read.prefix, read.group_name, read.group_label) == (
        "hubspot", "acme_", "programme", "Programme",
    )  # fmt: skip
    assert read.objects == ("company", "deal")
    assert read.read["company"] == {
        "name": ReadMap("name"),
        "revenue": ReadMap("annualrevenue", "EUR", Decimal("1.08")),
    }
    assert read.read["deal"]["accounts"].association == "companies"
    assert read.read["company"]["name"].association is None
    assert read.write["company"] == (
        NativeMap(
            "target", "hs_is_target_account", "target_status", NativePolicy.OWN, {"active": "true", "removed": "false"}
        ),
    )


def test_the_digest_follows_the_meaning(tmp_path: Path) -> None:
    digest = mapping(tmp_path, GOOD).digest
    assert mapping(tmp_path, "# note\n" + GOOD).digest == digest
    assert mapping(tmp_path, GOOD.replace("1.08", "1.09")).digest != digest


def test_every_fault_comes_at_once_with_its_line(tmp_path: Path) -> None:
    bad = """\
crm: hubspot
prefix: ABM
company:
  read:
    id: hs_object_id
    employes: numberofemployees
    revenue: {property: annualrevenue, currency: EUR}
    name: {property: name, currency: EUR, rate: 2}
    city: 5
    domain: {propertyy: domain}
  writ: {}
  write:
    a: {property: hs_is_target_account, from: target_statu, policy: own}
    b: {property: hs_ideal_customer_profile, from: tier, policy: mine}
contacts: {}
"""
    found = faults(tmp_path, bad)
    for expected in [
        "2: prefix: expected lower-case letters, digits and _, ending with _, such as abm_",
        "9: company.read.city: expected the name of a property, or {property: ...}",
        "10: company.read.domain.property: missing; it is required",
        "10: company.read.domain.propertyy: no such key. Did you mean property?",
        "11: company.writ: no such key. Did you mean write?",
        "14: company.write.b.policy: expected own, fill_blank or never",
        "15: contacts: no such key. Did you mean contact?",
    ]:
        assert expected in found
    assert len(found) == 7


def test_faults_of_meaning_come_at_once(tmp_path: Path) -> None:
    bad = """\
crm: hubspot
company:
  read:
    id: hs_object_id
    employes: numberofemployees
    revenue: {property: annualrevenue, currency: EUR}
    name: {property: name, currency: EUR, rate: 2}
  write:
    a: {property: hs_is_target_account, from: target_statu, policy: own}
    b: {property: hs_is_target_account, from: tier, policy: own}
    c: {property: abm_tier, from: tier, policy: own}
    d: {property: hs_object_id, from: tier, policy: own}
"""
    assert faults(tmp_path, bad) == [
        "4: company.read.id: the record id is always read; leave it out",
        "5: company.read.employes: no such field. Did you mean employees?",
        "6: company.read.revenue: amounts in EUR need a rate: how many USD (the program's currency) one EUR is",
        "7: company.read.name: currency and rate belong to amounts of money only",
        "9: company.write.a.from: crmsync has no value named target_statu. Did you mean target_status?",
        "10: company.write.b.property: hs_is_target_account is written by a already",
        "11: company.write.c.property: abm_tier is crmsync's own; it is kept without a mapping",
        "12: company.write.d.property: hs_object_id cannot be written",
    ]


def test_associations_feed_the_fields_that_hold_records_and_no_others(tmp_path: Path) -> None:
    good = """\
crm: hubspot
contact: {read: {reports_to: {property: associations.contacts, label: Manager}}}
deal: {read: {accounts: {property: associations.companies, label: Primary}, contact_roles: associations.contacts}}
"""
    read = mapping(tmp_path, good).read
    assert read["contact"]["reports_to"] == ReadMap("associations.contacts", label="Manager")
    assert [read["deal"][name].associated for name in ("accounts", "contact_roles")] == ["company", "contact"]
    assert mapping(tmp_path, "crm: hubspot\ncontact: {read: {reports_to: manager_id}}").read["contact"] == {
        "reports_to": ReadMap("manager_id")
    }
    bad = """\
crm: hubspot
contact:
  read:
    reports_to: associations.contacts
    title: {property: jobtitle, label: Manager}
deal:
  read:
    accounts: associations.contacts
    contacts: associations.people
    name: associations.companies
"""
    assert faults(tmp_path, bad) == [
        "4: contact.read.reports_to: reports_to is one record, and there may be several contacts: say which label it "
        "carries, as in {property: associations.contacts, label: Manager}",
        "5: contact.read.title: a label belongs to associations, such as associations.contacts; leave it out",
        "8: deal.read.accounts: expected associations.companies, found associations.contacts",
        "9: deal.read.contacts: expected associations.contacts, found associations.people",
        "10: deal.read.name: name cannot be fed by associations; name a property",
    ]


def test_values_say_what_the_crm_s_words_mean_whatever_their_capitals(tmp_path: Path) -> None:
    text = """\
crm: salesforce
company:
  read:
    industry: {property: Industry, values: {"Food & Beverage": FOOD_BEVERAGES, " Banking ": BANKING}}
    is_public: {property: Ownership, values: {Public: true, Private: false}}
    technologies: {property: Stack__c, values: {Salesforce CRM: salesforce}}
"""
    read = mapping(tmp_path, text, "salesforce.yaml").read["company"]
    assert read["industry"].values == {"food & beverage": "FOOD_BEVERAGES", "banking": "BANKING"}
    assert read["is_public"].values == {"public": "true", "private": "false"}
    assert read["technologies"] == ReadMap("Stack__c", values={"salesforce crm": "salesforce"})


def test_values_that_mean_nothing_or_two_things_are_faults(tmp_path: Path) -> None:
    bad = """\
crm: hubspot
company:
  read:
    revenue: {property: annualrevenue, values: {much: 5}}
    created_at: {property: createdate, values: {then: now}}
    owner: {property: hubspot_owner_id, values: {a: b}}
    country: {property: country, values: {Deutschl: Germany}}
    is_public: {property: is_public, values: {listed: perhaps}}
    industry:
      property: industry
      values:
        Banking: BANKING
        BANKING: FINANCIAL_SERVICES
        " ": BANKING
    technologies: {property: web_technologies, values: {a;b: c}}
contact:
  read:
    buying_role: {property: associations.companies, values: {Boss: DECISION_MAKER}}
deal:
  read:
    accounts: {property: company_ids, values: {a: b}}
"""
    assert faults(tmp_path, bad) == [
        "4: company.read.revenue.values: revenue holds no words (money), so its values mean what they say",
        "5: company.read.created_at.values: created_at holds no words (datetime), so its values mean what they say",
        "6: company.read.owner.values: owner holds no words (id), so its values mean what they say",
        "7: company.read.country.values: country holds no words (country), so its values mean what they say",
        "8: company.read.is_public.values.listed: expected true or false, found perhaps",
        "13: company.read.industry.values.BANKING: stands here twice: capitals make no difference in a value of the "
        "CRM",
        "14: company.read.industry.values. : expected a value of the CRM; no value is unknown already",
        "15: company.read.technologies.values.a;b: expected one option of the set, without a semicolon",
        "18: contact.read.buying_role.values: values belong to a property, not to associations; leave them out",
        "21: deal.read.accounts.values: accounts holds no words (set), so its values mean what they say",
    ]


def test_a_buying_role_may_come_from_the_labels_of_companies(tmp_path: Path) -> None:
    text = (
        "crm: salesforce\ncontact: {read: {buying_role: associations.companies}}\ndeal: {read: {accounts: AccountId}}"
    )
    read = mapping(tmp_path, text, "salesforce.yaml").read
    assert read["contact"]["buying_role"].associated == "company"
    assert read["deal"]["accounts"] == ReadMap("AccountId")
    found = faults(tmp_path, text.replace("companies", "contacts"), "salesforce.yaml")
    assert found == ["2: contact.read.buying_role: expected associations.companies, found associations.contacts"]


def test_an_amount_in_the_program_s_own_currency_needs_no_rate(tmp_path: Path) -> None:
    text = "crm: hubspot\ncompany: {read: {revenue: {property: annualrevenue, currency: USD}}}\n"
    assert mapping(tmp_path, text).read["company"]["revenue"] == ReadMap("annualrevenue", "USD")
    assert len(faults(tmp_path, text.replace("currency: USD", "rate: 2"))) == 1
    assert len(faults(tmp_path, text.replace("USD", "EUR, rate: 0"))) == 1


def test_a_mapping_without_objects_or_under_another_name_is_a_fault(tmp_path: Path) -> None:
    assert len(faults(tmp_path, "crm: hubspot\n")) == 1
    assert len(faults(tmp_path, GOOD, "salesforce.yaml")) == 1


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="crmsync init DIR"):
        load_mapping(tmp_path / "hubspot.yaml")


def test_faults_of_two_files_come_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        together(lambda: mapping(tmp_path, "crm: hubspott\n"), lambda: load_mapping(tmp_path / "nowhere.yaml"))
    assert len(caught.value.faults) == 2
    good = mapping(tmp_path, GOOD)
    assert together(lambda: good, lambda: 5) == (good, 5)
