"""The standard objects of an org, as salesforce.md section 3 lists them, and their default picklists.

Objects that belong to a feature exist only where the org has it; asking for one without it is INVALID_TYPE.
"""

from collections.abc import Collection

from crmsync.sandbox.salesforce.ids import PREFIXES
from crmsync.sandbox.salesforce.schema import SYSTEM, ObjectSpec, parse_field

FEATURES = frozenset({"campaigns", "contacts_to_multiple_accounts", "account_teams"})
STAGES = (
    ("Prospecting", 10, False, False), ("Qualification", 10, False, False), ("Needs Analysis", 20, False, False),
    ("Value Proposition", 50, False, False), ("Id. Decision Makers", 60, False, False),
    ("Perception Analysis", 70, False, False), ("Proposal/Price Quote", 75, False, False),
    ("Negotiation/Review", 90, False, False), ("Closed Won", 100, True, True), ("Closed Lost", 0, True, False),
)  # fmt: skip
"""Stage, probability, closed, won."""

CONTACT_ROLES = (
    "Business User", "Decision Maker", "Economic Buyer", "Economic Decision Maker", "Evaluator", "Executive Sponsor",
    "Influencer", "Technical Buyer", "Other",
)  # fmt: skip
PICKLISTS: dict[str, tuple[str, ...]] = {
    "Industry": (
        "Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction",
        "Consulting", "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental", "Finance",
        "Food & Beverage", "Government", "Healthcare", "Hospitality", "Insurance", "Machinery", "Manufacturing",
        "Media", "Not For Profit", "Recreation", "Retail", "Shipping", "Technology", "Telecommunications",
        "Transportation", "Utilities", "Other",
    ),
    "AccountType": ("Analyst", "Competitor", "Customer", "Integrator", "Investor", "Partner", "Press", "Prospect",
                    "Reseller", "Other"),
    "Rating": ("Hot", "Warm", "Cold"),
    "Ownership": ("Public", "Private", "Subsidiary", "Other"),
    "Source": ("Advertisement", "Employee Referral", "External Referral", "Partner", "Public Relations",
               "Seminar - Internal", "Seminar - Partner", "Trade Show", "Web", "Word of mouth", "Other"),
    "OpportunityType": ("Existing Business", "New Business"),
    "Stage": tuple(stage for stage, *_ in STAGES),
    "ContactRole": CONTACT_ROLES,
    "BuyerAttributes": ("BusinessUser", "Buyer", "Champion", "DecisionMaker", "Detractor", "Evaluator",
                        "ExecutiveSponsor", "TechnicalExpert"),
    "CampaignMemberStatus": ("Sent", "Responded"),
    "TeamRole": ("Account Manager", "Channel Manager", "Executive Sponsor", "Lead Qualifier", "Pre-Sales Consultant",
                 "Sales Manager", "Sales Rep"),
}  # fmt: skip


def _address(prefix: str) -> tuple[str, ...]:
    return (
        f"{prefix}Street textarea(255)", f"{prefix}City string(40)", f"{prefix}State string(80)",
        f"{prefix}PostalCode string(20)", f"{prefix}Country string(80)",
    )  # fmt: skip


ACCOUNT = (
    "MasterRecordId reference(Account) ro", "Name string(255) required", "Type picklist(AccountType)",
    "ParentId reference(Account)", *_address("Billing"), *_address("Shipping"), "Phone phone", "Fax phone",
    "AccountNumber string(40)", "Website url(255)", "Sic string(20)", "Industry picklist(Industry)",
    "AnnualRevenue currency(18,0)", "NumberOfEmployees int", "Ownership picklist(Ownership)", "TickerSymbol string(20)",
    "Description textarea(32000)", "Rating picklist(Rating)", "Site string(80)", "OwnerId reference(User)",
    "Jigsaw string(20)", "AccountSource picklist(Source)", "SicDesc string(80)", "NaicsCode string(8)",
    "DunsNumber string(9)", "Tradestyle string(255)", "YearStarted string(4)", "LastActivityDate date ro",
)  # fmt: skip
CONTACT = (
    "MasterRecordId reference(Contact) ro", "AccountId reference(Account)", "LastName string(80) required",
    "FirstName string(40)", "Salutation picklist", "Name string(121) ro", *_address("Mailing"), "Phone phone",
    "MobilePhone phone", "ReportsToId reference(Contact)", "Email email(80)", "Title string(128)",
    "Department string(80)", "LeadSource picklist(Source)", "Birthdate date", "Description textarea(32000)",
    "OwnerId reference(User)", "HasOptedOutOfEmail boolean", "IsEmailBounced boolean ro", "LastActivityDate date ro",
    "BuyerAttributes multipicklist(BuyerAttributes)",
)  # fmt: skip
OPPORTUNITY = (
    "AccountId reference(Account)", "Name string(120) required", "Description textarea(32000)",
    "StageName picklist(Stage) required", "Amount currency(16,2)", "Probability percent(3,0)",
    "CloseDate date required", "Type picklist(OpportunityType)", "NextStep string(255)", "LeadSource picklist(Source)",
    "IsClosed boolean ro", "IsWon boolean ro", "CampaignId reference(Campaign)", "OwnerId reference(User)",
    "LastActivityDate date ro",
)  # fmt: skip
CONTACT_ROLE = (
    "OpportunityId reference(Opportunity) create required", "ContactId reference(Contact) required",
    "Role picklist(ContactRole)", "IsPrimary boolean",
)  # fmt: skip
USER = (
    "Username string(80) required unique", "LastName string(80) required", "FirstName string(40)",
    "Name string(121) ro", "Email email(128) required", "Title string(80)", "Department string(80)",
    "Division string(80)", "IsActive boolean", "UserType picklist ro", "ManagerId reference(User)",
    "ProfileId reference(Profile)", "TimeZoneSidKey picklist",
)  # fmt: skip
CAMPAIGN = (
    "Name string(80) required", "ParentId reference(Campaign)", "Type picklist", "Status picklist", "StartDate date",
    "EndDate date", "IsActive boolean", "Description textarea(32000)", "OwnerId reference(User)",
)  # fmt: skip
CAMPAIGN_MEMBER = (
    "CampaignId reference(Campaign) create required", "ContactId reference(Contact) create",
    "Status picklist(CampaignMemberStatus)", "HasResponded boolean ro",
)  # fmt: skip
ACCOUNT_CONTACT_RELATION = (
    "AccountId reference(Account) create required", "ContactId reference(Contact) create required",
    "Roles multipicklist(ContactRole)", "IsDirect boolean ro", "IsActive boolean", "StartDate date", "EndDate date",
)  # fmt: skip
TEAM_MEMBER = (
    "AccountId reference(Account) create required", "UserId reference(User) create required",
    "TeamMemberRole picklist(TeamRole)", "AccountAccessLevel picklist",
)  # fmt: skip
STAGE = (
    "MasterLabel string(255) ro", "ApiName string(255) ro", "IsActive boolean ro", "SortOrder int ro",
    "IsClosed boolean ro", "IsWon boolean ro", "DefaultProbability percent(3,0) ro",
)  # fmt: skip
ORGANIZATION = (
    "Name string(80) ro", "OrganizationType picklist ro", "IsSandbox boolean ro", "InstanceName string(5) ro",
    "DefaultLocaleSidKey picklist ro", "TimeZoneSidKey picklist ro",
)  # fmt: skip
PERMISSION_SET = ("Name string(80) required unique", "Label string(80) required", "Description string(255)",
                  "IsOwnedByProfile boolean ro")  # fmt: skip
