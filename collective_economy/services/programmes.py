"""Programmes of support money: entered by one person, confirmed by another, then handed out to projects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Unit
from branches.versions import claim_version
from collective_economy.models import Programme, ProgrammeSource


@transaction.atomic
def add_programme(
    *,
    unit: Unit,
    name: str,
    year: int,
    document: str,
    released_on: date,
    amounts: Mapping[str, Decimal],
    by: User,
    subject: str = "F3",
) -> Programme:
    """A programme with its yuan by source (`SUPPORT`). It can be handed out once somebody else has confirmed it.

    Raises ValidationError "no_money", "name_taken". Rule: docs/rules/funds.md.
    """
    given = _checked(amounts)
    if Programme.objects.filter(unit=unit, year=year, name=name).exists():
        raise ValidationError(_("There is a programme of this name in that year already."), "name_taken")
    programme = Programme.objects.create(
        unit=unit,
        path=unit.path,
        name=name,
        year=year,
        document=document,
        released_on=released_on,
        subject=subject,
        entered_by=by,
    )
    ProgrammeSource.objects.bulk_create(
        ProgrammeSource(programme=programme, source=source, amount=amount) for source, amount in given.items()
    )
    audit.record(
        "collective_economy.add_programme",
        actor=by,
        target=programme,
        unit=programme.path,
        changes={"name": [None, name], "document": [None, document], "amounts": [None, _told(given)]},
    )
    return programme


@transaction.atomic
def change_programme(
    programme: Programme, *, values: Mapping[str, object], amounts: Mapping[str, Decimal], base: int, by: User
) -> Programme:
    """Other words or amounts while nobody has confirmed it; whoever changes it last counts as who entered it.

    Raises ValidationError "confirmed", "no_money"; Conflict when somebody else saved it meanwhile.
    """
    given = _checked(amounts)
    locked = Programme.objects.select_for_update().get(pk=programme.pk)
    if locked.confirmed_by_id:
        raise ValidationError(
            _("A confirmed programme keeps its amounts. Enter more money as a new programme."), "confirmed"
        )
    claim_version(locked, base)
    before = {source.source: source.amount for source in locked.sources.all()}
    words = audit.changes_between({name: getattr(locked, name) for name in values}, values)
    for name, value in values.items():
        setattr(locked, name, value)
    locked.entered_by = by
    locked.save(update_fields=[*values, "entered_by"])
    locked.sources.all().delete()
    ProgrammeSource.objects.bulk_create(
        ProgrammeSource(programme=locked, source=source, amount=amount) for source, amount in given.items()
    )
    changes = {name: [str(old), str(new)] for name, (old, new) in words.items()}
    if before != given:
        changes["amounts"] = [_told(before), _told(given)]  # type: ignore[list-item]
    audit.record("collective_economy.change_programme", actor=by, target=locked, unit=locked.path, changes=changes)
    return locked


@transaction.atomic
def confirm_programme(programme: Programme, *, by: User, now: datetime) -> Programme:
    """From now on it can be handed out. Raises ValidationError "confirmed", PermissionDenied for who entered it."""
    locked = Programme.objects.select_for_update().get(pk=programme.pk)
    if locked.confirmed_by_id:
        raise ValidationError(_("This programme is confirmed already."), "confirmed")
    if locked.entered_by_id == by.pk:
        raise PermissionDenied(_("Who entered a programme does not confirm it. Ask a colleague or a leader."))
    locked.confirmed_by, locked.confirmed_at = by, now
    locked.version += 1
    locked.save(update_fields=["confirmed_by", "confirmed_at", "version"])
    audit.record(
        "collective_economy.confirm_programme",
        actor=by,
        target=locked,
        unit=locked.path,
        changes={"confirmed": [False, True]},
    )
    return locked


def _checked(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    given = {source: amount for source, amount in amounts.items() if amount}
    if not given or any(amount < 0 for amount in given.values()):
        raise ValidationError(_("Enter the amount of at least one source, above 0."), "no_money")
    return given


def _told(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {source: f"{amount:f}" for source, amount in amounts.items()}
