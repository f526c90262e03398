"""Property definitions: HubSpot's native ones, and those a portal adds.

Prevents a write from landing in a property that HubSpot computes: read-only-ness stands in the definition, as there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from crmsync.sandbox.hubspot import options as o
from crmsync.sandbox.hubspot.wire import Json, iso

FIELD_TYPES: dict[str, frozenset[str]] = {
    "bool": frozenset({"booleancheckbox", "calculation_equation"}),
    "enumeration": frozenset({"checkbox", "radio", "select", "booleancheckbox", "calculation_equation"}),
    "string": frozenset({"text", "textarea", "file", "html", "phonenumber", "calculation_equation"}),
    "number": frozenset({"number", "calculation_equation", "calculation_rollup"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date"}),
}
"""Which field types a type allows (hubspot.md 2.6)."""

NATIVE_STAMP = 1_577_836_800_000  # 2020-01-01, when the portal was made


@dataclass(frozen=True)
class Option:
    """One choice of an enumeration."""

    value: str
    label: str
    order: int = -1
    hidden: bool = False
    description: str = ""

    def body(self) -> Json:
        """As HubSpot writes it."""
        return {
            "label": self.label, "value": self.value, "description": self.description,
            "displayOrder": self.order, "hidden": self.hidden,
        }  # fmt: skip


@dataclass(frozen=True)
class Property:
    """One property definition of one object type."""

    name: str
    label: str
    type: str
    field_type: str
    group: str
    options: tuple[Option, ...] = ()
    description: str = ""
    read_only: bool = False
    native: bool = False
    calculated: bool = False
    unique: bool = False
    hidden: bool = False
    form_field: bool = False
    external_options: bool = False
    order: int = -1
    created: int = NATIVE_STAMP
    updated: int = NATIVE_STAMP
    archived: bool = False

    @property
    def multiple(self) -> bool:
        """Several values, separated by semicolons."""
        return self.type == "enumeration" and self.field_type == "checkbox"

    def allowed(self) -> frozenset[str]:
        """The internal values that a write may carry."""
        return frozenset(option.value for option in self.options)

    def body(self) -> Json:
        """As HubSpot writes it."""
        body: Json = {
            "updatedAt": iso(self.updated),
            "createdAt": iso(self.created),
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [option.body() for option in self.options],
            "displayOrder": self.order,
            "calculated": self.calculated,
            "externalOptions": self.external_options,
            "archived": self.archived,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "modificationMetadata": {
                "archivable": not self.native,
                "readOnlyDefinition": self.native,
                "readOnlyValue": self.read_only,
            },
            "formField": self.form_field,
            "dataSensitivity": "non_sensitive",
        }
        if self.native:
            body["hubspotDefined"] = True
            body["modificationMetadata"]["readOnlyOptions"] = self.read_only
        if self.external_options:
            body["referencedObjectType"] = "OWNER"
        return body


def choices(values: Iterable[str]) -> tuple[Option, ...]:
    """Options with labels made from their internal values."""
    return tuple(Option(v, v.replace("_", " ").strip().title(), i) for i, v in enumerate(values))


BOOLEANS = (Option("true", "Yes", 0), Option("false", "No", 1))

_CHOICES: dict[str, tuple[Option, ...]] = {
    "industry": choices(o.INDUSTRIES),
    "type": choices(o.COMPANY_TYPES),
    "lifecyclestage": choices(o.LIFECYCLE),
    "hs_lead_status": choices(o.LEAD_STATUS),
    "hs_buying_role": choices(o.BUYING_ROLES),
    "web_technologies": choices(o.TECHNOLOGIES),
    "hs_ideal_customer_profile": choices(o.ICP_TIERS),
    "hs_target_account": choices(o.ICP_TIERS),
    "hs_target_account_recommendation_state": choices(("DISMISSED", "NONE", "SNOOZED")),
    "dealtype": choices(o.DEAL_TYPES),
    "pipeline": (Option("default", "Sales Pipeline", 0),),
    "dealstage": tuple(Option(value, label, i) for i, (value, label, _) in enumerate(o.DEAL_STAGES)),
    "hs_seniority": choices(
        ("director", "employee", "entry", "executive", "manager", "owner", "partner", "senior", "vp")
    ),
    "hs_role": choices(
        [
            "accounting",
            "administrative",
            "business_development",
            "communications",
            "consulting",
            "customer_service",
            "design",
            "education",
            "engineering",
            "entrepreneurship",
            "finance",
            "health_professional",
            "human_resources",
            "information_technology",
            "legal",
            "marketing",
            "operations",
            "product",
            "project_management",
            "public_relations",
            "quality_assurance",
            "real_estate",
            "recruiting",
            "research",
            "sales",
            "support",
            "retired",
        ]
    ),
}

# One property a word: name:kind, where kind is s(tring) n(umber) b(ool) d(ate) t(ime) e(num) m(ulti) o(wner);
# a trailing ! is read-only, ~ is read-only and calculated.
_SHARED = """
hs_object_id:n! createdate:t! hs_createdate:t! hs_merged_object_ids:s! hs_object_source:s! hs_object_source_label:s!
hubspot_owner_id:o hubspot_team_id:s! hs_all_owner_ids:s! hs_all_team_ids:s! hubspot_owner_assigneddate:t!
notes_last_contacted:t! notes_last_updated:t! notes_next_activity_date:t! num_notes:n! num_contacted_notes:n!
hs_last_sales_activity_timestamp:t! hs_analytics_source:s! hs_analytics_num_page_views:n! hs_analytics_num_visits:n!
hs_updated_by_user_id:n! hs_created_by_user_id:n!
"""
_TABLES = {
    "companies": """
