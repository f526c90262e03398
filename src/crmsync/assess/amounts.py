"""Amounts that a section of the program states, in the whole units of the column they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from crmsync.program.loader import Resolver
from crmsync.program.units import currency_digits

#: Half of what 64 bits hold, so that one may be added to another.
LARGEST = 2**62


def minor_units(amount: Decimal | None, path: Sequence[str | int], resolver: Resolver) -> int | None:
    """An amount of the program's currency in minor units; a fault and None where it is finer or larger than there are.

    `path` is where the amount stands in the section. No amount is None, without a fault.
    """
    if amount is None:
        return None
    digits = currency_digits(resolver.currency)
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        resolver.fault(path, f"{amount} is finer than {resolver.currency} has: {digits} decimals")
        return None
    if minor > LARGEST:
        resolver.fault(path, f"{amount} is too large for an amount")
        return None
    return int(minor)
