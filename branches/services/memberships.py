"""Who holds which role where: proposed by one person, confirmed by another, ended, never removed.

A proposal has no effect until a second person confirms it; then the user's sessions end, so that
every page they see is one of the new role. Whether somebody may propose or confirm at that unit is
asked at the edge.
Rule: docs/roles.md.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import audit, services, sessions
from accounts.models import User
from accounts.roles import KINDS_OF_UNIT, SUBJECT_ROLES, Role, exclude_each_other
from branches.models import Membership, Unit
from branches.scoping import split_subjects

ONE_DAY = timedelta(days=1)


class MembershipState(models.TextChoices):
    PROPOSED = "proposed", _("waits for confirmation")
    COMING = "coming", _("begins later")
    IN_EFFECT = "in_effect", _("in effect")
    OVER = "over", _("over")
    DECLINED = "declined", _("declined")


def state_of(membership: Membership, today: date) -> MembershipState:
    """A declined proposal is one whose last day lies before its first."""
    if membership.confirmed_by_id is None:
        is_declined = membership.valid_to is not None and membership.valid_to < membership.valid_from
        return MembershipState.DECLINED if is_declined else MembershipState.PROPOSED
    if membership.valid_to is not None and membership.valid_to < today:
        return MembershipState.OVER
    return MembershipState.COMING if membership.valid_from > today else MembershipState.IN_EFFECT


def check_proposal(
    user: User,
    role: Role,
    unit: Unit,
    *,
    valid_from: date,
    valid_to: date | None,
    by: User,
    now: datetime,
    subjects: str = "",
) -> Membership:
    """The proposal, not yet saved, if it may be made. `subjects`: codes of the flags a lead department leads.

    ValidationError: "oneself", "disabled", "kind_of_unit", "past", "dates", "no_end", "subjects",
    "no_subjects", "held", "separated".
    """
    if user.pk == by.pk:
        raise ValidationError(_("Nobody gives a role to oneself."), "oneself")
    if not user.is_active:
        raise ValidationError(_("This account is disabled. Enable it first."), "disabled")
    if unit.kind not in KINDS_OF_UNIT[role]:
        raise ValidationError(_("This role is not given at a unit of this level."), "kind_of_unit")
    _check_dates(role, valid_from, valid_to, timezone.localdate(now))
    proposal = Membership(
        user=user,
        role=role,
        unit=unit,
        subjects=_checked_subjects(role, subjects),
        valid_from=valid_from,
        valid_to=valid_to,
        proposed_by=by,
    )
    _check_others(proposal)
    return proposal


@transaction.atomic
def propose_membership(
    user: User,
    role: Role,
    unit: Unit,
    *,
    valid_from: date,
    valid_to: date | None,
    by: User,
    now: datetime,
    subjects: str = "",
) -> Membership:
    """A role at a unit for somebody else, waiting for a second person. ValidationError: see `check_proposal`."""
    user = User.objects.select_for_update().get(pk=user.pk)
    proposal = check_proposal(
        user, role, unit, valid_from=valid_from, valid_to=valid_to, by=by, now=now, subjects=subjects
    )
    proposal.save()
    audit.record(
        "branches.propose_membership",
        actor=by,
        target=proposal,
        unit=unit,
        changes={
            "user": user.pk,
            "role": role,
            "valid_from": valid_from,
            "valid_to": valid_to,
            **({"subjects": proposal.subjects} if proposal.subjects else {}),
        },
    )
    return proposal


@transaction.atomic
def confirm_membership(membership: Membership, *, by: User, now: datetime) -> Membership:
    """Makes the proposal hold. The user's sessions end; an inspector's account ends with the role.

    Confirming twice does nothing. ValidationError: "oneself", "proposer", "declined", "over",
    "disabled", "separated".
    """
    user = User.objects.select_for_update().get(pk=membership.user_id)
    membership = Membership.objects.select_for_update().select_related("unit").get(pk=membership.pk)
    if membership.confirmed_by_id is not None:
        return membership
    if user.pk == by.pk:
        raise ValidationError(_("Nobody confirms a role for oneself."), "oneself")
    if membership.proposed_by_id == by.pk:
        raise ValidationError(_("Whoever proposed it does not confirm it."), "proposer")
    _check_still_open(membership, user, timezone.localdate(now))
    _check_others(membership)
    membership.confirmed_by, membership.confirmed_at = by, now
    membership.save(update_fields=["confirmed_by", "confirmed_at"])
    if membership.role == Role.RI:
        _end_account_with_role(user, membership, timezone.localdate(now))
    sessions.end_all(user)
    audit.record(
        "branches.confirm_membership",
        actor=by,
        target=membership,
        unit=membership.unit,
        changes={"user": user.pk, "role": membership.role, "proposed_by": membership.proposed_by_id},
    )
    return membership


@transaction.atomic
def decline_membership(membership: Membership, *, by: User, reason: str) -> Membership:
    """Refuses the proposal, which then never holds. ValidationError: "oneself", "confirmed", "no_reason"."""
    membership = Membership.objects.select_for_update().select_related("unit").get(pk=membership.pk)
    if membership.user_id == by.pk:
        raise ValidationError(_("Nobody confirms a role for oneself."), "oneself")
    if membership.confirmed_by_id is not None:
        raise ValidationError(_("This role is confirmed already. It can be ended."), "confirmed")
    if not reason.strip():
        raise ValidationError(_("Say why."), "no_reason")
    membership.valid_to = membership.valid_from - ONE_DAY
    membership.save(update_fields=["valid_to"])
    audit.record(
        "branches.decline_membership",
        actor=by,
        target=membership,
        unit=membership.unit,
        changes={"user": membership.user_id, "role": membership.role},
        reason=reason,
    )
    return membership


@transaction.atomic
def end_membership(membership: Membership, *, last_day: date, by: User, reason: str, now: datetime) -> Membership:
    """Takes a role away after `last_day`; yesterday means at once, and then the user's sessions end.

    Taking away needs no second person. ValidationError: "oneself", "not_confirmed", "past",
    "later" (a role is not made longer this way), "no_reason".
    """
    user = User.objects.select_for_update().get(pk=membership.user_id)
    membership = Membership.objects.select_for_update().select_related("unit").get(pk=membership.pk)
    today = timezone.localdate(now)
    if user.pk == by.pk:
        raise ValidationError(_("Nobody changes one's own roles."), "oneself")
    if membership.confirmed_by_id is None:
        raise ValidationError(_("This role is not confirmed yet. It can be declined."), "not_confirmed")
    if last_day < today - ONE_DAY:
        raise ValidationError(_("The last day may be yesterday at the earliest."), "past")
    if membership.valid_to is not None and membership.valid_to <= last_day:
        raise ValidationError(_("This role ends by then anyway."), "later")
    if not reason.strip():
        raise ValidationError(_("Say why."), "no_reason")
    before = membership.valid_to
    membership.valid_to = last_day
    membership.save(update_fields=["valid_to"])
    if last_day < today:
        sessions.end_all(user)
    audit.record(
        "branches.end_membership",
        actor=by,
        target=membership,
        unit=membership.unit,
        changes={"user": user.pk, "role": membership.role, "valid_to": [before, last_day]},
        reason=reason,
    )
    return membership


# --- Inside -------------------------------------------------------------------------------


def _check_dates(role: Role, valid_from: date, valid_to: date | None, today: date) -> None:
    if valid_from < today:
        raise ValidationError(_("A role begins today at the earliest."), "past")
    if valid_to is not None and valid_to < valid_from:
        raise ValidationError(_("The last day lies before the first."), "dates")
    if role == Role.RI and valid_to is None:
        raise ValidationError(_("An inspector's role needs a last day."), "no_end")


def _checked_subjects(role: Role, text: str) -> str:
    """The codes in their order, "F2, F3". Without them a lead department would have no flag, or all."""
    codes = sorted(split_subjects(text.upper()))
    if role in SUBJECT_ROLES and not codes:
        raise ValidationError(_("Say which flags this department leads, such as F2, F3."), "no_subjects")
    if role not in SUBJECT_ROLES and text.strip():
        raise ValidationError(_("Only a lead department has subjects. Leave this empty."), "subjects")
    return ", ".join(codes)


def _check_still_open(membership: Membership, user: User, today: date) -> None:
    if not user.is_active:
        raise ValidationError(_("This account is disabled. Enable it first."), "disabled")
    if membership.valid_to is None or membership.valid_to >= max(today, membership.valid_from):
        return
    if membership.valid_to < membership.valid_from:
        raise ValidationError(_("This proposal was declined. Propose it again."), "declined")
    raise ValidationError(_("The time of this role is over. Propose it again."), "over")


def _check_others(membership: Membership) -> None:
    """Against what the user holds or is to hold in the same time. The database refuses the second case too."""
    for other in _overlapping(membership):
        if other.role == membership.role and other.unit_id == membership.unit_id:
            raise ValidationError(_("This person holds that role there already, or it is proposed."), "held")
        if exclude_each_other(other.role, membership.role):
            raise ValidationError(
                _("System administrator and auditor exclude each other and every other role, in one person."),
                "separated",
            )


def _overlapping(membership: Membership) -> QuerySet[Membership]:
    rows = Membership.objects.filter(user_id=membership.user_id).exclude(pk=membership.pk)
    rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=membership.valid_from))
    rows = rows.exclude(valid_to__lt=models.F("valid_from"))
    return rows if membership.valid_to is None else rows.filter(valid_from__lte=membership.valid_to)


def _end_account_with_role(user: User, membership: Membership, today: date) -> None:
    """The account of somebody who only inspects ends on the last day of the last such role."""
    held = Membership.objects.effective_on(today).filter(user=user)
    coming = Membership.objects.filter(user=user, confirmed_by__isnull=False, valid_from__gt=today)
    rows = list((held | coming).exclude(valid_to__lt=models.F("valid_from")))
    if all(row.role == Role.RI for row in rows):
        last = max([row.valid_to for row in rows if row.valid_to], default=membership.valid_to)
        user.active_until = last
        user.save(update_fields=["active_until"])


# --- The first people ---------------------------------------------------------------------

CONSOLE = "console"
"""Account without password, closed, that stands for whoever sits at the machine."""


@transaction.atomic
def create_first(
    role: Role, county: Unit, username: str, name: str, *, now: datetime, replacing: str = ""
) -> tuple[User, str]:
    """The first system administrator, or the first county leader who can confirm what the administrator proposes.

    Returns the account and its password for one use. ValidationError "exists" while an open account
    holds the role in the county, as all later ones come from a proposal and a confirmation. With
    `replacing`, the reason, those accounts are closed instead: nobody has their password any more.
    """
    today = timezone.localdate(now)
    holding = Membership.objects.effective_on(today).filter(role=role, unit=county, user__is_active=True)
    if holding.exists() and not replacing:
        raise ValidationError(_("There is an account with this role already."), "exists")
    for former in User.objects.filter(pk__in=holding.values("user")):
        services.disable_user(former, by=None, reason=replacing, now=now)
    user, password = services.create_user(username, name, by=None, now=now)
    console, _is_new = User.objects.get_or_create(
        username=CONSOLE, defaults={"name": "控制台", "is_active": False, "password": make_password(None)}
    )
    membership = Membership.objects.create(
        user=user, role=role, unit=county, valid_from=today, confirmed_by=console, confirmed_at=now
    )
    audit.record(
        "branches.confirm_membership",
        actor=None,
        target=membership,
        unit=county,
        changes={"user": user.pk, "role": role},
        reason="first start",
    )
    return user, password
