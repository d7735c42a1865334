"""Small marks of the reserve's pages."""

from __future__ import annotations

from collections.abc import Sized
from decimal import Decimal
from typing import Any

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cadres import education
from cadres.reserve_boards import CLASSES, Coverage, share_percent

register = template.Library()

SERIES = {0: 1, 1: 3, 2: 2, 3: 4}
"""Colour of each class of villages."""


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """The address of this page with other conditions; None takes one away."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag
def level_label(number: int) -> str:
    """Such as "3 and more in the reserve"."""
    if number == 0:
        return _("nobody in the reserve")
    if number == CLASSES[-1]:
        return _("%(n)s and more") % {"n": number}
    return ngettext("%(n)s person", "%(n)s people", number) % {"n": number}


@register.filter
def coverage_parts(row: Coverage) -> list[tuple[int, Decimal | int]]:
    """Villages by class as parts of a stacked bar."""
    return [(SERIES[level], villages) for level, villages in row.levels]


@register.filter
def share_of(part: int, whole: Sized) -> Decimal | None:
    """In percent of a list."""
    return share_percent(part, len(whole))


@register.filter
def bar_parts(value: int, series: int) -> list[tuple[int, Decimal | int]]:
    return [(series, value)]


@register.filter
def at_least_one(value: int) -> int:
    """A bar needs a length to be a share of."""
    return max(1, value)


@register.filter
def education_name(code: str) -> str | Promise:
    """The level of education in words."""
    return education.name_of(code)
