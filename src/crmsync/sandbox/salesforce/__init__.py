"""A local Salesforce org, as platform notes and Salesforce's documentation tell it."""
