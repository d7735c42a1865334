"""Bonuses, penalties and vetoes of a month: each with its document, entered by the county alone."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from assessments.models import Adjustment, Period
from assessments.rules import AdjustmentRule
from assessments.services.periods import rules_of_month
from branches.models import Unit

ENTERABLE = (Period.State.OPEN, Period.State.LOCKED)
MOST_TIMES = 20


def enterable_items(period: Period) -> list[AdjustmentRule]:
    """The items of the month's rules that a person enters; the others follow from the records."""
    return [item for item in rules_of_month(period).adjustments if item.source != "S"]


@transaction.atomic
def record_adjustment(
    period: Period,
    village: Unit,
    item_code: str,
    level: str,
    *,
    document: str,
    happened_on: date,
    by: User,
    count: int = 1,
    evidence: str = "",
) -> Adjustment:
    """Give a village of the month a bonus, penalty or veto.

    Raises ValidationError "month_closed", "item_unknown", "level_unknown", "count_out_of_range",
    "document_missing", "evidence_missing" (a veto), "date_after_month", "village_unknown".
    Rule: docs/rules/bonus.md, penalty.md, veto.md.
    """
    period = Period.objects.select_for_update().get(pk=period.pk)
    _refuse_closed(period)
    item = next((one for one in enterable_items(period) if one.code == item_code), None)
    if item is None:
        raise ValidationError(_("Choose an item of this month's scheme."), "item_unknown")
    _check(item, level, count, document, evidence)
    if not period.village_months.filter(village=village).exists():
        raise ValidationError(_("This village does not take part in the month."), "village_unknown")
    if (happened_on.year, happened_on.month) > (period.month.year, period.month.month):
        raise ValidationError(_("The date lies after the month."), "date_after_month")
    row = Adjustment.objects.create(
        period=period,
        village=village,
        path=village.path,
        item_code=item_code,
        level=level,
        count=count,
        document=document.strip(),
        happened_on=happened_on,
        evidence=evidence.strip(),
        entered_by=by,
    )
    changes = {
        "item": [None, item_code],
        "level": [None, level],
        "count": [None, count],
        "document": [None, row.document],
    }
    audit.record("assessments.add_adjustment", actor=by, target=row, unit=village, changes=changes, reason=row.evidence)
    return row


@transaction.atomic
def void_adjustment(adjustment: Adjustment, *, reason: str, by: User) -> Adjustment:
    """Take an entry back; it stays on record. Raises ValidationError "month_closed", "reason_missing", "void"."""
    row = Adjustment.objects.select_for_update().select_related("period").get(pk=adjustment.pk)
    _refuse_closed(row.period)
    if not reason.strip():
        raise ValidationError(_("Say why the entry is taken back."), "reason_missing")
    if row.is_void:
        raise ValidationError(_("This entry has been taken back already."), "void")
    row.is_void = True
    row.version += 1
    row.save(update_fields=["is_void", "version"])
    audit.record(
        "assessments.void_adjustment",
        actor=by,
        target=row,
        unit=row.path,
        changes={"is_void": [False, True], "item": [row.item_code, row.item_code]},
        reason=reason.strip(),
    )
    return row


def _refuse_closed(period: Period) -> None:
    if period.state not in ENTERABLE:
        raise ValidationError(
            _("The ranking of this month is computed. Discard its draft first, or correct it by a revision."),
            "month_closed",
        )


def _check(item: AdjustmentRule, level: str, count: int, document: str, evidence: str) -> None:
    if item.kind != "veto" and item.level(level) is None:
        raise ValidationError(_("Choose a level of the item."), "level_unknown")
    if not 1 <= count <= (1 if item.kind == "veto" else MOST_TIMES):
        raise ValidationError(_("Between 1 and %(most)s times.") % {"most": MOST_TIMES}, "count_out_of_range")
    if not document.strip():
        raise ValidationError(_("Give the number of the document it rests on."), "document_missing")
    if item.kind == "veto" and not evidence.strip():
        raise ValidationError(_("A veto needs its evidence in a sentence."), "evidence_missing")
