"""HubSpot's words and Salesforce's for the same, and how long Salesforce's fields are (docs/crosswalk.md)."""

from __future__ import annotations

from crmsync.sandbox.hubspot import options

INDUSTRIES: dict[str, str] = {
    "FARMING": "Agriculture",
    "APPAREL_FASHION": "Apparel",
    "BANKING": "Banking",
    "BIOTECHNOLOGY": "Biotechnology",
    "CHEMICALS": "Chemicals",
    "CONSTRUCTION": "Construction",
    "MANAGEMENT_CONSULTING": "Consulting",
    "EDUCATION_MANAGEMENT": "Education",
    "ELECTRICAL_ELECTRONIC_MANUFACTURING": "Electronics",
    "OIL_ENERGY": "Energy",
    "MECHANICAL_OR_INDUSTRIAL_ENGINEERING": "Engineering",
    "ENTERTAINMENT": "Entertainment",
    "ENVIRONMENTAL_SERVICES": "Environmental",
    "FINANCIAL_SERVICES": "Finance",
    "FOOD_BEVERAGES": "Food & Beverage",
    "GOVERNMENT_ADMINISTRATION": "Government",
    "HOSPITAL_HEALTH_CARE": "Healthcare",
    "HOSPITALITY": "Hospitality",
    "INSURANCE": "Insurance",
    "MACHINERY": "Machinery",
    "MEDIA_PRODUCTION": "Media",
    "NON_PROFIT_ORGANIZATION_MANAGEMENT": "Not For Profit",
    "RECREATIONAL_FACILITIES_AND_SERVICES": "Recreation",
    "RETAIL": "Retail",
    "PACKAGE_FREIGHT_DELIVERY": "Shipping",
    "INFORMATION_TECHNOLOGY_AND_SERVICES": "Technology",
    "TELECOMMUNICATIONS": "Telecommunications",
    "TRANSPORTATION_TRUCKING_RAILROAD": "Transportation",
    "UTILITIES": "Utilities",
}
"""HubSpot's industry -> the one of Salesforce's 32 that is read back as it (mappings/salesforce.yaml)."""

TYPES: dict[str, str] = {
    **{name.upper(): name for name in ("Prospect", "Customer", "Partner", "Reseller", "Other")},
    **{name.upper(): name for name in ("Analyst", "Competitor", "Integrator", "Investor", "Press")},
    "VENDOR": "VENDOR",
}
"""HubSpot's company type, and what others Salesforce has, -> Salesforce's; VENDOR is a further value of its list."""

BUYING_ROLES: dict[str, str] = {
    **{word: word for word in options.BUYING_ROLES},
    "BLOCKER": "Detractor",
    "BUDGET_HOLDER": "Buyer",
    "CHAMPION": "Champion",
    "DECISION_MAKER": "DecisionMaker",
    "END_USER": "BusinessUser",
    "EXECUTIVE_SPONSOR": "ExecutiveSponsor",
}
"""HubSpot's buying role -> the Buyer Attribute that is read back as it, or itself as a further value of the list."""

STAGES: dict[str, str] = {
    "appointmentscheduled": "Qualification",
    "qualifiedtobuy": "Needs Analysis",
    "presentationscheduled": "Value Proposition",
    "decisionmakerboughtin": "Id. Decision Makers",
    "contractsent": "Negotiation/Review",
    "closedwon": "Closed Won",
    "closedlost": "Closed Lost",
}
LENGTHS: dict[str, dict[str, int]] = {
    "companies": {"name": 255, "domain": 255, "city": 40, "state": 80, "country": 80},
    "contacts": {"firstname": 40, "lastname": 80, "jobtitle": 128},
    "deals": {"dealname": 120},
}
"""The lengths of Salesforce's fields, in characters (salesforce.md 3): longer text is cut."""

EMAIL_LENGTH = 80
"""A longer address is no address when it is cut."""
