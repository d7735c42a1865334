"""The parts of a scheme, each on a page: shown to everyone in scope, edited by the county staff while it is a draft."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assessments import comparison, deadlines, scheme_forms
from assessments.models import AdjustmentItem, Scheme
from assessments.rules import (
    FULL_WEIGHT,
    IndicatorRule,
    SchemeRules,
    describe,
    describe_adjustment,
    from_hundredths,
    in_language,
    plain,
)
from assessments.scheme_forms import (
    AdjustmentForm,
    CalendarForm,
    CategoriesForm,
    DetailsForm,
    DraftForm,
    ExampleForm,
    GradesForm,
    IndicatorForm,
    WeightsForm,
)
from assessments.services import schemes
from assessments.views.schemes import Version, draft_of, render_version, set_aside_treatments, version_of
from assessments.wording import setting_texts
from branches import indicators

CHANGES_TOLD = 3
Context = Mapping[str, Any]


# --- Saving a form --------------------------------------------------------------------------


def _save(request: HttpRequest, version: Version, form: DraftForm) -> bool:
    """Whether the form's change was stored. If somebody was faster, the form shows both values and asks again."""
    if not form.is_valid():
        return False
    try:
        changes = schemes.change_scheme(
            version.scheme,
            form.apply,
            version=form.cleaned_data["version"],
            by=request.user,
            now=timezone.now(),
        )
    except ValidationError as error:
        _refuse(form, version, error)
        return False
    _tell(request, changes)
    return True


def _refuse(form: DraftForm, version: Version, error: ValidationError) -> None:
    found = error.error_list[0]
    if found.code == "changed_meanwhile":
        form.conflict = (found.messages[0], form.differences())
        form.accept_version(version.scheme.version)
    else:
        form.add_error("number" if found.code == "number_taken" and "number" in form.fields else None, found)


def _tell(request: HttpRequest, changes: list[comparison.Change]) -> None:
    if not changes:
        messages.info(request, _("Nothing was different, so nothing was saved."))
        return
    words = _("; ").join(map(change_words, changes[:CHANGES_TOLD]))
    more = len(changes) - CHANGES_TOLD
    if more > 0:
        words = _("%(words)s and %(more)d more") % {"words": words, "more": more}
    messages.success(request, _("Saved: %(words)s.") % {"words": words})


def change_words(change: comparison.Change) -> str:
    """One difference as a short sentence."""
    values = {
        "subject": change.subject,
        "side": change.side,
        "before": change.before or "—",
        "after": change.after or "—",
    }
    if change.kind == "added":
        return _("%(subject)s added") % values
    if change.kind == "removed":
        return _("%(subject)s removed") % values
    return (_("%(subject)s %(side)s %(before)s → %(after)s") % values).replace("  ", " ")


def _part_page(
    request: HttpRequest,
    pk: int,
    tab: str,
    template: str,
    make_form: Callable[[Any, Version], DraftForm],
    context: Callable[[Version], Context] = lambda version: {},
) -> HttpResponse:
    """Show one part of a version; save it when it is sent."""
    if request.method == "POST":
        version = draft_of(request, pk)
        form = make_form(request.POST, version)
        if _save(request, version, form):
            return redirect(request.path)
        status = 409 if form.conflict else 422
        return render_version(request, version, tab, template, {"form": form, **context(version)}, status=status)
    version = version_of(request, pk)
    return render_version(request, version, tab, template, {"form": make_form(None, version), **context(version)})


# --- Indicators and weights -------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def scheme(request: HttpRequest, pk: int) -> HttpResponse:
    """Categories and indicators in one table, with the weights and their sum."""

    def make_form(data: Any, version: Version) -> DraftForm:
        return WeightsForm(data, version=version.scheme.version, layout=version.layout)

    return _part_page(request, pk, "indicators", "assessments/scheme.html", make_form, _indicator_context)


def _indicator_context(version: Version) -> Context:
    waiting = set_aside_treatments(version.rules)
    total = sum(item.weight for item in version.rules.indicators)
    return {
        "categories": [
            (category, version.rules.category_weight(category.code), _rows(version.rules, category.code, waiting))
            for category in version.rules.categories
        ],
        "waiting": waiting,
        "total": from_hundredths(total),
        "gap": gap_words(total),
        "gap_texts": {
            "full": gap_words(FULL_WEIGHT),
            "missing": _("%(gap)s missing until 100"),
            "over": _("%(gap)s too many, the sum has to be 100"),
            "unreadable": _("A weight is not a number with at most one decimal."),
        },
    }


