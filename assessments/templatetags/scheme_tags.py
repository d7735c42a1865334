"""`{% load scheme_tags %}`: texts, weights and sources on the pages of schemes and months."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import Any

from django import template
from django.forms import BaseForm
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from assessments.comparison import SOURCES
from assessments.rules import RULE_LABELS, from_hundredths, points_text
from assessments.rules import in_language as in_language_of_page

register = template.Library()

SOURCE_ICONS = {"S": "calculator", "T": "keyboard", "C": "building-bank"}


@register.simple_tag
def in_language(chinese: str, english: str) -> str:
    """A scheme's own text in the language of the page."""
    return in_language_of_page(chinese, english)


@register.filter
def hundredths(points: int) -> str:
    """Whole hundredths as points: 450 -> 4.5."""
    return points_text(points)


@register.filter
def rule_label(rule_type: str) -> str:
    return str(RULE_LABELS[rule_type])


@register.inclusion_tag("assessments/_scheme_source.html")
def source_chip(source: str, waiting: str = "") -> dict[str, Any]:
    """Where a value comes from; for one that waits for its records, what holds until then ("C" or "NA")."""
    return {"icon_name": SOURCE_ICONS[source], "label": SOURCES[source], "waiting": waiting}


@register.simple_tag
def weight_input(form: BaseForm, name: str) -> SafeString:
    """The field of one weight with what is wrong about it."""
    bound = form[name]
    attrs: dict[str, str | bool] = {"class": "p-input sch-weight", "size": "5"}
    if not bound.errors:
        return bound.as_widget(attrs=attrs)
    error_id = f"{bound.auto_id}_error"
    return format_html(
        '{}<span class="p-error" id="{}">{}</span>',
        bound.as_widget(attrs={**attrs, "aria-invalid": "true", "aria-describedby": error_id}),
        error_id,
        bound.errors[0],
    )


@register.simple_tag
def bare(bound: Any, extra_class: str = "") -> SafeString:
    """A form's control without its label, for a cell of a table."""
    kind = "p-select" if bound.widget_type == "select" else "p-input"
    attrs = {
        "class": f"{kind} {extra_class}".strip(),
        "aria-label": bound.field.widget.attrs.get("aria-label", bound.label),
    }
    if bound.errors:
        attrs |= {"aria-invalid": "true", "aria-describedby": f"{bound.auto_id}_error"}
        return format_html(
            '{}<span class="p-error" id="{}_error">{}</span>',
            bound.as_widget(attrs=attrs),
            bound.auto_id,
            bound.errors[0],
        )
    return bound.as_widget(attrs=attrs)


@register.filter
def in_set(key: object, collection: Container[object]) -> bool:
    """Whether the key is in the collection."""
    return key in collection


@register.filter
def total(points: int | None) -> str:
    """Whole hundredths with two decimals, as totals are printed; a dash for none."""
    return "—" if points is None else f"{from_hundredths(points):.2f}"


@register.filter
def day_and_hour(moment: datetime) -> str:
    """`11-03 18:00`, with the year where it is not the month's own."""
    return date_format(timezone.localtime(moment), "m-d H:i")
