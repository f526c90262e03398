"""Text in, canonical text out: titles, domains, company names, places, money, numbers, dates, booleans.

Every parse is pure and returns a value or nothing; what cannot be read is unknown, never guessed (domain.md, the rule
of three values).
"""
