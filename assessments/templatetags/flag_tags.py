"""Money on the board of flags."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def whole_yuan(cents: int | None) -> str:
    """2,500 where the amount is whole yuan, else 2,500.50."""
    if cents is None:
        return "—"
    whole, part = divmod(cents, 100)
    return f"{whole:,}.{part:02}" if part else f"{whole:,}"
