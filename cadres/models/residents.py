"""First secretaries and resident teams: sent to live in a village, outside its pay (第一书记和驻村工作队)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from branches.models import Unit
from branches.querysets import ScopedQuerySet
from cadres.models.people import Person


class Residency(models.Model):
    """Somebody's stay in a village."""

    class Role(models.TextChoices):
        FIRST_SECRETARY = "first_secretary", _("first secretary")
        TEAM_LEADER = "team_leader", _("leader of the resident team")
        TEAM_MEMBER = "team_member", _("member of the resident team")

    class Ending(models.TextChoices):
        ROTATION = "rotation", _("regular rotation")
        RECALLED = "recalled", _("recalled as unfit")
        TRANSFERRED = "transferred", _("transferred")
        OTHER = "other", _("other reason")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="residencies", verbose_name=_("person"))
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="residencies", verbose_name=_("village"))
    role = models.CharField(_("role"), max_length=16, choices=Role)
    sent_by = models.CharField(_("sending organization"), max_length=120)
    started_on = models.DateField(_("since"))
    ended_on = models.DateField(_("last day"), null=True, blank=True)
    ending = models.CharField(_("reason for leaving"), max_length=12, choices=Ending, blank=True)
    ending_note = models.CharField(_("note"), max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("residency")
        verbose_name_plural = _("first secretaries and resident teams")
        ordering: ClassVar[list[str]] = ["unit__path", "role", "-started_on", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["unit"],
                condition=Q(ended_on__isnull=True, role="first_secretary"),
                name="one_first_secretary_per_village",
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True, ending="") | (Q(ended_on__gte=F("started_on")) & ~Q(ending="")),
                name="residency_ends_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.get_role_display()}"


class ResidentLeave(models.Model):
    """Days away from the village, recorded by exception: who lives there signs nothing in."""

    residency = models.ForeignKey(
        Residency, on_delete=models.PROTECT, related_name="leaves", verbose_name=_("residency")
    )
    begins_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    reason = models.CharField(_("reason"), max_length=200)
    approved_by = models.CharField(_("approved by"), max_length=60)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "residency__unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("leave")
        verbose_name_plural = _("leaves")
        ordering: ClassVar[list[str]] = ["-begins_on", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("begins_on")), name="leave_ends_after_it_begins"),
        ]

    def __str__(self) -> str:
        return f"{self.begins_on} {self.residency}"


class SpotCheck(models.Model):
    """Somebody looked whether the person was there."""

    residency = models.ForeignKey(
        Residency, on_delete=models.PROTECT, related_name="spot_checks", verbose_name=_("residency")
    )
    checked_on = models.DateField(_("checked on"))
    was_present = models.BooleanField(_("was in the village"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )

    scope_path = "residency__unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("spot check")
        verbose_name_plural = _("spot checks")
        ordering: ClassVar[list[str]] = ["-checked_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.checked_on} {self.residency}"