ASSIGNMENT = ("PermissionSetId reference(PermissionSet) create required", "AssigneeId reference(User) create required")
FIELD_PERMISSIONS = (
    "ParentId reference(PermissionSet) create required", "SobjectType picklist create required",
    "Field picklist create required", "PermissionsRead boolean", "PermissionsEdit boolean",
)  # fmt: skip
OBJECT_PERMISSIONS = (
    "ParentId reference(PermissionSet) create required", "SobjectType picklist create required",
    "PermissionsCreate boolean", "PermissionsRead boolean", "PermissionsEdit boolean", "PermissionsDelete boolean",
    "PermissionsViewAllRecords boolean", "PermissionsModifyAllRecords boolean",
)  # fmt: skip

_RIGHTS = ("PermissionSet", "PermissionSetAssignment", "FieldPermissions", "ObjectPermissions")
_SHORT = frozenset({"OpportunityStage", "Organization"})


def _spec(name: str, label: str, plural: str, lines: tuple[str, ...]) -> ObjectSpec:
    spec = ObjectSpec(name, label, plural, PREFIXES[name])
    for line in (*SYSTEM, *lines):
        if name in {"User", "Organization", "OpportunityStage", "PermissionSet"} and line.startswith("IsDeleted"):
            continue
        spec.add(parse_field(line, PICKLISTS))
    return spec


def objects(features: Collection[str] = ("campaigns",)) -> dict[str, ObjectSpec]:
    """Fresh specs of every object of an org with those features, by API name. Raises ValueError for an unknown one."""
    unknown = set(features) - FEATURES
    if unknown:
        raise ValueError(f"no feature {', '.join(sorted(unknown))}. Use {', '.join(sorted(FEATURES))}")
    made = [
        _spec("Account", "Account", "Accounts", ACCOUNT),
        _spec("Contact", "Contact", "Contacts", CONTACT),
        _spec("Opportunity", "Opportunity", "Opportunities", OPPORTUNITY),
        _spec("OpportunityContactRole", "Opportunity Contact Role", "Opportunity Contact Role", CONTACT_ROLE),
        _spec("User", "User", "Users", USER),
        _spec("OpportunityStage", "Opportunity Stage", "Opportunity Stage", STAGE),
        _spec("Organization", "Organization", "Organizations", ORGANIZATION),
        _spec("PermissionSet", "Permission Set", "Permission Sets", PERMISSION_SET),
        _spec("PermissionSetAssignment", "Permission Set Assignment", "Permission Set Assignments", ASSIGNMENT),
        _spec("FieldPermissions", "Field Permissions", "Field Permissions", FIELD_PERMISSIONS),
        _spec("ObjectPermissions", "Object Permissions", "Object Permissions", OBJECT_PERMISSIONS),
    ]
    if "campaigns" in features:
        made.append(_spec("Campaign", "Campaign", "Campaigns", CAMPAIGN))
        made.append(_spec("CampaignMember", "Campaign Member", "Campaign Members", CAMPAIGN_MEMBER))
    if "contacts_to_multiple_accounts" in features:
        made.append(
            _spec("AccountContactRelation", "Account Contact Relationship", "Account Contact Relationship",
                  ACCOUNT_CONTACT_RELATION)
        )  # fmt: skip
    if "account_teams" in features:
        made.append(_spec("AccountTeamMember", "Account Team Member", "Account Team Member", TEAM_MEMBER))
    found = {spec.name: spec for spec in made}
    for name in ("OpportunityContactRole", "AccountTeamMember"):
        if name in found:
            found[name].bypasses_bin = True
    for name in _SHORT:
        found[name].creatable = found[name].deletable = False
    found["User"].deletable = False
    for name in (*_RIGHTS, "Organization", "OpportunityStage"):
        found[name].setup = True
    return found