def _rows(rules: SchemeRules, category: str, waiting: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"rule": item, "sentence": sentence(item), "waiting": waiting.get(item.code, ""), "field": f"w-{item.code}"}
        for item in rules.indicators
        if item.category == category
    ]


def sentence(item: IndicatorRule) -> str:
    """The rule in words; a half-written one says so."""
    try:
        return describe(item)
    except (ArithmeticError, IndexError, KeyError, TypeError, ValueError):
        return _("Not complete yet")


def gap_words(total: int) -> str:
    """What is missing until the weights (hundredths) sum to 100."""
    if total == FULL_WEIGHT:
        return _("The weights sum to exactly 100.")
    gap = plain(from_hundredths(abs(FULL_WEIGHT - total)))
    if total < FULL_WEIGHT:
        return _("%(gap)s missing until 100") % {"gap": gap}
    return _("%(gap)s too many, the sum has to be 100") % {"gap": gap}


@require_http_methods(["GET", "POST"])
def scheme_categories(request: HttpRequest, pk: int) -> HttpResponse:
    """The categories: their names and order."""

    def make_form(data: Any, version: Version) -> DraftForm:
        return CategoriesForm(data, version=version.scheme.version, layout=version.layout)

    return _part_page(request, pk, "indicators", "assessments/scheme_categories.html", make_form)


@require_http_methods(["GET", "POST"])
def scheme_indicator(request: HttpRequest, pk: int, code: str = "") -> HttpResponse:
    """One indicator: what it counts, where its value comes from, its rule. Without a code a new one."""
    version = version_of(request, pk)
    item = _find(version.layout["indicators"], code) if code else None
    if not version.may_edit:
        if request.method == "POST" or not code:
            draft_of(request, pk)
        return _indicator_read_only(request, version, code)
    initial = None if item else {"category": request.GET.get("category", "")}
    form = IndicatorForm(
        request.POST if request.method == "POST" else None,
        version=version.scheme.version,
        layout=version.layout,
        item=item,
        initial=initial,
    )
    status = 200
    if request.method == "POST":
        if "change_rule" in request.POST:
            return _changed_rule(request, version, form, item)
        if _save(request, version, form):
            return redirect("assessments:scheme", pk=pk)
        status = 409 if form.conflict else 422
    return _indicator_page(request, version, form, item, status=status)


def _find(rows: list[dict[str, Any]], code: str) -> dict[str, Any]:
    """The row of a layout with this code. Raises Http404."""
    row = next((row for row in rows if row["code"] == code), None)
    if row is None:
        raise Http404
    return row


def _changed_rule(
    request: HttpRequest, version: Version, form: IndicatorForm, item: Mapping[str, Any] | None
) -> HttpResponse:
    """The form as typed so far with the settings of the rule chosen; nothing is saved."""
    typed: dict[str, Any] = {name: form.data.get(name, "") for group in form.GROUPS.values() for name in group}
    typed |= {"has_denominator": "has_denominator" in form.data, "rule_type": form.chosen_rule, "parameters": {}}
    seen = form.data.get("version", "")
    fresh = IndicatorForm(version=int(seen) if seen.isdecimal() else 0, layout=version.layout, item=item, initial=typed)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "assessments/_scheme_settings.html", {"form": fresh})
    return _indicator_page(request, version, fresh, item)


def _indicator_page(
    request: HttpRequest, version: Version, form: IndicatorForm, item: Mapping[str, Any] | None, *, status: int = 200
) -> HttpResponse:
    sources = [source for source in indicators.registered() if source.kind == "denominator"]
    context = {
        "form": form,
        "item": item,
        "what": form.group("what"),
        "source": form.group("source"),
        "english": form.group("english"),
        "english_has_errors": form.is_bound and any(bound.errors for bound in form.group("english")),
        "subject": _("New indicator") if item is None else _title(item),
        "denominators": sources,
        "until_source": item is not None and set_aside_treatments(version.rules).get(item["code"], ""),
    }
    return render_version(request, version, "indicators", "assessments/scheme_indicator.html", context, status=status)


def _title(item: Mapping[str, Any]) -> str:
    return f"{item['code']} {in_language(item['name'], item['name_en'])}"


def _indicator_read_only(request: HttpRequest, version: Version, code: str) -> HttpResponse:
    rule = version.rules.indicator(code)
    if rule is None:
        raise Http404
    context = {
        "rule": rule,
        "subject": f"{rule.code} {in_language(rule.name, rule.name_en)}",
        "sentence": sentence(rule),
        "settings": setting_texts(rule),
        "source": comparison.SOURCES[rule.source],
        "waiting": set_aside_treatments(version.rules).get(code, ""),
    }
    return render_version(request, version, "indicators", "assessments/scheme_indicator_view.html", context)


