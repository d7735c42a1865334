"""Look-ups and words that the pages of people need."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cadres.duties import days_of
from imports.dates import PartialDate

register = template.Library()


@register.filter
def at(table: Mapping[Any, Any], key: Any) -> Any:
    """What stands at the key, None for nothing."""
    return table.get(key)


@register.filter
def partial(value: PartialDate | None) -> str:
    """`2021年12月`, as exactly as it is known; a dash for nothing."""
    if value is None:
        return "—"
    if value.month is None:
        return _("year %(year)s") % {"year": value.year}
    return date_format(value.first_day, "LONG_DATE_FORMAT" if value.day else "YEAR_MONTH_FORMAT")


@register.filter
def year_month(value: PartialDate | None) -> str:
    """`2021.12`, as appointment forms write it."""
    if value is None:
        return "—"
    return str(value.year) if value.month is None else f"{value.year}.{value.month:02}"


@register.filter
def days(hours: Decimal) -> str:
    """Hours as days of training, without needless zeros."""
    return _plain(days_of(hours))


@register.filter
def plain(number: Decimal) -> str:
    return _plain(number)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@register.filter
def span(begins: PartialDate | None, ends: date) -> str:
    """`4 years 11 months` between a beginning and a day; nothing where the beginning is not known to the month."""
    if begins is None or begins.month is None or begins.first_day > ends:
        return ""
    months = (ends.year - begins.year) * 12 + ends.month - begins.month
    if begins.day is not None and ends.day < begins.day:
        months -= 1
    years, rest = divmod(max(0, months), 12)
    parts = []
    if years:
        parts.append(ngettext("%(n)s year", "%(n)s years", years) % {"n": years})
    if rest or not years:
        parts.append(ngettext("%(n)s month", "%(n)s months", rest) % {"n": rest})
    return " ".join(parts)


@register.filter
def tick(person: Any, post: int) -> str:
    """The value of the box for a person and a post."""
    return f"{person.pk}:{post}"
