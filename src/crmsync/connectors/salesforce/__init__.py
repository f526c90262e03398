"""Salesforce as a connector. Nothing outside this folder knows Salesforce's names, limits or client."""
