"""Documents about the portal as it stands: values in, text out. Nothing here reads a store or a CRM."""
