"""Income targets of villages, set for a whole county at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Unit
from branches.versions import Conflict
from collective_economy.models import IncomeTarget
from collective_economy.models.money import DECIMALS, WHOLE_DIGITS

YEARS = range(2000, 2101)
CENT = Decimal(1).scaleb(-DECIMALS)
MOST = Decimal(10) ** (WHOLE_DIGITS - DECIMALS)
"""Yuan that no field holds any more."""


@transaction.atomic
def set_targets(
    year: int,
    amounts: Mapping[Unit, Decimal],
    document: str,
    *,
    by: User,
    base: Mapping[int, int] | None = None,
) -> int:
    """Operating income in yuan that each village is to reach in the year; how many rows changed.

    A village that is not named keeps its target. `base`: key of the village -> version of the target that the writer
    saw, 0 for none. Raises Conflict where somebody else changed one of them since, ValidationError "empty",
    "wrong_year", "no_document", "wrong_amount", "not_a_village"; then nothing is written.
    """
    document = _checked(year, amounts, document)
    # The villages are locked, not the targets: two writers may both be about to make the first one.
    keys = sorted(unit.pk for unit in amounts)
    list(Unit.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk").values_list("pk"))
    held = {row.unit_id: row for row in IncomeTarget.objects.filter(year=year, unit__in=keys)}
    if base is not None:
        _refuse_stale(held, base, keys)
    events = []
    made, changed = [], []
    for unit, amount in amounts.items():
        row = held.get(unit.pk)
        if row is None:
            row = IncomeTarget(unit=unit, path=unit.path, year=year, amount=amount, document=document, entered_by=by)
            made.append(row)
            events.append((row, {"year": year, "amount": [None, amount], "document": [None, document]}))
        elif (row.amount, row.document) != (amount, document):
            before = {"amount": row.amount, "document": row.document}
            row.amount, row.document, row.entered_by = amount, document, by
            row.version += 1
            changed.append(row)
            after = {"amount": amount, "document": document}
            events.append((row, {"year": year, **audit.changes_between(before, after)}))
    _write(made, changed)
    audit.record_many(
        audit.Entry(event="collective_economy.save_incometarget", actor=by, target=row, unit=row.path, changes=changes)
        for row, changes in events
    )
    return len(events)


def _checked(year: int, amounts: Mapping[Unit, Decimal], document: str) -> str:
    """The document as it is kept."""
    if not amounts:
        raise ValidationError(_("Enter at least one target."), "empty")
    if year not in YEARS:
        raise ValidationError(_("Choose a year from 2000 to 2100."), "wrong_year")
    document = document.strip()[:120]
    if not document:
        raise ValidationError({"document": ValidationError(_("Enter the document it rests on."), "no_document")})
    for unit, amount in amounts.items():
        if unit.kind != "village":
            raise ValidationError(_("Targets are set for villages: %(unit)s") % {"unit": unit.name}, "not_a_village")
        check_amount(amount, unit.name)
    return document


def check_amount(amount: Decimal, whose: object) -> None:
    """Raises ValidationError "wrong_amount" for what is below 0, has parts of a cent or is too large to keep."""
    if not amount.is_finite() or not 0 <= amount < MOST or amount != amount.quantize(CENT):
        words = _("%(whose)s: a target is an amount of at least 0 with at most two decimals in yuan.")
        raise ValidationError(words % {"whose": whose}, "wrong_amount")


def _refuse_stale(held: Mapping[int, IncomeTarget], base: Mapping[int, int], keys: Collection[int]) -> None:
    if any((held[key].version if key in held else 0) != base.get(key, 0) for key in keys):
        raise Conflict


def _write(made: list[IncomeTarget], changed: list[IncomeTarget]) -> None:
    IncomeTarget.objects.bulk_create(made, batch_size=500)
    IncomeTarget.objects.bulk_update(changed, ["amount", "document", "entered_by", "version"], batch_size=500)
