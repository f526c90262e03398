"""Owned values of every kind, of a program with every system, and an org for an admin to prepare."""

from __future__ import annotations

from pathlib import Path

from crmsync.assess import run as assessment
from crmsync.connectors.salesforce.rights import Natives
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.planning.diff import LAST_RUN
from crmsync.program.loader import load_program_text

ROOT = Path(__file__).resolve().parents[2]
TIER = Output(
    "tier", "company", OutputKind.ENUM, "ABM tier", "Which tier, & why not <higher>.",
    (Option("tier_1", "Tier 1"), Option("none", "None")), list_name="ABM: {label}", list_skips=("none",),
)  # fmt: skip
ROLE = Output(
    "stakeholder_role", "contact", OutputKind.MULTI, "ABM stakeholder role",
    options=(Option("influencer", "Influencer"), Option("end_user", "End User")), keep_hand_edits=True,
    list_name="ABM: Role {label}",
)  # fmt: skip
KINDS = (
    TIER,
    Output("tier_reason", "company", OutputKind.TEXT, "ABM tier reason", follows=True),
    Output("tier_changed_at", "company", OutputKind.DATETIME, "ABM tier changed at", follows=True),
    Output("next_review", "company", OutputKind.DATE, "ABM next review"),
    Output("names_known", "company", OutputKind.NUMBER, "ABM names known"),
    Output("cold", "company", OutputKind.BOOLEAN, "ABM cold list"),
    Output("tier_override", "company", OutputKind.ENUM, "ABM tier override", options=(Option("tier_1", "Tier 1"),),
           person=True),
    ROLE,
)  # fmt: skip
NATIVES = Natives(
    {
        "company": frozenset({"Name", "Website", "BillingCity", "billingcountry", "SystemModstamp", "Technologies__c"}),
        "contact": frozenset({"Email", "AccountId", "FirstName"}),
        "deal": frozenset({"Amount", "StageName"}),
    },
    {"company": frozenset({"Rating"})},
)
EVERY_SYSTEM = """
checklist: {boxes: {pricing: off}}
category: {}
relationship: {}
strategic_accounts: {}
names: {}
gaps: {}
"""


def every_output() -> tuple[Output, ...]:
    """What the packaged program owns with every system switched on."""
    text = (ROOT / "config/program.yaml").read_text(encoding="utf-8") + EVERY_SYSTEM
    program = load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())
    return (*assessment.outputs(program), LAST_RUN)
