"""A small portal whose reports are worked by hand: seven companies, one of them excluded, and eleven contacts."""

from __future__ import annotations

from pathlib import Path

COMPANIES = """\
hs_object_id,name,domain,industry,country,annualrevenue,numberofemployees,web_technologies,hubspot_owner_id,type
1,Anvil,anvil.example,MACHINERY,Germany,9000000,90,hubspot,7001,
2,Bellows & <Sons>,bellows.example,MACHINERY,Germany,,90,hubspot,7002,
3,Clamp,clamp.example,MACHINERY,Germany,,,hubspot,7001,
4,=Drill(),drill.example,,Germany,9000000,90,hubspot,,
5,Easel,easel.example,MACHINERY,Germany,9000000,90,,7001,
6,File,file.example,RETAIL,Germany,,,,7002,
7,Grinder,grinder.example,MACHINERY,Germany,,90,hubspot,7002,COMPETITOR
"""
OWNERS = """\
id,firstName,lastName,email,archived
7001,Anna,Snelling,anna@seller.example,false
7002,Ben,Ek,ben@seller.example,false
"""
PROGRAM = """\
program: small
exclude: {type: {eq: COMPETITOR}}
icp: {industry: {in: [MACHINERY]}}
tiers:
  layers:
    tier_4: icp
    tier_3: {revenue: {gte: 1_000_000}}
    tier_2: {employees: {gte: 50}}
    tier_1: {technologies: {has_any: [hubspot]}}
gaps: {sales: [revenue, technologies], forms: [employees, industry]}
"""
CONTACTS = """\
hs_object_id,firstname,lastname,jobtitle,email,associatedcompanyid,hs_linkedin_url,notes_last_contacted
101,Ada,Amt,CFO,ada@anvil.example,1,https://linkedin.example/ada,2026-10-01T00:00:00Z
102,Bo,Berg,IT Manager,bo@anvil.example,1,,2025-10-31T00:00:00Z
103,Cy,<Cole>,Marketing Director,cy@anvil.example,1,,
104,Di,Dorn,,di@bellows.example,2,,2026-10-01T00:00:00Z
105,Ed,Eck,CTO,ed@grinder.example,7,,2026-10-01T00:00:00Z
"""
COVERAGE_PROGRAM = (
    PROGRAM
    + """\
roles: {vocabulary: titles}
names: {minimum: 2, maximum: 3, departments: 2}
category: {by: revenue, thresholds: {a: 5_000_000, b: 1_000_000}}
strategic_accounts: {strategic: {revenue: {gte: 8_000_000}}, customers: {employees: {lt: 0}}, per_manager: 1}
"""
)


def write(folder: Path, contacts: str = "", deals: str = "") -> Path:
    """The portal's CSVs in `folder`."""
    folder.mkdir()
    given = {"companies": COMPANIES, "owners": OWNERS, "contacts": contacts, "deals": deals}
    for name, text in given.items():
        if text:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder
