"""crmsync: plans and applies account programmes in a CRM from rules kept in git."""

__version__ = "0.1.0"
