"""The tree of places as it changes: new, renamed, merged and closed units, and the class of a village.

Every change holds from the first day of a month, so that a month lies wholly under one
tree; what lies before it stays as it was (handbook 11.14).
Rule: docs/rules/tree.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Branch, Membership, Unit, Village, VillageClass
from branches.querysets import valid_on
from branches.versions import claim_version

BATCH = 500

CHILD_KIND: dict[str, str] = {"province": "city", "city": "county", "county": "township", "township": "village"}
"""What stands directly under each kind of unit."""


@transaction.atomic
def add_unit(parent: Unit, name: str, code: str | None, first_day: date, *, by: User | None) -> Unit:
    """A new unit under `parent`, one level down, with an empty card when it is a village.

    Raises ValidationError: "no_level_below", "not_first_of_month", "parent_closed".
    """
    kind = CHILD_KIND.get(parent.kind)
    if kind is None:
        raise ValidationError(_("Nothing is kept below a village."), "no_level_below")
    _check_first_of_month(first_day)
    parent = Unit.objects.select_for_update().get(pk=parent.pk)
    if parent.valid_to is not None and parent.valid_to < first_day:
        raise ValidationError(_("%(unit)s no longer exists on that day.") % {"unit": parent}, "parent_closed")
    fields = {"kind": kind, "name": name.strip(), "code": code or None, "valid_from": first_day}
    unit = Unit.objects.add_child(parent, fields)
    if kind == Unit.Kind.VILLAGE:
        Village.objects.create(unit=unit)
    audit.record(
        "branches.add_unit",
        actor=by,
        target=unit,
        changes={"name": unit.name, "code": unit.code, "valid_from": first_day},
    )
    return unit


@transaction.atomic
def rename_unit(unit: Unit, name: str, code: str | None, *, version: int, by: User | None, reason: str = "") -> Unit:
    """The unit under its new name and code. What was published keeps the name it was published under.

    Raises Conflict when `version` is no longer the stored one, ValidationError "no_name", "code_taken".
    """
    name, code = name.strip(), code or None
    if not name:
        raise ValidationError(_("Write the new name."), "no_name")
    if code is not None and Unit.objects.filter(code=code).exclude(pk=unit.pk).exists():
        raise ValidationError(_("Another unit has this code."), "code_taken")
    before = Unit.objects.select_for_update().get(pk=unit.pk)
    changes = audit.changes_between({"name": before.name, "code": before.code}, {"name": name, "code": code})
    claim_version(before, version)
    if changes:
        before.name, before.code = name, code
        before.save(update_fields=["name", "code"])
        audit.record("branches.rename_unit", actor=by, target=before, changes=changes, reason=reason)
    return before


@transaction.atomic
def close_unit(unit: Unit, first_day_without: date, *, by: User | None, reason: str, today: date) -> Unit:
    """The unit exists until the day before `first_day_without`; its roles and Party organizations end with it.

    Raises ValidationError: "not_first_of_month", "in_the_past", "already_closed", "has_units_below", "no_reason".
    """
    _check_change(first_day_without, reason, today)
    unit = Unit.objects.select_for_update().get(pk=unit.pk)
    _check_exists(unit, first_day_without)
    last_day = first_day_without - timedelta(days=1)
    below = (
        Unit.objects.under(unit.path).exclude(pk=unit.pk).filter(Q(valid_to__isnull=True) | Q(valid_to__gt=last_day))
    )
    if below.exists():
        raise ValidationError(
            _("Units below it still exist on that day. Close or merge them first."), "has_units_below"
        )
    end_units([unit], last_day, by=by, event="branches.close_unit", reason=reason)
    return unit


@transaction.atomic
def merge_villages(
    villages: Sequence[Unit], into: Unit, first_day: date, *, by: User | None, reason: str, today: date
) -> Unit:
    """The villages end on the day before `first_day` and go on as `into`, which takes over from that day.

    Months before stay with the old villages. Raises ValidationError: "not_first_of_month",
    "in_the_past", "no_reason", "already_closed", "nothing_to_merge", "other_township", "not_a_village".
    """
    _check_change(first_day, reason, today)
    locked = {
        unit.pk: unit for unit in Unit.objects.select_for_update().filter(pk__in=[into.pk, *(v.pk for v in villages)])
    }
    target = locked.pop(into.pk)
    if not locked:
        raise ValidationError(_("Choose at least one village that goes into the other."), "nothing_to_merge")
    for unit in (target, *locked.values()):
        if unit.kind != Unit.Kind.VILLAGE:
            raise ValidationError(_("%(unit)s is not a village.") % {"unit": unit}, "not_a_village")
        _check_exists(unit, first_day)
    if len({unit.parent_path for unit in (target, *locked.values())}) > 1:
        raise ValidationError(_("Only villages of one township can be merged."), "other_township")
    for unit in locked.values():
        unit.merged_into = target
    merged = sorted(locked.values(), key=lambda unit: unit.path)
    end_units(merged, first_day - timedelta(days=1), by=by, event="branches.merge_unit", reason=reason)
    return target


@transaction.atomic
def classify_village(
    village: Unit, kind: str, band: str, first_day: date, *, by: User | None, reason: str = ""
) -> VillageClass:
    """Class and starting band from `first_day` on; the span before ends on the day before.

    Raises ValidationError: "not_first_of_month", "later_class" when a class already begins on or after that day.
    """
    _check_first_of_month(first_day)
    village = Unit.objects.select_for_update().get(pk=village.pk)
    if village.classes.filter(valid_from__gt=first_day).exists():
        raise ValidationError(_("A class that begins later is already set."), "later_class")
    before = village.classes.filter(valid_on(first_day)).first()
    words = [None, None] if before is None else [before.kind, before.band]
    if before is not None and before.valid_from == first_day:
        before.kind, before.band = kind, band
        before.save(update_fields=["kind", "band"])
        current = before
    else:
        if before is not None:
            before.valid_to = first_day - timedelta(days=1)
            before.save(update_fields=["valid_to"])
        current = VillageClass.objects.create(unit=village, kind=kind, band=band, valid_from=first_day)
    changes = {"kind": [words[0], kind], "band": [words[1], band], "valid_from": first_day}
    audit.record("branches.classify_village", actor=by, target=current, unit=village, changes=changes, reason=reason)
    return current


def ensure_leading_branches(county: Unit, *, by: User | None = None) -> int:
    """Gives each living village of the county that has none a leading branch named after it. How many were made.

    Only for demonstration data: a real county brings its Party organizations with it.
    """
    without = Unit.objects.under(county.path).villages().filter(valid_to__isnull=True)
    without = without.exclude(branches__is_leading=True, branches__valid_to__isnull=True)
    with transaction.atomic():
        branches = Branch.objects.bulk_create(
            [Branch(unit=unit, name=f"{unit.short_name}党支部") for unit in without], batch_size=500
        )
        audit.record_many(
            audit.Entry(
                event="branches.add_branch", actor=by, target=branch, unit=branch.unit, changes={"name": branch.name}
            )
            for branch in branches
        )
    return len(branches)


def end_units(units: Sequence[Unit], last_day: date, *, by: User | None, event: str, reason: str) -> None:
    """Ends the units, the roles held at them and their Party organizations, with an event for each.

    A unit that begins later than `last_day` ends on its first day. A fixed number of queries.
    """
    if not units:
        return
    entries = []
    for unit in units:
        unit.valid_to = max(last_day, unit.valid_from)
        unit.version += 1
        changes: dict[str, object] = {"valid_to": [None, unit.valid_to]}
        if unit.merged_into is not None:
            changes["merged_into"] = [None, str(unit.merged_into)]
        entries.append(audit.Entry(event=event, actor=by, target=unit, unit=unit, changes=changes, reason=reason))
    Unit.objects.bulk_update(units, ["valid_to", "merged_into", "version"], batch_size=BATCH)
    open_ended = Q(valid_to__isnull=True) | Q(valid_to__gt=last_day)
    for rows, ended in (
        (Branch.objects.filter(unit__in=units).filter(open_ended), "branches.close_branch"),
        (Membership.objects.filter(unit__in=units).filter(open_ended), "branches.end_membership"),
    ):
        entries += [
            audit.Entry(
                event=ended,
                actor=by,
                target=row,
                unit=row.unit,
                changes={"valid_to": [row.valid_to, last_day]},
                reason=reason,
            )
            for row in rows.select_related("unit")
        ]
        rows.update(valid_to=last_day)
    audit.record_many(entries)


def _check_first_of_month(day: date) -> None:
    if day.day != 1:
        raise ValidationError(_("Changes of the tree hold from the first day of a month."), "not_first_of_month")


def _check_change(day: date, reason: str, today: date) -> None:
    _check_first_of_month(day)
    if day < today.replace(day=1):
        raise ValidationError(
            _("Months that are over keep their tree. Choose this month or a coming one."), "in_the_past"
        )
    if not reason.strip():
        raise ValidationError(_("Write the reason, such as the number of the approval."), "no_reason")


def _check_exists(unit: Unit, day: date) -> None:
    if unit.valid_to is not None:
        raise ValidationError(_("%(unit)s has already been closed.") % {"unit": unit}, "already_closed")
    if unit.valid_from >= day:
        raise ValidationError(_("%(unit)s begins on that day or later.") % {"unit": unit}, "begins_later")
