"""How results are written on pages."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def hundredths(value: int | None) -> str:
    """Whole hundredths of a point with two decimals: 9229 -> 92.29; no value is —."""
    return "—" if value is None else f"{Decimal(value).scaleb(-2):.2f}".replace("-", "−")


@register.filter
def grade_parts(counts: Iterable[int]) -> list[tuple[int, int]]:
    """Counts by grade, best first, as parts of a stacked bar: honour red, quiet grey, amber."""
    found = list(counts)
    if len(found) < 2:
        return [(1, count) for count in found]
    return list(zip([1, *[0] * (len(found) - 2), 3], found, strict=True))