@require_POST
def scheme_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an indicator, an item or an example out of a draft; the page offers to undo it."""
    version = draft_of(request, pk)
    part, code = request.POST.get("part", ""), request.POST.get("code", "")
    tab = {"indicators": "scheme", "adjustments": "scheme_items", "examples": "scheme_examples"}.get(part)
    if tab is None:
        raise Http404
    _edit(request, version, scheme_forms.removed(part, code))
    return redirect(f"assessments:{tab}", pk=pk)


def _edit(request: HttpRequest, version: Version, edit: scheme_forms.Edit) -> None:
    """Make one change to the version that the user saw, and tell what changed or why not."""
    seen = request.POST.get("version", "")
    number = int(seen) if seen.isdecimal() else 0
    try:
        changes = schemes.change_scheme(version.scheme, edit, version=number, by=request.user, now=timezone.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        _tell(request, changes)


# --- Bonus, penalty, veto -----------------------------------------------------------------------


@require_GET
def scheme_items(request: HttpRequest, pk: int) -> HttpResponse:
    """What adds, takes off or caps the grade."""
    version = version_of(request, pk)
    described = [(item, describe_adjustment(item, version.rules.grades)) for item in version.rules.adjustments]
    kinds = [
        (kind, label, [(item, words) for item, words in described if item.kind == kind])
        for kind, label in AdjustmentItem.Kind.choices
    ]
    return render_version(request, version, "items", "assessments/scheme_items.html", {"kinds": kinds})


@require_http_methods(["GET", "POST"])
def scheme_item(request: HttpRequest, pk: int, code: str = "") -> HttpResponse:
    """One bonus, penalty or veto. Without a code a new one of `?kind=`."""
    version = draft_of(request, pk)
    item = _find(version.layout["adjustments"], code) if code else None
    kind = item["kind"] if item else request.GET.get("kind", "")
    if kind not in AdjustmentItem.Kind.values:
        raise Http404
    form = AdjustmentForm(
        request.POST if request.method == "POST" else None,
        version=version.scheme.version,
        layout=version.layout,
        kind=kind,
        item=item,
    )
    status = 200
    if request.method == "POST":
        if _save(request, version, form):
            return redirect("assessments:scheme_items", pk=pk)
        status = 409 if form.conflict else 422
    kind_label = AdjustmentItem.Kind(kind).label
    subject = _title(item) if item else _("New: %(kind)s") % {"kind": kind_label}
    context = {"form": form, "item": item, "subject": subject, "kind": kind}
    return render_version(request, version, "items", "assessments/scheme_item.html", context, status=status)


# --- Caps, calendar, details ----------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def scheme_grades(request: HttpRequest, pk: int) -> HttpResponse:
    """The caps of bonus and penalty, and the grade lines."""

    def make_form(data: Any, version: Version) -> DraftForm:
        return GradesForm(data, version=version.scheme.version, layout=version.layout)

    return _part_page(
        request, pk, "grades", "assessments/scheme_grades.html", make_form, lambda version: {"rules": version.rules}
    )


@require_http_methods(["GET", "POST"])
def scheme_calendar(request: HttpRequest, pk: int) -> HttpResponse:
    """The days and hours of a month, with what they mean for the coming months."""

    def make_form(data: Any, version: Version) -> DraftForm:
        return CalendarForm(data, version=version.scheme.version, layout=version.layout)

    return _part_page(request, pk, "calendar", "assessments/scheme_calendar.html", make_form, _calendar_context)


def _calendar_context(version: Version) -> Context:
    calendar = version.layout["calendar"]
    known = [(label, calendar[step]) for step, label in deadlines.STEP_LABELS.items() if step in calendar]
    return {
        "steps": [(label, deadlines.step_text(rule)) for label, rule in known],
        "counts": [(label, calendar.get(name)) for name, label in deadlines.DAY_COUNT_LABELS.items()],
        "preview": _preview(version.scheme, calendar),
    }


def _preview(of: Scheme, calendar: Mapping[str, Any]) -> list[tuple[Any, deadlines.Deadlines]]:
    """The dates of this and the two coming months by a draft's calendar; empty while it is not in order."""
    if deadlines.calendar_problems(calendar):
        return []
    first = timezone.localdate().replace(day=1)
    return schemes.preview_dates(of, [deadlines.next_month(first, count) for count in range(3)])


