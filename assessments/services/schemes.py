"""Versions of a county's rules for the month: written as drafts, checked, published for a coming month, then frozen.

A draft is changed as a whole: read its layout (plain JSON values), change it, write it
back. So every change can be undone, compared and recorded in one way.
Rule: docs/guide/scheme.md; decision: docs/decisions/0010-a-scheme-is-written-as-a-whole.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from assessments import comparison, deadlines
from assessments.examples import Outcome, check
from assessments.models import AdjustmentItem, Category, Indicator, Period, Scheme, SchemeExample
from assessments.rules import RuleProblem, SchemeRules, scheme_problems
from assessments.services import month_plan
from branches.models import Unit

Layout = dict[str, Any]
"""A scheme as plain JSON values: the snapshot of its rules, with calendar, examples and how it presents itself."""

SEED = Path(__file__).resolve().parents[1] / "seed" / "scheme.json"
TEXTS = ("name", "name_en", "document", "catalogue_number", "owner")


# --- Reading ------------------------------------------------------------------------------


def rules_of(scheme: Scheme) -> SchemeRules:
    """The rules of a scheme: as published, or as the draft stands now.

    A month is scored by its own rules, `periods.rules_of_month`, which know what the system
    could compute when the month opened.
    """
    if scheme.snapshot is not None:
        return SchemeRules.from_snapshot(scheme.snapshot)
    return SchemeRules.from_snapshot(layout_of(scheme))


def scheme_in_force(county: Unit, month: date) -> Scheme | None:
    """The published scheme of a county that holds in `month`, None before its first one.

    Where two begin with the same month, the one published last replaces the other.
    """
    return month_plan.schemes_in_force([county.pk], [month]).get((county.pk, month))


def layout_of(scheme: Scheme) -> Layout:
    """The scheme as stored, as plain JSON values. Five queries whatever its size."""
    return {
        **{name: getattr(scheme, name) for name in TEXTS},
        "number": scheme.number,
        "minutes_needed": scheme.minutes_needed,
        "bonus_cap": str(scheme.bonus_cap),
        "penalty_cap": str(scheme.penalty_cap),
        "grades": scheme.grade_lines,
        "calendar": scheme.calendar,
        "categories": [_category_layout(row) for row in scheme.categories.all()],
        "indicators": [_indicator_layout(row) for row in scheme.indicators.select_related("category")],
        "adjustments": [_adjustment_layout(row) for row in scheme.adjustment_items.all()],
        "examples": [
            {"title": row.title, "values": row.values, "expected": row.expected} for row in scheme.examples.all()
        ],
    }


def _category_layout(row: Category) -> dict[str, Any]:
    return {"code": row.code, "name": row.name, "name_en": row.name_en}


INDICATOR_FIELDS = {
    "code": "code",
    "name": "name",
    "name_en": "name_en",
    "short_name": "short_name",
    "short_name_en": "short_name_en",
    "rule_type": "rule_type",
    "parameters": "parameters",
    "source": "source",
    "source_code": "source_code",
    "unit": "unit_label",
    "unit_en": "unit_label_en",
    "has_denominator": "has_denominator",
    "numerator_label": "numerator_label",
    "numerator_label_en": "numerator_label_en",
    "denominator_label": "denominator_label",
    "denominator_label_en": "denominator_label_en",
    "denominator_source": "denominator_source",
    "definition": "definition",
}
"""Name in the rules -> field of the row; weight and category are converted."""

ADJUSTMENT_FIELDS = {
    "code": "code",
    "name": "name",
    "name_en": "name_en",
    "kind": "kind",
    "levels": "levels",
    "grade_cap": "grade_cap",
    "year_grade_cap": "year_grade_cap",
    "ranks_last": "ranks_last",
    "source": "source",
    "source_code": "source_code",
    "needs_document": "needs_document",
    "unit": "unit_label",
    "unit_en": "unit_label_en",
}


def _indicator_layout(row: Indicator) -> dict[str, Any]:
    fields = {name: getattr(row, field) for name, field in INDICATOR_FIELDS.items()}
    return {**fields, "weight": str(row.weight), "category": row.category.code}


def _adjustment_layout(row: AdjustmentItem) -> dict[str, Any]:
    fields = {name: getattr(row, field) for name, field in ADJUSTMENT_FIELDS.items()}
    return {**fields, "cap": None if row.cap is None else str(row.cap)}


# --- What stands between a draft and its publication ---------------------------------------


def examples_of(layout: Layout) -> list[Outcome]:
    """The worked examples, each with the points expected and computed. Empty while the rules cannot be scored."""
    rules = SchemeRules.from_snapshot(layout)
    if scheme_problems(rules):
        return []
    return [check(rules, item) for item in layout["examples"]]


def try_example(rules: SchemeRules, example: Mapping[str, Any]) -> Outcome | None:
    """One example scored; None while the rules themselves have problems."""
    return None if scheme_problems(rules) else check(rules, example)


def preview_dates(scheme: Scheme, months: Sequence[date]) -> list[tuple[date, deadlines.Deadlines]]:
    """The dates that months would have by the scheme's calendar and the county's holidays."""
    return list(month_plan.dates_of(scheme, months).items())


def problems_of(layout: Layout) -> list[RuleProblem]:
    """Everything the author has to put right before the scheme can be published; empty when nothing is in the way."""
    rules = SchemeRules.from_snapshot(layout)
    found = scheme_problems(rules)
    found += deadlines.calendar_problems(layout["calendar"])
    if not layout["document"].strip():
        found.append(
            RuleProblem(
                "document_missing", _("Give the number of the document that this scheme rests on."), field="document"
            )
        )
    if not layout["examples"]:
        found.append(RuleProblem("examples_missing", _("Add at least one worked example."), field="examples"))
    elif not scheme_problems(rules):
        found += [_example_problem(item) for item in examples_of(layout) if not item.is_met]
    return found


def _example_problem(outcome: Outcome) -> RuleProblem:
    message = _("The example “%(title)s” gives other points than expected.") % {"title": outcome.title}
    return RuleProblem("example_differs", message, where=outcome.title, field="examples")


# --- New versions ---------------------------------------------------------------------------


@cache
def _seed_text() -> str:
    return SEED.read_text(encoding="utf-8")


def seed_layout() -> Layout:
    """The scheme of handbook section 4, with its calendar and examples."""
    seed = json.loads(_seed_text())
    empty = {**dict.fromkeys(TEXTS, ""), "minutes_needed": 10, "examples": [], "calendar": deadlines.SEED_CALENDAR}
    return deepcopy({**empty, **seed})


@transaction.atomic
def load_seed_scheme(
    county: Unit, *, by: User | None, number: str, first_month: date | None = None, now: datetime | None = None
) -> Scheme:
    """A draft with the ready-to-use scheme of the handbook; its document number is the author's to give.

    `first_month` is only noted; `publish_scheme` puts it in force. Raises ValidationError "number_taken".
    """
    scheme = _create(county, seed_layout(), number=number, by=by, now=now, first_month=first_month)
    audit.record(
        "assessments.add_scheme", actor=by, target=scheme, unit=county, changes={"number": number, "from": "seed"}
    )
    return scheme


@transaction.atomic
def copy_scheme(scheme: Scheme, *, by: User | None, number: str, now: datetime | None = None) -> Scheme:
    """A new draft with everything the scheme says, under a number of its own. Raises ValidationError "number_taken"."""
    copy = _create(scheme.unit, layout_of(scheme), number=number, by=by, now=now, copied_from=scheme)
    changes = {"number": number, "from": scheme.number}
    audit.record("assessments.add_scheme", actor=by, target=copy, unit=scheme, changes=changes)
    return copy


def _create(
    county: Unit, layout: Layout, *, number: str, by: User | None, now: datetime | None, **fields: Any
) -> Scheme:
    if Scheme.objects.filter(unit=county, number=number).exists():
        raise ValidationError(_("There is a version %(number)s already.") % {"number": number}, "number_taken")
    scheme = Scheme(unit=county, path=county.path, number=number, changed_by=by, changed_at=now, **fields)
    _write(scheme, {**layout, "number": number})
    return scheme


# --- Changing a draft -------------------------------------------------------------------------


@transaction.atomic
def change_scheme(
    scheme: Scheme, edit: Callable[[Layout], None], *, version: int, by: User, now: datetime
) -> list[comparison.Change]:
    """Apply `edit` to the layout of a draft and return what changed; `undo_change` takes it back.

    Locks the row. `version` is the one the author saw. Raises ValidationError
    "published" (a published version never changes), "changed_meanwhile" (somebody saved
    in between), "number_taken". Whether the scheme makes sense is asked at publication:
    a draft may be half done.
    """
    draft = _locked_draft(scheme, version)
    before = layout_of(draft)
    after = deepcopy(before)
    edit(after)
    return _replace(draft, before, after, by=by, now=now, event="assessments.change_scheme")


@transaction.atomic
def undo_change(scheme: Scheme, *, version: int, by: User, now: datetime) -> list[comparison.Change]:
    """Take the last change of a draft back; doing it again brings it back.

    Raises as `change_scheme`, and "nothing_to_undo".
    """
    draft = _locked_draft(scheme, version)
    if draft.undo is None:
        raise ValidationError(_("There is nothing to undo."), "nothing_to_undo")
    return _replace(draft, layout_of(draft), draft.undo, by=by, now=now, event="assessments.undo_scheme")


@transaction.atomic
def discard_draft(scheme: Scheme, *, version: int, by: User) -> None:
    """Delete a draft. Raises ValidationError as `change_scheme`."""
    draft = _locked_draft(scheme, version)
    audit.record(
        "assessments.delete_scheme", actor=by, target=draft, changes={"number": draft.number, "rules": layout_of(draft)}
    )
    draft.delete()


def _locked_draft(scheme: Scheme, version: int) -> Scheme:
    draft = Scheme.objects.select_for_update(of=("self",)).select_related("changed_by").get(pk=scheme.pk)
    if draft.state != Scheme.State.DRAFT:
        raise ValidationError(
            _("This version is published and does not change any more. Copy it as a new version."), "published"
        )
    if draft.version != version:
        values = {
            "who": draft.changed_by.name if draft.changed_by else _("somebody"),
            "when": "" if draft.changed_at is None else f"{timezone.localtime(draft.changed_at):%m-%d %H:%M}",
        }
        message = _("%(who)s changed this version at %(when)s. Look at the differences before you save.")
        raise ValidationError(message % values, "changed_meanwhile")
    return draft


def _replace(
    draft: Scheme, before: Layout, after: Layout, *, by: User, now: datetime, event: str
) -> list[comparison.Change]:
    changes = comparison.changes(before, after)
    if before == after:
        return changes
    if after["number"] != before["number"]:
        _refuse_taken_number(draft, after["number"])
    draft.undo, draft.changed_by, draft.changed_at = before, by, now
    draft.version += 1
    _write(draft, after)
    audit.record(event, actor=by, target=draft, changes=comparison.as_audit(changes))
    return changes


def _refuse_taken_number(draft: Scheme, number: str) -> None:
    if Scheme.objects.filter(unit_id=draft.unit_id, number=number).exclude(pk=draft.pk).exists():
        raise ValidationError(_("There is a version %(number)s already.") % {"number": number}, "number_taken")


def _write(scheme: Scheme, layout: Layout) -> None:
    """Store a layout: the scheme's own fields, and its parts anew. A constant number of queries."""
    for name in (*TEXTS, "number", "minutes_needed", "calendar"):
        setattr(scheme, name, layout[name])
    scheme.bonus_cap, scheme.penalty_cap = Decimal(layout["bonus_cap"]), Decimal(layout["penalty_cap"])
    scheme.grade_lines = layout["grades"]
    scheme.save()
    for part in (scheme.examples, scheme.adjustment_items, scheme.indicators, scheme.categories):
        part.all().delete()
    categories = Category.objects.bulk_create(
        Category(scheme=scheme, sort=sort, **item) for sort, item in enumerate(layout["categories"])
    )
    by_code = {category.code: category for category in categories}
    Indicator.objects.bulk_create(_indicators(scheme, layout["indicators"], by_code))
    AdjustmentItem.objects.bulk_create(_adjustments(scheme, layout["adjustments"]))
    SchemeExample.objects.bulk_create(
        SchemeExample(scheme=scheme, sort=sort, **item) for sort, item in enumerate(layout["examples"])
    )


