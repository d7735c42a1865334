"""Dividing money by shares, to the cent. Plain values in and out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

CENT = Decimal("0.01")
WHOLE = Decimal(100)


def allocate(amount: Decimal, shares: Sequence[Decimal]) -> list[Decimal]:
    """Parts of `amount` (yuan, whole cents) in proportion to `shares`, which sum to exactly `amount`.

    Largest remainder: each part is cut to cents, the cents left over go to the largest remainders, the
    earlier one where two are alike. Rule: docs/rules/projects.md, "Joint projects".
    """
    if not shares:
        return []
    whole = sum(shares, Decimal(0))
    cents = int(amount / CENT)
    exact = [cents * share / whole for share in shares]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(shares)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_remainder[: cents - sum(parts)]:
        parts[place] += 1
    return [part * CENT for part in parts]


def sums_to_whole(percents: Sequence[Decimal]) -> bool:
    """Whether the shares of the villages of a project are exactly 100 percent."""
    return sum(percents, Decimal(0)) == WHOLE