@require_http_methods(["GET", "POST"])
def scheme_details(request: HttpRequest, pk: int) -> HttpResponse:
    """Title, number, document and who answers for the scheme."""

    def make_form(data: Any, version: Version) -> DraftForm:
        return DetailsForm(data, version=version.scheme.version, initial=version.layout)

    def context(version: Version) -> Context:
        return {"facts": [(label, version.layout[name]) for name, label in comparison.DETAILS.items()]}

    return _part_page(request, pk, "details", "assessments/scheme_details.html", make_form, context)


# --- Worked examples ------------------------------------------------------------------------------


@require_GET
def scheme_examples(request: HttpRequest, pk: int) -> HttpResponse:
    """Every example with the points expected and the points the engine gives."""
    version = version_of(request, pk)
    outcomes = schemes.examples_of(version.layout)
    rows = [(number, outcome, _shown_lines(version.rules, outcome)) for number, outcome in enumerate(outcomes, start=1)]
    context = {
        "rows": rows,
        "example_count": len(version.layout["examples"]),
        "failing": sum(1 for outcome in outcomes if not outcome.is_met),
    }
    return render_version(request, version, "examples", "assessments/scheme_examples.html", context)


def _shown_lines(rules: SchemeRules, outcome: Any) -> list[dict[str, Any]]:
    return [
        {
            "label": _line_label(rules, line.name),
            "expected": _line_value(rules, line.name, line.expected),
            "computed": _line_value(rules, line.name, line.computed),
            "is_met": line.is_met,
        }
        for line in outcome.lines
    ]


def _line_label(rules: SchemeRules, name: str) -> str:
    if name in scheme_forms.EXPECTED_SUMS:
        return str(scheme_forms.EXPECTED_SUMS[name])
    rule = rules.indicator(name.removeprefix("weight."))
    label = name if rule is None else f"{rule.code} {in_language(rule.name, rule.name_en)}"
    return _("%(label)s, full marks") % {"label": label} if name.startswith("weight.") else label


def _line_value(rules: SchemeRules, name: str, value: str) -> str:
    if name != "grade":
        return value
    return next((in_language(grade.name, grade.name_en) for grade in rules.grades if grade.code == value), value)


@require_http_methods(["GET", "POST"])
def scheme_example(request: HttpRequest, pk: int, number: int = 0) -> HttpResponse:
    """One worked example; number 0 is a new one, or with `?like=3` a new one that begins as the third."""
    version = draft_of(request, pk)
    examples = version.layout["examples"]
    if number > len(examples):
        raise Http404
    example = examples[number - 1] if number else None
    form = ExampleForm(
        request.POST if request.method == "POST" else None,
        version=version.scheme.version,
        rules=version.rules,
        example=example if number else _like(examples, request.GET.get("like", "")),
    )
    form.former_title = example["title"] if example else ""
    status = 200
    if request.method == "POST":
        if _save(request, version, form):
            return redirect("assessments:scheme_examples", pk=pk)
        status = 409 if form.conflict else 422
    subject = example["title"] if example else _("New example")
    context = {"form": form, "number": number, "subject": subject, "outcome": _outcome(version, form, example)}
    return render_version(request, version, "examples", "assessments/scheme_example.html", context, status=status)


def _like(examples: list[dict[str, Any]], number: str) -> dict[str, Any] | None:
    if not number.isdecimal() or not 1 <= int(number) <= len(examples):
        return None
    return {**examples[int(number) - 1], "title": ""}


def _outcome(version: Version, form: ExampleForm, example: Mapping[str, Any] | None) -> Any:
    """What the engine makes of the example as it stands on the page."""
    shown = form.example() if form.is_bound and form.is_valid() else example
    if shown is None:
        return None
    return schemes.try_example(version.rules, shown)


@require_POST
def scheme_example_accept(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Take the computed points of an example as the expected ones, after a look at the difference."""
    version = draft_of(request, pk)
    examples = version.layout["examples"]
    if not 1 <= number <= len(examples):
        raise Http404
    outcome = schemes.try_example(version.rules, examples[number - 1])
    computed = {} if outcome is None else {line.name: line.computed for line in outcome.lines}

    def edit(layout: schemes.Layout) -> None:
        layout["examples"][number - 1]["expected"].update(computed)

    _edit(request, version, edit)
    return redirect(reverse("assessments:scheme_examples", args=[pk]) + f"#example-{number}")
