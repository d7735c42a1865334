"""Plans of villages: one plan per village (一村一策) with a target for each of its years."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Unit
from branches.versions import claim_version
from collective_economy.models import BusinessModel, VillagePlan
from collective_economy.services.targets import YEARS, check_amount

MOST_YEARS = 10
TEXTS = ("situation", "measures", "responsible_name")
FIELDS = ("first_year", "last_year", "business_model", *TEXTS, "targets")


@transaction.atomic
def save_plan(
    village: Unit,
    *,
    first_year: int,
    last_year: int,
    business_model: str,
    situation: str,
    measures: str,
    responsible_name: str,
    targets: Mapping[int, Decimal],
    by: User,
    plan: VillagePlan | None = None,
    base: int | None = None,
) -> VillagePlan:
    """A plan of the village, or another content of `plan`. `targets`: year -> operating income in yuan, every year.

    `base`: the version of the plan that the writer saw; Conflict if it is another by now. Raises ValidationError
    "not_a_village", "wrong_years", "overlap" with another plan of the village, "wrong_model", "no_text",
    "wrong_targets", "wrong_amount".
    """
    Unit.objects.select_for_update(of=("self",)).get(pk=village.pk)
    values: dict[str, Any] = {
        "first_year": first_year,
        "last_year": last_year,
        "business_model": business_model,
        "situation": situation.strip(),
        "measures": measures.strip(),
        "responsible_name": responsible_name.strip()[:60],
        "targets": {str(year): str(amount) for year, amount in sorted(targets.items())},
    }
    _check(village, values, targets)
    _refuse_overlap(village, values, plan)
    if plan is None:
        row, before = VillagePlan(unit=village, path=village.path), {}
    else:
        row = VillagePlan.objects.select_for_update(of=("self",)).get(pk=plan.pk, unit=village)
        before = {name: getattr(row, name) for name in FIELDS}
        claim_version(row, row.version if base is None else base)
    for name, value in values.items():
        setattr(row, name, value)
    row.entered_by = by
    row.save()
    audit.record(
        "collective_economy.save_villageplan",
        actor=by,
        target=row,
        unit=row.path,
        changes=audit.changes_between(before, values),
    )
    return row


def _check(village: Unit, values: Mapping[str, Any], targets: Mapping[int, Decimal]) -> None:
    if village.kind != "village":
        raise ValidationError(_("A plan is made for a village."), "not_a_village")
    first, last = values["first_year"], values["last_year"]
    if first not in YEARS or last not in YEARS or not 0 <= last - first < MOST_YEARS:
        words = _("A plan runs from its first to its last year, at most %(count)d years.") % {"count": MOST_YEARS}
        raise ValidationError({"last_year": ValidationError(words, "wrong_years")})
    if values["business_model"] not in BusinessModel.values:
        raise ValidationError({"business_model": ValidationError(_("Choose how the village earns."), "wrong_model")})
    for name in TEXTS:
        if not values[name]:
            raise ValidationError({name: ValidationError(_("This field is needed."), "no_text")})
    if set(targets) != set(range(first, last + 1)):
        raise ValidationError(
            {"targets": ValidationError(_("Enter a target for each year of the plan."), "wrong_targets")}
        )
    for year, amount in targets.items():
        check_amount(amount, year)


def _refuse_overlap(village: Unit, values: Mapping[str, Any], plan: VillagePlan | None) -> None:
    others = VillagePlan.objects.filter(
        unit=village, first_year__lte=values["last_year"], last_year__gte=values["first_year"]
    )
    if plan is not None:
        others = others.exclude(pk=plan.pk)
    other = others.order_by("first_year").first()
    if other is not None:
        words = _("The village has a plan for %(first)d to %(last)d already. Change that one, or choose other years.")
        told = words % {"first": other.first_year, "last": other.last_year}
        raise ValidationError({"first_year": ValidationError(told, "overlap")})