def _indicators(
    scheme: Scheme, items: Iterable[Mapping[str, Any]], categories: Mapping[str, Category]
) -> Iterable[Indicator]:
    for sort, item in enumerate(items):
        fields = {field: item[name] for name, field in INDICATOR_FIELDS.items() if name in item}
        yield Indicator(
            scheme=scheme, category=categories[item["category"]], weight=Decimal(item["weight"]), sort=sort, **fields
        )


def _adjustments(scheme: Scheme, items: Iterable[Mapping[str, Any]]) -> Iterable[AdjustmentItem]:
    for sort, item in enumerate(items):
        fields = {field: item[name] for name, field in ADJUSTMENT_FIELDS.items() if name in item}
        cap = item.get("cap")
        yield AdjustmentItem(scheme=scheme, cap=None if cap is None else Decimal(cap), sort=sort, **fields)


# --- Publication -----------------------------------------------------------------------------


@transaction.atomic
def publish_scheme(scheme: Scheme, *, by: User, first_month: date, now: datetime) -> Scheme:
    """Freeze a draft and put it in force from `first_month` on; months planned from then on follow it.

    Locks the row, so a double click publishes once. Raises ValidationError "published",
    "not_a_month", "month_begun" (that month or a later one has opened already), or with
    the code of each problem found (see `problems_of`).
    """
    draft = Scheme.objects.select_for_update().get(pk=scheme.pk)
    if draft.state != Scheme.State.DRAFT:
        raise ValidationError(_("This version is published already."), "published")
    layout = layout_of(draft)
    problems = problems_of(layout)
    if problems:
        raise ValidationError([ValidationError(item.message, item.code) for item in problems])
    _refuse_begun_month(draft, first_month)
    draft.snapshot = SchemeRules.from_snapshot(layout).to_snapshot()
    draft.state, draft.first_month, draft.undo = Scheme.State.PUBLISHED, first_month, None
    draft.published_by, draft.published_at = by, now
    draft.save()
    replanned = month_plan.replan(draft.unit_id, first_month=first_month)
    changes = {
        "first_month": first_month.isoformat(),
        "document": draft.document,
        "checksum": rules_of(draft).checksum(),
        "months": len(replanned),
    }
    audit.record("assessments.publish_scheme", actor=by, target=draft, changes=changes)
    return draft


def _refuse_begun_month(scheme: Scheme, first_month: date) -> None:
    if first_month.day != 1:
        raise ValidationError(_("A scheme begins with a month."), "not_a_month")
    begun = Period.objects.filter(unit_id=scheme.unit_id, month__gte=first_month).exclude(state=Period.State.PLANNED)
    latest = begun.order_by("-month").values_list("month", flat=True).first()
    if latest is not None:
        message = _("%(month)s has opened already, under another version. Choose a later month.")
        raise ValidationError(message % {"month": f"{latest:%Y-%m}"}, "month_begun")
