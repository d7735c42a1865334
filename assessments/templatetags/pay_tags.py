"""Amounts of pay, from whole cents."""

from __future__ import annotations

from django import template

NO_DATA = "—"
register = template.Library()


@register.filter
def cents(value: int | None) -> str:
    """1,500.00; a minus as the portal writes it. The unit stands in the heading."""
    if value is None:
        return NO_DATA
    whole, part = divmod(abs(value), 100)
    return f"{'−' if value < 0 else ''}{whole:,}.{part:02}"


@register.filter
def wan_cents(value: int | None) -> str:
    """In units of 10 000 yuan with two decimals, half up."""
    if value is None:
        return NO_DATA
    hundredths = (abs(value) + 5_000) // 10_000
    return f"{'−' if value < 0 else ''}{hundredths // 100:,}.{hundredths % 100:02}"


@register.filter
def negated(value: int) -> int:
    return -value
