"""`{% load portal %}`: icons, states, figures and small marks that every page shares.

Every tag escapes what it is given. Widths are geometry attributes of server-made SVG, because the
content security policy forbids style attributes. Examples: docs/ui-shell.md.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.core.paginator import Page
from django.forms import BaseForm, BoundField
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from config import formatting

register = template.Library()

ICON_SIZES = {"": "p-ic", "sm": "p-ic p-ic-sm", "lg": "p-ic p-ic-lg"}
TONE_ICONS = {
    "ok": "circle-check",
    "info": "info-circle",
    "warn": "alert-triangle",
    "bad": "alert-circle",
    "": "circle-dashed",
}
GRADE_TONES = frozenset({"top", "mid", "low", "min"})
SOON = timedelta(days=2)
SPARK_WIDTH, SPARK_HEIGHT = 96, 24

register.filter("figure", formatting.figure)
register.filter("plain_figure", formatting.plain_figure)
register.filter("points", formatting.points)
register.filter("wan", formatting.wan)
register.filter("yuan", formatting.yuan)
register.filter("percent", formatting.percent)
register.filter("signed", formatting.signed)
register.filter("month_code", formatting.month_code)
register.filter("change_from", formatting.change_percent)


# --- Dates ------------------------------------------------------------------------------


@register.filter
def month(value: date | None) -> str:
    """`2026年10月`."""
    return formatting.NO_DATA if value is None else date_format(value, "YEAR_MONTH_FORMAT")


@register.filter
def day(value: date | None) -> str:
    """`2026-11-03`, for tables."""
    return formatting.NO_DATA if value is None else date_format(_local(value), "SHORT_DATE_FORMAT")


@register.filter
def day_text(value: date | None) -> str:
    """`2026年11月3日`, for running text and print."""
    return formatting.NO_DATA if value is None else date_format(_local(value), "LONG_DATE_FORMAT")


@register.filter
def moment(value: datetime | None) -> str:
    """`11-03 14:32` within this year, `2025-11-03 14:32` before it."""
    if value is None:
        return formatting.NO_DATA
    local = timezone.localtime(value)
    this_year = local.year == timezone.localtime().year
    return date_format(local, "RECENT_DATETIME_FORMAT" if this_year else "SHORT_DATETIME_FORMAT")


@register.filter
def dash(value: Any) -> Any:
    """The value, or a dash where there is none. Zero stays zero."""
    return formatting.NO_DATA if value is None or value == "" else value


def _local(value: date) -> date:
    return timezone.localtime(value) if isinstance(value, datetime) and timezone.is_aware(value) else value


# --- Icons and states -------------------------------------------------------------------


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """A Tabler outline icon from the sprite: `{% icon "flag" %}`, sizes "sm" and "lg". Decorative."""
    return format_html('<svg class="{}" aria-hidden="true"><use href="#i-{}"/></svg>', ICON_SIZES[size], name)


@register.simple_tag
def chip(tone: str, text: str, icon_name: str | None = None) -> SafeString:
    """A state as icon and word. Tones: "ok", "info", "warn", "bad", "" (neutral)."""
    mark = icon(TONE_ICONS[tone] if icon_name is None else icon_name)
    return format_html('<span class="p-chip{}">{}{}</span>', f" is-{tone}" if tone else "", mark, text)


@register.simple_tag
def grade(text: str, tone: str) -> SafeString:
    """A grade; its word comes from the scheme, its tone is "top", "mid", "low" or "min"."""
    if tone not in GRADE_TONES:
        raise ValueError(f"unknown grade tone {tone!r}")
    return format_html('<span class="p-grade is-{}">{}</span>', tone, text)


MOVES = {
    1: (" is-up", "M5 1 9.5 8.5H.5z"),
    -1: (" is-down", "M5 9 .5 1.5h9z"),
    0: ("", "M1 4h8v2H1z"),
}


@register.simple_tag
def movement(places: int | None) -> SafeString:
    """Rank movement: positive rose, negative fell, 0 the same; None means there was no rank before."""
    if places is None:
        return format_html('<span class="p-move">{}</span>', pgettext("rank movement", "new"))
    direction = (places > 0) - (places < 0)
    tone, path = MOVES[direction]
    words = {1: _("rose by"), -1: _("fell by"), 0: _("no change")}[direction]
    return format_html(
        '<span class="p-move{}"><svg viewBox="0 0 10 10" aria-hidden="true"><path d="{}" fill="currentColor"/></svg>'
        '<span class="visually-hidden">{}</span>{}</span>',
        tone,
        path,
        words,
        abs(places) or "",
    )


@register.simple_tag
def rank(place: int | None, first: int = 3) -> SafeString:
    """A rank; the first three (or `first`) stand on the honour colour. None is a dash."""
    if place is None:
        return format_html('<span class="p-rank">{}</span>', formatting.NO_DATA)
    return format_html('<span class="p-rank{}">{}</span>', " is-123" if place <= first else "", place)


FLAG_CLOTH = "M6 3.5c3-1.6 6 1.6 9 .6 1.7-.5 3-.9 4.2-.6v9.6c-1.2-.4-2.5 0-4.2.5-3 1-6-2.2-9-.6z"
FLAG_STATES = ("held", "wait", "off", "none")


@register.inclusion_tag("portal/_flag.html")
def flag(state: str, label: str = "") -> dict[str, str]:
    """A red flag: "held", "wait" (applied for or being checked), "off" (taken down), "none"."""
    if state not in FLAG_STATES:
        raise ValueError(f"unknown flag state {state!r}")
    words = {"held": _("flag held"), "wait": _("flag applied for"), "off": _("flag taken down"), "none": _("no flag")}
    return {"state": state, "label": label or words[state], "cloth": FLAG_CLOTH}


@register.simple_tag
def deadline(due: datetime) -> SafeString:
    """Time left: neutral above two days, then the figure in red, past it a chip "N days overdue"."""
    left = due - timezone.now()
    if left < timedelta(0):
        return _overdue(left)
    return format_html('<span class="{}">{}</span>', "p-brand p-strong" if left <= SOON else "", time_left(left))


@register.simple_tag
def countdown(due: datetime) -> SafeString:
    """The time left as large figures with small units, for the clock of a page; past it as `deadline`."""
    left = due - timezone.now()
    if left < timedelta(0):
        return _overdue(left)
    days, hours, minutes = _parts(left)
    figures = (
        ((days, pgettext("countdown", "d")), (hours, pgettext("countdown", "h")))
        if days
        else ((hours, pgettext("countdown", "h")), (minutes, pgettext("countdown", "min")))
    )
    return format_html_join("", "{}<small>{}</small>", figures)


def time_left(left: timedelta) -> str:
    """`1 day 7 hours left`; to the minute below 24 hours."""
    days, hours, minutes = _parts(left)
    if days:
        return _("%(days)d d %(hours)d h left") % {"days": days, "hours": hours}
    return _("%(hours)d h %(minutes)d min left") % {"hours": hours, "minutes": minutes}


def _parts(left: timedelta) -> tuple[int, int, int]:
    """Whole days, then hours, then minutes."""
    hours, minutes = divmod(left // timedelta(minutes=1), 60)
    days, hours = divmod(hours, 24)
    return days, hours, minutes


def _overdue(left: timedelta) -> SafeString:
    days = max(1, -left // timedelta(days=1))
    return chip("bad", ngettext("%(n)d day overdue", "%(n)d days overdue", days) % {"n": days})


# --- Bars, lines, steps -----------------------------------------------------------------


@register.simple_tag
def progress(value: int, maximum: int, label: str, tone: str = "", size: str = "") -> SafeString:
    """A bar of value out of maximum. Tones "ok", "brand", "warn"; size "lg". The label is read out."""
    classes = "".join(f" is-{name}" for name in (tone, size) if name)
    return format_html(
        '<progress class="p-bar{}" value="{}" max="{}" aria-label="{}">{}</progress>',
        classes,
        value,
        maximum or 1,
        label,
        value,
    )


@register.simple_tag
def meter(value: int, maximum: int, label: str) -> SafeString:
    """A bar with `11/16` beside it, green once complete."""
    tone = "ok" if maximum and value >= maximum else ""
    return format_html(
        '<span class="p-meter">{}<span class="p-num">{}/{}</span></span>',
        progress(value, maximum, label, tone),
        value,
        maximum,
    )


@register.simple_tag
def svgbar(parts: Iterable[tuple[int, Decimal | int]], maximum: Decimal | int, label: str) -> SafeString:
    """A stacked bar. Each part is (series number 0 to 8, length); lengths are shares of `maximum`."""
    rects, start = [], Decimal(0)
    for series, length in parts:
        width = Decimal(length) * 100 / Decimal(maximum)
        rects.append((series, _trim(start), _trim(width)))
        start += width
    return format_html(
        '<svg class="p-svgbar" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        label,
        format_html_join("", '<rect class="f{}" x="{}" y="0" width="{}" height="12"/>', rects),
    )


@register.simple_tag
def spark(values: Sequence[Decimal | int | None], label: str, *, lower_is_better: bool = False) -> SafeString:
    """A line of the last months, newest last; None leaves a gap. For ranks pass lower_is_better."""
    known = [value for value in values if value is not None]
    if not known:
        return format_html('<span class="p-muted" aria-label="{}">{}</span>', label, formatting.NO_DATA)
    low, high = min(known), max(known)
    span = Decimal(high - low) or Decimal(1)
    step = Decimal(SPARK_WIDTH - 8) / max(1, len(values) - 1)
    runs: list[list[str]] = [[]]
    last = ("0", "0")
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        share = Decimal(value - low) / span if high != low else Decimal("0.5")
        share = 1 - share if lower_is_better else share
        last = (_trim(4 + place * step), _trim(4 + (1 - share) * (SPARK_HEIGHT - 8)))
        runs[-1].append(",".join(last))
    lines = format_html_join("", '<polyline points="{}"/>', ((" ".join(run),) for run in runs if len(run) > 1))
    return format_html(
        '<svg class="p-spark" viewBox="0 0 {} {}" role="img" aria-label="{}">{}<circle cx="{}" cy="{}" r="2.5"/></svg>',
        SPARK_WIDTH,
        SPARK_HEIGHT,
        label,
        lines,
        *last,
    )


def _trim(value: Decimal) -> str:
    return f"{formatting.rounded(value, 2).normalize():f}"


@register.simple_tag
def steps(labels: Iterable[str], current: int, extra_class: str = "") -> SafeString:
    """Numbered steps; `current` counts from 1, and len + 1 means that all are done."""
    items = []
    for number, text in enumerate(labels, start=1):
        state = "is-done" if number < current else "is-now" if number == current else ""
        items.append((state, "step" if number == current else "false", text))
    return format_html(
        '<ol class="p-steps{}">{}</ol>',
        f" {extra_class}" if extra_class else "",
        format_html_join("", '<li class="{}" aria-current="{}"><span>{}</span></li>', items),
    )


# --- Pieces of pages --------------------------------------------------------------------


@register.inclusion_tag("portal/_empty.html")
def empty(
    icon_name: str, title: str, text: str = "", url: str = "", action: str = "", small: bool = False
) -> dict[str, Any]:
    """Nothing here yet or nothing found: what, why it matters, one way on."""
    return {"icon_name": icon_name, "title": title, "text": text, "url": url, "action": action, "small": small}


@register.inclusion_tag("portal/_alert.html")
def alert(tone: str, text: str, title: str = "") -> dict[str, str]:
    """A message inside the page. Tones "ok", "info", "warn", "bad"; only "bad" interrupts a reader."""
    return {"tone": tone, "text": text, "title": title, "icon_name": TONE_ICONS[tone]}


@register.inclusion_tag("portal/_pager.html", takes_context=True)
def pager(context: template.Context, page: Page, unit: str = "") -> dict[str, Any]:
    """Page numbers under a table; keeps the other conditions of the address. `unit` follows the count."""
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)
    return {
        "request": context["request"],
        "page": page,
        "numbers": list(numbers),
        "gap": page.paginator.ELLIPSIS,
        "unit": unit,
    }


# --- Forms ------------------------------------------------------------------------------


WIDGET_CLASSES = {"select": "p-select", "textarea": "p-textarea", "checkbox": "", "radio": ""}


@register.inclusion_tag("portal/_field.html")
def field(bound: BoundField, extra_class: str = "") -> dict[str, Any]:
    """One form field: label, control, help, and errors with the control pointing at them."""
    kind = getattr(bound.field.widget, "input_type", "textarea")
    if bound.widget_type in ("select", "textarea"):
        kind = bound.widget_type
    attrs: dict[str, str | bool] = {"class": f"{WIDGET_CLASSES.get(kind, 'p-input')} {extra_class}".strip()}
    described = [f"{bound.auto_id}_error"] if bound.errors else []
    if bound.help_text:
        described.append(f"{bound.auto_id}_helptext")
    if described:
        attrs["aria-describedby"] = " ".join(described)
    is_check = kind == "checkbox" and not bound.use_fieldset
    return {"field": bound, "control": bound.as_widget(attrs=attrs), "is_check": is_check}


@register.inclusion_tag("portal/_form_errors.html")
def form_errors(form: BaseForm) -> dict[str, Any]:
    """Above a form that was refused: how many places, each a link to its field."""
    return {"form": form, "fields": [bound for bound in form if bound.errors], "general": form.non_field_errors()}