name:s domain:s website:s city:s state:s country:s zip:s phone:s address:s address2:s description:s timezone:s
linkedin_company_page:s twitterhandle:s facebook_company_page:s about_us:s
industry:e numberofemployees:n annualrevenue:n hs_employee_range:s hs_revenue_range:s hs_industry_group:s hs_keywords:s
founded_year:s total_money_raised:s web_technologies:m is_public:b type:e lifecyclestage:e hs_lead_status:e
hs_is_target_account:b hs_ideal_customer_profile:e hs_target_account:e
hs_target_account_probability:n~ hs_target_account_recommendation_state:e!
hs_target_account_recommendation_snooze_time:t!
hs_num_decision_makers:n~ hs_num_contacts_with_buying_roles:n~ hs_num_blockers:n~ hs_parent_company_id:n!
hs_num_child_companies:n~ num_associated_contacts:n~ num_associated_deals:n~ hs_num_open_deals:n~
hs_total_deal_value:n~ recent_deal_amount:n~ recent_deal_close_date:t~ first_deal_created_date:t~ days_to_close:n~
total_revenue:n~ hs_additional_domains:s! hs_lastmodifieddate:t! first_contact_createdate:t~ closedate:t
""",
    "contacts": """
firstname:s lastname:s email:s jobtitle:s job_function:s seniority:s hs_seniority:e hs_role:e hs_sub_role:s
hs_linkedin_url:s associatedcompanyid:n company:s phone:s mobilephone:s website:s industry:s annualrevenue:s
numemployees:s city:s state:s country:s zip:s address:s salutation:s date_of_birth:s
hs_buying_role:m lifecyclestage:e hs_lead_status:e hs_associated_target_accounts:n~ twitterhandle:s
hs_additional_emails:s! lastmodifieddate:t! hs_email_optout:b! hs_email_domain:s! num_associated_deals:n~
""",
    "deals": """
dealname:s amount:n dealstage:e pipeline:e closedate:t dealtype:e description:s
hs_is_closed:b~ hs_is_closed_won:b~ hs_is_closed_lost:b~ hs_closed_amount:n~ amount_in_home_currency:n~
hs_deal_stage_probability:n~ hs_lastmodifieddate:t! num_associated_contacts:n~ hs_priority:s
""",
}
GROUPS = {
    "companies": ("companyinformation", "Company information"),
    "contacts": ("contactinformation", "Contact information"),
    "deals": ("dealinformation", "Deal information"),
}
_KINDS = {
    "s": ("string", "text"),
    "n": ("number", "number"),
    "b": ("bool", "booleancheckbox"),
    "d": ("date", "date"),
    "t": ("datetime", "date"),
    "e": ("enumeration", "select"),
    "m": ("enumeration", "checkbox"),
    "o": ("enumeration", "select"),
}
_RADIO = frozenset({"hs_ideal_customer_profile", "hs_target_account", "lifecyclestage", "hs_lead_status", "type"})


def _native(table: str, word: str) -> Property:
    name, mark = word.split(":")
    type_, field_type = _KINDS[mark[0]]
    options = BOOLEANS if type_ == "bool" else _CHOICES.get(name, ()) if type_ == "enumeration" else ()
    return Property(
        name=name,
        label=name.removeprefix("hs_").replace("_", " ").capitalize(),
        type=type_,
        field_type="radio" if name in _RADIO else field_type,
        group=GROUPS[table][0],
        options=options,
        read_only=mark[-1] in "!~",
        calculated=mark[-1] == "~",
        native=True,
        unique=(table, name) == ("contacts", "email"),
        external_options=mark[0] == "o",
    )


def native_properties(table: str) -> dict[str, Property]:
    """Definitions HubSpot ships for `companies`, `contacts` or `deals` (hubspot.md section 3), by name."""
    words = (_TABLES[table] + _SHARED).split()
    return {word.split(":")[0]: _native(table, word) for word in words}


def custom_string(table: str, name: str, now: int) -> Property:
    """What an unknown column of a loaded file becomes."""
    label = name.replace("_", " ").strip().capitalize() or name
    return Property(name, label, "string", "text", GROUPS[table][0], created=now, updated=now)
