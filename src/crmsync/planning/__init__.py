"""From desired and actual to a plan: diff, ownership, blast radius, guard, cost. Pure; knows no CRM and no system."""
