"""`{% load income_tags %}`: amounts of what may not be there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template

register = template.Library()


@register.filter
def its(thing: Any, name: str) -> Decimal | None:
    """`{{ line.income|its:"operating"|wan }}`: the amount of that name, None where there is no thing to ask."""
    return None if thing is None else getattr(thing, name)
