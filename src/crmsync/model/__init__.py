"""The words of the domain: canonical objects and their fields, outputs, changes, plans, outcomes."""
