"""The long-running service: schedules, one run at a time for a portal, a clean end, a heartbeat, messages to people."""
